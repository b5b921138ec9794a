/*
 * RSA moduli anybody can factor: those with a small prime factor, and those of the Infineon library
 * (ROCA, CVE-2017-15361), whose primes are k*M + (65537^a mod M) and so leave only powers of 65537
 * as residues modulo each small prime. Both show in n modulo a few primes; a good modulus has the
 * ROCA pattern by chance about once in 2^27.
 */
#include "lib/pki/spki.h"

/* tells: modulo this prime not every residue is a power of 65537. */
static const struct small_prime {
	uint8_t p;
	bool tells;
} primes[] = {
	{3, false},
	{5, false},
	{7, false},
	{11, true},
	{13, true},
	{17, true},
	{19, true},
	{23, false},
	{29, false},
	{31, false},
	{37, true},
	{41, false},
	{43, false},
	{47, false},
	{53, true},
	{59, false},
	{61, true},
	{67, false},
	{71, true},
	{73, true},
	{79, true},
	{83, false},
	{89, false},
	{97, true},
	{101, false},
	{103, true},
	{107, true},
	{109, true},
	{113, false},
	{127, true},
	{131, false},
	{137, false},
	{139, false},
	{149, false},
	{151, true},
	{157, true},
	{163, false},
	{167, false},
};

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

/* Divides by products of primes that fit 32 bits: 9 long divisions instead of 38. */
static void
residues_of(struct bytes n, uint8_t residues[ARRAY_LEN(primes)])
{
	for (size_t i = 0, j; i < ARRAY_LEN(primes); i = j) {
		uint64_t product = 1;
		uint32_t r;

		for (j = i; j < ARRAY_LEN(primes) && product * primes[j].p <= UINT32_MAX; j++)
			product *= primes[j].p;
		r = remainder_of(n, (uint32_t)product);
		for (size_t k = i; k < j; k++)
			residues[k] = (uint8_t)(r % primes[k].p);
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
has_roca_pattern(const uint8_t residues[ARRAY_LEN(primes)])
{
	for (size_t i = 0; i < ARRAY_LEN(primes); i++)
		if (primes[i].tells && !is_power_of_65537(residues[i], primes[i].p))
			return false;
	return true;
}

enum err
pki_rsa_modulus_check(struct bytes n)
{
	uint8_t residues[ARRAY_LEN(primes)];

	if (n.n == 0 || n.p[n.n - 1] % 2 == 0)
		return err_set_word(ERR_INVALID, WORD_BAD_KEY, "the RSA modulus is even");
	residues_of(n, residues);
	for (size_t i = 0; i < ARRAY_LEN(primes); i++)
		if (residues[i] == 0)
			return err_set_word(ERR_INVALID, WORD_BAD_KEY,
				"the RSA modulus is divisible by %u", primes[i].p);
	if (has_roca_pattern(residues))
		return err_set_word(ERR_INVALID, WORD_BAD_KEY,
			"the RSA key has the ROCA weakness (CVE-2017-15361)");
	return ERR_OK;
}
