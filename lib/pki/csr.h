/*
 * PKCS#10 (RFC 2986), strictly: one CertificationRequest, all of it consumed, proof of possession
 * verified. It never decides what goes into a certificate; it reports what was asked.
 */
#ifndef CHANCERY_PKI_CSR_H
#define CHANCERY_PKI_CSR_H

#include "lib/pki/names.h"
#include "lib/pki/spki.h"

struct pki_csr {
	struct bytes der, subject; /* borrowed from the input */
	struct pki_spki spki;
	struct pki_sans sans; /* of the extensionRequest; count 0 when absent */
	bool asks_ca;	      /* basicConstraints with cA TRUE */
	uint32_t key_usage;   /* 0 when absent */
	bool has_challenge_password;
	struct bytes challenge_password; /* text octets */
	size_t other_extensions;	 /* asked and not listed above */
};

enum { PKI_CSR_MAX = 16 * 1024 };

/* Refuses (words "bad-csr", "bad-key", "bad-name", "bad-signature"): trailing octets, wrong
 * version, a second extensionRequest attribute, an extension listed twice, a bad self-signature.
 * Views point into der. */
enum err pki_csr_parse(struct bytes der, struct arena *a, struct pki_csr *out) MUST_CHECK;
/* Writes a CSR (tests, gateway TLS key, ca-ceremony): subject DER, names, self-signed by signer's
 * key. */
enum err pki_csr_build(struct bytes subject, const struct pki_sans *sans, struct bytes spki,
	const struct pki_signer *s, struct buf *out) MUST_CHECK;

#endif
