/*
 * EVP_PKEYs of public keys, made by fromdata instead of a decoder (19 us against 120 us, and it scales
 * over threads). Making a curve's group is most of what an EC key costs (22 us against 5 us), so
 * every EC key is a copy of one that holds the generator, with its point replaced; OpenSSL checks
 * that the new point is on the curve.
 */
#include "lib/pki/key.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

enum { POINT_OCTETS_MAX = 1 + 2 * 66 };

/* Never changed once made. */
static struct curve {
	int nid;
	EC_GROUP *group;
	EVP_PKEY *template;
} curves[PKI_KEY_KNOWN_COUNT] = {
	[PKI_KEY_P256] = {.nid = NID_X9_62_prime256v1},
	[PKI_KEY_P384] = {.nid = NID_secp384r1},
	[PKI_KEY_P521] = {.nid = NID_secp521r1},
};
static pthread_once_t curves_once = PTHREAD_ONCE_INIT;

static enum err
from_params(const char *type, OSSL_PARAM *params, EVP_PKEY **out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;
	bool made = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1;

	EVP_PKEY_CTX_free(ctx);
	if (!made)
		return err_openssl(ERR_INVALID, "the %s public key is refused", type);
	*out = key;
	return ERR_OK;
}

static EVP_PKEY *
make_template(const struct curve *c)
{
	uint8_t point[POINT_OCTETS_MAX];
	size_t n = EC_POINT_point2oct(c->group, EC_GROUP_get0_generator(c->group),
		POINT_CONVERSION_UNCOMPRESSED, point, sizeof(point), NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_PKEY_PARAM_GROUP_NAME, (char *)OBJ_nid2sn(c->nid), 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, n),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key;

	if (from_params("EC", params, &key) != ERR_OK)
		abort(); /* no memory */
	return key;
}

static void
make_curves(void)
{
	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		struct curve *c = &curves[i];

		if (c->nid == 0)
			continue;
		c->group = EC_GROUP_new_by_curve_name(c->nid);
		if (c->group == NULL)
			abort(); /* a libcrypto without these curves cannot run a CA */
		c->template = make_template(c);
	}
}

static const struct curve *
curve_of(const struct pki_spki *key)
{
	pthread_once(&curves_once, make_curves);
	return &curves[key->type];
}

const EC_GROUP *
key_group(const struct pki_spki *key)
{
	return curve_of(key)->group;
}

static enum err
make_ec(const struct pki_spki *spki, EVP_PKEY **out)
{
	EVP_PKEY *key = EVP_PKEY_dup(curve_of(spki)->template);

	/* One octet would be the point at infinity. */
	if (key == NULL || spki->key.n < 2 ||
		EVP_PKEY_set1_encoded_public_key(key, spki->key.p, spki->key.n) != 1) {
		EVP_PKEY_free(key);
		return key_refuse_point();
	}
	*out = key;
	return ERR_OK;
}

static enum err
make_ed25519(const struct pki_spki *spki, EVP_PKEY **out)
{
	*out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, spki->key.p, spki->key.n);
	return *out != NULL ? ERR_OK
			    : err_openssl(ERR_INVALID, "the Ed25519 public key is refused");
}

/* OSSL_PARAM numbers are in the machine's byte order. */
static void
copy_native(uint8_t *to, struct bytes big_endian)
{
	for (size_t i = 0; i < big_endian.n; i++)
		to[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? big_endian.n - 1 - i : i] =
			big_endian.p[i];
}

static enum err
make_rsa(const struct pki_spki *spki, EVP_PKEY **out)
{
	uint8_t n[RSA_BITS_MAX / 8], e[RSA_EXPONENT_OCTETS_MAX];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, spki->modulus.n),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, spki->exponent.n),
		OSSL_PARAM_construct_end(),
	};

	if (spki->modulus.n > sizeof(n) || spki->exponent.n > sizeof(e))
		return bad_key("the RSA public key is longer than %d bits", RSA_BITS_MAX);
	copy_native(n, spki->modulus);
	copy_native(e, spki->exponent);
	return from_params("RSA", params, out);
}

enum err
pki_spki_pkey(const struct pki_spki *spki, EVP_PKEY **out)
{
	static enum err (*const make[PKI_KEY_KNOWN_COUNT])(
		const struct pki_spki *spki, EVP_PKEY **out) = {
		[PKI_KEY_P256] = make_ec,
		[PKI_KEY_P384] = make_ec,
		[PKI_KEY_P521] = make_ec,
		[PKI_KEY_RSA] = make_rsa,
		[PKI_KEY_ED25519] = make_ed25519,
	};

	return der_reword(make[spki->type](spki, out), WORD_BAD_KEY);
}
