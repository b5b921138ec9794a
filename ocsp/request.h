/*
 * OCSP requests (RFC 6960 section 4.1, RFC 9919 section 3.1): strict DER in, views out. No I/O.
 */
#ifndef CHANCERY_OCSP_REQUEST_H
#define CHANCERY_OCSP_REQUEST_H

#include "lib/pki/der.h"

enum {
	OCSP_REQUEST_MAX = 4096, /* octets of DER; the largest honest request is far below */
	OCSP_IDS_MAX = 16,	 /* CertIDs in one request */
	OCSP_NONCE_MAX = 128,	 /* RFC 9654 section 2.1 */
};

enum ocsp_hash { OCSP_SHA1, OCSP_SHA256, OCSP_HASH_COUNT };
struct ocsp_digest {
	struct bytes oid;
	size_t size;
};
extern const struct ocsp_digest ocsp_digests[OCSP_HASH_COUNT];

struct ocsp_cert_id {
	enum ocsp_hash hash;
	struct bytes name_hash, key_hash; /* of exactly the digest's size */
	struct bytes serial;		  /* INTEGER content octets */
};

struct ocsp_request {
	struct ocsp_cert_id id[OCSP_IDS_MAX];
	size_t count;
	bool unanswerable;  /* some CertID has a hash we hold no digests for: answered unauthorized
			     */
	struct bytes nonce; /* value inside the extension; n 0: none asked */
};

/* Parses one OCSPRequest, all of it. A signature is syntax-checked and ignored (RFC 9919
 * section 3.1.2). Refuses version other than v1, an empty or too long list, unknown critical
 * extensions, a nonce of 0 or more than 128 octets. */
enum err ocsp_request_parse(struct bytes der, struct ocsp_request *out) MUST_CHECK;

/* Decodes what follows "/ocsp/" in a GET (RFC 6960 appendix A.1): percent-decoded once, leading
 * slashes dropped, both base64 alphabets, '=' optional, a space stands for '+' (form decoding by a
 * proxy). room holds OCSP_REQUEST_MAX octets. */
enum err ocsp_get_decode(const char *text, uint8_t *room, struct bytes *der) MUST_CHECK;

#endif
