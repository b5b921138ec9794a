/* The JWS envelope: signatures of RFC 7515 and 8037, and each member that must or must not be
 * there. */
#include "acme/jws.h"
#include "lib/base/hex.h"
#include "tests/unit/unit.h"

#define PAYLOAD                                                                                    \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RSA_KEY                                                                                                                            \
	"{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt" \
	"0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2" \
	"R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\"}"
#define RSA_SIGNATURE                                                                                                                      \
	"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4" \
	"BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv" \
	"hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define EC_KEY                                                                                     \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define EC_SIGNATURE                                                                               \
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define ED_KEY                                                                                     \
	"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define ED_SIGNATURE                                                                               \
	"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

static const struct vector {
	const char *name, *alg, *key, *input, *signature;
} vectors[] = {
	{"RFC 7515 A.2", "RS256", RSA_KEY, "eyJhbGciOiJSUzI1NiJ9." PAYLOAD, RSA_SIGNATURE},
	{"RFC 7515 A.3", "ES256", EC_KEY, "eyJhbGciOiJFUzI1NiJ9." PAYLOAD, EC_SIGNATURE},
	{"RFC 8037 A.4", "EdDSA", ED_KEY,
		"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", ED_SIGNATURE},
};

static enum err
check(struct arena *a, const char *alg, const char *key_text, const char *input,
	struct bytes signature)
{
	AUTO(json_t) object = NULL;
	AUTO(EVP_PKEY) key = NULL;
	struct jws jws = {.alg = alg, .input = bytes_str(input), .signature = signature};
	struct jwk jwk;
	enum err e = json_parse(bytes_str(key_text), &object);

	if (e == ERR_OK)
		e = jwk_parse(object, a, &jwk);
	if (e == ERR_OK)
		e = jwk_pkey(&jwk, &key);
	if (e == ERR_OK)
		e = jws_check_algorithm(&jws);
	if (e == ERR_OK)
		e = jws_check_key(&jws, jwk.type);
	return e != ERR_OK ? e : jws_verify(&jws, key);
}

static void
test_signatures_of_the_rfcs_verify(void)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		AUTO_STRUCT(arena) a = arena_new(0);
		const struct vector *v = &vectors[i];
		struct bytes signature;

		CHECK_OK(base64url_decode(a, bytes_str(v->signature), &signature));
		CHECK_CASE(check(a, v->alg, v->key, v->input, signature) == ERR_OK, v->name);
	}
}

static void
test_changed_octets_do_not_verify(void)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		AUTO_STRUCT(arena) a = arena_new(0);
		const struct vector *v = &vectors[i];
		char *input = arena_strdup(a, v->input);
		struct bytes signature;

		CHECK_OK(base64url_decode(a, bytes_str(v->signature), &signature));
		input[strlen(input) - 1] ^= 1;
		CHECK_CASE(check(a, v->alg, v->key, input, signature) == ERR_INVALID, v->name);
		CHECK_CASE(err_word() == WORD_BAD_JWS_SIGNATURE, v->name);
		CHECK_CASE(check(a, v->alg, v->key, v->input,
				   bytes_of(signature.p, signature.n - 1)) == ERR_INVALID,
			v->name);
		CHECK_CASE(check(a, v->alg, v->key, v->input, bytes_of(NULL, 0)) == ERR_INVALID,
			v->name);
	}
}

/* The same signature as DER, which RFC 7518 section 3.4 does not allow. */
static void
test_der_signature_is_refused(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes rs;
	uint8_t der[72] = {0x30, 68, 0x02, 32}, *p = der + 4;

	CHECK_OK(base64url_decode(a, bytes_str(EC_SIGNATURE), &rs));
	memcpy(p, rs.p, 32);
	p[32] = 0x02;
	p[33] = 33;
	p[34] = 0;
	memcpy(p + 35, rs.p + 32, 32);
	der[1] = 69;
	CHECK_REASON(check(a, "ES256", EC_KEY, vectors[1].input, bytes_of(der, 71)), ERR_INVALID,
		"64 octets");
}

static void
test_algorithm_must_be_known_and_fit_the_key(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	static const char *const foreign[] = {"none", "HS256", "ES256K", "RS1", "", "es256"};

	for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
		CHECK_CASE(check(a, foreign[i], EC_KEY, "a.b", BYTES_LIT("")) == ERR_INVALID,
			foreign[i]);
		CHECK_CASE(err_word() == WORD_BAD_SIGNATURE_ALGORITHM, foreign[i]);
	}
	CHECK_ERR(check(a, "RS256", EC_KEY, "a.b", BYTES_LIT("")), ERR_INVALID);
	CHECK(err_word() == WORD_BAD_PUBLIC_KEY);
	CHECK_ERR(check(a, "ES384", EC_KEY, "a.b", BYTES_LIT("")), ERR_INVALID);
	CHECK(err_word() == WORD_BAD_PUBLIC_KEY);
	CHECK(jws_algorithm_name(0) != NULL);
	CHECK(jws_algorithm_name(100) == NULL);
}

static const char *
envelope(struct arena *a, const char *header, const char *more)
{
	return arena_printf(a, "{\"protected\":\"%s\",\"payload\":\"\",\"signature\":\"AAAA\"%s}",
		base64url_string(a, bytes_str(header)), more);
}

#define GOOD "\"alg\":\"ES256\",\"url\":\"https://ca/x\",\"nonce\":\"AAAA\""
#define KID ",\"kid\":\"https://ca/acme/account/1\""

static void
test_good_envelope_is_read(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_JWS(jws);

	CHECK_OK(jws_parse(
		bytes_str(envelope(a, "{" GOOD KID "}", ",\"other\":1")), JWS_OUTER, a, &jws));
	CHECK(strcmp(jws.alg, "ES256") == 0 && strcmp(jws.nonce, "AAAA") == 0 && jws.kid != NULL &&
		jws.jwk == NULL);
	CHECK(jws.payload.n == 0 && jws.signature.n == 3);
}

static void
test_each_breach_of_the_header_is_refused(void)
{
	static const struct {
		const char *header, *more, *reason;
	} cases[] = {
		{"{" GOOD KID "}", ",\"signatures\":[]", "\"signatures\""},
		{"{" GOOD KID "}", ",\"header\":{}", "\"header\""},
		{"{" GOOD KID "}", ",\"payload\":\"AAAA\"", ""},
		{"{" GOOD KID ",\"crit\":[\"exp\"]}", "", "\"crit\""},
		{"{" GOOD KID ",\"b64\":false}", "", "\"b64\""},
		{"{" GOOD "}", "", "exactly one of jwk and kid"},
		{"{" GOOD KID ",\"jwk\":{}}", "", "exactly one of jwk and kid"},
		{"{" GOOD ",\"kid\":7}", "", "kid"},
		{"{" GOOD KID ",\"alg\":\"ES256\"}", "", ""},
		{"{\"url\":\"u\",\"nonce\":\"AAAA\"" KID "}", "", "alg"},
		{"{\"alg\":\"ES256\",\"nonce\":\"AAAA\"" KID "}", "", "url"},
		{"{\"alg\":\"ES256\",\"url\":\"u\"" KID "}", "", "no nonce"},
		{"{\"alg\":\"ES256\",\"url\":\"u\",\"nonce\":\"\"" KID "}", "", "not base64url"},
		{"{\"alg\":\"ES256\",\"url\":\"u\",\"nonce\":\"AA==\"" KID "}", "",
			"not base64url"},
		{"{\"alg\":\"ES256\",\"url\":\"u\",\"nonce\":\"A+/A\"" KID "}", "",
			"not base64url"},
		{"{\"alg\":\"ES256\",\"url\":\"u\",\"nonce\":\"AAAAA\"" KID "}", "",
			"not base64url"},
		{"[]", "", "not an object"},
		{"{\"alg\":\"\xff\"}", "", "protected header"},
		{"", "", "protected header"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_STRUCT(arena) a = arena_new(0);
		AUTO_JWS(jws);

		CHECK_CASE(jws_parse(bytes_str(envelope(a, cases[i].header, cases[i].more)),
				   JWS_OUTER, a, &jws) == ERR_INVALID,
			cases[i].header);
		CHECK_CASE(strstr(err_reason(), cases[i].reason) != NULL, cases[i].header);
	}
}

static void
test_each_breach_of_the_body_is_refused(void)
{
	static const char *const bodies[] = {
		"",
		"{",
		"[]",
		"\"x\"",
		"{}",
		"a.b.c",
		"{\"protected\":\"\",\"payload\":\"\"}",
		"{\"protected\":1,\"payload\":\"\",\"signature\":\"\"}",
		"{\"protected\":\"e30=\",\"payload\":\"\",\"signature\":\"\"}",
		"{\"protected\":\"e30\",\"payload\":\"A A\",\"signature\":\"\"}",
		"{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"AA+/\"}",
		"{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"A\"}",
		"{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"\"} x",
		"{\"signature\":\"\",\"payload\":\"\xff\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		AUTO_STRUCT(arena) a = arena_new(0);
		AUTO_JWS(jws);

		CHECK_CASE(jws_parse(bytes_str(bodies[i]), JWS_OUTER, a, &jws) == ERR_INVALID,
			bodies[i]);
		CHECK_CASE(jws.protected == NULL, bodies[i]);
	}
}

static void
test_inner_jws_has_no_nonce(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_JWS(jws);

	CHECK_REASON(
		jws_parse(bytes_str(envelope(a, "{" GOOD ",\"jwk\":{}}", "")), JWS_INNER, a, &jws),
		ERR_INVALID, "inner JWS");
	CHECK_OK(jws_parse(
		bytes_str(envelope(a, "{\"alg\":\"ES256\",\"url\":\"u\",\"jwk\":{}}", "")),
		JWS_INNER, a, &jws));
}

UNIT_MAIN("acme-jws", {"test_signatures_of_the_rfcs_verify", test_signatures_of_the_rfcs_verify},
	{"test_changed_octets_do_not_verify", test_changed_octets_do_not_verify},
	{"test_der_signature_is_refused", test_der_signature_is_refused},
	{"test_algorithm_must_be_known_and_fit_the_key",
		test_algorithm_must_be_known_and_fit_the_key},
	{"test_good_envelope_is_read", test_good_envelope_is_read},
	{"test_each_breach_of_the_header_is_refused", test_each_breach_of_the_header_is_refused},
	{"test_each_breach_of_the_body_is_refused", test_each_breach_of_the_body_is_refused},
	{"test_inner_jws_has_no_nonce", test_inner_jws_has_no_nonce})
