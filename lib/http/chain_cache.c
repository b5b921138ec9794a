/* A set-associative table of fixed size: nothing a client presents makes it grow. */
#include "lib/http/chain_cache.h"

#include <assert.h>
#include <stdlib.h>

enum { CERTS_MAX = 16 };

void
chain_cache_init(struct chain_cache *c)
{
	pthread_mutex_init(&c->lock, NULL);
	c->set = mem_zalloc(CHAIN_CACHE_SETS, sizeof(c->set[0]));
}

void
chain_cache_clear(struct chain_cache *c)
{
	free(c->set);
	pthread_mutex_destroy(&c->lock);
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

/* The key is a hash, so any of its octets will do as an index. */
static struct chain_entry *
set_of(struct chain_cache *c, const uint8_t key[SHA256_SIZE])
{
	return c->set[(key[0] | (size_t)key[1] << 8) % CHAIN_CACHE_SETS];
}

bool
chain_cache_find(struct chain_cache *c, const uint8_t key[SHA256_SIZE], int64_t now)
{
	struct chain_entry *set = set_of(c, key);
	bool found = false;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; !found && i < CHAIN_CACHE_WAYS; i++)
		found = set[i].until > now && memcmp(set[i].key, key, SHA256_SIZE) == 0;
	pthread_mutex_unlock(&c->lock);
	return found;
}

void
chain_cache_put(struct chain_cache *c, const uint8_t key[SHA256_SIZE], int64_t now, int64_t until)
{
	struct chain_entry *set = set_of(c, key), *victim = &set[0];

	if (until > now + CHAIN_CACHE_SECONDS)
		until = now + CHAIN_CACHE_SECONDS;
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < CHAIN_CACHE_WAYS; i++) {
		if (set[i].until < victim->until)
			victim = &set[i];
		if (memcmp(set[i].key, key, SHA256_SIZE) == 0) {
			victim = &set[i];
			break;
		}
	}
	memcpy(victim->key, key, SHA256_SIZE);
	victim->until = until;
	pthread_mutex_unlock(&c->lock);
}
