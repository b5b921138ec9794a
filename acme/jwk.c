/*
 * Account keys out of JWKs (RFC 7517). A key is reduced to its required members before anything
 * else looks at it: leading zeros of RSA integers go, foreign members ("alg", "kid", "use") are
 * ignored, so that one key has one thumbprint (RFC 7638) and so one account. Keys are made with
 * EVP_PKEY_fromdata, never by a decoder.
 */
#include "acme/jwk.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "lib/base/hex.h"
#include "lib/base/random.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 4096, ED25519_SIZE = 32, EXPONENT_SIZE_MAX = 4 };

AUTO_DEFINE(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
AUTO_DEFINE(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
AUTO_DEFINE(OSSL_PARAM, OSSL_PARAM_free)
AUTO_DEFINE(BIGNUM, BN_free)

static const struct curve {
	const char *name, *group;
	size_t size; /* of one coordinate: RFC 7518 section 6.2.1.2 wants exactly that many octets
		      */
} curves[] = {
	[JWK_P256] = {"P-256", "prime256v1", 32},
	[JWK_P384] = {"P-384", "secp384r1", 48},
	[JWK_P521] = {"P-521", "secp521r1", 66},
};

#define bad_key(...) err_set_word(ERR_INVALID, WORD_BAD_PUBLIC_KEY, __VA_ARGS__)

const char *
jwk_type_name(enum jwk_type t)
{
	if (t == JWK_RSA)
		return "RSA";
	return t == JWK_ED25519 ? "Ed25519" : curves[t].name;
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
	enum jwk_type t;

	if (json_get_string(object, "crv", &crv) != ERR_OK)
		return bad_key("jwk has no \"crv\" (RFC 7518 section 6.2.1.1)");
	for (t = JWK_P256; t <= JWK_P521 && strcmp(curves[t].name, crv) != 0; t++)
		;
	if (t > JWK_P521)
		return bad_key("curve of the jwk is none of P-256, P-384, P-521");
	TRY(get_octets(object, "x", a, &x));
	TRY(get_octets(object, "y", a, &y));
	if (x.n != curves[t].size || y.n != curves[t].size)
		return bad_key(
			"coordinates of a %s jwk have %zu octets each (RFC 7518 section 6.2.1.2)",
			crv, curves[t].size);
	point = arena_alloc(a, 1 + 2 * x.n);
	point[0] = 0x04;
	memcpy(point + 1, x.p, x.n);
	memcpy(point + 1 + x.n, y.p, y.n);
	out->type = t;
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

static unsigned
remainder_of(struct bytes magnitude, unsigned divisor)
{
	unsigned long rest = 0;

	for (size_t i = 0; i < magnitude.n; i++)
		rest = (rest << 8 | magnitude.p[i]) % divisor;
	return (unsigned)rest;
}

static bool
in_subgroup_of_65537(unsigned residue, unsigned prime)
{
	unsigned power = 1;

	do {
		if (power == residue)
			return true;
		power = power * (65537 % prime) % prime;
	} while (power != 1);
	return false;
}

/* Small factors, and the fingerprint of CVE-2017-15361 (ROCA): modulo every one of these primes
 * such a modulus is a power of 65537, which happens to an honest one with probability below 2^-27.
 */
static enum err
check_modulus(struct bytes n)
{
	static const unsigned char primes[] = {3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47,
		53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139,
		149, 151, 157, 163, 167};
	bool roca = true;

	for (size_t i = 0; i < ARRAY_LEN(primes); i++) {
		unsigned rest = remainder_of(n, primes[i]);

		if (rest == 0)
			return bad_key("RSA modulus is divisible by %u", primes[i]);
		roca = roca && in_subgroup_of_65537(rest, primes[i]);
	}
	if (roca)
		return bad_key(
			"RSA modulus was made by a generator known to be weak (CVE-2017-15361)");
	return ERR_OK;
}

static enum err
check_rsa(struct bytes n, struct bytes e)
{
	size_t bits = n.n * 8;

	for (unsigned top = n.n > 0 ? n.p[0] : 0; bits > 0 && top < 0x80; top <<= 1)
		bits--;
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return bad_key("RSA account key has %zu bits; %d to %d are accepted", bits,
			RSA_BITS_MIN, RSA_BITS_MAX);
	if ((n.p[n.n - 1] & 1) == 0)
		return bad_key("RSA modulus is even");
	if (e.n > EXPONENT_SIZE_MAX || e.n < 3 || (e.p[e.n - 1] & 1) == 0 ||
		(e.n == 3 && e.p[0] == 0))
		return bad_key(
			"RSA exponent is not an odd number of 65537 or more and at most 32 bits");
	return check_modulus(n);
}

static enum err
parse_rsa(const json_t *object, struct arena *a, struct jwk *out)
{
	struct bytes n, exponent;

	TRY(get_octets(object, "n", a, &n));
	TRY(get_octets(object, "e", a, &exponent));
	n = without_leading_zeros(n);
	exponent = without_leading_zeros(exponent);
	TRY(check_rsa(n, exponent));
	out->type = JWK_RSA;
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
	out->type = JWK_ED25519;
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
	struct jwk parsed = {.type = JWK_TYPE_COUNT};
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

static enum err
from_data(const char *algorithm, OSSL_PARAM_BLD *build, EVP_PKEY **out)
{
	AUTO(OSSL_PARAM) params = OSSL_PARAM_BLD_to_param(build);
	AUTO(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1)
		return err_openssl(ERR_INTERNAL, "cannot prepare a %s key", algorithm);
	if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
		EVP_PKEY_free(key);
		err_openssl(ERR_INVALID, "%s", algorithm); /* empties OpenSSL's queue */
		return bad_key(
			"the %s jwk is not a valid key: its point is not on the curve", algorithm);
	}
	*out = key;
	return ERR_OK;
}

static enum err
ec_pkey(const struct jwk *jwk, EVP_PKEY **out)
{
	AUTO(OSSL_PARAM_BLD) build = OSSL_PARAM_BLD_new();

	if (build == NULL ||
		OSSL_PARAM_BLD_push_utf8_string(
			build, OSSL_PKEY_PARAM_GROUP_NAME, curves[jwk->type].group, 0) != 1 ||
		OSSL_PARAM_BLD_push_octet_string(
			build, OSSL_PKEY_PARAM_PUB_KEY, jwk->material.p, jwk->material.n) != 1)
		return err_openssl(ERR_INTERNAL, "cannot prepare an EC key");
	return from_data("EC", build, out);
}

static enum err
rsa_pkey(const struct jwk *jwk, EVP_PKEY **out)
{
	AUTO(OSSL_PARAM_BLD) build = OSSL_PARAM_BLD_new();
	AUTO(BIGNUM) n = BN_bin2bn(jwk->material.p, (int)jwk->material.n, NULL);
	AUTO(BIGNUM) e = BN_bin2bn(jwk->exponent.p, (int)jwk->exponent.n, NULL);

	if (build == NULL || n == NULL || e == NULL ||
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return err_openssl(ERR_INTERNAL, "cannot prepare an RSA key");
	return from_data("RSA", build, out);
}

enum err
jwk_pkey(const struct jwk *jwk, EVP_PKEY **out)
{
	EVP_PKEY *key;

	if (jwk->type == JWK_RSA)
		return rsa_pkey(jwk, out);
	if (jwk->type != JWK_ED25519)
		return ec_pkey(jwk, out);
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, jwk->material.p, jwk->material.n);
	if (key == NULL)
		return err_openssl(ERR_INTERNAL, "cannot prepare an Ed25519 key");
	*out = key;
	return ERR_OK;
}

bool
jwk_is_spki(const struct jwk *jwk, const struct pki_spki *spki)
{
	static const int type[PKI_KEY_TYPE_COUNT] = {
		[PKI_KEY_P256] = JWK_P256,
		[PKI_KEY_P384] = JWK_P384,
		[PKI_KEY_RSA] = JWK_RSA,
		[PKI_KEY_ED25519] = JWK_ED25519,
	};

	if (type[spki->type] != (int)jwk->type)
		return false;
	if (jwk->type == JWK_RSA)
		return bytes_equal(jwk->material, without_leading_zeros(spki->modulus)) &&
			bytes_equal(jwk->exponent, without_leading_zeros(spki->exponent));
	return bytes_equal(jwk->material, spki->key);
}
