/* Revoking, who hears of it, and when everybody has. */
#ifndef CHANCERY_STORE_REVOCATION_H
#define CHANCERY_STORE_REVOCATION_H

#include "lib/store/store.h"

/* certificate_revoke() of schema/0003: ERR_NOTFOUND unknown serial; ERR_CONFLICT already revoked.
 * Rings STATE. */
enum err store_certificate_revoke(struct store *s, const uint8_t serial[STORE_SERIAL_SIZE],
	int reason, const char *actor, const char *request_id) MUST_CHECK;

/* Feed of revocations (cursor 0: all of unexpired certificates); rows may repeat. */
struct store_revoked {
	uint8_t serial[STORE_SERIAL_SIZE];
	int16_t issuer;
	int64_t revoked_at, not_after;
	int reason;
};
enum err store_revocation_changes(struct store *s, struct arena *a, uint64_t *cursor,
	struct store_revoked **out, size_t *count) MUST_CHECK;
/* The database's present snapshot as text: what is read after this call contains everything visible
 * in it. */
enum err store_snapshot(struct store *s, struct arena *a, const char **out) MUST_CHECK;
/* Waits until every living status program knows the revocation of this serial (or NULL) and the
 * newest one of this identity's live certificates (or NULL), at most wait_ms. *behind: how many did
 * not say so in time. */
enum err store_revocation_settle(struct store *s, const uint8_t *serial, const char *identity,
	int64_t wait_ms, unsigned *behind) MUST_CHECK;

#endif
