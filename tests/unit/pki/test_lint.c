/*
 * One refusal per rule of the linter, made by breaking a good certificate in one place: the
 * specification where the builder would write it, the octets where it would not.
 */
#include "lib/pki/ext.h"
#include "tests/unit/pki/keys.h"
#include "tests/unit/pki/pki_test.h"

static const char key_id[] = "000102030405060708090a0b0c0d0e0f10111213";

static struct pki_cert_spec
leaf(void)
{
	return (struct pki_cert_spec){
		.serial = hex("0102030405060708090a0b0c0d0e0f10"),
		.issuer = dn("CA"),
		.subject = dn("x"),
		.spki = hex(P256_SPKI),
		.not_before = 1800000000,
		.not_after = 1800028800,
		.key_usage = PKI_KU_DIGITAL_SIGNATURE,
		.eku = PKI_EKU_CLIENT_AUTH,
		.path_len = -1,
		.sans = SANS("dns:a.example"),
		.subject_key_id = hex(key_id),
		.authority_key_id = hex(key_id),
		.crl_url = "http://a.example/1.crl",
		.ocsp_url = "http://a.example/",
	};
}

static struct pki_cert_spec
authority(void)
{
	struct pki_cert_spec s = leaf();

	s.is_ca = true;
	s.key_usage = PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN;
	s.eku = 0;
	s.sans.count = 0;
	return s;
}

static struct bytes
tbs_of(const struct pki_cert_spec *s)
{
	struct bytes out = NOTHING;
	struct derw w;

	derw_init(&w, arena_alloc(A(), PKI_CERT_MAX), PKI_CERT_MAX);
	cert_tbs_put(&w, s, PKI_SIG_ECDSA_SHA256);
	CHECK_OK(derw_done(&w, &out));
	return out;
}

static void
test_good_certificates_pass(void)
{
	struct pki_cert_spec s = leaf();

	CHECK_OK(lint_tbs(tbs_of(&s), PKI_SIG_ECDSA_SHA256, A()));
	s.subject = dn(NULL);
	CHECK_OK(lint_tbs(tbs_of(&s), PKI_SIG_ECDSA_SHA256, A()));
	s = authority();
	CHECK_OK(lint_tbs(tbs_of(&s), PKI_SIG_ECDSA_SHA256, A()));
	s.subject = s.issuer;
	s.authority_key_id = NOTHING; /* self-signed */
	CHECK_OK(lint_tbs(tbs_of(&s), PKI_SIG_ECDSA_SHA256, A()));
	s = leaf();
	s.eku = PKI_EKU_OCSP_SIGNING;
	s.ocsp_nocheck = true;
	s.ocsp_url = NULL;
	CHECK_OK(lint_tbs(tbs_of(&s), PKI_SIG_ECDSA_SHA256, A()));
}

/* ---- rules the builder lets through ---- */

static void
short_serial(struct pki_cert_spec *s)
{
	s->serial = hex("0102030405060708090a0b0c0d0e0f");
}

static void
high_serial(struct pki_cert_spec *s)
{
	s->serial = hex("8102030405060708090a0b0c0d0e0f10"); /* becomes 17 octets */
}

static void
empty_issuer(struct pki_cert_spec *s)
{
	s->issuer = dn(NULL);
}

static void
no_extent(struct pki_cert_spec *s)
{
	s->not_after = s->not_before;
}

static void
no_name_at_all(struct pki_cert_spec *s)
{
	s->subject = dn(NULL);
	s->sans.count = 0;
}

static void
nameless_ca(struct pki_cert_spec *s)
{
	*s = authority();
	s->subject = dn(NULL);
	s->sans = SANS("dns:a.example");
}

static void
ca_without_cert_sign(struct pki_cert_spec *s)
{
	*s = authority();
	s->key_usage = PKI_KU_CRL_SIGN;
}

static void
cert_sign_without_ca(struct pki_cert_spec *s)
{
	s->key_usage |= PKI_KU_KEY_CERT_SIGN;
}

static void
crl_sign_without_ca(struct pki_cert_spec *s)
{
	s->key_usage |= PKI_KU_CRL_SIGN;
}

static void
constraints_without_ca(struct pki_cert_spec *s)
{
	static struct pki_san one;
	static struct pki_name_constraints nc;

	one = (struct pki_san){PKI_SAN_DNS, BYTES_LIT("example")};
	nc = (struct pki_name_constraints){.permitted = {&one, 1}};
	s->name_constraints = &nc;
}

static void
encipher_only(struct pki_cert_spec *s)
{
	s->key_usage = 1 << 7;
}

static void
ec_key_encipherment(struct pki_cert_spec *s)
{
	s->key_usage |= PKI_KU_KEY_ENCIPHERMENT;
}

static void
rsa_key_agreement(struct pki_cert_spec *s)
{
	s->spki = hex(RSA_SPKI);
	s->key_usage |= PKI_KU_KEY_AGREEMENT;
}

static void
ed25519_key_agreement(struct pki_cert_spec *s)
{
	AUTO(EVP_PKEY) key = fixed_key(3);

	s->spki = spki_of(key);
	s->key_usage |= PKI_KU_KEY_AGREEMENT;
}

static void
responder_without_nocheck(struct pki_cert_spec *s)
{
	s->eku = PKI_EKU_OCSP_SIGNING;
	s->ocsp_url = NULL;
}

static void
nocheck_without_responder(struct pki_cert_spec *s)
{
	s->ocsp_nocheck = true;
}

static void
responder_with_ocsp_url(struct pki_cert_spec *s)
{
	s->eku = PKI_EKU_OCSP_SIGNING;
	s->ocsp_nocheck = true;
}

static void
no_authority_key_id(struct pki_cert_spec *s)
{
	s->authority_key_id = NOTHING;
}

static void
ca_without_key_id(struct pki_cert_spec *s)
{
	*s = authority();
	s->subject_key_id = NOTHING;
}

static void
crl_over_https(struct pki_cert_spec *s)
{
	s->crl_url = "https://a.example/1.crl";
}

static void
crl_url_with_space(struct pki_cert_spec *s)
{
	s->crl_url = "http://a.example/1 .crl";
}

static void
ocsp_over_ldap(struct pki_cert_spec *s)
{
	s->ocsp_url = "ldap://a.example/";
}

static void
issuers_over_ftp(struct pki_cert_spec *s)
{
	s->ca_issuers_url = "ftp://a.example/";
}

static void
wrong_name(struct pki_cert_spec *s)
{
	s->sans.item[0].value = BYTES_LIT("a_b.example");
}

static void
key_of_no_kind(struct pki_cert_spec *s)
{
	s->spki = hex("3003 020100");
}

static void
backwards_in_time(struct pki_cert_spec *s)
{
	s->not_after = s->not_before - 1;
}

static void
test_each_rule_refuses(void)
{
	static const struct {
		void (*spoil)(struct pki_cert_spec *s);
		const char *reason;
	} cases[] = {
		{short_serial, "rule \"serial_has_16_octets\""},
		{high_serial, "rule \"serial_has_16_octets\""},
		{empty_issuer, "rule \"issuer_is_not_empty\""},
		{no_extent, "rule \"validity_has_an_extent\""},
		{no_name_at_all, "rule \"subject_or_san_names_it\""},
		{nameless_ca, "rule \"ca_has_a_subject\""},
		{ca_without_cert_sign, "rule \"ca_signs_certificates\""},
		{cert_sign_without_ca, "rule \"ca_signs_certificates\""},
		{crl_sign_without_ca, "rule \"crl_sign_is_a_cas\""},
		{constraints_without_ca, "rule \"name_constraints_are_a_cas\""},
		{encipher_only, "rule \"key_usage_is_known\""},
		{ec_key_encipherment, "rule \"key_usage_fits_the_key\""},
		{rsa_key_agreement, "rule \"key_usage_fits_the_key\""},
		{ed25519_key_agreement, "rule \"key_usage_fits_the_key\""},
		{responder_without_nocheck, "rule \"responder_has_nocheck\""},
		{nocheck_without_responder, "rule \"responder_has_nocheck\""},
		{responder_with_ocsp_url, "rule \"responder_has_no_ocsp_url\""},
		{no_authority_key_id, "rule \"authority_key_id_present\""},
		{ca_without_key_id, "rule \"ca_has_subject_key_id\""},
		{crl_over_https, "rule \"crl_url_is_http\""},
		{crl_url_with_space, "rule \"crl_url_is_http\""},
		{ocsp_over_ldap, "rule \"access_urls_are_http\""},
		{issuers_over_ftp, "rule \"access_urls_are_http\""},
		{wrong_name, "DNS name \"a_b.example\""},
		{key_of_no_kind, "algorithm"},
		{backwards_in_time, "later than"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pki_cert_spec s = leaf();

		cases[i].spoil(&s);
		CHECK_CASE(lint_tbs(tbs_of(&s), PKI_SIG_ECDSA_SHA256, A()) == ERR_INVALID,
			cases[i].reason);
		CHECK_CASE(err_word() == WORD_LINT, cases[i].reason);
		CHECK_CASE(strstr(err_reason(), cases[i].reason) != NULL, cases[i].reason);
	}
}

static void
test_another_signature_algorithm_is_refused(void)
{
	struct pki_cert_spec s = leaf();

	CHECK_REASON(lint_tbs(tbs_of(&s), PKI_SIG_ECDSA_SHA384, A()), ERR_INVALID,
		"rule \"algorithm_is_the_signers\"");
}

/* ---- octets the builder never writes ---- */

struct pieces {
	struct bytes version, serial, validity, extra, extensions;
};

static struct bytes
ext(const char *oid, const char *critical, const char *value)
{
	return SEQ(TLV(DER_OID, hex(oid)), hex(critical), TLV(DER_OCTET_STRING, hex(value)));
}

#define KEY_USAGE ext("551d0f", "0101ff", "03020780")
#define AUTHORITY_KEY_ID ext("551d23", "", "30168014000102030405060708090a0b0c0d0e0f10111213")
#define GOOD_VALIDITY hex("301e 170d3236303130313030303030305a 170d3237303130313030303030305a")
#define VERSION_3 hex("a003020102")
#define SERIAL hex("02100102030405060708090a0b0c0d0e0f10")

static struct bytes
assemble(struct pieces p)
{
	struct bytes extensions = p.extensions.n > 0 ? TLV(0xa3, SEQ(p.extensions)) : NOTHING;

	return SEQ(p.version, p.serial, hex("300a06082a8648ce3d040302"), dn("CA"), p.validity,
		dn("x"), hex(P256_SPKI), p.extra, extensions);
}

static void
test_octets_of_other_builders_are_refused(void)
{
	struct bytes base = JOIN(AUTHORITY_KEY_ID, KEY_USAGE);
	struct {
		const char *reason;
		struct pieces p;
	} cases[] = {
		{"\"version\" has tag 0x02", {NOTHING, SERIAL, GOOD_VALIDITY, NOTHING, base}},
		{"\"version\" is not v3",
			{hex("a003020101"), SERIAL, GOOD_VALIDITY, NOTHING, base}},
		{"serialNumber", {VERSION_3, hex("020100"), GOOD_VALIDITY, NOTHING, base}},
		{"serialNumber",
			{VERSION_3, hex("0210ff02030405060708090a0b0c0d0e0f10"), GOOD_VALIDITY,
				NOTHING, base}},
		{"serialNumber",
			{VERSION_3, hex("0215010203040506070809000102030405060708090a0b0c"),
				GOOD_VALIDITY, NOTHING, base}},
		{"not a minimal INTEGER",
			{VERSION_3, hex("02020001"), GOOD_VALIDITY, NOTHING, base}},
		{"4.1.2.5",
			{VERSION_3, SERIAL,
				hex("3020 180f32303236303130313030303030305a 170d3237303130313030303030305a"),
				NOTHING, base}},
		{"4.1.2.5",
			{VERSION_3, SERIAL,
				hex("301c 170b323630313031303030305a 170d3237303130313030303030305a"),
				NOTHING, base}},
		{"extensions", {VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING, NOTHING}},
		{"extensions",
			{VERSION_3, SERIAL, GOOD_VALIDITY, hex("81020001"),
				base}}, /* issuerUniqueID */
		{"twice", {VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING, JOIN(base, KEY_USAGE)}},
		{"DEFAULT",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(AUTHORITY_KEY_ID, ext("551d0f", "010100", "03020780"))}},
		{"\"cA\" has its DEFAULT",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base, ext("551d13", "0101ff", "3003010100"))}},
		{"basic_constraints_are_a_cas",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base, ext("551d13", "0101ff", "3000"))}},
		{"path_length_is_a_cas",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base, ext("551d13", "0101ff", "3003020100"))}},
		{"extensions_are_known",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base, ext("2a0304", "", "0500"))}},
		{"unknown critical",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base, ext("2a0304", "0101ff", "0500"))}},
		{"criticality_is_right",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(AUTHORITY_KEY_ID, ext("551d0f", "", "03020780"))}},
		{"criticality_is_right",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(KEY_USAGE,
					ext("551d23", "0101ff",
						"30168014000102030405060708090a0b0c0d0e0f10111213"))}},
		{"key_usage_is_not_empty",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(AUTHORITY_KEY_ID, ext("551d0f", "0101ff", "030100"))}},
		{"not a minimal bit list",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(AUTHORITY_KEY_ID, ext("551d0f", "0101ff", "03020080"))}},
		{"eku_is_known",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base, ext("551d25", "", "3006 0604551d2500"))}},
		{"\"extKeyUsage\" is empty",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base, ext("551d25", "", "3000"))}},
		{"authority_key_id_present",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(KEY_USAGE, ext("551d23", "", "3000"))}},
		{"authority_key_id_holds_the_key_id_only",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(KEY_USAGE, ext("551d23", "", "3007 8002 0102 820101"))}},
		{"no name in it",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base, ext("551d11", "", "3000"))}},
		{"GeneralName type [4]",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base, ext("551d11", "", "3004 a402 3000"))}},
		{"san_is_critical_without_subject_only",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base, ext("551d11", "0101ff", "3003 820161"))}},
		{"access_urls_are_http",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base,
					ext("2b06010505070101", "",
						"300a 3008 06022a03 8602 613a"))}},
		{"crl_url_is_http",
			{VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING,
				JOIN(base, ext("551d1f", "", "3002 3000"))}},
	};

	CHECK_OK(
		lint_tbs(assemble((struct pieces){VERSION_3, SERIAL, GOOD_VALIDITY, NOTHING, base}),
			PKI_SIG_ECDSA_SHA256, A()));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes tbs = assemble(cases[i].p);

		CHECK_CASE(
			lint_tbs(tbs, PKI_SIG_ECDSA_SHA256, A()) == ERR_INVALID, cases[i].reason);
		CHECK_CASE(err_word() == WORD_LINT, cases[i].reason);
		CHECK_CASE(strstr(err_reason(), cases[i].reason) != NULL, cases[i].reason);
		if (strstr(err_reason(), cases[i].reason) == NULL)
			fprintf(stderr, "reason is \"%s\"\n", err_reason());
	}
}

static void
test_octets_after_the_tbs_are_refused(void)
{
	struct pki_cert_spec s = leaf();

	CHECK_ERR(lint_tbs(JOIN(tbs_of(&s), hex("00")), PKI_SIG_ECDSA_SHA256, A()), ERR_INVALID);
	CHECK_ERR(lint_tbs(NOTHING, PKI_SIG_ECDSA_SHA256, A()), ERR_INVALID);
}

/* Whoever put it into the queue: it is not certified. */
static void
test_a_weak_key_is_refused(void)
{
	struct pki_cert_spec s = leaf();

	s.spki = SEQ(hex("300506032b6570"),
		TLV(DER_BIT_STRING, hex("0001"), bytes_of((const uint8_t[31]){0}, 31)));
	CHECK_REASON(lint_tbs(tbs_of(&s), PKI_SIG_ECDSA_SHA256, A()), ERR_INVALID, "small order");
	CHECK(err_word() == WORD_LINT);
	s.spki = hex(P256_SPKI);
	((uint8_t *)s.spki.p)[s.spki.n - 1] ^= 1;
	CHECK_REASON(lint_tbs(tbs_of(&s), PKI_SIG_ECDSA_SHA256, A()), ERR_INVALID, "not a point");
}

UNIT_MAIN("pki-lint", {"test_good_certificates_pass", test_good_certificates_pass},
	{"test_each_rule_refuses", test_each_rule_refuses},
	{"test_another_signature_algorithm_is_refused",
		test_another_signature_algorithm_is_refused},
	{"test_octets_of_other_builders_are_refused", test_octets_of_other_builders_are_refused},
	{"test_octets_after_the_tbs_are_refused", test_octets_after_the_tbs_are_refused},
	{"test_a_weak_key_is_refused", test_a_weak_key_is_refused})
