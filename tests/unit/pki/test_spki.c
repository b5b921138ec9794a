/* Keys that exist for Chancery, keys that do not, and signatures. */
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "tests/unit/pki/keys.h"
#include "tests/unit/pki/pki_test.h"

static EVP_PKEY *
generate(enum pki_key_type type)
{
	switch (type) {
	case PKI_KEY_P256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	case PKI_KEY_P384:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	case PKI_KEY_RSA:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	default:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	}
}

static void
test_each_key_type_signs_and_verifies(void)
{
	for (enum pki_key_type t = 0; t < PKI_KEY_TYPE_COUNT; t++) {
		AUTO(EVP_PKEY) key = generate(t);
		AUTO(EVP_PKEY) made = NULL;
		AUTO_BUF(signature, 1024);
		struct pki_spki spki = {0};
		struct pki_signer s;

		CHECK_OK(pki_spki_parse(spki_of(key), &spki));
		CHECK(spki.type == t);
		CHECK_OK(pki_spki_pkey(&spki, &made));
		CHECK(EVP_PKEY_eq(key, made) == 1); /* fromdata against the key OpenSSL made */
		pki_signer_software(key, t, &s);
		CHECK_OK(s.sign(s.ctx, BYTES_LIT("message"), &signature));
		CHECK_OK(pki_verify(made, s.alg, BYTES_LIT("message"), buf_bytes(&signature)));
		CHECK_REASON(pki_verify(made, s.alg, BYTES_LIT("massage"), buf_bytes(&signature)),
			ERR_INVALID, "does not verify");
		CHECK(err_word() == WORD_BAD_SIGNATURE);
		for (size_t i = 0; i < signature.len; i += 7) {
			signature.data[i] ^= 0x10;
			CHECK_ERR(pki_verify(
					  made, s.alg, BYTES_LIT("message"), buf_bytes(&signature)),
				ERR_INVALID);
			signature.data[i] ^= 0x10;
		}
		CHECK_ERR(pki_verify(made, s.alg, BYTES_LIT("message"), NOTHING), ERR_INVALID);
	}
}

static void
test_an_algorithm_of_another_key_is_refused(void)
{
	AUTO(EVP_PKEY) key = generate(PKI_KEY_P256);

	for (enum pki_sig_alg alg = PKI_SIG_RSA_SHA256; alg <= PKI_SIG_ED25519; alg++)
		CHECK_REASON(pki_verify(key, alg, BYTES_LIT("m"), BYTES_LIT("s")), ERR_INVALID,
			"does not fit the key");
}

static void
test_signature_algorithms_are_written_and_read(void)
{
	for (enum pki_sig_alg alg = 0; alg < PKI_SIG_COUNT; alg++) {
		uint8_t room[32];
		struct bytes der;
		enum pki_sig_alg got = PKI_SIG_COUNT;
		struct derw w;
		struct der d;

		derw_init(&w, room, sizeof(room));
		pki_sig_alg_put(&w, alg);
		CHECK_OK(derw_done(&w, &der));
		d = der_open(der);
		CHECK_OK(pki_sig_alg_get(&d, &got));
		CHECK(got == alg && der_at_end(&d));
	}
}

static void
test_other_signature_algorithms_are_refused(void)
{
	static const char *const cases[] = {
		"300d06092a864886f70d0101050500",     /* SHA-1 with RSA */
		"300906072a8648ce3d0401",	      /* ECDSA with SHA-1 */
		"300d06092a864886f70d01010a3000",     /* RSA-PSS */
		"300c06082a8648ce3d0403020500",	      /* ECDSA with parameters */
		"300f06092a864886f70d01010b05000500", /* two NULLs */
		"3000",
		"0500",
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct der d = der_open(hex(cases[i]));
		const uint8_t *before = d.p;
		enum pki_sig_alg alg;

		CHECK_CASE(pki_sig_alg_get(&d, &alg) == ERR_INVALID && d.p == before, cases[i]);
	}
}

static void
test_rsa_algorithms_are_read_without_their_null(void)
{
	static const struct {
		const char *der;
		enum pki_sig_alg alg;
	} cases[] = {
		{"300b06092a864886f70d01010b", PKI_SIG_RSA_SHA256},
		{"300b06092a864886f70d01010c", PKI_SIG_RSA_SHA384},
		{"300b06092a864886f70d01010d", PKI_SIG_RSA_SHA512},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct der d = der_open(hex(cases[i].der));
		enum pki_sig_alg alg = PKI_SIG_COUNT;

		CHECK_OK(pki_sig_alg_get(&d, &alg));
		CHECK(alg == cases[i].alg && der_at_end(&d));
	}
}

static struct bytes
rsa_spki(struct bytes n, struct bytes e)
{
	return SEQ(hex("300d06092a864886f70d0101010500"),
		TLV(DER_BIT_STRING, hex("00"), SEQ(TLV(DER_INTEGER, n), TLV(DER_INTEGER, e))));
}

/* That of a good key, with its sign octet. */
static struct bytes
modulus(void)
{
	struct pki_spki spki = {0};

	CHECK_OK(pki_spki_parse(hex(RSA_SPKI), &spki));
	return JOIN(hex("00"), spki.modulus);
}

static void
test_keys_outside_the_rules_are_refused(void)
{
	struct bytes n = modulus(), p256 = hex(P256_SPKI);
	struct bytes point = bytes_of(p256.p + 26, 65),
		     ec = hex("301306072a8648ce3d020106082a8648ce3d030107");
	struct bytes rsa = hex("300d06092a864886f70d0101010500"), f4 = hex("010001");
	struct {
		const char *name;
		struct bytes der;
	} cases[] = {
		{"nothing", NOTHING},
		{"trailing octets", JOIN(p256, hex("00"))},
		{"compressed point",
			SEQ(ec, TLV(DER_BIT_STRING, hex("0002"), bytes_of(point.p + 1, 32)))},
		{"hybrid point",
			SEQ(ec, TLV(DER_BIT_STRING, hex("0006"), bytes_of(point.p + 1, 64)))},
		{"point too short", SEQ(ec, TLV(DER_BIT_STRING, hex("00"), bytes_of(point.p, 64)))},
		{"point at infinity", SEQ(ec, TLV(DER_BIT_STRING, hex("0000")))},
		{"unused bits", SEQ(ec, TLV(DER_BIT_STRING, hex("01"), point))},
		{"P-256 point named P-384",
			SEQ(hex("301006072a8648ce3d020106052b81040022"),
				TLV(DER_BIT_STRING, hex("00"), point))},
		{"curve P-521",
			SEQ(hex("301006072a8648ce3d020106052b81040023"),
				TLV(DER_BIT_STRING, hex("00"), point))},
		{"EC without curve",
			SEQ(hex("300906072a8648ce3d0201"), TLV(DER_BIT_STRING, hex("00"), point))},
		{"explicit parameters",
			SEQ(hex("300b06072a8648ce3d02013000"),
				TLV(DER_BIT_STRING, hex("00"), point))},
		{"DSA", SEQ(hex("300906072a8648ce380401"), TLV(DER_BIT_STRING, hex("00"), point))},
		{"X25519",
			SEQ(hex("300506032b656e"),
				TLV(DER_BIT_STRING, hex("00"), bytes_of(point.p, 32)))},
		{"Ed25519 of 31 octets",
			SEQ(hex("300506032b6570"),
				TLV(DER_BIT_STRING, hex("00"), bytes_of(point.p, 31)))},
		{"RSA without NULL",
			SEQ(hex("300b06092a864886f70d010101"),
				TLV(DER_BIT_STRING, hex("00"),
					SEQ(TLV(DER_INTEGER, n), TLV(DER_INTEGER, f4))))},
		{"RSA with octets after",
			SEQ(rsa,
				TLV(DER_BIT_STRING, hex("00"),
					SEQ(TLV(DER_INTEGER, n), TLV(DER_INTEGER, f4)),
					hex("00")))},
		{"RSA modulus with two sign octets", rsa_spki(JOIN(hex("00"), n), f4)},
		{"RSA modulus negative", rsa_spki(bytes_of(n.p + 1, n.n - 1), f4)},
		{"RSA exponent negative", rsa_spki(n, hex("ff0001"))},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pki_spki spki;

		CHECK_CASE(pki_spki_parse(cases[i].der, &spki) == ERR_INVALID, cases[i].name);
		CHECK_CASE(err_word() == WORD_BAD_KEY, cases[i].name);
	}
	CHECK_OK(pki_spki_parse(rsa_spki(n, f4), &(struct pki_spki){0}));
}

static void
test_hash_and_key_id_are_openssls(void)
{
	struct bytes der = hex(P256_SPKI);
	const unsigned char *p = der.p;
	X509_PUBKEY *x = d2i_X509_PUBKEY(NULL, &p, (long)der.n);
	uint8_t hash[32], id[20], want[32];
	const unsigned char *bits;
	struct pki_spki spki = {0};
	unsigned n;
	int len;

	CHECK_OK(pki_spki_parse(der, &spki));
	pki_spki_hash(&spki, hash);
	pki_spki_key_id(&spki, id);
	X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, x);
	EVP_Digest(bits, (size_t)len, want, &n, EVP_sha1(), NULL);
	CHECK(n == 20 && memcmp(id, want, 20) == 0);
	EVP_Digest(der.p, der.n, want, &n, EVP_sha256(), NULL);
	CHECK(n == 32 && memcmp(hash, want, 32) == 0);
	X509_PUBKEY_free(x);
}

static void
test_a_key_that_is_not_allowed_has_no_spki(void)
{
	AUTO(EVP_PKEY) key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
	struct bytes der;

	CHECK_ERR(pki_spki_from_pkey(key, A(), &der), ERR_INVALID);
}

static enum err
sign_fails(void *ctx, struct bytes data, struct buf *signature)
{
	(void)ctx;
	(void)data;
	(void)signature;
	return err_set(ERR_UNAVAILABLE, "token gone");
}

static void
test_signed_leaves_nothing_when_the_signer_fails(void)
{
	struct pki_signer s = {.alg = PKI_SIG_ECDSA_SHA256, .sign = sign_fails};
	AUTO_BUF(out, 100);

	CHECK_REASON(pki_sign(&s, BYTES_LIT("tbs"), &out), ERR_UNAVAILABLE, "token gone");
	CHECK(out.len == 0);
}

static void
test_signed_respects_the_buffers_maximum(void)
{
	AUTO(EVP_PKEY) key = fixed_key(1);
	struct pki_signer s;
	AUTO_BUF(out, 70);

	pki_signer_software(key, PKI_KEY_ED25519, &s);
	CHECK_ERR(pki_sign(&s, hex("3000"), &out), ERR_LIMIT);
	CHECK(out.len == 0);
}

UNIT_MAIN("pki-spki",
	{"test_each_key_type_signs_and_verifies", test_each_key_type_signs_and_verifies},
	{"test_an_algorithm_of_another_key_is_refused",
		test_an_algorithm_of_another_key_is_refused},
	{"test_signature_algorithms_are_written_and_read",
		test_signature_algorithms_are_written_and_read},
	{"test_other_signature_algorithms_are_refused",
		test_other_signature_algorithms_are_refused},
	{"test_rsa_algorithms_are_read_without_their_null",
		test_rsa_algorithms_are_read_without_their_null},
	{"test_keys_outside_the_rules_are_refused", test_keys_outside_the_rules_are_refused},
	{"test_hash_and_key_id_are_openssls", test_hash_and_key_id_are_openssls},
	{"test_a_key_that_is_not_allowed_has_no_spki", test_a_key_that_is_not_allowed_has_no_spki},
	{"test_signed_leaves_nothing_when_the_signer_fails",
		test_signed_leaves_nothing_when_the_signer_fails},
	{"test_signed_respects_the_buffers_maximum", test_signed_respects_the_buffers_maximum})
