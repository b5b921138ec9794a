/* Issued certificates. */
#ifndef CHANCERY_STORE_CERTIFICATE_H
#define CHANCERY_STORE_CERTIFICATE_H

#include "lib/store/identity.h"

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
/* What authorised a certificate, and who took it back; NULL where there was nothing of the kind. */
struct store_authority {
	enum ca_protocol protocol;
	enum store_proof proof;
	const char *requested_by; /* identity */
	const char *shown;	  /* serial (hex) of the certificate that was presented */
	const char *acme_order, *acme_account, *revoked_by;
	const char **approved_by;
	size_t approved_count;
};
/* ERR_NOTFOUND: unknown serial. */
enum err store_certificate_authority(struct store *s, struct arena *a,
	const uint8_t serial[STORE_SERIAL_SIZE], struct store_authority *out) MUST_CHECK;
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

struct store_issued {
	uint8_t serial[STORE_SERIAL_SIZE];
	int16_t issuer;
	int64_t not_before, not_after;
};
/* Feed of what was issued and has not ended (cursor 0: all): fn for each since *cursor, which moves when
 * all of them have come; they may repeat, also after a failure. */
typedef void store_issued_fn(void *ctx, const struct store_issued *c);
enum err
store_issued_changes(struct store *s, uint64_t *cursor, store_issued_fn *fn, void *ctx) MUST_CHECK;

/* Makes the monthly partitions up to so many months ahead. */
enum err store_partitions_ensure(struct store *s, int months) MUST_CHECK;

#endif
