/*
 * Account keys out of JWKs (RFC 7517). A key is reduced to its required members before anything
 * else looks at it: leading zeros of RSA integers go, foreign members ("alg", "kid", "use") are
 * ignored, so that one key has one thumbprint (RFC 7638) and so one account. Whether it is a good key
 * lib/pki says, as of every key.
 */
#include "acme/jwk.h"

#include "lib/base/hex.h"
#include "lib/base/random.h"

enum { ED25519_SIZE = 32 };

static const struct curve {
	const char *name;
	enum pki_key_type type;
	size_t size; /* of one coordinate: RFC 7518 section 6.2.1.2 wants exactly that many octets
		      */
} curves[] = {
	{"P-256", PKI_KEY_P256, 32},
	{"P-384", PKI_KEY_P384, 48},
	{"P-521", PKI_KEY_P521, 66},
};

#define bad_key(...) err_set_word(ERR_INVALID, WORD_BAD_PUBLIC_KEY, __VA_ARGS__)

const char *
jwk_type_name(enum pki_key_type t)
{
	for (size_t i = 0; i < ARRAY_LEN(curves); i++)
		if (curves[i].type == t)
			return curves[i].name;
	return t == PKI_KEY_RSA ? "RSA" : "Ed25519";
}

static const struct curve *
find_curve(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(curves); i++)
		if (strcmp(curves[i].name, name) == 0)
			return &curves[i];
	return NULL;
}

static enum err
get_octets(const json_t *object, const char *name, struct arena *a, struct bytes *out)
{
	const char *text;

	if (json_get_string(object, name, &text) != ERR_OK)
		return bad_key("jwk has no string \"%s\" (RFC 7518 section 6)", name);
	if (base64url_decode(a, bytes_str(text), out) != ERR_OK)
		return bad_key(
			"jwk member \"%s\" is not base64url without padding (RFC 7515 section 2)",
			name);
	return ERR_OK;
}

static enum err
parse_ec(const json_t *object, struct arena *a, struct jwk *out)
{
	const char *crv;
	struct bytes x, y;
	uint8_t *point;
	const struct curve *curve;

	if (json_get_string(object, "crv", &crv) != ERR_OK)
		return bad_key("jwk has no \"crv\" (RFC 7518 section 6.2.1.1)");
	curve = find_curve(crv);
	if (curve == NULL)
		return bad_key("curve of the jwk is none of P-256, P-384, P-521");
	TRY(get_octets(object, "x", a, &x));
	TRY(get_octets(object, "y", a, &y));
	if (x.n != curve->size || y.n != curve->size)
		return bad_key(
			"coordinates of a %s jwk have %zu octets each (RFC 7518 section 6.2.1.2)",
			crv, curve->size);
	point = arena_alloc(a, 1 + 2 * x.n);
	point[0] = 0x04;
	memcpy(point + 1, x.p, x.n);
	memcpy(point + 1 + x.n, y.p, y.n);
	out->type = curve->type;
	out->material = bytes_of(point, 1 + 2 * x.n);
	out->canonical =
		arena_printf(a, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", crv,
			base64url_string(a, x), base64url_string(a, y));
	return ERR_OK;
}

static struct bytes
without_leading_zeros(struct bytes b)
{
	while (b.n > 0 && b.p[0] == 0)
		b = bytes_of(b.p + 1, b.n - 1);
	return b;
}

static enum err
parse_rsa(const json_t *object, struct arena *a, struct jwk *out)
{
	struct bytes n, exponent;

	TRY(get_octets(object, "n", a, &n));
	TRY(get_octets(object, "e", a, &exponent));
	n = without_leading_zeros(n);
	exponent = without_leading_zeros(exponent);
	out->type = PKI_KEY_RSA;
	out->material = n;
	out->exponent = exponent;
	out->canonical = arena_printf(a, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}",
		base64url_string(a, exponent), base64url_string(a, n));
	return ERR_OK;
}

static enum err
parse_okp(const json_t *object, struct arena *a, struct jwk *out)
{
	const char *crv;
	struct bytes x;

	if (json_get_string(object, "crv", &crv) != ERR_OK || strcmp(crv, "Ed25519") != 0)
		return bad_key("an OKP jwk has \"crv\" \"Ed25519\" here (RFC 8037 section 2)");
	TRY(get_octets(object, "x", a, &x));
	if (x.n != ED25519_SIZE)
		return bad_key(
			"\"x\" of an Ed25519 jwk has %d octets (RFC 8037 section 2)", ED25519_SIZE);
	out->type = PKI_KEY_ED25519;
	out->material = x;
	out->canonical = arena_printf(
		a, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", base64url_string(a, x));
	return ERR_OK;
}

static const struct {
	const char *kty;
	enum err (*parse)(const json_t *object, struct arena *a, struct jwk *out);
} kinds[] = {{"EC", parse_ec}, {"RSA", parse_rsa}, {"OKP", parse_okp}};

enum err
jwk_parse(const json_t *object, struct arena *a, struct jwk *out)
{
	struct jwk parsed = {.type = PKI_KEY_KNOWN_COUNT};
	const char *kty;

	if (!json_is_object(object) || json_get_string(object, "kty", &kty) != ERR_OK)
		return bad_key("jwk is not an object with \"kty\" (RFC 7517 section 4.1)");
	if (json_object_get(object, "d") != NULL)
		return bad_key("jwk holds a private key, which must now be considered compromised");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kty, kinds[i].kty) != 0)
			continue;
		TRY(kinds[i].parse(object, a, &parsed));
		sha256(bytes_str(parsed.canonical), parsed.thumbprint);
		*out = parsed;
		return ERR_OK;
	}
	return bad_key("\"kty\" of the jwk is none of EC, RSA, OKP");
}

/* The same key as the folder of keys has it; no SubjectPublicKeyInfo stands behind it. */
static struct pki_spki
public_key(const struct jwk *jwk)
{
	bool rsa = jwk->type == PKI_KEY_RSA;

	return (struct pki_spki){.type = jwk->type,
		.key = rsa ? bytes_of(NULL, 0) : jwk->material,
		.modulus = rsa ? jwk->material : bytes_of(NULL, 0),
		.exponent = jwk->exponent};
}

enum err
jwk_pkey(const struct jwk *jwk, EVP_PKEY **out)
{
	struct pki_spki key = public_key(jwk);
	enum err e = pki_key_judge(&key, out);

	return e == ERR_INVALID ? bad_key("%s", err_reason()) : e;
}

bool
jwk_is_spki(const struct jwk *jwk, const struct pki_spki *spki)
{
	if (spki->type != jwk->type)
		return false;
	if (jwk->type == PKI_KEY_RSA)
		return bytes_equal(jwk->material, spki->modulus) &&
			bytes_equal(jwk->exponent, spki->exponent);
	return bytes_equal(jwk->material, spki->key);
}
