/*
 * RSA moduli anybody can factor, and how they show:
 * - a small prime factor;
 * - primes of the Infineon library (ROCA, CVE-2017-15361), k*M + (65537^a mod M), which leave only
 *   powers of 65537 as residues modulo each small prime; a good modulus has that pattern by chance
 *   about once in 2^27;
 * - neighbouring primes (CVE-2022-26320), which Fermat's method finds: n = a^2 - b^2 with a just above
 *   the root of n.
 */
#include "lib/pki/key.h"

#include <stdlib.h>

#include <openssl/bn.h>

/* FERMAT_ROUNDS: as many as the CA/Browser Forum asks for (Baseline Requirements section 6.1.1.3) and some. */
enum { ROCA_PRIME_MAX = 167, FERMAT_ROUNDS = 110 };

AUTO_DEFINE(BIGNUM, BN_free)
AUTO_DEFINE(BN_CTX, BN_CTX_free)

static const uint16_t primes[] = {3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61,
	67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163,
	167, 173, 179, 181, 191, 193, 197, 199, 211, 223, 227, 229, 233, 239, 241, 251, 257, 263,
	269, 271, 277, 281, 283, 293, 307, 311, 313, 317, 331, 337, 347, 349, 353, 359, 367, 373,
	379, 383, 389, 397, 401, 409, 419, 421, 431, 433, 439, 443, 449, 457, 461, 463, 467, 479,
	487, 491, 499, 503, 509, 521, 523, 541, 547, 557, 563, 569, 571, 577, 587, 593, 599, 601,
	607, 613, 617, 619, 631, 641, 643, 647, 653, 659, 661, 673, 677, 683, 691, 701, 709, 719,
	727, 733, 739, 743, 751};

/* n modulo a number below 2^32, 32 bits at a time. */
static uint32_t
remainder_of(struct bytes n, uint32_t modulus)
{
	uint64_t r = 0;
	size_t i = 0;

	for (; i < n.n % 4; i++)
		r = (r << 8 | n.p[i]) % modulus;
	for (; i < n.n; i += 4)
		r = (r << 32 | (uint32_t)n.p[i] << 24 | (uint32_t)n.p[i + 1] << 16 |
			    (uint32_t)n.p[i + 2] << 8 | n.p[i + 3]) %
			modulus;
	return (uint32_t)r;
}

/* Divides by products of primes that fit 32 bits: 40 long divisions instead of 131. */
static void
residues_of(struct bytes n, uint16_t residues[ARRAY_LEN(primes)])
{
	for (size_t i = 0, j; i < ARRAY_LEN(primes); i = j) {
		uint64_t product = 1;
		uint32_t r;

		for (j = i; j < ARRAY_LEN(primes) && product * primes[j] <= UINT32_MAX; j++)
			product *= primes[j];
		r = remainder_of(n, (uint32_t)product);
		for (size_t k = i; k < j; k++)
			residues[k] = (uint16_t)(r % primes[k]);
	}
}

static bool
is_power_of_65537(uint32_t r, uint32_t p)
{
	uint32_t v = 1;

	do {
		if (v == r)
			return true;
		v = v * (65537 % p) % p;
	} while (v != 1);
	return false;
}

static bool
has_roca_pattern(const uint16_t residues[ARRAY_LEN(primes)])
{
	for (size_t i = 0; primes[i] <= ROCA_PRIME_MAX; i++)
		if (!is_power_of_65537(residues[i], primes[i]))
			return false;
	return true;
}

/* Newton's method from above: the largest root whose square is not above n. */
static void
find_root(const BIGNUM *n, BIGNUM *root, BIGNUM *next, BN_CTX *ctx)
{
	if (BN_set_word(next, 1) != 1 || BN_lshift(next, next, (BN_num_bits(n) + 1) / 2) != 1)
		abort(); /* no memory */
	do {
		if (BN_copy(root, next) == NULL || BN_div(next, NULL, n, root, ctx) != 1 ||
			BN_add(next, next, root) != 1 || BN_rshift1(next, next) != 1)
			abort(); /* no memory */
	} while (BN_cmp(next, root) < 0);
}

/* Residues of squares modulo 64 leave a fifth of all numbers, those modulo 63, 65 and 11 a hundredth. */
static bool
may_be_square(const BIGNUM *n)
{
	static const unsigned moduli[] = {64, 63, 65, 11};
	BN_ULONG r = BN_mod_word(n, 64 * 63 * 65 * 11);

	for (size_t i = 0; i < ARRAY_LEN(moduli); i++) {
		unsigned x = 0;

		while (x < moduli[i] && x * x % moduli[i] != r % moduli[i])
			x++;
		if (x == moduli[i])
			return false;
	}
	return true;
}

static bool
is_square(const BIGNUM *n, BIGNUM *root, BIGNUM *work, BN_CTX *ctx)
{
	if (!may_be_square(n))
		return false;
	if (BN_is_zero(n))
		return true;
	find_root(n, root, work, ctx);
	return BN_sqr(work, root, ctx) == 1 && BN_cmp(work, n) == 0;
}

/* Some rounds of Fermat's method: a counts up from the root, and b2 = a^2 - n. */
static bool
has_near_primes(struct bytes modulus)
{
	AUTO(BN_CTX) ctx = BN_CTX_new();
	AUTO(BIGNUM) n = BN_bin2bn(modulus.p, (int)modulus.n, NULL);
	AUTO(BIGNUM) a = BN_new();
	AUTO(BIGNUM) b2 = BN_new();
	AUTO(BIGNUM) root = BN_new();
	AUTO(BIGNUM) work = BN_new();

	if (ctx == NULL || n == NULL || a == NULL || b2 == NULL || root == NULL || work == NULL)
		abort(); /* no memory */
	find_root(n, a, work, ctx);
	for (int i = 0; i <= FERMAT_ROUNDS; i++) {
		if (BN_sqr(b2, a, ctx) != 1 || BN_sub(b2, b2, n) != 1)
			abort(); /* no memory */
		if (!BN_is_negative(b2) && is_square(b2, root, work, ctx))
			return true;
		BN_add_word(a, 1);
	}
	return false;
}

enum err
rsa_check_modulus(struct bytes n)
{
	uint16_t residues[ARRAY_LEN(primes)];

	if (n.n == 0 || n.p[n.n - 1] % 2 == 0)
		return bad_key("the RSA modulus is even; make a new key");
	residues_of(n, residues);
	for (size_t i = 0; i < ARRAY_LEN(primes); i++)
		if (residues[i] == 0)
			return bad_key(
				"the RSA modulus is divisible by %u; make a new key", primes[i]);
	if (has_roca_pattern(residues))
		return bad_key(
			"the RSA key has the ROCA weakness (CVE-2017-15361); make a new key with other hardware or firmware");
	if (has_near_primes(n))
		return bad_key(
			"the primes of the RSA key are neighbours (CVE-2022-26320), so that anybody can factor it; make a new key with other software");
	return ERR_OK;
}
