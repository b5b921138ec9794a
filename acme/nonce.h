/* Anti-replay nonces (RFC 8555 section 6.5) that carry their own proof: made and checked without
 * the database. */
#ifndef CHANCERY_ACME_NONCE_H
#define CHANCERY_ACME_NONCE_H
#include "lib/store/acme_nonce.h"

enum { NONCE_KEYS_MAX = 8, NONCE_UNIQUE_SIZE = 16 };

struct nonce_keys {
	struct store_nonce_key item[NONCE_KEYS_MAX]; /* newest first */
	size_t count;
};

/* A new nonce by the newest key, in the arena; count must not be 0. */
char *nonce_make(const struct nonce_keys *keys, struct arena *a, int64_t now);

/* What to write down when a nonce is used. */
struct nonce_use {
	uint8_t mark[STORE_NONCE_MARK_SIZE]; /* of the key that made it */
	uint8_t unique[NONCE_UNIQUE_SIZE];
	int64_t expires;
};
/* ERR_CONFLICT (word "bad-nonce"): not ours, changed or expired. ERR_NOTFOUND (same word): made by
 * a key that is not among these, so the caller may look for newer ones. */
enum err nonce_check(const struct nonce_keys *keys, const char *text, int64_t lifetime, int64_t now,
	struct arena *a, struct nonce_use *out) MUST_CHECK;

#endif
