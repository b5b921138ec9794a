/*
 * Certificates: golden files hold every octet, OpenSSL reads them as an independent reader, and
 * nothing that does not read as it was specified leaves the builder.
 */
#include <time.h>

#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "lib/pki/ext.h"
#include "tests/unit/pki/keys.h"
#include "tests/unit/pki/pki_test.h"

AUTO_DEFINE(X509, X509_free)
AUTO_DEFINE(PKCS7, PKCS7_free)

enum { CA_KEY = 1 };

static const char serial_hex[] = "0102030405060708090a0b0c0d0e0f10";
static const char subject_id[] = "000102030405060708090a0b0c0d0e0f10111213";
static const char issuer_id[] = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff00010203";

static struct pki_cert_spec
base_spec(void)
{
	return (struct pki_cert_spec){
		.serial = hex(serial_hex),
		.issuer = dn("Issuing CA"),
		.subject = dn("device-1"),
		.spki = hex(P256_SPKI),
		.not_before = 1800000000,
		.not_after = 1800028800,
		.key_usage = PKI_KU_DIGITAL_SIGNATURE,
		.eku = PKI_EKU_CLIENT_AUTH,
		.path_len = -1,
		.subject_key_id = hex(subject_id),
		.authority_key_id = hex(issuer_id),
		.crl_url = "http://pki.example/1.crl",
		.ocsp_url = "http://pki.example/ocsp",
		.ca_issuers_url = "http://pki.example/1.cer",
	};
}

static struct pki_cert_spec
workload_spec(void)
{
	struct pki_cert_spec s = base_spec();

	s.subject = dn(NULL);
	s.eku |= PKI_EKU_SERVER_AUTH;
	s.sans = SANS("dns:a.example", "dns:*.b.example", "ip:10.0.0.1", "ip:2001:db8::1",
		"uri:spiffe://x/y", "email:a@example.org", "other:1.3.6.1.4.1.311.20.2.3:0c0161");
	return s;
}

static struct pki_cert_spec
rsa_spec(void)
{
	struct pki_cert_spec s = base_spec();

	s.spki = hex(RSA_SPKI);
	s.key_usage |= PKI_KU_KEY_ENCIPHERMENT;
	s.sans = SANS("dns:a.example");
	s.ocsp_url = s.ca_issuers_url = NULL;
	return s;
}

static struct pki_cert_spec
root_spec(void)
{
	struct pki_cert_spec s = base_spec();

	s.subject = s.issuer;
	s.spki = hex(P384_SPKI);
	s.not_after = INT64_C(2550000000); /* 2050: GeneralizedTime */
	s.key_usage = PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN;
	s.eku = 0;
	s.is_ca = true;
	s.authority_key_id = NOTHING;
	s.crl_url = s.ocsp_url = s.ca_issuers_url = NULL;
	return s;
}

static struct pki_cert_spec
issuing_ca_spec(void)
{
	static struct pki_name_constraints nc;
	static struct pki_san permitted[3], excluded[1];
	struct pki_cert_spec s = root_spec();

	permitted[0] = (struct pki_san){PKI_SAN_DNS, BYTES_LIT("example")};
	permitted[1] = (struct pki_san){PKI_SAN_IP, hex("0a000000 ff000000")};
	permitted[2] = (struct pki_san){PKI_SAN_EMAIL, BYTES_LIT(".example")};
	excluded[0] = (struct pki_san){PKI_SAN_URI, BYTES_LIT(".bad.example")};
	nc = (struct pki_name_constraints){{permitted, 3}, {excluded, 1}};
	s.subject = dn("Lower CA");
	s.path_len = 0;
	s.key_usage |= PKI_KU_DIGITAL_SIGNATURE;
	s.authority_key_id = hex(issuer_id);
	s.name_constraints = &nc;
	return s;
}

static struct pki_cert_spec
responder_spec(void)
{
	struct pki_cert_spec s = base_spec();

	s.eku = PKI_EKU_OCSP_SIGNING;
	s.ocsp_nocheck = true;
	s.ocsp_url = NULL;
	return s;
}

static const struct {
	const char *name;
	struct pki_cert_spec (*spec)(void);
} goldens[] = {
	{"workload", workload_spec},
	{"rsa-device", rsa_spec},
	{"root", root_spec},
	{"issuing-ca", issuing_ca_spec},
	{"ocsp-responder", responder_spec},
};

static enum err
issue(const struct pki_cert_spec *spec, struct bytes *der, struct pki_cert *parsed)
{
	AUTO(EVP_PKEY) key = fixed_key(CA_KEY);
	struct pki_signer s;

	pki_signer_software(key, PKI_KEY_ED25519, &s);
	return pki_cert_issue(spec, &s, A(), der, parsed);
}

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

/* ---- OpenSSL as the other reader ---- */

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

/* ---- reading ---- */

static void
test_openssls_certificates_are_read(void)
{
	struct bytes der = test_file("data/cert-openssl.der"),
		     root = test_file("data/root-openssl.der");
	struct pki_sans want = SANS("dns:a.example", "ip:10.0.0.1", "email:a@b.c");
	struct pki_cert c = {0}, r = {0};

	CHECK_OK(pki_cert_parse(der, A(), &c));
	CHECK(pki_sans_equal(&c.sans, &want) && !c.san_critical);
	CHECK(c.has_eku && c.eku == (PKI_EKU_SERVER_AUTH | PKI_EKU_OCSP_SIGNING) && c.ocsp_nocheck);
	CHECK(bytes_equal(c.crl_url, BYTES_LIT("http://a/b")));
	CHECK(bytes_equal(c.ocsp_url, BYTES_LIT("http://o/")) &&
		bytes_equal(c.ca_issuers_url, BYTES_LIT("http://c/")));
	CHECK(c.name_constraints.n > 0 && c.spki.type == PKI_KEY_RSA &&
		c.sig_alg == PKI_SIG_RSA_SHA256);
	CHECK_OK(pki_cert_parse(root, A(), &r));
	CHECK(r.is_ca && r.path_len == -1 &&
		r.key_usage == (PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN));
	CHECK_OK(pki_cert_verify_issued_by(&r, &r));
	CHECK_REASON(pki_cert_verify_issued_by(&c, &r), ERR_INVALID, "another name");
	free((void *)der.p);
	free((void *)root.p);
}

static void
test_every_flipped_octet_of_a_tbs_changes_or_refuses(void)
{
	struct pki_cert_spec spec = workload_spec();
	AUTO(EVP_PKEY) key = fixed_key(CA_KEY);
	struct bytes der = {0};
	uint8_t *octets;

	CHECK_OK(issue(&spec, &der, NULL));
	octets = malloc(der.n);
	memcpy(octets, der.p, der.n);
	for (size_t i = 0; i < der.n; i++) {
		AUTO_STRUCT(arena) a = arena_new(0);
		struct pki_cert c;

		octets[i] ^= 0x01;
		if (pki_cert_parse(bytes_of(octets, der.n), a, &c) == ERR_OK)
			CHECK_CASE(pki_verify(key, c.sig_alg, c.tbs, c.signature) != ERR_OK,
				arena_printf(A(), "octet %zu", i));
		octets[i] ^= 0x01;
	}
	free(octets);
}

static struct bytes
with_extension(struct bytes ext)
{
	AUTO(EVP_PKEY) key = fixed_key(CA_KEY);
	AUTO_BUF(out, PKI_CERT_MAX);
	struct pki_signer s;

	pki_signer_software(key, PKI_KEY_ED25519, &s);
	CHECK_OK(pki_sign(&s,
		SEQ(hex("a003020102 020101 300506032b6570"), dn("ca"),
			SEQ(hex("170d3236303130313030303030305a 170d3237303130313030303030305a")),
			dn("x"), hex(P256_SPKI), TLV(0xa3, SEQ(ext))),
		&out));
	return arena_bytes(A(), buf_bytes(&out));
}

static void
test_bad_extensions_are_refused(void)
{
	static const struct {
		const char *name, *oid, *critical, *value;
	} cases[] = {
		{"unknown critical", "2a0304", "0101ff", "0500"},
		{"critical policies", "551d20", "0101ff", "3000"},
		{"empty extKeyUsage", "551d25", "", "3000"},
		{"empty subjectKeyIdentifier", "551d0e", "", "0400"},
		{"empty cRLDistributionPoints", "551d1f", "", "3000"},
		{"empty authorityInfoAccess", "2b06010505070101", "", "3000"},
		{"nocheck that is no NULL", "2b0601050507300105", "", "3000"},
		{"nameConstraints without subtree", "551d1e", "0101ff", "3000"},
		{"nameConstraints with minimum", "551d1e", "0101ff",
			"300c a00a 3008 8203 612e62 800101"},
		{"nameConstraints with a bad mask", "551d1e", "0101ff",
			"300e a00c 300a 8708 0a000000 ff00ff00"},
		{"nameConstraints with host bits", "551d1e", "0101ff",
			"300e a00c 300a 8708 0a000001 ff000000"},
		{"nameConstraints with a directoryName", "551d1e", "0101ff",
			"3008 a006 3004 a402 3000"},
		{"nameConstraints of a dot", "551d1e", "0101ff", "3007 a005 3003 82012e"},
		{"empty subtrees", "551d1e", "0101ff", "3002 a000"},
		{"negative path length", "551d13", "0101ff", "3006 0101ff 0201ff"},
		{"octets after keyUsage", "551d0f", "0101ff", "03020780 00"},
		{"keyUsage as OCTET STRING", "551d0f", "0101ff", "0401 80"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes ext = SEQ(TLV(DER_OID, hex(cases[i].oid)), hex(cases[i].critical),
			TLV(DER_OCTET_STRING, hex(cases[i].value)));
		struct pki_cert c;

		CHECK_CASE(
			pki_cert_parse(with_extension(ext), A(), &c) == ERR_INVALID, cases[i].name);
		CHECK_CASE(err_word() == WORD_BAD_CERTIFICATE, cases[i].name);
	}
	CHECK_OK(pki_cert_parse(
		with_extension(hex("3009 06032a0304 0402 0500")), A(), &(struct pki_cert){0}));
}

static void
test_certificates_out_of_bounds_are_refused(void)
{
	struct pki_cert c;
	struct bytes good = with_extension(hex("3009 06032a0304 0402 0500"));

	CHECK_ERR(pki_cert_parse(NOTHING, A(), &c), ERR_INVALID);
	CHECK_ERR(pki_cert_parse(JOIN(good, hex("00")), A(), &c), ERR_INVALID);
	CHECK_REASON(pki_cert_parse(
			     SEQ(bytes_of(arena_alloc(A(), PKI_CERT_MAX), PKI_CERT_MAX)), A(), &c),
		ERR_INVALID, "16384");
	for (size_t i = 0; i < good.n; i++)
		CHECK_ERR(pki_cert_parse(bytes_of(good.p, i), A(), &c), ERR_INVALID);
}

static void
test_the_outer_fields_belong_to_the_inner(void)
{
	struct bytes good = with_extension(hex("3009 06032a0304 0402 0500")), tbs, alg, signature;
	struct pki_cert c = {0};

	CHECK_OK(pki_cert_parse(good, A(), &c));
	tbs = c.tbs;
	alg = hex("300506032b6570");
	signature = TLV(DER_BIT_STRING, hex("00"), c.signature);
	CHECK_OK(pki_cert_parse(SEQ(tbs, alg, signature), A(), &c));
	CHECK_REASON(pki_cert_parse(SEQ(tbs, hex("300a06082a8648ce3d040302"), signature), A(), &c),
		ERR_INVALID, "algorithms differ");
	CHECK_REASON(pki_cert_parse(SEQ(tbs, alg, signature, hex("0500")), A(), &c), ERR_INVALID,
		"too many");
}

/* ---- issuing ---- */

static void
test_a_certificate_is_its_issuers(void)
{
	AUTO(EVP_PKEY) ca_key = fixed_key(CA_KEY);
	struct pki_cert_spec root = root_spec(), leaf = base_spec();
	struct pki_cert ca = {0}, cert = {0};
	struct bytes der;

	root.spki = spki_of(ca_key);
	root.subject_key_id = leaf.authority_key_id;
	CHECK_OK(issue(&root, &der, &ca));
	CHECK_OK(issue(&leaf, &der, &cert));
	CHECK_OK(pki_cert_verify_issued_by(&cert, &ca));
	CHECK_OK(pki_cert_verify_issued_by(&ca, &ca));
	CHECK_REASON(pki_cert_verify_issued_by(&ca, &cert), ERR_INVALID, "another name");

	leaf.authority_key_id = hex(subject_id);
	CHECK_OK(issue(&leaf, &der, &cert));
	CHECK_REASON(pki_cert_verify_issued_by(&cert, &ca), ERR_INVALID, "key identifier");
	leaf = base_spec();
	CHECK_OK(issue(&leaf, &der, &cert));
	ca.key_usage = PKI_KU_CRL_SIGN;
	CHECK_REASON(pki_cert_verify_issued_by(&cert, &ca), ERR_INVALID, "may not sign");
	ca.key_usage = PKI_KU_KEY_CERT_SIGN;
	ca.is_ca = false;
	CHECK_REASON(pki_cert_verify_issued_by(&cert, &ca), ERR_INVALID, "may not sign");
	ca.is_ca = true;
	CHECK_OK(pki_spki_parse(hex(P256_SPKI), &ca.spki));
	CHECK_ERR(pki_cert_verify_issued_by(&cert, &ca), ERR_INVALID);
	CHECK(err_word() == WORD_BAD_SIGNATURE);
}

static enum err
sign_with_too_much(void *ctx, struct bytes data, struct buf *signature)
{
	uint8_t zeros[521] = {0};

	(void)ctx;
	(void)data;
	return buf_append(signature, zeros, sizeof(zeros));
}

static void
test_a_signer_that_misbehaves_gets_no_certificate(void)
{
	struct pki_signer s = {.alg = PKI_SIG_ED25519, .sign = sign_with_too_much};
	struct pki_cert_spec spec = base_spec();
	struct bytes der = NOTHING;

	CHECK_ERR(pki_cert_issue(&spec, &s, A(), &der, NULL), ERR_LIMIT);
	CHECK(der.p == NULL);
}

static void
test_what_the_linter_refuses_is_not_signed(void)
{
	struct pki_signer s = {.alg = PKI_SIG_ED25519, .sign = NULL}; /* calling it would crash */
	struct pki_cert_spec spec = base_spec();
	struct bytes der;

	spec.not_after = spec.not_before;
	CHECK_REASON(
		pki_cert_issue(&spec, &s, A(), &der, NULL), ERR_INVALID, "validity_has_an_extent");
	CHECK(err_word() == WORD_LINT);
}

/* Values that the octets cannot carry come back different, and that is found. */
static void
test_a_specification_that_cannot_be_expressed_is_refused(void)
{
	struct pki_cert_spec spec = base_spec();
	struct bytes der;

	spec.path_len = 3; /* not a CA: ignored by the contract */
	CHECK_OK(issue(&spec, &der, NULL));
	spec = base_spec();
	spec.eku |= PKI_EKU_OTHER;
	CHECK_REASON(issue(&spec, &der, NULL), ERR_INTERNAL, "extended key usage");
	spec = base_spec();
	spec.serial = hex("000102030405060708090a0b0c0d0e0f10");
	CHECK_REASON(issue(&spec, &der, NULL), ERR_INTERNAL, "serial number");
	spec = base_spec();
	spec.not_after = INT64_C(253402300800);
	CHECK_ERR(issue(&spec, &der, NULL), ERR_LIMIT);
	spec = base_spec();
	spec.sans = SANS("dns:a.example");
	spec.sans.item[0].value = BYTES_LIT("A.example");
	CHECK_REASON(issue(&spec, &der, NULL), ERR_INTERNAL, "subject alternative names");
}

static void
test_serials_have_16_octets_and_differ(void)
{
	uint8_t a[PKI_SERIAL_SIZE], b[PKI_SERIAL_SIZE];

	for (int i = 0; i < 2000; i++) {
		pki_serial_new(a);
		pki_serial_new(b);
		CHECK(a[0] >= 0x01 && a[0] <= 0x7f && memcmp(a, b, sizeof(a)) != 0);
	}
}

static void
test_usage_names_are_rfc_5280s(void)
{
	CHECK(strcmp(pki_eku_name(0), "serverAuth") == 0 && PKI_EKU_SERVER_AUTH == 1 << 0);
	CHECK(strcmp(pki_eku_name(5), "OCSPSigning") == 0 && PKI_EKU_OCSP_SIGNING == 1 << 5);
	CHECK(strcmp(pki_key_usage_name(2), "keyEncipherment") == 0);
	CHECK(strcmp(pki_key_usage_name(PKI_KEY_USAGE_LEAF_COUNT - 1), "keyAgreement") == 0);
	CHECK(PKI_KU_KEY_CERT_SIGN == 1 << PKI_KEY_USAGE_LEAF_COUNT);
}

/* ---- certs-only ---- */

static void
test_certs_only_is_read_by_openssl_in_order(void)
{
	struct pki_cert_spec one = base_spec(), two = root_spec();
	struct bytes certs[2], out = {0}, again = {0}, text = test_file("golden/certs-only.hex");
	const unsigned char *p;
	AUTO(PKCS7) p7 = NULL;
	STACK_OF(X509) * list;

	CHECK_OK(issue(&one, &certs[0], NULL));
	CHECK_OK(issue(&two, &certs[1], NULL));
	CHECK_OK(pki_certs_only(certs, 2, A(), &out));
	CHECK_OK(pki_certs_only(certs, 2, A(), &again));
	CHECK(bytes_equal(out, again));
	CHECK(bytes_equal(out, hex(arena_string(A(), text))));
	if (!bytes_equal(out, hex(arena_string(A(), text))))
		fprintf(stderr, "%s\n", hex_string(A(), out));
	free((void *)text.p);
	p = out.p;
	p7 = d2i_PKCS7(NULL, &p, (long)out.n);
	CHECK(p7 != NULL && p == out.p + out.n && PKCS7_type_is_signed(p7));
	if (p7 == NULL)
		return;
	list = p7->d.sign->cert;
	CHECK(sk_X509_num(list) == 2 && sk_PKCS7_SIGNER_INFO_num(p7->d.sign->signer_info) == 0);
	for (int i = 0; i < 2; i++) {
		unsigned char *der = NULL;
		int n = i2d_X509(sk_X509_value(list, i), &der);

		CHECK(n > 0 && bytes_equal(bytes_of(der, (size_t)n), certs[i]));
		OPENSSL_free(der);
	}
}

static void
test_a_message_has_room_for_hundreds_of_certificates_and_ends_at_its_octets(void)
{
	static uint8_t octets[40000];
	struct bytes certs[300], out;

	for (size_t i = 0; i < ARRAY_LEN(certs); i++)
		certs[i] = bytes_of(octets, 1000);
	CHECK_OK(pki_certs_only(certs, 300, A(), &out));
	CHECK(out.n > 300 * 1000);
	for (size_t i = 0; i < ARRAY_LEN(certs); i++)
		certs[i] = bytes_of(octets, sizeof(octets));
	CHECK_REASON(pki_certs_only(certs, 300, A(), &out), ERR_LIMIT, "octets");
}

UNIT_MAIN("pki-cert",
	{"test_certificates_are_the_golden_ones", test_certificates_are_the_golden_ones},
	{"test_openssl_reads_what_was_specified", test_openssl_reads_what_was_specified},
	{"test_name_constraints_bind_in_openssl", test_name_constraints_bind_in_openssl},
	{"test_openssls_certificates_are_read", test_openssls_certificates_are_read},
	{"test_every_flipped_octet_of_a_tbs_changes_or_refuses",
		test_every_flipped_octet_of_a_tbs_changes_or_refuses},
	{"test_bad_extensions_are_refused", test_bad_extensions_are_refused},
	{"test_certificates_out_of_bounds_are_refused",
		test_certificates_out_of_bounds_are_refused},
	{"test_the_outer_fields_belong_to_the_inner", test_the_outer_fields_belong_to_the_inner},
	{"test_a_certificate_is_its_issuers", test_a_certificate_is_its_issuers},
	{"test_a_signer_that_misbehaves_gets_no_certificate",
		test_a_signer_that_misbehaves_gets_no_certificate},
	{"test_what_the_linter_refuses_is_not_signed", test_what_the_linter_refuses_is_not_signed},
	{"test_a_specification_that_cannot_be_expressed_is_refused",
		test_a_specification_that_cannot_be_expressed_is_refused},
	{"test_serials_have_16_octets_and_differ", test_serials_have_16_octets_and_differ},
	{"test_usage_names_are_rfc_5280s", test_usage_names_are_rfc_5280s},
	{"test_certs_only_is_read_by_openssl_in_order",
		test_certs_only_is_read_by_openssl_in_order},
	{"test_a_message_has_room_for_hundreds_of_certificates_and_ends_at_its_octets",
		test_a_message_has_room_for_hundreds_of_certificates_and_ends_at_its_octets})
