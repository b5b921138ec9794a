/*
 * From a decision to a certificate's content: subject, and the specification lib/pki builds from.
 *
 * Subjects come from the profile, never from the CSR: relying parties read subjectAltName (RFC 9525),
 * the subject is for people and logs.
 */
#include "ca/issuers.h"
#include "ca/policy.h"

enum { COMMON_NAME_MAX = 64 }; /* ub-common-name, RFC 5280 appendix A.1 */

/* The first name whose text fits; certificates of long names simply have no commonName. */
static const char *
first_name(const struct pki_sans *names, struct arena *a)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *text = strchr(pki_san_text(a, &names->item[i]), ':') + 1;

		if (names->item[i].type != PKI_SAN_OTHER && strlen(text) <= COMMON_NAME_MAX)
			return text;
	}
	return NULL;
}

enum err
ca_policy_subject(const struct ca_profile *profile, const char *identity_name,
	const struct pki_sans *names, struct arena *a, struct bytes *der)
{
	struct pki_name_parts parts = {
		.organization = profile->organization,
		.organizational_unit = profile->organizational_unit,
	};
	bool identity_shown = profile->common_name == CA_CN_IDENTITY ||
		profile->serial_number == CA_SUBJECT_SERIAL_IDENTITY;

	if (identity_shown && strlen(identity_name) > COMMON_NAME_MAX)
		return err_set_word(ERR_DENIED, WORD_NAME_NOT_ALLOWED,
			"identity name \"%s\" is longer than a subject may hold (RFC 5280 appendix A.1)",
			identity_name);
	if (profile->common_name == CA_CN_IDENTITY)
		parts.common_name = identity_name;
	else if (profile->common_name == CA_CN_FIRST_NAME)
		parts.common_name = first_name(names, a);
	if (profile->serial_number == CA_SUBJECT_SERIAL_IDENTITY)
		parts.serial_number = identity_name;
	return pki_name_build(&parts, a, der);
}

enum err
ca_policy_spec(const struct ca_policy_request *r, const struct ca_issuer *issuer,
	const struct ca_validity *validity, struct arena *a, struct pki_cert_spec *out)
{
	const struct ca_profile *p = r->profile;
	uint8_t *key_id = arena_alloc(a, 20);
	struct bytes subject;

	TRY(ca_policy_subject(p, r->identity_name, r->names, a, &subject));
	pki_spki_key_id(r->spki, key_id);
	*out = (struct pki_cert_spec){
		.issuer = issuer->cert.subject,
		.subject = subject,
		.spki = r->spki->der,
		.not_before = validity->not_before,
		.not_after = validity->not_after,
		.key_usage = r->spki->type == PKI_KEY_RSA ? p->rsa_key_usage : p->key_usage,
		.eku = p->eku,
		.path_len = -1,
		.sans = *r->names,
		.subject_key_id = {key_id, 20},
		.authority_key_id = issuer->cert.subject_key_id,
		.crl_url = p->crl_url ? issuer->crl_url : NULL,
		.ocsp_url = p->ocsp_url ? issuer->ocsp_url : NULL,
		.ca_issuers_url = p->ca_issuers_url ? issuer->ca_issuers_url : NULL,
		.ocsp_nocheck = p->ocsp_nocheck,
	};
	return ERR_OK;
}
