/* Certification requests: those other tools make, and those nobody should. */
#include "lib/pki/csr.h"
#include "tests/unit/pki/pki_test.h"

static void
test_openssls_requests_are_read(void)
{
	static const struct {
		const char *file;
		enum pki_key_type type;
		unsigned bits;
	} cases[] = {{"data/csr-p256.der", PKI_KEY_P256, 256},
		{"data/csr-p384.der", PKI_KEY_P384, 384}, {"data/csr-rsa.der", PKI_KEY_RSA, 2048},
		{"data/csr-ed25519.der", PKI_KEY_ED25519, 256}};
	struct pki_sans want = SANS("dns:a.example", "dns:*.b.example", "ip:10.0.0.1",
		"ip:2001:db8::1", "uri:spiffe://x/y", "email:a@example.org",
		"other:1.3.6.1.4.1.311.20.2.3:0c03614062");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes der = test_file(cases[i].file);
		struct pki_csr csr = {0};

		CHECK_CASE(pki_csr_parse(der, A(), &csr) == ERR_OK, cases[i].file);
		CHECK_CASE(csr.spki.type == cases[i].type && csr.spki.bits == cases[i].bits,
			cases[i].file);
		CHECK_CASE(pki_sans_equal(&csr.sans, &want), cases[i].file);
		CHECK_CASE(
			strcmp(pki_name_text(A(), csr.subject), "CN=dev 1,O=Ex\\, GmbH,C=DE") == 0,
			cases[i].file);
		CHECK_CASE(
			csr.key_usage == PKI_KU_DIGITAL_SIGNATURE && !csr.asks_ca, cases[i].file);
		CHECK_CASE(!csr.has_challenge_password && csr.other_extensions == 0, cases[i].file);
		free((void *)der.p);
	}
}

static void
test_what_is_asked_is_reported(void)
{
	struct bytes der = test_file("data/csr-attributes.der");
	struct pki_csr csr = {0};

	CHECK_OK(pki_csr_parse(der, A(), &csr));
	CHECK(csr.asks_ca);
	CHECK(csr.has_challenge_password &&
		bytes_equal(csr.challenge_password, BYTES_LIT("secret123")));
	CHECK(csr.other_extensions == 1); /* extendedKeyUsage */
	CHECK(csr.sans.count == 1);
	free((void *)der.p);
}

static void
test_requests_with_other_keys_and_algorithms_are_refused(void)
{
	static const struct {
		const char *file, *word;
	} cases[] = {{"data/csr-explicit-curve.der", "bad-key"}, {"data/csr-p521.der", "bad-key"},
		{"data/csr-compressed.der", "bad-key"}, {"data/csr-rsa1024.der", "bad-key"},
		{"data/csr-rsa-e3.der", "bad-key"}, {"data/csr-sha1.der", "bad-csr"},
		{"data/csr-pss.der", "bad-csr"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes der = test_file(cases[i].file);
		struct pki_csr csr;

		CHECK_CASE(pki_csr_parse(der, A(), &csr) == ERR_INVALID, cases[i].file);
		CHECK_CASE(strcmp(err_word_text(err_word()), cases[i].word) == 0, cases[i].file);
		free((void *)der.p);
	}
}

/* Ed25519, because verification is exact and quick; the signature covers everything that is not
 * itself. */
static void
test_every_flipped_bit_of_a_request_is_refused(void)
{
	static const uint8_t flips[] = {0x01, 0x20, 0x80, 0xff};
	struct bytes der = test_file("data/csr-ed25519.der");
	uint8_t *octets = (uint8_t *)der.p;

	for (size_t i = 0; i < der.n; i++)
		for (size_t k = 0; k < ARRAY_LEN(flips); k++) {
			AUTO_STRUCT(arena) a = arena_new(0);
			struct pki_csr csr;

			octets[i] ^= flips[k];
			CHECK_CASE(pki_csr_parse(der, a, &csr) == ERR_INVALID,
				arena_printf(A(), "octet %zu", i));
			octets[i] ^= flips[k];
		}
	free(octets);
}

/* RFC 4055 section 5; the algorithm is outside what is signed. */
static void
test_an_rsa_algorithm_without_null_is_accepted(void)
{
	struct bytes der = test_file("data/csr-rsa.der"), info, alg, signature, bare;
	struct der top = der_open(der), d;
	struct pki_csr csr;

	CHECK_OK(der_enter(&top, DER_SEQUENCE, "", &d));
	CHECK_OK(der_get_whole(&d, DER_SEQUENCE, "", &info));
	CHECK_OK(der_get_whole(&d, DER_SEQUENCE, "", &alg));
	CHECK_OK(der_get_whole(&d, DER_BIT_STRING, "", &signature));
	bare = SEQ(bytes_of(alg.p + 2, alg.n - 4));
	CHECK_OK(pki_csr_parse(SEQ(info, bare, signature), A(), &csr));
	CHECK_ERR(pki_csr_parse(
			  SEQ(info, SEQ(bytes_of(alg.p + 2, alg.n - 4), hex("0400")), signature),
			  A(), &csr),
		ERR_INVALID);
	free((void *)der.p);
}

static void
test_every_cut_request_is_refused(void)
{
	struct bytes der = test_file("data/csr-p256.der");

	for (size_t i = 0; i < der.n; i++) {
		uint8_t *cut = malloc(i + 1);
		AUTO_STRUCT(arena) a = arena_new(0);
		struct pki_csr csr;

		memcpy(cut, der.p, i);
		CHECK_ERR(pki_csr_parse(bytes_of(cut, i), a, &csr), ERR_INVALID);
		free(cut);
	}
	free((void *)der.p);
}

/* ---- well signed, badly made ---- */

static struct bytes
signed_by_fixed_key(struct bytes tbs)
{
	AUTO(EVP_PKEY) key = fixed_key(7);
	AUTO_BUF(out, 1 << 20);
	struct pki_signer s;

	pki_signer_software(key, PKI_KEY_ED25519, &s);
	CHECK_OK(pki_sign(&s, tbs, &out));
	return arena_bytes(A(), buf_bytes(&out));
}

static struct bytes
fixed_spki(void)
{
	AUTO(EVP_PKEY) key = fixed_key(7);

	return spki_of(key);
}

static struct bytes
with_attributes(struct bytes attributes)
{
	return signed_by_fixed_key(
		SEQ(hex("020100"), dn("x"), fixed_spki(), TLV(0xa0, attributes)));
}

static struct bytes
attribute(struct bytes oid, struct bytes values)
{
	return SEQ(TLV(DER_OID, oid), TLV(DER_SET, values));
}

static struct bytes
extension(struct bytes oid, struct bytes value)
{
	return SEQ(TLV(DER_OID, oid), TLV(DER_OCTET_STRING, value));
}

static struct bytes
asking(struct bytes extensions)
{
	return with_attributes(attribute(OID_EXTENSION_REQUEST, SEQ(extensions)));
}

static void
test_badly_made_requests_are_refused(void)
{
	struct bytes spki = fixed_spki(), san = extension(OID_SUBJECT_ALT_NAME, hex("3003 820161"));
	struct bytes ext = attribute(OID_EXTENSION_REQUEST, SEQ(san)), many = NOTHING,
		     lots = NOTHING;
	struct bytes password = attribute(OID_CHALLENGE_PASSWORD, hex("130161")), good;

	for (int i = 0; i < 17; i++)
		many = JOIN(many, attribute(hex("2a03"), hex("0500")));
	for (int i = 0; i < 33; i++)
		lots = JOIN(lots,
			extension(
				JOIN(hex("2a"), bytes_of(&(uint8_t){(uint8_t)i}, 1)), hex("0500")));
	good = with_attributes(ext);
	struct {
		const char *name;
		struct bytes der;
		const char *word, *reason;
	} cases[] = {
		{"trailing octet", JOIN(good, hex("00")), "bad-csr", "too many"},
		{"version 1", signed_by_fixed_key(SEQ(hex("020101"), dn("x"), spki, hex("a000"))),
			"bad-csr", "version"},
		{"no attributes field", signed_by_fixed_key(SEQ(hex("020100"), dn("x"), spki)),
			"bad-csr", "attributes"},
		{"field after attributes",
			signed_by_fixed_key(SEQ(hex("020100"), dn("x"), spki, hex("a000 0500"))),
			"bad-csr", "too many"},
		{"bad subject",
			signed_by_fixed_key(
				SEQ(hex("020100"), SEQ(hex("3100")), spki, hex("a000"))),
			"bad-name", ""},
		{"second extensionRequest", with_attributes(JOIN(ext, ext)), "bad-csr",
			"second extensionRequest"},
		{"two values in extensionRequest",
			with_attributes(attribute(OID_EXTENSION_REQUEST, JOIN(SEQ(san), SEQ(san)))),
			"bad-csr", "too many"},
		{"no value in extensionRequest",
			with_attributes(attribute(OID_EXTENSION_REQUEST, NOTHING)), "bad-csr",
			"missing"},
		{"no extension in extensionRequest", asking(NOTHING), "bad-csr", "empty"},
		{"extension twice", asking(JOIN(san, san)), "bad-csr", "twice"},
		{"33 extensions", asking(lots), "bad-csr", "more than 32"},
		{"Microsoft's attribute",
			with_attributes(attribute(OID_MS_EXTENSION_REQUEST, SEQ(san))), "bad-csr",
			"Microsoft"},
		{"second challengePassword", with_attributes(JOIN(password, password)), "bad-csr",
			"second challengePassword"},
		{"two passwords in one",
			with_attributes(attribute(OID_CHALLENGE_PASSWORD, hex("130161 130162"))),
			"bad-csr", "too many"},
		{"empty password", with_attributes(attribute(OID_CHALLENGE_PASSWORD, hex("1300"))),
			"bad-csr", "no octet"},
		{"password that is a number",
			with_attributes(attribute(OID_CHALLENGE_PASSWORD, hex("020101"))),
			"bad-csr", "UTF8String"},
		{"17 attributes", with_attributes(many), "bad-csr", "more than 16"},
		{"attribute with a third field", with_attributes(SEQ(hex("06022a03 3100 0500"))),
			"bad-csr", "too many"},
		{"bad name", asking(extension(OID_SUBJECT_ALT_NAME, hex("3003 82012a"))),
			"bad-name", ""},
		{"critical FALSE encoded",
			asking(SEQ(TLV(DER_OID, OID_KEY_USAGE), hex("010100 0404 03020780"))),
			"bad-csr", "DEFAULT"},
		{"cA FALSE encoded", asking(extension(OID_BASIC_CONSTRAINTS, hex("3003010100"))),
			"bad-csr", "DEFAULT"},
		{"key usage with octets after",
			asking(extension(OID_KEY_USAGE, hex("03020780 00"))), "bad-csr",
			"too many"},
		{"no SEQUENCE", hex("3100"), "bad-csr", ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pki_csr csr;

		CHECK_CASE(pki_csr_parse(cases[i].der, A(), &csr) == ERR_INVALID, cases[i].name);
		CHECK_CASE(strcmp(err_word_text(err_word()), cases[i].word) == 0, cases[i].name);
		CHECK_CASE(strstr(err_reason(), cases[i].reason) != NULL, cases[i].name);
	}
	CHECK_OK(pki_csr_parse(good, A(), &(struct pki_csr){0}));
	CHECK_OK(pki_csr_parse(
		with_attributes(attribute(hex("2a03"), hex("0500"))), A(), &(struct pki_csr){0}));
}

static void
test_a_signature_by_another_key_is_refused(void)
{
	AUTO(EVP_PKEY) other = fixed_key(8);
	struct bytes der =
		signed_by_fixed_key(SEQ(hex("020100"), dn("x"), spki_of(other), hex("a000")));
	struct pki_csr csr;

	CHECK_REASON(pki_csr_parse(der, A(), &csr), ERR_INVALID, "does not verify");
	CHECK(err_word() == WORD_BAD_SIGNATURE);
}

static void
test_more_than_16_kib_is_refused_unread(void)
{
	struct pki_csr csr;
	struct bytes der = SEQ(bytes_of(arena_alloc(A(), PKI_CSR_MAX), PKI_CSR_MAX));

	CHECK_REASON(pki_csr_parse(der, A(), &csr), ERR_INVALID, "16384");
}

static void
test_a_request_we_write_is_read_again(void)
{
	struct pki_sans sans = SANS("dns:a.example", "ip:10.0.0.1"), none = {0};
	AUTO(EVP_PKEY) key = NULL;
	AUTO_BUF(out, PKI_CSR_MAX);
	struct pki_csr csr = {0};
	struct pki_signer s;

	CHECK_OK(pki_key_generate_p256(&key));
	pki_signer_software(key, PKI_KEY_P256, &s);
	CHECK_OK(pki_csr_build(dn("x"), &sans, spki_of(key), &s, &out));
	CHECK_OK(pki_csr_parse(buf_bytes(&out), A(), &csr));
	CHECK(pki_sans_equal(&csr.sans, &sans) && bytes_equal(csr.subject, dn("x")));
	CHECK(bytes_equal(csr.spki.der, spki_of(key)));
	buf_clear(&out);
	CHECK_OK(pki_csr_build(dn("x"), &none, spki_of(key), &s, &out));
	CHECK_OK(pki_csr_parse(buf_bytes(&out), A(), &csr));
	CHECK(csr.sans.count == 0);
}

UNIT_MAIN("pki-csr", {"test_openssls_requests_are_read", test_openssls_requests_are_read},
	{"test_what_is_asked_is_reported", test_what_is_asked_is_reported},
	{"test_requests_with_other_keys_and_algorithms_are_refused",
		test_requests_with_other_keys_and_algorithms_are_refused},
	{"test_every_flipped_bit_of_a_request_is_refused",
		test_every_flipped_bit_of_a_request_is_refused},
	{"test_an_rsa_algorithm_without_null_is_accepted",
		test_an_rsa_algorithm_without_null_is_accepted},
	{"test_every_cut_request_is_refused", test_every_cut_request_is_refused},
	{"test_badly_made_requests_are_refused", test_badly_made_requests_are_refused},
	{"test_a_signature_by_another_key_is_refused", test_a_signature_by_another_key_is_refused},
	{"test_more_than_16_kib_is_refused_unread", test_more_than_16_kib_is_refused_unread},
	{"test_a_request_we_write_is_read_again", test_a_request_we_write_is_read_again})
