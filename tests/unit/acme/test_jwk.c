/* JWKs: vectors of RFC 7638 and RFC 8037, one thumbprint for one key, and every key that is
 * refused. */
#include "acme/jwk.h"
#include "lib/base/hex.h"
#include "tests/unit/unit.h"

#define RSA_N                                                                                                           \
	"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3o" \
	"knjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZH" \
	"zu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEg" \
	"U8awapJzKnqDKgw"
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

static enum err
parse(struct arena *a, const char *text, struct jwk *out)
{
	AUTO(json_t) object = NULL;
	enum err e = json_parse(bytes_str(text), &object);

	return e != ERR_OK ? e : jwk_parse(object, a, out);
}

/* As a request does: read, then judged. */
static enum err
accept_key(struct arena *a, const char *text)
{
	AUTO(EVP_PKEY) key = NULL;
	struct jwk jwk;

	TRY(parse(a, text, &jwk));
	return jwk_pkey(&jwk, &key);
}

static void
test_thumbprints_of_the_rfcs(void)
{
	static const struct {
		const char *name, *jwk, *thumbprint;
		enum pki_key_type type;
	} cases[] = {
		{"RFC 7638 section 3.1",
			"{\"kty\":\"RSA\",\"n\":\"" RSA_N
			"\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}",
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", PKI_KEY_RSA},
		{"RFC 8037 appendix A.3",
			"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "\"}",
			"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", PKI_KEY_ED25519},
		/* same key: members in another order, foreign ones, a leading zero octet */
		{"padded modulus",
			"{\"use\":\"sig\",\"e\":\"AAEAAQ\",\"n\":\"" RSA_N "\",\"kty\":\"RSA\"}",
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", PKI_KEY_RSA},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_STRUCT(arena) a = arena_new(0);
		AUTO(EVP_PKEY) key = NULL;
		struct jwk jwk;

		CHECK_CASE(parse(a, cases[i].jwk, &jwk) == ERR_OK, cases[i].name);
		CHECK_CASE(jwk.type == cases[i].type, cases[i].name);
		CHECK_CASE(strcmp(base64url_string(a, bytes_of(jwk.thumbprint, 32)),
				   cases[i].thumbprint) == 0,
			cases[i].name);
		CHECK_CASE(jwk_pkey(&jwk, &key) == ERR_OK, cases[i].name);
	}
}

static void
test_modulus_with_leading_zero_is_the_same_key(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes n;
	struct jwk plain, padded;
	uint8_t *more;

	CHECK_OK(base64url_decode(a, bytes_str(RSA_N), &n));
	more = arena_alloc(a, n.n + 2);
	memcpy(more + 2, n.p, n.n);
	CHECK_OK(parse(a, "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", &plain));
	CHECK_OK(parse(a,
		arena_printf(a, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}",
			base64url_string(a, bytes_of(more, n.n + 2))),
		&padded));
	CHECK(memcmp(plain.thumbprint, padded.thumbprint, 32) == 0);
	CHECK(bytes_equal(plain.material, padded.material));
}

static void
test_unacceptable_keys_are_refused(void)
{
	static const struct {
		const char *jwk, *reason;
	} cases[] = {
		{"{\"x\":\"" ED_X "\"}", "kty"},
		{"{\"kty\":\"oct\",\"k\":\"AAAA\"}", "none of EC"},
		{"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
			"none of P-256"},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}", "\"y\""},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"" EC_Y
		 "\"}",
			"not base64url"},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"" EC_Y "\"}",
			"32 octets"},
		{"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
			"48 octets"},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "=\",\"y\":\"" EC_Y "\"}",
			"not base64url"},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
		 "\",\"d\":\"AAAA\"}",
			"private key"},
		{"{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" ED_X "\"}", "Ed25519"},
		{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", "32 octets"},
		{"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "has 17 bits"},
		{"{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}", "has 0 bits"},
		{"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"Aw\"}", "exponent"},
		{"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAA\"}", "exponent"},
		{"{\"kty\":\"RSA\",\"n\":\"" RSA_N
		 "\",\"e\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\"}",
			"exponent"},
		{"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}", "\"e\""},
		{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
			"small order"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_STRUCT(arena) a = arena_new(0);

		CHECK_CASE(accept_key(a, cases[i].jwk) == ERR_INVALID, cases[i].jwk);
		CHECK_CASE(err_word() == WORD_BAD_PUBLIC_KEY, cases[i].jwk);
		CHECK_CASE(strstr(err_reason(), cases[i].reason) != NULL, cases[i].jwk);
	}
}

static void
test_point_off_the_curve_is_refused(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO(EVP_PKEY) key = NULL;
	struct jwk jwk;

	CHECK_OK(parse(a,
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_X "\"}", &jwk));
	CHECK_REASON(jwk_pkey(&jwk, &key), ERR_INVALID, "not a point of its curve");
	CHECK(err_word() == WORD_BAD_PUBLIC_KEY);
}

/* A modulus with a chosen first and last octet, all others 0xff. */
static enum err
accept_modulus(struct arena *a, size_t n, uint8_t first, uint8_t last)
{
	uint8_t *octets = arena_alloc(a, n);

	memset(octets, 0xff, n);
	octets[0] = first;
	octets[n - 1] = last;
	return accept_key(a,
		arena_printf(a, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}",
			base64url_string(a, bytes_of(octets, n))));
}

static void
test_rsa_sizes_and_weak_moduli(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);

	CHECK_REASON(accept_modulus(a, 256, 0x7f, 0x01), ERR_INVALID, "has 2047 bits");
	CHECK_REASON(accept_modulus(a, 513, 0x01, 0x01), ERR_INVALID, "has 4097 bits");
	CHECK_REASON(accept_modulus(a, 256, 0xff, 0xfe), ERR_INVALID, "even");
	CHECK_REASON(accept_modulus(a, 256, 0xff, 0xff), ERR_INVALID, "divisible by 3");
}

UNIT_MAIN("acme-jwk", {"test_thumbprints_of_the_rfcs", test_thumbprints_of_the_rfcs},
	{"test_modulus_with_leading_zero_is_the_same_key",
		test_modulus_with_leading_zero_is_the_same_key},
	{"test_unacceptable_keys_are_refused", test_unacceptable_keys_are_refused},
	{"test_point_off_the_curve_is_refused", test_point_off_the_curve_is_refused},
	{"test_rsa_sizes_and_weak_moduli", test_rsa_sizes_and_weak_moduli})
