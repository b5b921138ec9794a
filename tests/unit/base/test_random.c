#include "lib/base/random.h"

#include "lib/base/hex.h"
#include "tests/unit/unit.h"

static void
test_random_octets_differ(void)
{
	uint8_t a[32] = {0}, b[32] = {0}, zero[32] = {0};

	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	CHECK(memcmp(a, zero, sizeof(a)) != 0);
}

static void
test_random_id_is_128_bits_of_base64url(void)
{
	AUTO_STRUCT(arena) arena = arena_new(0);
	const char *a = random_id(arena), *b = random_id(arena);
	struct bytes octets;

	CHECK(strlen(a) == 22);
	CHECK(strcmp(a, b) != 0);
	CHECK_OK(base64url_decode(arena, bytes_str(a), &octets));
	CHECK(octets.n == 16);
}

static void
test_digests_match_their_standards(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	uint8_t out[SHA256_SIZE];

	sha256(BYTES_LIT("abc"), out);
	CHECK(strcmp(hex_string(a, bytes_of(out, SHA256_SIZE)),
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") == 0);
	sha256(bytes_of(NULL, 0), out);
	CHECK(strcmp(hex_string(a, bytes_of(out, SHA256_SIZE)),
		      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") == 0);
	sha1(BYTES_LIT("abc"), out);
	CHECK(strcmp(hex_string(a, bytes_of(out, SHA1_SIZE)),
		      "a9993e364706816aba3e25717850c26c9cd0d89d") == 0);
}

/* RFC 4231 sections 4.3 and 4.7: a short key, and one longer than a block. */
static void
test_hmac_matches_rfc_4231(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	uint8_t out[SHA256_SIZE], key[131];

	hmac_sha256(BYTES_LIT("Jefe"), BYTES_LIT("what do ya want for nothing?"), out);
	CHECK(strcmp(hex_string(a, bytes_of(out, SHA256_SIZE)),
		      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843") == 0);
	memset(key, 0xaa, sizeof(key));
	hmac_sha256(bytes_of(key, sizeof(key)),
		BYTES_LIT("Test Using Larger Than Block-Size Key - Hash Key First"), out);
	CHECK(strcmp(hex_string(a, bytes_of(out, SHA256_SIZE)),
		      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54") == 0);
}

static void
test_secrets_are_compared_whole(void)
{
	CHECK(secret_equal(BYTES_LIT("abc"), BYTES_LIT("abc")));
	CHECK(secret_equal(bytes_of(NULL, 0), BYTES_LIT("")));
	CHECK(!secret_equal(BYTES_LIT("abc"), BYTES_LIT("abd")));
	CHECK(!secret_equal(BYTES_LIT("abc"), BYTES_LIT("ab")));
	CHECK(!secret_equal(BYTES_LIT("a"), bytes_of(NULL, 0)));
}

UNIT_MAIN("random", {"test_random_octets_differ", test_random_octets_differ},
	{"test_random_id_is_128_bits_of_base64url", test_random_id_is_128_bits_of_base64url},
	{"test_digests_match_their_standards", test_digests_match_their_standards},
	{"test_hmac_matches_rfc_4231", test_hmac_matches_rfc_4231},
	{"test_secrets_are_compared_whole", test_secrets_are_compared_whole})
