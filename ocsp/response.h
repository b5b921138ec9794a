/*
 * OCSP responses (RFC 6960 section 4.2, RFC 9919 section 3.2): one template per issuer and
 * responder key, filled and signed. The responder key is in memory, certified by the CA itself, and
 * embedded (GnuTLS needs it).
 */
#ifndef CHANCERY_OCSP_RESPONSE_H
#define CHANCERY_OCSP_RESPONSE_H

#include "lib/pki/crl.h"
#include "ocsp/request.h"

enum { OCSP_RESPONSE_MAX = 12 * 1024, OCSP_SERIAL_SIZE = 16 };

enum ocsp_error {
	OCSP_MALFORMED = 1,
	OCSP_INTERNAL_ERROR = 2,
	OCSP_TRY_LATER = 3,
	OCSP_UNAUTHORIZED = 6
};
/* The five octets of an unsigned error response. */
struct bytes ocsp_error_response(enum ocsp_error error);

/* Digests of an issuer as CertIDs name it (RFC 6960 section 4.1.1). */
struct ocsp_issuer_hashes {
	uint8_t name[OCSP_HASH_COUNT][32], key[OCSP_HASH_COUNT][32];
};
/* subject is the issuer's Name DER, key the content of its BIT STRING. */
void ocsp_issuer_hashes_init(struct ocsp_issuer_hashes *h, struct bytes subject, struct bytes key);
bool ocsp_issuer_hashes_match(const struct ocsp_issuer_hashes *h, const struct ocsp_cert_id *id);

/* A delegated responder: key, its certificate, whose issuer it may speak for. */
struct ocsp_responder {
	struct pki_signer signer;
	uint8_t key_hash[20]; /* ResponderID byKey */
	struct bytes cert;    /* DER, embedded in every response */
	int64_t not_after;
};

struct ocsp_single {
	enum ocsp_hash hash;
	uint8_t serial[OCSP_SERIAL_SIZE];
	enum { OCSP_GOOD, OCSP_REVOKED } status;
	int64_t revoked_at;
	enum pki_reason reason;
};

struct ocsp_times {
	int64_t produced_at, this_update, next_update;
};

/* The whole OCSPResponse, appended to out. nonce n 0: none is echoed. */
enum err ocsp_response_build(const struct ocsp_responder *r,
	const struct ocsp_issuer_hashes *issuer, const struct ocsp_single *single, size_t count,
	const struct ocsp_times *times, struct bytes nonce, struct buf *out) MUST_CHECK;

#endif
