/*
 * The linter. Its reader (cert_parse.c) already refuses what is not DER, not v3, has extensions
 * twice or DEFAULTs encoded, times in the wrong form, keys not allowed, and a weak key ends it too; the rules below say what a
 * certificate that reads well must also satisfy before this CA signs it. Each rule is a row: what
 * it says is what the operator gets to read.
 */
#include "lib/pki/ext.h"
#include "lib/pki/oid.h"

struct view {
	const struct pki_cert *c;
	const struct ext_list *exts;
	enum pki_sig_alg inner_alg, alg;
};

static bool
has_extension(const struct view *v, struct bytes oid)
{
	return ext_find(v->exts, oid) != NULL;
}

static bool
self_issued(const struct pki_cert *c)
{
	return bytes_equal(c->issuer, c->subject);
}

/* ---- fields ---- */

static bool
serial_has_16_octets(const struct view *v)
{
	return v->c->serial.n == PKI_SERIAL_SIZE && v->c->serial.p[0] != 0;
}

static bool
algorithm_is_the_signers(const struct view *v)
{
	return v->inner_alg == v->alg;
}

static bool
issuer_is_not_empty(const struct view *v)
{
	return !pki_name_empty(v->c->issuer);
}

static bool
validity_has_an_extent(const struct view *v)
{
	return v->c->not_before < v->c->not_after;
}

/* ---- names ---- */

static bool
subject_or_san_names_it(const struct view *v)
{
	return !pki_name_empty(v->c->subject) || v->c->sans.count > 0;
}

static bool
ca_has_a_subject(const struct view *v)
{
	return !v->c->is_ca || !pki_name_empty(v->c->subject);
}

static bool
san_is_critical_without_subject_only(const struct view *v)
{
	return v->c->sans.count == 0 || v->c->san_critical == pki_name_empty(v->c->subject);
}

/* ---- CA or not ---- */

static bool
ca_signs_certificates(const struct view *v)
{
	return v->c->is_ca == ((v->c->key_usage & PKI_KU_KEY_CERT_SIGN) != 0);
}

static bool
path_length_is_a_cas(const struct view *v)
{
	return v->c->path_len < 0 || v->c->is_ca;
}

static bool
name_constraints_are_a_cas(const struct view *v)
{
	return !has_extension(v, OID_NAME_CONSTRAINTS) || v->c->is_ca;
}

static bool
crl_sign_is_a_cas(const struct view *v)
{
	return (v->c->key_usage & PKI_KU_CRL_SIGN) == 0 || v->c->is_ca;
}

/* ---- usages ---- */

static bool
key_usage_is_not_empty(const struct view *v)
{
	return !v->c->has_key_usage || v->c->key_usage != 0;
}

static bool
key_usage_is_known(const struct view *v)
{
	return (v->c->key_usage & ~UINT32_C(0x7f)) == 0;
}

/* RFC 5480 section 3, RFC 3279 section 2.3.1, RFC 8410 section 5. */
static bool
key_usage_fits_the_key(const struct view *v)
{
	static const uint32_t impossible[PKI_KEY_TYPE_COUNT] = {
		[PKI_KEY_P256] = PKI_KU_KEY_ENCIPHERMENT | PKI_KU_DATA_ENCIPHERMENT,
		[PKI_KEY_P384] = PKI_KU_KEY_ENCIPHERMENT | PKI_KU_DATA_ENCIPHERMENT,
		[PKI_KEY_RSA] = PKI_KU_KEY_AGREEMENT,
		[PKI_KEY_ED25519] =
			PKI_KU_KEY_ENCIPHERMENT | PKI_KU_DATA_ENCIPHERMENT | PKI_KU_KEY_AGREEMENT,
	};

	return (v->c->key_usage & impossible[v->c->spki.type]) == 0;
}

static bool
eku_is_known(const struct view *v)
{
	return (v->c->eku & PKI_EKU_OTHER) == 0;
}

static bool
is_responder(const struct view *v)
{
	return (v->c->eku & PKI_EKU_OCSP_SIGNING) != 0;
}

static bool
responder_has_nocheck(const struct view *v)
{
	return is_responder(v) == v->c->ocsp_nocheck;
}

/* Asking the responder about the responder would go round in circles. */
static bool
responder_has_no_ocsp_url(const struct view *v)
{
	return !is_responder(v) || v->c->ocsp_url.n == 0;
}

/* ---- key identifiers ---- */

static bool
authority_key_id_present(const struct view *v)
{
	return v->c->authority_key_id.n > 0 || self_issued(v->c);
}

static bool
authority_key_id_holds_the_key_id_only(const struct view *v)
{
	const struct ext *x = ext_find(v->exts, OID_AUTHORITY_KEY_ID);

	/* SEQUENCE and [0] headers, then the identifier. */
	return x == NULL ||
		(v->c->authority_key_id.n < 0x80 && x->value.n == v->c->authority_key_id.n + 4);
}

static bool
ca_has_subject_key_id(const struct view *v)
{
	return !v->c->is_ca || v->c->subject_key_id.n > 0;
}

/* ---- references ---- */

/* Plain http: fetching revocation over TLS needs the revocation it fetches (RFC 5280 section 8). */
static bool
is_http(struct bytes url)
{
	const size_t scheme = strlen("http://");

	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= 0x20 || url.p[i] >= 0x7f)
			return false;
	return url.n > scheme && memcmp(url.p, "http://", scheme) == 0;
}

static bool
crl_url_is_http(const struct view *v)
{
	return !has_extension(v, OID_CRL_DISTRIBUTION_POINTS) || is_http(v->c->crl_url);
}

static bool
access_urls_are_http(const struct view *v)
{
	const struct pki_cert *c = v->c;

	if (!has_extension(v, OID_AUTHORITY_INFO_ACCESS))
		return true;
	return (c->ocsp_url.n > 0 || c->ca_issuers_url.n > 0) &&
		(c->ocsp_url.n == 0 || is_http(c->ocsp_url)) &&
		(c->ca_issuers_url.n == 0 || is_http(c->ca_issuers_url));
}

/* ---- extensions as such ---- */

static const struct known_extension {
	struct bytes oid;
	enum { CRITICAL, NOT_CRITICAL, EITHER } must_be;
} known[] = {
	{OID_AUTHORITY_KEY_ID, NOT_CRITICAL},
	{OID_SUBJECT_KEY_ID, NOT_CRITICAL},
	{OID_BASIC_CONSTRAINTS, CRITICAL},
	{OID_KEY_USAGE, CRITICAL},
	{OID_EXT_KEY_USAGE, EITHER},
	{OID_SUBJECT_ALT_NAME, EITHER},
	{OID_NAME_CONSTRAINTS, CRITICAL},
	{OID_CRL_DISTRIBUTION_POINTS, NOT_CRITICAL},
	{OID_AUTHORITY_INFO_ACCESS, NOT_CRITICAL},
	{OID_OCSP_NOCHECK, NOT_CRITICAL},
};

static const struct known_extension *
find_known(struct bytes oid)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (bytes_equal(known[i].oid, oid))
			return &known[i];
	return NULL;
}

static bool
extensions_are_known(const struct view *v)
{
	for (size_t i = 0; i < v->exts->count; i++)
		if (find_known(v->exts->item[i].oid) == NULL)
			return false;
	return true;
}

static bool
criticality_is_right(const struct view *v)
{
	for (size_t i = 0; i < v->exts->count; i++) {
		const struct ext *x = &v->exts->item[i];
		const struct known_extension *k = find_known(x->oid);

		if (k != NULL && k->must_be != EITHER && x->critical != (k->must_be == CRITICAL))
			return false;
	}
	return true;
}

/* Present in an end entity's certificate, it can only say what its absence says. */
static bool
basic_constraints_are_a_cas(const struct view *v)
{
	return has_extension(v, OID_BASIC_CONSTRAINTS) == v->c->is_ca;
}

static const struct rule {
	const char *name, *section, *says;
	bool (*holds)(const struct view *v);
} rules[] = {
	{"serial_has_16_octets", "4.1.2.2",
		"the serial number has exactly 16 octets, the first 0x01 to 0x7f",
		serial_has_16_octets},
	{"algorithm_is_the_signers", "4.1.2.3",
		"the signature algorithm is the one it will be signed with",
		algorithm_is_the_signers},
	{"issuer_is_not_empty", "4.1.2.4", "the issuer has a name", issuer_is_not_empty},
	{"validity_has_an_extent", "4.1.2.5", "notBefore is earlier than notAfter",
		validity_has_an_extent},
	{"subject_or_san_names_it", "4.1.2.6",
		"a certificate without subject has subject alternative names",
		subject_or_san_names_it},
	{"ca_has_a_subject", "4.1.2.6", "a CA has a subject", ca_has_a_subject},
	{"san_is_critical_without_subject_only", "4.2.1.6",
		"subjectAltName is critical when, and only when, the subject is empty",
		san_is_critical_without_subject_only},
	{"extensions_are_known", "4.2", "only extensions this CA knows are present",
		extensions_are_known},
	{"criticality_is_right", "4.2.1",
		"basicConstraints, keyUsage and nameConstraints are critical; key identifiers, URLs and nocheck are not",
		criticality_is_right},
	{"path_length_is_a_cas", "4.2.1.9", "a path length needs cA", path_length_is_a_cas},
	{"basic_constraints_are_a_cas", "4.2.1.9",
		"basicConstraints is present in a CA's certificate, and only there",
		basic_constraints_are_a_cas},
	{"ca_signs_certificates", "4.2.1.3", "keyCertSign is set when, and only when, cA is",
		ca_signs_certificates},
	{"crl_sign_is_a_cas", "4.2.1.3", "cRLSign is a CA's", crl_sign_is_a_cas},
	{"name_constraints_are_a_cas", "4.2.1.10", "only a CA has name constraints",
		name_constraints_are_a_cas},
	{"key_usage_is_not_empty", "4.2.1.3", "keyUsage has at least one bit",
		key_usage_is_not_empty},
	{"key_usage_is_known", "4.2.1.3",
		"keyUsage has no encipherOnly, decipherOnly or undefined bit", key_usage_is_known},
	{"key_usage_fits_the_key", "4.2.1.3", "the key can do what keyUsage says",
		key_usage_fits_the_key},
	{"eku_is_known", "4.2.1.12", "only extended key usages this CA knows are present",
		eku_is_known},
	{"responder_has_nocheck", "4.2.1.12",
		"OCSPSigning and id-pkix-ocsp-nocheck come together (RFC 6960 section 4.2.2.2.1)",
		responder_has_nocheck},
	{"responder_has_no_ocsp_url", "4.2.2.1",
		"an OCSP responder's certificate names no OCSP responder",
		responder_has_no_ocsp_url},
	{"authority_key_id_present", "4.2.1.1",
		"authorityKeyIdentifier has a keyIdentifier unless issuer and subject are the same",
		authority_key_id_present},
	{"authority_key_id_holds_the_key_id_only", "4.2.1.1",
		"authorityKeyIdentifier has nothing but a keyIdentifier",
		authority_key_id_holds_the_key_id_only},
	{"ca_has_subject_key_id", "4.2.1.2", "a CA has a subjectKeyIdentifier",
		ca_has_subject_key_id},
	{"crl_url_is_http", "4.2.1.13", "the CRL's URL is http", crl_url_is_http},
	{"access_urls_are_http", "4.2.2.1",
		"authorityInfoAccess has http URLs of an OCSP responder or of the issuer",
		access_urls_are_http},
};

enum err
lint_tbs(struct bytes tbs, enum pki_sig_alg alg, struct arena *a)
{
	struct cert_tbs read;
	struct view v = {.c = &read.cert, .exts = &read.exts, .alg = alg};
	enum err e = cert_tbs_read(tbs, a, &read);

	if (e == ERR_OK)
		e = pki_key_judge(&read.cert.spki, NULL);
	if (e != ERR_OK)
		return err_set_word(ERR_INVALID, WORD_LINT, "%s", err_reason());
	v.inner_alg = read.inner_alg;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (!rules[i].holds(&v))
			return err_set_word(ERR_INVALID, WORD_LINT,
				"rule \"%s\": %s (RFC 5280 section %s)", rules[i].name,
				rules[i].says, rules[i].section);
	return ERR_OK;
}
