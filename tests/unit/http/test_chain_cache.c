#include "lib/http/chain_cache.h"

#include "tests/unit/unit.h"

enum { NOW = 1000000 };

static void
make_key(uint32_t n, uint8_t key[SHA256_SIZE])
{
	sha256(bytes_of(&n, sizeof(n)), key);
}

static void
test_chain_is_known_until_its_time(void)
{
	struct cache *c = chain_cache_new();
	uint8_t key[SHA256_SIZE], other[SHA256_SIZE];

	make_key(1, key);
	make_key(2, other);
	CHECK(!chain_cache_find(c, key, NOW));
	chain_cache_put(c, key, NOW, NOW + 10);
	CHECK(chain_cache_find(c, key, NOW));
	CHECK(chain_cache_find(c, key, NOW + 9));
	CHECK(!chain_cache_find(c, key, NOW + 10));
	CHECK(!chain_cache_find(c, other, NOW));
	cache_free(c);
}

static void
test_nothing_is_known_longer_than_an_hour(void)
{
	struct cache *c = chain_cache_new();
	uint8_t key[SHA256_SIZE];

	make_key(1, key);
	chain_cache_put(c, key, NOW, NOW + 100 * CHAIN_CACHE_SECONDS);
	CHECK(chain_cache_find(c, key, NOW + CHAIN_CACHE_SECONDS - 1));
	CHECK(!chain_cache_find(c, key, NOW + CHAIN_CACHE_SECONDS));
	cache_free(c);
}

static void
test_key_depends_on_octets_order_and_borders(void)
{
	const struct bytes ab[] = {BYTES_LIT("a"), BYTES_LIT("b")},
			   ba[] = {BYTES_LIT("b"), BYTES_LIT("a")};
	const struct bytes joined[] = {BYTES_LIT("ab")}, moved[] = {BYTES_LIT("ab"), BYTES_LIT("")};
	uint8_t key[4][SHA256_SIZE];

	chain_cache_key(ab, 2, key[0]);
	chain_cache_key(ba, 2, key[1]);
	chain_cache_key(joined, 1, key[2]);
	chain_cache_key(moved, 2, key[3]);
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < i; k++)
			CHECK(memcmp(key[i], key[k], SHA256_SIZE) != 0);
}

UNIT_MAIN("http chain cache",
	{"test_chain_is_known_until_its_time", test_chain_is_known_until_its_time},
	{"test_nothing_is_known_longer_than_an_hour", test_nothing_is_known_longer_than_an_hour},
	{"test_key_depends_on_octets_order_and_borders",
		test_key_depends_on_octets_order_and_borders})
