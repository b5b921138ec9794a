/* Weak keys, one table for each kind of key, and the good ones beside them that must pass. */
#include <openssl/bn.h>

#include "tests/unit/pki/keys.h"
#include "tests/unit/pki/pki_test.h"

static struct pki_spki
parsed(const char *spki_hex)
{
	struct pki_spki spki = {0};

	CHECK_OK(pki_spki_parse(hex(spki_hex), &spki));
	return spki;
}

static struct pki_spki
rsa(struct bytes modulus, struct bytes exponent)
{
	return (struct pki_spki){.type = PKI_KEY_RSA, .modulus = modulus, .exponent = exponent};
}

/* Gives up b. */
static struct bytes
number(BIGNUM *b)
{
	uint8_t *out = arena_alloc(A(), (size_t)BN_num_bytes(b) + 1);
	struct bytes n = bytes_of(out, (size_t)BN_bn2bin(b, out));

	BN_free(b);
	return n;
}

static BIGNUM *
good_modulus(void)
{
	struct bytes n = parsed(RSA_SPKI).modulus;

	return BN_bin2bn(n.p, (int)n.n, NULL);
}

static bool
has_small_factor(const BIGNUM *n)
{
	for (BN_ULONG p = 3; p < 752; p += 2)
		if (BN_mod_word(n, p) == 0)
			return true;
	return false;
}

/* The odd multiple of a small prime below a good modulus: what a broken generator makes. */
static struct bytes
multiple_of(BN_ULONG factor)
{
	BIGNUM *n = good_modulus();

	BN_sub_word(n, BN_mod_word(n, factor));
	if (!BN_is_odd(n))
		BN_sub_word(n, factor);
	return number(n);
}

/* Modulo each prime up to 167 it is 65537, which has no small factor itself. */
static struct bytes
roca(void)
{
	BIGNUM *n = good_modulus(), *step = BN_new(), *rest = BN_new();
	BN_CTX *ctx = BN_CTX_new();

	BN_set_word(step, 2);
	for (BN_ULONG p = 3; p <= 167; p += 2)
		if (BN_mod_word(step, p) != 0) /* no factor of p is in it, so p is a prime */
			BN_mul_word(step, p);
	BN_nnmod(rest, n, step, ctx);
	BN_sub(n, n, rest);
	BN_add_word(n, 65537);
	while (has_small_factor(n))
		BN_sub(n, n, step);
	BN_CTX_free(ctx);
	BN_free(rest);
	BN_free(step);
	return number(n);
}

/* (a - distance) (a + distance): Fermat's method finds it in the first rounds, of which one is needed
 * for each 2^1024 that distance^2 is above a. */
static struct bytes
neighbours(const char *distance)
{
	BIGNUM *a = BN_new(), *d = NULL, *p = BN_new(), *q = BN_new();
	BN_CTX *ctx = BN_CTX_new();

	BN_hex2bn(&d, distance);
	BN_set_bit(a, 1023);
	BN_set_bit(a, 1022);
	BN_add_word(a, 1);
	if (BN_is_odd(d))
		BN_add_word(a, 1);
	do {
		BN_add_word(a, 2);
		BN_sub(p, a, d);
		BN_add(q, a, d);
	} while (has_small_factor(p) || has_small_factor(q));
	BN_mul(a, p, q, ctx);
	BN_CTX_free(ctx);
	BN_free(p);
	BN_free(q);
	BN_free(d);
	return number(a);
}

/* A good modulus with its last octets, or its first ones, replaced. */
static struct bytes
with_ends(const char *first, const char *last)
{
	struct bytes n = parsed(RSA_SPKI).modulus, head = hex(first), tail = hex(last);

	return JOIN(head, bytes_of(n.p + head.n, n.n - head.n - tail.n), tail);
}

/* 7 * 2^507: its square is 49 * 2^1014, so that a round suffices; 2^517 needs about 680. */
#define NEAR                                                                                       \
	"7000000000000000000000000000000000000000000000000000000000000000"                         \
	"000000000000000000000000000000000000000000000000000000000000000"
#define FAR                                                                                        \
	"20000000000000000000000000000000000000000000000000000000000000000"                        \
	"00000000000000000000000000000000000000000000000000000000000000000"

static void
test_weak_rsa_keys_are_refused(void)
{
	struct bytes n = parsed(RSA_SPKI).modulus, f4 = hex("010001");
	const struct {
		const char *name;
		struct bytes modulus, exponent;
		const char *reason; /* NULL: a good key */
	} cases[] = {
		{"a good key", n, f4, NULL},
		{"the largest exponent of 64 bits", n, hex("ffffffffffffffff"), NULL},
		{"an exponent of 256 bits", n, JOIN(hex("ff"), bytes_of(n.p, 30), hex("01")), NULL},
		{"primes that are far enough", neighbours(FAR), f4, NULL},
		{"no modulus", NOTHING, f4, "0 bits"},
		{"2040 bits", bytes_of(n.p, 255), f4, "2040 bits"},
		{"2047 bits", with_ends("7f", "01"), f4, "2047 bits"},
		{"2049 bits", JOIN(hex("01"), n), f4, "2049 bits"},
		{"4104 bits", JOIN(n, n, hex("01")), f4, "4104 bits"},
		{"even", with_ends("", "02"), f4, "even"},
		{"divisible by 3", multiple_of(3), f4, "divisible by 3"},
		{"divisible by 167", multiple_of(167), f4, "divisible by"},
		{"divisible by 173", multiple_of(173), f4, "divisible by"},
		{"divisible by 751", multiple_of(751), f4, "divisible by"},
		{"Infineon's primes", roca(), f4, "CVE-2017-15361"},
		{"primes 2 apart", neighbours("1"), f4, "neighbours"},
		{"primes that share half of their bits", neighbours(NEAR), f4, "neighbours"},
		{"a square", neighbours("0"), f4, "neighbours"},
		{"no exponent", n, NOTHING, "exponent"},
		{"exponent 1", n, hex("01"), "exponent"},
		{"exponent 3", n, hex("03"), "exponent"},
		{"exponent 65535", n, hex("ffff"), "exponent"},
		{"exponent even", n, hex("010002"), "exponent"},
		{"exponent of 264 bits", n, JOIN(bytes_of(n.p, 32), hex("01")), "256 bits"},
		{"exponent of 72 bits and 4096", JOIN(n, bytes_of(n.p, 255), hex("0d")),
			hex("010000000000000001"), "64 bits"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pki_spki key = rsa(cases[i].modulus, cases[i].exponent);
		enum err e = pki_key_judge(&key, NULL);

		CHECK_CASE(e == (cases[i].reason == NULL ? ERR_OK : ERR_INVALID), cases[i].name);
		if (cases[i].reason == NULL)
			continue;
		CHECK_CASE(strstr(err_reason(), cases[i].reason) != NULL, err_reason());
		CHECK_CASE(err_word() == WORD_BAD_KEY, cases[i].name);
	}
}

/* The y of every point of small order, and the y that are not below p = 2^255 - 19, each with both signs
 * of x; then a y without an x (2), and good ones. */
static void
test_weak_ed25519_keys_are_refused(void)
{
	static const struct {
		const char *y, *reason;
	} cases[] = {
		{"0000000000000000000000000000000000000000000000000000000000000000", "small order"},
		{"0100000000000000000000000000000000000000000000000000000000000000", "small order"},
		{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "small order"},
		{"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "small order"},
		{"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "small order"},
		{"0200000000000000000000000000000000000000000000000000000000000000", "not a point"},
		{"0300000000000000000000000000000000000000000000000000000000000000", NULL},
		/* 4/5, the base point, and RFC 8032 section 7.1, test 1 */
		{"5866666666666666666666666666666666666666666666666666666666666666", NULL},
		{"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", NULL},
	};

	for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
		const char *reason = cases[i / 2].reason;
		struct pki_spki key = {.type = PKI_KEY_ED25519, .key = hex(cases[i / 2].y)};

		((uint8_t *)key.key.p)[31] ^= i % 2 * 0x80;
		CHECK_CASE(
			(pki_key_judge(&key, NULL) == ERR_OK) == (reason == NULL), cases[i / 2].y);
		if (reason != NULL)
			CHECK_CASE(strstr(err_reason(), reason) != NULL, err_reason());
	}
	for (unsigned i = 0; i < 2 * 19; i++) {
		struct pki_spki key = {.type = PKI_KEY_ED25519,
			.key = hex(
				"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")};

		((uint8_t *)key.key.p)[0] = (uint8_t)(0xed + i / 2);
		((uint8_t *)key.key.p)[31] ^= i % 2 * 0x80;
		CHECK_REASON(pki_key_judge(&key, NULL), ERR_INVALID, "canonical form");
	}
}

/* 0x04, x, y: all zeros, and a point of the curve whose x or y has p added would not fit its octets, but
 * numbers from p on do. */
static void
test_weak_ec_keys_are_refused(void)
{
	static const struct {
		const char *spki;
		size_t octets;
	} curves[] = {{P256_SPKI, 32}, {P384_SPKI, 48}};

	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		struct pki_spki good = parsed(curves[i].spki);
		size_t n = curves[i].octets;
		uint8_t *bits = memset(arena_alloc(A(), 97), 0xff, 97),
			*zero = memset(arena_alloc(A(), 97), 0, 97);
		struct bytes x = bytes_of(good.key.p + 1, n), y = bytes_of(good.key.p + 1 + n, n),
			     ones = bytes_of(bits, n), zeros = bytes_of(zero, n);
		struct bytes cases[] = {NOTHING, hex("00"), JOIN(hex("04"), y, x),
			JOIN(hex("04"), x, x), JOIN(hex("04"), zeros, zeros),
			JOIN(hex("04"), x, zeros), JOIN(hex("04"), ones, y),
			JOIN(hex("04"), x, ones), JOIN(hex("04"), x)};

		CHECK_OK(pki_key_judge(&good, NULL));
		for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
			struct pki_spki key = {.type = good.type, .key = cases[k]};
			AUTO(EVP_PKEY) made = NULL;

			CHECK_REASON(pki_key_judge(&key, NULL), ERR_INVALID, "not a point");
			CHECK_REASON(pki_key_judge(&key, &made), ERR_INVALID, "not a point");
			CHECK(made == NULL && err_word() == WORD_BAD_KEY);
		}
	}
}

/* It has a coordinate of 32 octets that is p and more: 0 plus p, with y the root of b. */
static void
test_a_coordinate_that_is_not_reduced_is_refused(void)
{
	struct pki_spki key = {.type = PKI_KEY_P256,
		.key = hex("04 0000000000000000000000000000000000000000000000000000000000000000"
			   "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4")};
	struct pki_spki unreduced = {.type = PKI_KEY_P256,
		.key = hex("04 ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
			   "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4")};

	CHECK_OK(pki_key_judge(&key, NULL));
	CHECK_REASON(pki_key_judge(&unreduced, NULL), ERR_INVALID, "not a point");
}

static void
test_a_judged_key_is_made_at_once(void)
{
	static const char *const spkis[] = {P256_SPKI, P384_SPKI, RSA_SPKI};

	for (size_t i = 0; i < ARRAY_LEN(spkis); i++) {
		struct pki_spki key = parsed(spkis[i]);
		AUTO(EVP_PKEY) made = NULL;

		CHECK_OK(pki_key_judge(&key, &made));
		CHECK(made != NULL && bytes_equal(spki_of(made), key.der));
	}
}

/* OpenSSL makes such keys: so they are refused wherever ours are written down, too. */
static void
test_a_weak_key_of_ours_has_no_spki(void)
{
	struct bytes identity =
		hex("0100000000000000000000000000000000000000000000000000000000000000");
	AUTO(EVP_PKEY)
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, identity.p, identity.n);
	struct bytes der;

	CHECK_REASON(pki_spki_from_pkey(key, A(), &der), ERR_INVALID, "small order");
}

UNIT_MAIN("pki-key-judge", {"test_weak_rsa_keys_are_refused", test_weak_rsa_keys_are_refused},
	{"test_weak_ed25519_keys_are_refused", test_weak_ed25519_keys_are_refused},
	{"test_weak_ec_keys_are_refused", test_weak_ec_keys_are_refused},
	{"test_a_coordinate_that_is_not_reduced_is_refused",
		test_a_coordinate_that_is_not_reduced_is_refused},
	{"test_a_judged_key_is_made_at_once", test_a_judged_key_is_made_at_once},
	{"test_a_weak_key_of_ours_has_no_spki", test_a_weak_key_of_ours_has_no_spki})
