/* See grants.h. */
#include "ca/grants.h"

#include <stdlib.h>

#include "lib/base/cache.h"
#include "lib/base/clock.h"
#include "lib/store/grant.h"

enum { IDENTITIES_MAX = 1024, LIFE_US = 2 * 1000 * 1000 };

struct entry {
	struct cache_item item;
	int64_t loaded_us;
	struct arena *arena; /* owns grant */
	struct store_grant *grant;
	size_t count;
};

struct ca_grants {
	struct store *store;
	struct cache *cache; /* by identity */
};

static void
free_entry(struct cache_item *item)
{
	struct entry *e = (struct entry *)item;

	arena_free(e->arena);
	free(e);
}

struct ca_grants *
ca_grants_new(struct store *store)
{
	struct ca_grants *g = mem_zalloc(1, sizeof(*g));

	g->store = store;
	g->cache = cache_new(IDENTITIES_MAX, free_entry);
	return g;
}

void
ca_grants_free(struct ca_grants *g)
{
	if (g == NULL)
		return;
	cache_free(g->cache);
	free(g);
}

void
ca_grants_forget(struct ca_grants *g)
{
	cache_drop_all(g->cache);
}

static void
copy_out(const struct entry *e, struct arena *a, const char *profile, const char *const **out,
	size_t *count)
{
	const char **list = arena_array(a, e->count, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->grant[i].profile, profile) == 0)
			list[n++] = arena_strdup(a, e->grant[i].pattern);
	*out = list;
	*count = n;
}

static enum err
load_grants(struct ca_grants *g, int64_t identity, struct entry **out)
{
	uint64_t generation = cache_generation(g->cache);
	int64_t now = clock_monotonic_us();
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_grant *grant;
	size_t count;

	TRY(store_grant_list(g->store, a, identity, &grant, &count));
	*out = mem_zalloc(1, sizeof(**out));
	(*out)->loaded_us = now;
	(*out)->arena = a;
	(*out)->grant = grant;
	(*out)->count = count;
	a = NULL;
	cache_put(g->cache, bytes_of(&identity, sizeof(identity)), &(*out)->item, generation);
	return ERR_OK;
}

enum err
ca_grants_find(struct ca_grants *g, struct arena *a, int64_t identity, const char *profile,
	const char *const **out, size_t *count)
{
	struct entry *entry =
		(struct entry *)cache_get(g->cache, bytes_of(&identity, sizeof(identity)));

	if (entry != NULL && clock_monotonic_us() - entry->loaded_us >= LIFE_US) {
		cache_release(&entry->item);
		entry = NULL;
	}
	if (entry == NULL)
		TRY(load_grants(g, identity, &entry));
	copy_out(entry, a, profile, out, count);
	cache_release(&entry->item);
	return ERR_OK;
}
