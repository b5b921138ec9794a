/* CRLs: a golden file, OpenSSL as the other reader, and what must not be written or read. */
#include <time.h>

#include <openssl/x509v3.h>

#include "lib/pki/crl.h"
#include "tests/unit/pki/pki_test.h"

AUTO_DEFINE(X509_CRL, X509_CRL_free)

static const struct {
	const char *serial;
	int64_t at;
	enum pki_reason reason, read_as;
} revoked[] = {
	{"0102030405060708090a0b0c0d0e0f10", 1800000000, PKI_REASON_KEY_COMPROMISE,
		PKI_REASON_KEY_COMPROMISE},
	{"7f02030405060708090a0b0c0d0e0f10", 1800000001, PKI_REASON_UNSPECIFIED, PKI_REASON_NONE},
	{"ff02030405060708090a0b0c0d0e0f10", INT64_C(2550000000), PKI_REASON_CERTIFICATE_HOLD,
		PKI_REASON_CERTIFICATE_HOLD},
	{"01", 0, PKI_REASON_NONE, PKI_REASON_NONE},
	{"02", 0, PKI_REASON_AA_COMPROMISE, PKI_REASON_AA_COMPROMISE},
};

static struct pki_crl_spec
base_spec(struct buf *entries)
{
	for (size_t i = 0; i < ARRAY_LEN(revoked); i++)
		CHECK_OK(pki_crl_entry_append(
			entries, hex(revoked[i].serial), revoked[i].at, revoked[i].reason));
	return (struct pki_crl_spec){
		.issuer = dn("CA"),
		.authority_key_id = hex("000102030405060708090a0b0c0d0e0f10111213"),
		.number = UINT64_C(0xfedcba9876543210),
		.this_update = 1800000100,
		.next_update = 1800086500,
		.entries = buf_bytes(entries),
	};
}

static struct bytes
build(const struct pki_crl_spec *spec)
{
	AUTO(EVP_PKEY) key = fixed_key(1);
	AUTO_BUF(out, 1 << 20);
	struct pki_signer s;

	pki_signer_software(key, PKI_KEY_ED25519, &s);
	CHECK_OK(pki_crl_build(spec, &s, &out));
	return arena_bytes(A(), buf_bytes(&out));
}

static void
test_the_crl_is_the_golden_one(void)
{
	AUTO_BUF(entries, 4096);
	struct pki_crl_spec spec = base_spec(&entries);
	struct bytes der = build(&spec), text = test_file("golden/crl.hex");
	bool same = bytes_equal(der, hex(arena_string(A(), text)));

	CHECK(same);
	if (!same)
		fprintf(stderr, "%s\n", hex_string(A(), der));
	free((void *)text.p);
}

static int64_t
seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : -1;
}

static void
compare_entry(X509_REVOKED *r, size_t i)
{
	ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);
	const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(r);

	CHECK(bytes_equal(bytes_of(serial->data, (size_t)serial->length), hex(revoked[i].serial)));
	CHECK(seconds(X509_REVOKED_get0_revocationDate(r)) == revoked[i].at);
	CHECK((reason != NULL ? (int)ASN1_ENUMERATED_get(reason) : -1) == (int)revoked[i].read_as);
	ASN1_ENUMERATED_free(reason);
}

static void
test_openssl_reads_what_was_specified(void)
{
	AUTO_BUF(entries, 4096);
	struct pki_crl_spec spec = base_spec(&entries);
	struct bytes der = build(&spec);
	const unsigned char *p = der.p;
	AUTO(X509_CRL) x = d2i_X509_CRL(NULL, &p, (long)der.n);
	AUTO(EVP_PKEY) key = fixed_key(1);
	STACK_OF(X509_REVOKED) * list;
	ASN1_INTEGER *number;
	uint64_t n = 0;

	CHECK(x != NULL && p == der.p + der.n && X509_CRL_verify(x, key) == 1);
	if (x == NULL)
		return;
	CHECK(X509_CRL_get_version(x) == 1);
	CHECK(seconds(X509_CRL_get0_lastUpdate(x)) == spec.this_update);
	CHECK(seconds(X509_CRL_get0_nextUpdate(x)) == spec.next_update);
	number = X509_CRL_get_ext_d2i(x, NID_crl_number, NULL, NULL);
	CHECK(ASN1_INTEGER_get_uint64(&n, number) == 1 && n == spec.number);
	ASN1_INTEGER_free(number);
	CHECK(X509_CRL_get_ext_by_critical(x, 1, -1) < 0);
	list = X509_CRL_get_REVOKED(x);
	CHECK(sk_X509_REVOKED_num(list) == (int)ARRAY_LEN(revoked));
	for (int i = 0; i < sk_X509_REVOKED_num(list); i++) /* sorted by nothing but our order */
		compare_entry(sk_X509_REVOKED_value(list, i), (size_t)i);
}

static void
test_what_was_written_is_read(void)
{
	AUTO_BUF(entries, 4096);
	struct pki_crl_spec spec = base_spec(&entries);
	AUTO(EVP_PKEY) key = fixed_key(1);
	struct pki_crl crl = {0};
	enum pki_reason reason;
	struct bytes serial;
	struct der at;
	int64_t t;

	CHECK_OK(pki_crl_parse(build(&spec), &crl));
	CHECK(crl.number == spec.number && crl.this_update == spec.this_update &&
		crl.next_update == spec.next_update);
	CHECK(bytes_equal(crl.issuer, spec.issuer) &&
		bytes_equal(crl.authority_key_id, spec.authority_key_id));
	CHECK_OK(pki_verify(key, crl.sig_alg, crl.tbs, crl.signature));
	at = der_open(crl.entries);
	for (size_t i = 0; i < ARRAY_LEN(revoked); i++) {
		struct bytes want = hex(revoked[i].serial);

		CHECK_OK(pki_crl_entry_next(&at, &serial, &t, &reason));
		CHECK(bytes_equal(serial, want.p[0] >= 0x80 ? JOIN(hex("00"), want) : want));
		CHECK(t == revoked[i].at && reason == revoked[i].read_as);
	}
	CHECK_ERR(pki_crl_entry_next(&at, &serial, &t, &reason), ERR_NOTFOUND);
}

static void
test_openssls_crl_is_read(void)
{
	struct bytes der = test_file("data/crl-openssl.der"), serial;
	enum pki_reason reason = PKI_REASON_NONE;
	struct pki_crl crl = {0};
	struct der at;
	int64_t t;

	CHECK_OK(pki_crl_parse(der, &crl));
	CHECK(crl.number == 0x1000);
	at = der_open(crl.entries);
	CHECK_OK(pki_crl_entry_next(&at, &serial, &t, &reason));
	CHECK(bytes_equal(serial, hex("0123456789abcdef0123456789abcdef")) &&
		reason == PKI_REASON_KEY_COMPROMISE);
	CHECK_OK(pki_crl_entry_next(&at, &serial, &t, &reason));
	CHECK(reason == PKI_REASON_NONE);
	CHECK_ERR(pki_crl_entry_next(&at, &serial, &t, &reason), ERR_NOTFOUND);
	free((void *)der.p);
}

static void
test_an_empty_crl_has_no_list(void)
{
	AUTO_BUF(entries, 4096);
	struct pki_crl_spec spec = base_spec(&entries);
	struct pki_crl crl = {0};

	spec.entries = NOTHING;
	CHECK_OK(pki_crl_parse(build(&spec), &crl));
	CHECK(crl.entries.n == 0 && crl.number == spec.number);
}

static void
test_bad_specifications_are_refused(void)
{
	AUTO(EVP_PKEY) key = fixed_key(1);
	AUTO_BUF(entries, 4096);
	AUTO_BUF(out, 4096);
	struct pki_crl_spec good = base_spec(&entries), s;
	struct pki_signer signer;

	pki_signer_software(key, PKI_KEY_ED25519, &signer);
	s = good;
	s.next_update = s.this_update;
	CHECK_REASON(pki_crl_build(&s, &signer, &out), ERR_INVALID, "nextUpdate");
	s = good;
	s.issuer = dn(NULL);
	CHECK_REASON(pki_crl_build(&s, &signer, &out), ERR_INVALID, "issuer");
	s = good;
	s.authority_key_id = NOTHING;
	CHECK_REASON(pki_crl_build(&s, &signer, &out), ERR_INVALID, "authorityKeyIdentifier");
	CHECK(out.len == 0);
	out.max = 64;
	CHECK_ERR(pki_crl_build(&good, &signer, &out), ERR_LIMIT);
	CHECK(out.len == 0);
}

/* ---- reading what others might write ---- */

static struct bytes
signed_list(struct bytes tbs)
{
	AUTO(EVP_PKEY) key = fixed_key(1);
	AUTO_BUF(out, 1 << 16);
	struct pki_signer s;

	pki_signer_software(key, PKI_KEY_ED25519, &s);
	CHECK_OK(pki_sign(&s, tbs, &out));
	return arena_bytes(A(), buf_bytes(&out));
}

#define ED25519 hex("300506032b6570")
#define ECDSA hex("300a06082a8648ce3d040302")
#define TIMES hex("170d3236303130313030303030305a 170d3237303130313030303030305a")
#define NUMBER hex("300a0603551d140403020101")
#define AKI hex("300b0603551d230404 3002 8000")
#define GOOD_AKI hex("300c0603551d230405 3003 800161")
#define EXTS(...) TLV(0xa0, SEQ(__VA_ARGS__))

static void
test_bad_crls_are_refused(void)
{
	struct bytes v2 = hex("020101"), name = dn("CA"),
		     good = SEQ(v2, ED25519, name, TIMES, EXTS(GOOD_AKI, NUMBER));
	struct {
		const char *name;
		struct bytes tbs;
	} cases[] = {
		{"version 1", SEQ(ED25519, name, TIMES)},
		{"version 3", SEQ(hex("020102"), ED25519, name, TIMES, EXTS(GOOD_AKI, NUMBER))},
		{"other algorithm inside", SEQ(v2, ECDSA, name, TIMES, EXTS(GOOD_AKI, NUMBER))},
		{"no nextUpdate",
			SEQ(v2, ED25519, name, hex("170d3236303130313030303030305a"),
				EXTS(GOOD_AKI, NUMBER))},
		{"times backwards",
			SEQ(v2, ED25519, name,
				hex("170d3237303130313030303030305a 170d3236303130313030303030305a"),
				EXTS(GOOD_AKI, NUMBER))},
		{"empty list", SEQ(v2, ED25519, name, TIMES, hex("3000"), EXTS(GOOD_AKI, NUMBER))},
		{"no extensions", SEQ(v2, ED25519, name, TIMES)},
		{"no number", SEQ(v2, ED25519, name, TIMES, EXTS(GOOD_AKI))},
		{"no key identifier", SEQ(v2, ED25519, name, TIMES, EXTS(NUMBER))},
		{"empty key identifier", SEQ(v2, ED25519, name, TIMES, EXTS(AKI, NUMBER))},
		{"number twice", SEQ(v2, ED25519, name, TIMES, EXTS(GOOD_AKI, NUMBER, NUMBER))},
		{"negative number",
			SEQ(v2, ED25519, name, TIMES,
				EXTS(GOOD_AKI, hex("300a0603551d1404030201ff")))},
		{"number of 65 bits",
			SEQ(v2, ED25519, name, TIMES,
				EXTS(GOOD_AKI, hex("30120603551d14040b0209010000000000000000")))},
		{"issuing distribution point",
			SEQ(v2, ED25519, name, TIMES,
				EXTS(GOOD_AKI, NUMBER, hex("300f0603551d1c0101ff040530038101ff")))},
		{"octets after",
			SEQ(v2, ED25519, name, TIMES, EXTS(GOOD_AKI, NUMBER), hex("0500"))},
		{"bad issuer", SEQ(v2, ED25519, SEQ(hex("3100")), TIMES, EXTS(GOOD_AKI, NUMBER))},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pki_crl crl;

		CHECK_CASE(pki_crl_parse(signed_list(cases[i].tbs), &crl) == ERR_INVALID,
			cases[i].name);
		CHECK_CASE(err_word() == WORD_BAD_CRL, cases[i].name);
	}
	CHECK_OK(pki_crl_parse(signed_list(good), &(struct pki_crl){0}));
	CHECK_ERR(pki_crl_parse(JOIN(signed_list(good), hex("00")), &(struct pki_crl){0}),
		ERR_INVALID);
	CHECK_ERR(pki_crl_parse(NOTHING, &(struct pki_crl){0}), ERR_INVALID);
}

static void
test_bad_entries_are_refused(void)
{
	static const struct {
		const char *name, *entry;
	} cases[] = {
		{"no date", "3003 020101"},
		{"negative serial", "3012 0201ff 170d3236303130313030303030305a"},
		{"reason 0 written",
			"3020 020101 170d3236303130313030303030305a 300c300a0603551d1504030a0100"},
		{"reason 7",
			"3020 020101 170d3236303130313030303030305a 300c300a0603551d1504030a0107"},
		{"reason 11",
			"3020 020101 170d3236303130313030303030305a 300c300a0603551d1504030a010b"},
		{"unknown critical extension",
			"301f 020101 170d3236303130313030303030305a 300b30090601 2a 0101ff 040100"},
		{"octets after", "3014 020101 170d3236303130313030303030305a 0500"},
		{"not a SEQUENCE", "020101"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct der at = der_open(hex(cases[i].entry));
		const uint8_t *before = at.p;
		enum pki_reason reason;
		struct bytes serial;
		int64_t t;

		CHECK_CASE(pki_crl_entry_next(&at, &serial, &t, &reason) == ERR_INVALID,
			cases[i].name);
		CHECK_CASE(at.p == before, cases[i].name);
	}
}

static void
test_reasons_have_names_and_numbers(void)
{
	enum pki_reason r;

	CHECK_OK(pki_reason_parse("keyCompromise", &r));
	CHECK(r == PKI_REASON_KEY_COMPROMISE);
	CHECK_OK(pki_reason_parse("10", &r));
	CHECK(r == PKI_REASON_AA_COMPROMISE && strcmp(pki_reason_name(r), "aACompromise") == 0);
	CHECK_OK(pki_reason_parse("0", &r));
	CHECK(r == PKI_REASON_UNSPECIFIED);
	CHECK_ERR(pki_reason_parse("7", &r), ERR_INVALID);
	CHECK_ERR(pki_reason_parse("-1", &r), ERR_INVALID);
	CHECK_ERR(pki_reason_parse("none", &r), ERR_INVALID);
	CHECK_ERR(pki_reason_parse("keycompromise", &r), ERR_INVALID);
	CHECK_ERR(pki_reason_parse("", &r), ERR_INVALID);
}

UNIT_MAIN("pki-crl", {"test_the_crl_is_the_golden_one", test_the_crl_is_the_golden_one},
	{"test_openssl_reads_what_was_specified", test_openssl_reads_what_was_specified},
	{"test_what_was_written_is_read", test_what_was_written_is_read},
	{"test_openssls_crl_is_read", test_openssls_crl_is_read},
	{"test_an_empty_crl_has_no_list", test_an_empty_crl_has_no_list},
	{"test_bad_specifications_are_refused", test_bad_specifications_are_refused},
	{"test_bad_crls_are_refused", test_bad_crls_are_refused},
	{"test_bad_entries_are_refused", test_bad_entries_are_refused},
	{"test_reasons_have_names_and_numbers", test_reasons_have_names_and_numbers})
