/* Revoking, who hears of it, and when everybody has. */
#ifndef CHANCERY_STORE_REVOCATION_H
#define CHANCERY_STORE_REVOCATION_H

#include "lib/store/store.h"

/* What is revoked: this certificate; or its line, which is what was asked for with it or renews it,
 * and so on; or this one by revokeCert of RFC 8555, when it came through ACME. */
enum store_revoke_scope { STORE_REVOKE_ONE, STORE_REVOKE_LINE, STORE_REVOKE_ACME };
struct store_revoke {
	const uint8_t *serial;
	enum store_revoke_scope scope;
	int reason; /* RFC 5280 section 5.3.1; -1: none */
	const char
		*account; /* of ACME; NULL: the certificate's own key, which the caller has seen */
	const char *actor, *request_id;
};
/* Serials (hex) of what was revoked besides: of the line, and with reason keyCompromise every live
 * certificate of the same key, which nobody can have certified again. */
struct store_revoke_done {
	const char **others;
	size_t count;
};
/* ERR_NOTFOUND: unknown serial. ERR_DENIED: not for ACME, or for this account. ERR_CONFLICT (word "already-revoked"): it is revoked already; its
 * reason may still rise to keyCompromise, which is ERR_OK. Rings STATE. */
enum err store_certificate_revoke(struct store *s, struct arena *a, const struct store_revoke *r,
	struct store_revoke_done *out) MUST_CHECK;

/* How many certificates that were asked for with this one or renew it, and so on, live and are not revoked. */
enum err
store_certificate_successors(struct store *s, const uint8_t *serial, int64_t *live) MUST_CHECK;

/* Was this key (a DER SubjectPublicKeyInfo) revoked as compromised? */
enum err store_key_blocked(struct store *s, struct bytes spki, bool *out) MUST_CHECK;

struct store_revoked {
	uint8_t serial[STORE_SERIAL_SIZE];
	int16_t issuer;
	int64_t revoked_at, not_after;
	int reason;
};
/* Feed of revocations of unexpired certificates (cursor 0: all): fn for each since *cursor, which moves
 * when all of them have come; they may repeat, also after a failure. */
typedef void store_revoked_fn(void *ctx, const struct store_revoked *r);
enum err store_revocation_changes(
	struct store *s, uint64_t *cursor, store_revoked_fn *fn, void *ctx) MUST_CHECK;
/* The database's present snapshot as text: what is read after this call contains everything visible
 * in it. */
enum err store_snapshot(struct store *s, struct arena *a, const char **out) MUST_CHECK;
/* Waits until every living status program and front knows the revocation of this serial (or NULL)
 * and the newest one of this identity's live certificates (or NULL), and fronts the identity's last
 * change, at most wait_ms. *behind: how many did not say so in time. */
enum err store_revocation_settle(struct store *s, const uint8_t *serial, const char *identity,
	int64_t wait_ms, unsigned *behind) MUST_CHECK;

#endif
