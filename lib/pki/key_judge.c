/*
 * The one judge of public keys, whoever brings them: account keys, requests, imports, our own, and
 * the linter. A weak key is one whose signatures others can make, so that a certificate for it
 * speaks for anybody. What it does not know: lists of keys that were published or guessed (Debian
 * 2008), and moduli that share a prime with others.
 */
#include "lib/pki/key.h"

#include <openssl/err.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_LONG_EXPONENT_MAX = 3072, RSA_LONG_EXPONENT_OCTETS = 8 };

AUTO_DEFINE(EC_POINT, EC_POINT_free)

enum err
key_refuse_point(void)
{
	ERR_clear_error();
	return bad_key(
		"the EC public key is not a point of its curve (SEC 1 section 3.2.2.1); make a new key");
}

/* OpenSSL looks at all of it (SEC 1 section 3.2.2.1): coordinates below p, the curve's equation, and not
 * the point at infinity; the cofactor is 1. */
static enum err
judge_point(const struct pki_spki *key)
{
	const EC_GROUP *group = key_group(key);
	AUTO(EC_POINT) point = EC_POINT_new(group);

	if (key->key.n > 1 && EC_POINT_oct2point(group, point, key->key.p, key->key.n, NULL) == 1)
		return ERR_OK;
	return key_refuse_point();
}

static enum err
judge_ed25519(const struct pki_spki *key)
{
	return ed25519_check_point(key->key);
}

/* The bounds of the CA/Browser Forum's Baseline Requirements, section 6.1.6. */
static enum err
judge_exponent(struct bytes e, unsigned modulus_bits)
{
	if (key_bit_length(e) < 17 || e.p[e.n - 1] % 2 == 0 || e.n > RSA_EXPONENT_OCTETS_MAX)
		return bad_key(
			"the RSA public exponent is even, below 65537 or longer than 256 bits; make a new key with 65537");
	if (modulus_bits > RSA_BITS_LONG_EXPONENT_MAX && e.n > RSA_LONG_EXPONENT_OCTETS)
		return bad_key(
			"the RSA public exponent is longer than 64 bits, which OpenSSL refuses with a modulus above %d bits; make a new key with 65537",
			RSA_BITS_LONG_EXPONENT_MAX);
	return ERR_OK;
}

static enum err
judge_rsa(const struct pki_spki *key)
{
	unsigned bits = key_bit_length(key->modulus);

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || bits % 8 != 0)
		return bad_key("the RSA modulus has %u bits; %d to %d in steps of 8 are allowed",
			bits, RSA_BITS_MIN, RSA_BITS_MAX);
	TRY(judge_exponent(key->exponent, bits));
	return rsa_check_modulus(key->modulus);
}

enum err
pki_key_judge(const struct pki_spki *key, EVP_PKEY **made)
{
	static enum err (*const judge[PKI_KEY_KNOWN_COUNT])(const struct pki_spki *) = {
		[PKI_KEY_P256] = judge_point,
		[PKI_KEY_P384] = judge_point,
		[PKI_KEY_P521] = judge_point,
		[PKI_KEY_RSA] = judge_rsa,
		[PKI_KEY_ED25519] = judge_ed25519,
	};

	/* Whoever makes an EC key has its point looked at. */
	if (made == NULL || judge[key->type] != judge_point)
		TRY(judge[key->type](key));
	return made == NULL ? ERR_OK : pki_spki_pkey(key, made);
}
