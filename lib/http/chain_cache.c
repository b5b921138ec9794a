/* See chain_cache.h. Of fixed size: nothing a client presents makes it grow. */
#include "lib/http/chain_cache.h"

#include <assert.h>
#include <stdlib.h>

enum { CERTS_MAX = 16, CHAINS_MAX = 4096 };

struct chain {
	struct cache_item item;
	int64_t until;
};

static void
free_chain(struct cache_item *item)
{
	free(item);
}

struct cache *
chain_cache_new(void)
{
	return cache_new(CHAINS_MAX, free_chain);
}

void
chain_cache_key(const struct bytes *certs, size_t count, uint8_t key[SHA256_SIZE])
{
	uint8_t digest[CERTS_MAX][SHA256_SIZE];

	assert(count <= CERTS_MAX);
	for (size_t i = 0; i < count; i++)
		sha256(certs[i], digest[i]);
	sha256(bytes_of(digest, count * SHA256_SIZE), key);
}

bool
chain_cache_find(struct cache *c, const uint8_t key[SHA256_SIZE], int64_t now)
{
	struct cache_item *item = cache_get(c, bytes_of(key, SHA256_SIZE));
	bool found = item != NULL && ((struct chain *)item)->until > now;

	cache_release(item);
	return found;
}

void
chain_cache_put(struct cache *c, const uint8_t key[SHA256_SIZE], int64_t now, int64_t until)
{
	struct chain *chain = mem_zalloc(1, sizeof(*chain));

	chain->until = until < now + CHAIN_CACHE_SECONDS ? until : now + CHAIN_CACHE_SECONDS;
	cache_put(c, bytes_of(key, SHA256_SIZE), &chain->item, cache_generation(c));
	cache_release(&chain->item);
}
