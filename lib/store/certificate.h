/* Issuers, issued certificates, revocation and CRLs. Serials are 16 octets, lower-case hex in text.
 */
#ifndef CHANCERY_STORE_CERTIFICATE_H
#define CHANCERY_STORE_CERTIFICATE_H

#include "lib/store/identity.h"

enum { STORE_SERIAL_SIZE = 16 };

struct store_issuer {
	int16_t id, parent; /* parent 0: none */
	const char *name, *kind, *state, *key_label;
	struct bytes der, subject, key_id, spki_hash;
	int64_t not_after;
};
enum err store_issuer_list(
	struct store *s, struct arena *a, struct store_issuer **out, size_t *count) MUST_CHECK;
/* Owner connection only (`ca-admin issuer import`). ERR_CONFLICT: name or key exists with another
 * certificate; importing the same again is ERR_OK with its id. */
enum err
store_issuer_add(struct store *s, const struct store_issuer *issuer, int16_t *id) MUST_CHECK;

struct store_certificate {
	uint8_t serial[STORE_SERIAL_SIZE];
	int16_t issuer;
	int64_t identity, request;
	const char *identity_name, *profile;
	int64_t not_before, not_after, issued_at;
	struct bytes der, spki_hash;
	bool has_renewed_from;
	uint8_t renewed_from[STORE_SERIAL_SIZE];
	int64_t revoked_at; /* 0: not revoked */
	int reason;	    /* pki_reason when revoked; -1 none given */
	enum identity_state identity_state;
	enum identity_kind identity_kind;
};
enum err store_certificate_find(struct store *s, struct arena *a,
	const uint8_t serial[STORE_SERIAL_SIZE], struct store_certificate *out) MUST_CHECK;
struct store_certificate_filter {
	const char *identity; /* name, or NULL */
	const char *name;     /* canonical SAN text, or NULL */
	enum store_live { STORE_LIVE_ONLY, STORE_LIVE_OR_NOT } live;
	const uint8_t *after_serial; /* keyset: (not_after, serial) after this row; NULL: from the
					newest */
	int64_t after_not_after;
	unsigned limit;
};
enum err
store_certificate_list(struct store *s, struct arena *a, const struct store_certificate_filter *f,
	struct store_certificate **out, size_t *count) MUST_CHECK;

/* certificate_revoke() of schema/0003: ERR_NOTFOUND unknown serial; ERR_CONFLICT already revoked.
 * Rings STATE. */
enum err store_certificate_revoke(struct store *s, const uint8_t serial[STORE_SERIAL_SIZE],
	int reason, const char *actor, const char *request_id) MUST_CHECK;

/* Feeds for memory tables (cursor 0: all that are unexpired). Rows may repeat. */
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
enum err store_revocation_spread(struct store *s, const uint8_t *serial, const char *identity,
	int64_t wait_ms, unsigned *behind) MUST_CHECK;
struct store_issued {
	uint8_t serial[STORE_SERIAL_SIZE];
	int16_t issuer;
	int64_t not_before, not_after;
};
/* At most limit rows a call; *more tells whether to call again at once. */
enum err store_issued_changes(struct store *s, struct arena *a, uint64_t *cursor, unsigned limit,
	struct store_issued **out, size_t *count, bool *more) MUST_CHECK;

struct store_crl {
	int16_t issuer;
	int64_t number, this_update, next_update;
	int entries;
	struct bytes der;
};
/* The newest full CRL of every issuer with a number above what the caller has: known[i] for issuer
 * ids < known_count. */
enum err store_crl_latest(struct store *s, struct arena *a, const int64_t *known,
	size_t known_count, struct store_crl **out, size_t *count) MUST_CHECK;
/* crl_import() for an offline CA (owner connection). ERR_CONFLICT: number not higher. Rings CRL. */
enum err
store_crl_import(struct store *s, const struct store_crl *crl, const char *actor) MUST_CHECK;
/* Marks an issuer's CRL dirty so that the signer publishes it now (`ca-admin crl publish`). Rings
 * STATE. */
enum err store_crl_mark(struct store *s, int16_t issuer) MUST_CHECK;

/*
 * CRL publication by the signer, in one transaction under an advisory lock per issuer:
 * begin (ERR_NOTFOUND: nothing to do now; ERR_CONFLICT: another signer is at it), then finish or
 * abort.
 */
struct store_crl_job;
struct store_crl_work {
	int64_t last_number, last_next_update, last_this_update; /* 0 when there is none */
	const struct store_revoked *revoked; /* sorted by serial; entries whose certificate expired
						before last_this_update are left out
						(ocsp/CHECKS.md 81) */
	size_t count;
};
/* due: publish even when not dirty if the last one's this_update is at or before this time. */
enum err store_crl_begin(struct store *s, int16_t issuer, int64_t due, struct arena *a,
	struct store_crl_work *work, struct store_crl_job **job) MUST_CHECK;
enum err store_crl_finish(struct store_crl_job *job,
	const struct store_crl *crl) MUST_CHECK; /* rings CRL; keeps the last 10 */
void store_crl_abort(struct store_crl_job *job);

#endif
