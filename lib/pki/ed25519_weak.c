/*
 * Ed25519 keys that are none (RFC 8032 section 5.1.3): a y that is not below p, a y of no point, and the
 * eight points whose order divides the cofactor 8. For those a signature of constants verifies under
 * every message, and a reader that reduces y takes two spellings for one key. OpenSSL refuses none
 * of them when a key is made.
 */
#include "lib/pki/key.h"

#include <stdlib.h>

#include <openssl/bn.h>

#include "lib/base/hex.h"

AUTO_DEFINE(BIGNUM, BN_free)
AUTO_DEFINE(BN_CTX, BN_CTX_free)

enum { SIZE = 32 };

/* Little-endian as keys are; the y of the points of order 1, 2, 4 and 8 (two). The sign of x is another bit,
 * so that each stands for both. */
static const char *const small_order[] = {
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
};

static const char prime[] = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed",
		  curve_d[] = "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";

static bool
has_small_order(const uint8_t y[SIZE])
{
	uint8_t weak[SIZE];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(small_order); i++)
		if (hex_decode(bytes_str(small_order[i]), weak, sizeof(weak), &n) == ERR_OK &&
			memcmp(weak, y, SIZE) == 0)
			return true;
	return false;
}

/* x^2 = (y^2 - 1) / (d y^2 + 1) has a root when numerator times denominator is a square. The
 * denominator is never 0. */
static bool
has_x(const BIGNUM *y, const BIGNUM *p, BN_CTX *ctx)
{
	AUTO(BIGNUM) d = NULL;
	AUTO(BIGNUM) y2 = BN_new();
	AUTO(BIGNUM) v = BN_new();

	if (BN_hex2bn(&d, curve_d) == 0 || y2 == NULL || v == NULL ||
		BN_mod_sqr(y2, y, p, ctx) != 1 || BN_mod_mul(v, d, y2, p, ctx) != 1 ||
		BN_add_word(v, 1) != 1 || BN_sub_word(y2, 1) != 1 ||
		BN_mod_mul(v, v, y2, p, ctx) != 1)
		abort(); /* no memory */
	return BN_kronecker(v, p, ctx) == 1;
}

enum err
ed25519_check_point(struct bytes point)
{
	AUTO(BN_CTX) ctx = BN_CTX_new();
	AUTO(BIGNUM) p = NULL;
	AUTO(BIGNUM) y = NULL;
	uint8_t octets[SIZE];

	memcpy(octets, point.p, SIZE);
	octets[SIZE - 1] &= 0x7f; /* without the sign of x */
	y = BN_lebin2bn(octets, SIZE, NULL);
	if (ctx == NULL || y == NULL || BN_hex2bn(&p, prime) == 0)
		abort(); /* no memory */
	if (BN_cmp(y, p) >= 0)
		return bad_key(
			"the Ed25519 public key is not in canonical form (RFC 8032 section 5.1.3); make a new key");
	if (has_small_order(octets))
		return bad_key(
			"the Ed25519 public key is a point of small order, for which anybody can sign; make a new key");
	if (!has_x(y, p, ctx))
		return bad_key(
			"the Ed25519 public key is not a point of the curve (RFC 8032 section 5.1.3); make a new key");
	return ERR_OK;
}
