/* One slot per hash of the identity; a collision simply replaces. Locked only to copy out and to
 * swap in. */
#include "ca/grants.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/store/grant.h"

enum { SLOTS = 1024, LIFE_US = 2 * 1000 * 1000 };

struct entry {
	int64_t identity, loaded_us;
	unsigned generation;
	struct arena *arena; /* owns grant; NULL: free slot */
	struct store_grant *grant;
	size_t count;
};

struct ca_grants {
	struct store *store;
	pthread_mutex_t lock;
	atomic_uint generation;
	struct entry slot[SLOTS];
};

struct ca_grants *
ca_grants_new(struct store *store)
{
	struct ca_grants *g = mem_zalloc(1, sizeof(*g));

	g->store = store;
	pthread_mutex_init(&g->lock, NULL);
	return g;
}

void
ca_grants_free(struct ca_grants *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		arena_free(g->slot[i].arena);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void
ca_grants_forget(struct ca_grants *g)
{
	atomic_fetch_add(&g->generation, 1);
}

static struct entry *
slot_of(struct ca_grants *g, int64_t identity)
{
	return &g->slot[(uint64_t)identity * 0x9e3779b97f4a7c15U >> 54];
}

static bool
fresh(struct ca_grants *g, const struct entry *e, int64_t identity)
{
	return e->arena != NULL && e->identity == identity &&
		e->generation == atomic_load(&g->generation) &&
		clock_monotonic_us() - e->loaded_us < LIFE_US;
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

/* The generation is read before the rows: a change between the two leaves an entry that is already
 * stale. */
static enum err
load(struct ca_grants *g, int64_t identity, struct entry *out)
{
	struct entry e = {.identity = identity,
		.loaded_us = clock_monotonic_us(),
		.generation = atomic_load(&g->generation)};
	enum err code;

	e.arena = arena_new(0);
	code = store_grant_list(g->store, e.arena, identity, &e.grant, &e.count);
	if (code != ERR_OK) {
		arena_free(e.arena);
		return code;
	}
	*out = e;
	return ERR_OK;
}

enum err
ca_grants_find(struct ca_grants *g, struct arena *a, int64_t identity, const char *profile,
	const char *const **out, size_t *count)
{
	struct entry *slot = slot_of(g, identity), e;

	pthread_mutex_lock(&g->lock);
	bool hit = fresh(g, slot, identity);
	if (hit)
		copy_out(slot, a, profile, out, count);
	pthread_mutex_unlock(&g->lock);
	if (hit)
		return ERR_OK;

	enum err code = load(g, identity, &e);
	if (code != ERR_OK)
		return code;
	copy_out(&e, a, profile, out, count);
	pthread_mutex_lock(&g->lock);
	struct arena *old = slot->arena;
	*slot = e;
	pthread_mutex_unlock(&g->lock);
	arena_free(old);
	return ERR_OK;
}
