/*
 * Certificates (RFC 5280 section 4): reading one strictly, and building a TBSCertificate from a
 * specification. lint.c judges every TBSCertificate before it is signed.
 */
#ifndef CHANCERY_PKI_CERT_H
#define CHANCERY_PKI_CERT_H

#include "lib/pki/names.h"
#include "lib/pki/spki.h"

enum { PKI_SERIAL_SIZE = 16, PKI_CERT_MAX = 16 * 1024 };

/* Bits of KeyUsage as der_get_named_bits() numbers them. */
enum pki_key_usage {
	PKI_KU_DIGITAL_SIGNATURE = 1 << 0,
	PKI_KU_CONTENT_COMMITMENT = 1 << 1,
	PKI_KU_KEY_ENCIPHERMENT = 1 << 2,
	PKI_KU_DATA_ENCIPHERMENT = 1 << 3,
	PKI_KU_KEY_AGREEMENT = 1 << 4,
	PKI_KU_KEY_CERT_SIGN = 1 << 5,
	PKI_KU_CRL_SIGN = 1 << 6,
};
/* Extended key usages as a set; unknown ones set PKI_EKU_OTHER when read. */
enum pki_eku {
	PKI_EKU_SERVER_AUTH = 1 << 0,
	PKI_EKU_CLIENT_AUTH = 1 << 1,
	PKI_EKU_CODE_SIGNING = 1 << 2,
	PKI_EKU_EMAIL_PROTECTION = 1 << 3,
	PKI_EKU_TIME_STAMPING = 1 << 4,
	PKI_EKU_OCSP_SIGNING = 1 << 5,
	PKI_EKU_OTHER = 1 << 6,
};
/* The names RFC 5280 uses, "digitalSignature" and "serverAuth", of bit i. */
enum { PKI_KEY_USAGE_LEAF_COUNT = 5, PKI_EKU_COUNT = 6 };
const char *pki_key_usage_name(unsigned i);
const char *pki_eku_name(unsigned i);

/* Permitted or excluded subtrees (RFC 5280 section 4.2.1.10): dns, ip (address and mask, 8 or 32
 * octets), email, uri. */
struct pki_name_constraints {
	struct pki_sans permitted, excluded;
};
/* Whether a CA with this extension (the DER of its value) may certify all these names. ERR_DENIED
 * (word "name-not-allowed") quotes the first it may not. Types it has no subtree of are free. */
enum err pki_name_constraints_allow(
	struct bytes value, const struct pki_sans *names, struct arena *a) MUST_CHECK;

struct pki_cert {
	struct bytes der, tbs;	      /* whole certificate; TBSCertificate */
	struct bytes serial;	      /* magnitude octets as in the INTEGER content */
	struct bytes issuer, subject; /* Name DER */
	int64_t not_before, not_after;
	struct pki_spki spki;
	enum pki_sig_alg sig_alg;
	struct bytes signature;
	bool is_ca;
	int path_len; /* -1 when absent */
	bool has_key_usage, has_eku;
	uint32_t key_usage, eku;
	struct pki_sans sans; /* count 0 when absent */
	bool san_critical;
	struct bytes subject_key_id, authority_key_id;	/* n 0 when absent */
	struct bytes crl_url, ocsp_url, ca_issuers_url; /* first URI of each, n 0 when absent */
	bool ocsp_nocheck;
	struct bytes name_constraints; /* extension value DER, n 0 when absent */
};

/* Views point into der; names that need storage are in the arena. Word "bad-certificate". An
 * unknown critical extension is ERR_INVALID. */
enum err pki_cert_parse(struct bytes der, struct arena *a, struct pki_cert *out) MUST_CHECK;
/* Signature of cert by issuer's key, which is not a weak one, issuer name and key id match, issuer is
 * a CA that may sign certificates. Not times. */
enum err
pki_cert_verify_issued_by(const struct pki_cert *cert, const struct pki_cert *issuer) MUST_CHECK;

/* Is it time for a successor? Three fifths of its life from since on are over. since is when it
 * came; where nobody knows, its notBefore, which profiles set back: short lives then look older. */
bool pki_cert_due(const struct pki_cert *cert, int64_t since, int64_t now);

struct pki_cert_spec {
	struct bytes serial;	      /* PKI_SERIAL_SIZE octets, first one 0x01..0x7f */
	struct bytes issuer, subject; /* Name DER */
	struct bytes spki;	      /* SubjectPublicKeyInfo DER */
	int64_t not_before, not_after;
	uint32_t key_usage, eku; /* 0: extension left out */
	bool is_ca;
	int path_len;	      /* used when is_ca; -1: absent */
	struct pki_sans sans; /* critical when the subject is empty */
	struct bytes subject_key_id, authority_key_id;
	const char *crl_url, *ocsp_url, *ca_issuers_url; /* NULL: left out */
	bool ocsp_nocheck;
	const struct pki_name_constraints *name_constraints; /* NULL: left out; critical */
};

/* Build, lint, sign, parse again and compare with the specification: the only road to a signature
 * on a certificate. der is in the arena; parsed may be NULL. */
enum err pki_cert_issue(const struct pki_cert_spec *spec, const struct pki_signer *s,
	struct arena *a, struct bytes *der, struct pki_cert *parsed) MUST_CHECK;
/* Random 16 octets whose first is 0x01..0x7f, so that the INTEGER has exactly 16 octets. */
void pki_serial_new(uint8_t out[PKI_SERIAL_SIZE]);

/* Degenerate certs-only SignedData (RFC 5272 section 4.1) with these certificates in this order, in
 * the arena. ERR_LIMIT past 8 MiB. */
enum err pki_certs_only(
	const struct bytes *certs, size_t count, struct arena *a, struct bytes *out) MUST_CHECK;

#endif
