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

/* Feed of what was issued (cursor 0: all that are unexpired); rows may repeat. */
struct store_issued {
	uint8_t serial[STORE_SERIAL_SIZE];
	int16_t issuer;
	int64_t not_before, not_after;
};
/* At most limit rows a call; *more tells whether to call again at once. */
enum err store_issued_changes(struct store *s, struct arena *a, uint64_t *cursor, unsigned limit,
	struct store_issued **out, size_t *count, bool *more) MUST_CHECK;

/* Makes the monthly partitions up to so many months ahead. */
enum err store_partitions_ensure(struct store *s, int months) MUST_CHECK;

#endif
