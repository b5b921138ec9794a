/* ACME nonces (RFC 8555 section 6.5): keys shared by all gateways, and the used set. */
#ifndef CHANCERY_STORE_ACME_NONCE_H
#define CHANCERY_STORE_ACME_NONCE_H

#include "lib/store/store.h"

struct store_nonce_key {
	int64_t id;
	uint8_t key[32];
	int64_t created_at;
};
/* The newest keys, newest first, at most max; makes one when there is none or the newest is older
 * than rotate_s. */
enum err store_nonce_keys(struct store *s, int64_t rotate_s, struct store_nonce_key *out,
	size_t max, size_t *count) MUST_CHECK;
/* What stands for a key in the row that uses a nonce: the first octets of its SHA-256. */
enum { STORE_NONCE_MARK_SIZE = 8 };
void store_nonce_mark(const uint8_t key[32], uint8_t mark[STORE_NONCE_MARK_SIZE]);
/* ERR_CONFLICT when it was used before, on whichever gateway; ERR_NOTFOUND when the key with this
 * mark is gone (after a crash the used nonces are gone with it): then the caller's keys are stale.
 * Group-committed. */
enum err store_nonce_use(struct store *s, const uint8_t mark[STORE_NONCE_MARK_SIZE],
	struct bytes nonce, int64_t expires) MUST_CHECK;
/* Forgets expired nonces and all but the newest keys. */
enum err store_nonce_sweep(struct store *s) MUST_CHECK;

#endif
