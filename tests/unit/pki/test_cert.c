/* Certificates: golden files hold every octet, and OpenSSL reads them as an independent reader. */
#include <time.h>

#include <openssl/x509v3.h>

#include "lib/pki/ext.h"
#include "tests/unit/pki/cert_spec.h"

AUTO_DEFINE(X509, X509_free)

static void
test_certificates_are_the_golden_ones(void)
{
	for (size_t i = 0; i < ARRAY_LEN(goldens); i++) {
		struct pki_cert_spec spec = goldens[i].spec();
		struct bytes der = {0},
			     text = test_file(arena_printf(A(), "golden/%s.hex", goldens[i].name));
		bool same;

		CHECK_OK(issue(&spec, &der, NULL));
		same = bytes_equal(der, hex(arena_string(A(), text)));
		CHECK_CASE(same, goldens[i].name);
		if (!same)
			fprintf(stderr, "%s\n", hex_string(A(), der));
		free((void *)text.p);
	}
}

static int64_t
seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : -1;
}

static bool
same_string(const ASN1_STRING *s, struct bytes want)
{
	return s == NULL ? want.n == 0 : bytes_equal(bytes_of(s->data, (size_t)s->length), want);
}

static bool
same_name(const X509_NAME *n, struct bytes want)
{
	const unsigned char *p;
	size_t len;

	return X509_NAME_get0_der(n, &p, &len) == 1 && bytes_equal(bytes_of(p, len), want);
}

static bool
same_san(const GENERAL_NAME *g, const struct pki_san *san)
{
	int type;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(g, &type);
	static const int types[] = {[PKI_SAN_DNS] = GEN_DNS,
		[PKI_SAN_IP] = GEN_IPADD,
		[PKI_SAN_URI] = GEN_URI,
		[PKI_SAN_EMAIL] = GEN_EMAIL,
		[PKI_SAN_OTHER] = GEN_OTHERNAME};

	return type == types[san->type] && (type == GEN_OTHERNAME || same_string(s, san->value));
}

static bool
same_sans(X509 *x, const struct pki_cert_spec *s)
{
	int critical;
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);
	bool same = (names == NULL ? 0 : (size_t)sk_GENERAL_NAME_num(names)) == s->sans.count;

	for (size_t i = 0; same && i < s->sans.count; i++)
		same = same_san(sk_GENERAL_NAME_value(names, (int)i), &s->sans.item[i]);
	if (names != NULL)
		same = same && critical == pki_name_empty(s->subject);
	GENERAL_NAMES_free(names);
	return same;
}

static bool
same_url(STACK_OF(OPENSSL_STRING) * urls, const char *want)
{
	bool same = want == NULL ? urls == NULL || sk_OPENSSL_STRING_num(urls) == 0
				 : urls != NULL && sk_OPENSSL_STRING_num(urls) == 1 &&
			strcmp(sk_OPENSSL_STRING_value(urls, 0), want) == 0;

	X509_email_free(urls);
	return same;
}

static bool
same_crl_url(X509 *x, const char *want)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
	bool same = (points != NULL) == (want != NULL);
	int type;

	if (points != NULL && same) {
		DIST_POINT *p = sk_DIST_POINT_value(points, 0);
		GENERAL_NAME *g = sk_GENERAL_NAME_value(p->distpoint->name.fullname, 0);

		same = same_string(GENERAL_NAME_get0_value(g, &type), bytes_str(want)) &&
			type == GEN_URI;
	}
	CRL_DIST_POINTS_free(points);
	return same;
}

static void
compare_with_openssl(X509 *x, const struct pki_cert_spec *s, const char *name)
{
	uint32_t flags = X509_get_extension_flags(x);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);

	CHECK_CASE(X509_get_version(x) == X509_VERSION_3, name);
	CHECK_CASE(same_string(serial, s->serial) && serial->type == V_ASN1_INTEGER, name);
	CHECK_CASE(same_name(X509_get_issuer_name(x), s->issuer) &&
			same_name(X509_get_subject_name(x), s->subject),
		name);
	CHECK_CASE(seconds(X509_get0_notBefore(x)) == s->not_before, name);
	CHECK_CASE(seconds(X509_get0_notAfter(x)) == s->not_after, name);
	CHECK_CASE(((flags & EXFLAG_CA) != 0) == s->is_ca &&
			(flags & (EXFLAG_CRITICAL | EXFLAG_INVALID)) == 0,
		name);
	CHECK_CASE(X509_get_pathlen(x) == (s->is_ca ? s->path_len : -1), name);
	/* KeyUsage bits count from the other end of the octet there. */
	CHECK_CASE(((X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE) != 0) ==
			((s->key_usage & PKI_KU_DIGITAL_SIGNATURE) != 0),
		name);
	CHECK_CASE(((X509_get_key_usage(x) & KU_KEY_ENCIPHERMENT) != 0) ==
			((s->key_usage & PKI_KU_KEY_ENCIPHERMENT) != 0),
		name);
	CHECK_CASE(((X509_get_key_usage(x) & KU_KEY_CERT_SIGN) != 0) ==
			((s->key_usage & PKI_KU_KEY_CERT_SIGN) != 0),
		name);
	CHECK_CASE(((flags & EXFLAG_XKUSAGE) != 0) == (s->eku != 0), name);
	if (s->eku != 0)
		CHECK_CASE(X509_get_extended_key_usage(x) ==
				(((s->eku & PKI_EKU_SERVER_AUTH) != 0 ? XKU_SSL_SERVER : 0u) |
					((s->eku & PKI_EKU_CLIENT_AUTH) != 0 ? XKU_SSL_CLIENT
									     : 0u) |
					((s->eku & PKI_EKU_OCSP_SIGNING) != 0 ? XKU_OCSP_SIGN
									      : 0u)),
			name);
	CHECK_CASE(same_string(X509_get0_subject_key_id(x), s->subject_key_id), name);
	CHECK_CASE(same_string(X509_get0_authority_key_id(x), s->authority_key_id), name);
	CHECK_CASE(same_sans(x, s), name);
	CHECK_CASE(same_url(X509_get1_ocsp(x), s->ocsp_url), name);
	CHECK_CASE(same_crl_url(x, s->crl_url), name);
	CHECK_CASE((X509_get_ext_by_NID(x, NID_id_pkix_OCSP_noCheck, -1) >= 0) == s->ocsp_nocheck,
		name);
	CHECK_CASE((X509_get_ext_by_NID(x, NID_name_constraints, -1) >= 0) ==
			(s->name_constraints != NULL),
		name);
}

static void
test_openssl_reads_what_was_specified(void)
{
	for (size_t i = 0; i < ARRAY_LEN(goldens); i++) {
		struct pki_cert_spec spec = goldens[i].spec();
		AUTO(EVP_PKEY) key = fixed_key(CA_KEY);
		struct bytes der = {0};
		const unsigned char *p;
		unsigned char *again = NULL;
		AUTO(X509) x = NULL;

		CHECK_OK(issue(&spec, &der, NULL));
		p = der.p;
		x = d2i_X509(NULL, &p, (long)der.n);
		CHECK_CASE(x != NULL && p == der.p + der.n, goldens[i].name);
		if (x == NULL)
			continue;
		CHECK_CASE(X509_verify(x, key) == 1, goldens[i].name);
		compare_with_openssl(x, &spec, goldens[i].name);
		/* Encoded anew from its fields, not from the kept octets. */
		CHECK_CASE(i2d_re_X509_tbs(x, &again) > 0, goldens[i].name);
		CHECK_CASE(again != NULL && memcmp(again, der.p + 4, 16) == 0, goldens[i].name);
		OPENSSL_free(again);
	}
}

static void
test_name_constraints_bind_in_openssl(void)
{
	struct pki_cert_spec ca = issuing_ca_spec(), leaf = base_spec();
	struct bytes ca_der = {0}, der = {0};
	static const struct {
		const char *name;
		bool allowed;
	} cases[] = {{"dns:a.example", true}, {"dns:a.evil", false}, {"ip:10.1.2.3", true},
		{"ip:11.1.2.3", false}, {"email:a@b.example", true}, {"email:a@evil", false},
		{"uri:http://x.bad.example/", false}};

	CHECK_OK(issue(&ca, &ca_der, NULL));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const unsigned char *p = ca_der.p, *q;
		AUTO(X509) x = d2i_X509(NULL, &p, (long)ca_der.n);
		AUTO(X509) y = NULL;
		NAME_CONSTRAINTS *nc = X509_get_ext_d2i(x, NID_name_constraints, NULL, NULL);

		leaf.sans = SANS(cases[i].name);
		CHECK_OK(issue(&leaf, &der, NULL));
		q = der.p;
		y = d2i_X509(NULL, &q, (long)der.n);
		X509_check_purpose(y, -1, 0); /* reads the extensions that the check looks at */
		CHECK_CASE((NAME_CONSTRAINTS_check(y, nc) == X509_V_OK) == cases[i].allowed,
			cases[i].name);
		NAME_CONSTRAINTS_free(nc);
	}
}

UNIT_MAIN("pki-cert",
	{"test_certificates_are_the_golden_ones", test_certificates_are_the_golden_ones},
	{"test_openssl_reads_what_was_specified", test_openssl_reads_what_was_specified},
	{"test_name_constraints_bind_in_openssl", test_name_constraints_bind_in_openssl})
