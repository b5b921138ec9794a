/*
 * JWS envelopes and the JWKs in them. What is accepted has exactly one of kid and jwk, an outer one
 * has a nonce, and a key's canonical form is the form of itself: parsing it gives the same
 * thumbprint.
 */
#include "tests/fuzz/fuzz.h"

#include "acme/jws.h"

static void
check_key(const json_t *object, struct arena *a)
{
	AUTO(json_t) canonical = NULL;
	AUTO(EVP_PKEY) key = NULL;
	struct jwk jwk, again;

	if (jwk_parse(object, a, &jwk) != ERR_OK)
		return;
	HOLDS(json_parse(bytes_str(jwk.canonical), &canonical) == ERR_OK);
	HOLDS(jwk_parse(canonical, a, &again) == ERR_OK);
	HOLDS(memcmp(jwk.thumbprint, again.thumbprint, sizeof(jwk.thumbprint)) == 0);
	HOLDS(bytes_equal(jwk.material, again.material));
	HOLDS(jwk_pkey(&jwk, &key) == ERR_OK || err_word() == WORD_BAD_PUBLIC_KEY);
}

static void
check_place(struct bytes body, enum jws_place place)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_JWS(jws);

	if (jws_parse(body, place, a, &jws) != ERR_OK)
		return;
	HOLDS((jws.kid == NULL) != (jws.jwk == NULL));
	HOLDS((jws.nonce == NULL) == (place == JWS_INNER));
	HOLDS(jws.alg != NULL && jws.url != NULL);
	HOLDS(jws.payload.n <= body.n && jws.input.n <= body.n);
	if (jws.jwk != NULL)
		check_key(jws.jwk, a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_place(bytes_of(data, size), JWS_OUTER);
	check_place(bytes_of(data, size), JWS_INNER);
	return 0;
}
