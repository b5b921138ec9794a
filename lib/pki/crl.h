/*
 * CRLs (RFC 5280 section 5) as streamed DER: entries are encoded once and concatenated; no objects.
 */
#ifndef CHANCERY_PKI_CRL_H
#define CHANCERY_PKI_CRL_H

#include "lib/pki/names.h"
#include "lib/pki/spki.h"

/* CRLReason (section 5.3.1). PKI_REASON_NONE: no reason known, entry extension left out (as is
 * unspecified). */
enum pki_reason {
	PKI_REASON_NONE = -1,
	PKI_REASON_UNSPECIFIED = 0,
	PKI_REASON_KEY_COMPROMISE = 1,
	PKI_REASON_CA_COMPROMISE = 2,
	PKI_REASON_AFFILIATION_CHANGED = 3,
	PKI_REASON_SUPERSEDED = 4,
	PKI_REASON_CESSATION_OF_OPERATION = 5,
	PKI_REASON_CERTIFICATE_HOLD = 6,
	PKI_REASON_REMOVE_FROM_CRL = 8,
	PKI_REASON_PRIVILEGE_WITHDRAWN = 9,
	PKI_REASON_AA_COMPROMISE = 10,
};
/* "keyCompromise", ...; parse accepts these names and the numbers. */
const char *pki_reason_name(enum pki_reason r);
enum err pki_reason_parse(const char *text, enum pki_reason *out) MUST_CHECK;

/* Appends one revokedCertificates entry. */
enum err pki_crl_entry_append(struct buf *entries, struct bytes serial, int64_t revoked_at,
	enum pki_reason reason) MUST_CHECK;

struct pki_crl_spec {
	struct bytes issuer;	       /* Name DER */
	struct bytes authority_key_id; /* 20 octets */
	uint64_t number; /* cRLNumber, strictly increasing per scope (ocsp/CHECKS.md 70) */
	int64_t this_update, next_update;
	struct bytes entries; /* concatenated; n 0: the list is left out (ocsp/CHECKS.md 67) */
};
/* Builds and signs the CRL, appended to out (its max must hold entries + 4 KiB). */
enum err pki_crl_build(
	const struct pki_crl_spec *spec, const struct pki_signer *s, struct buf *out) MUST_CHECK;

struct pki_crl {
	struct bytes der, tbs, issuer, authority_key_id, signature;
	enum pki_sig_alg sig_alg;
	uint64_t number;
	int64_t this_update, next_update;
	struct bytes entries; /* content of revokedCertificates */
};
enum err pki_crl_parse(struct bytes der, struct pki_crl *out) MUST_CHECK;
/* Walks entries: *at starts as crl.entries; ERR_NOTFOUND at the end. */
enum err pki_crl_entry_next(struct der *at, struct bytes *serial, int64_t *revoked_at,
	enum pki_reason *reason) MUST_CHECK;

#endif
