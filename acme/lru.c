/* See lru.h. One mutex: what happens under it is a hash and a few pointers. */
#include "acme/lru.h"

#include <pthread.h>
#include <stdlib.h>

struct lru {
	pthread_mutex_t lock;
	size_t count, max, bucket_count;
	uint64_t generation;
	lru_free_fn *free_item;
	TAILQ_HEAD(lru_uses, lru_item) by_use; /* most recently used first */
	struct lru_item **bucket;
};

struct lru *
lru_new(size_t max, lru_free_fn *free_item)
{
	struct lru *l = mem_zalloc(1, sizeof(*l));

	l->max = max;
	l->bucket_count = 2 * max + 1;
	l->free_item = free_item;
	l->bucket = mem_zalloc(l->bucket_count, sizeof(*l->bucket));
	TAILQ_INIT(&l->by_use);
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

/* Keys are random ids of ours, so any mixing will do. */
static struct lru_item **
bucket_of(struct lru *l, const char *key)
{
	uint64_t h = 1469598103934665603u;

	for (; *key != '\0'; key++)
		h = (h ^ (uint8_t)*key) * 1099511628211u;
	return &l->bucket[h % l->bucket_count];
}

static void
unref(struct lru *l, struct lru_item *item)
{
	if (--item->refs == 0)
		l->free_item(item);
}

static void
take_out(struct lru *l, const char *key)
{
	struct lru_item **at = bucket_of(l, key);

	while (*at != NULL && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	if (*at != NULL) {
		struct lru_item *item = *at;

		*at = item->next;
		TAILQ_REMOVE(&l->by_use, item, by_use);
		l->count--;
		unref(l, item);
	}
}

void
lru_free(struct lru *l)
{
	if (l == NULL)
		return;
	while (!TAILQ_EMPTY(&l->by_use))
		take_out(l, TAILQ_FIRST(&l->by_use)->key);
	pthread_mutex_destroy(&l->lock);
	free(l->bucket);
	free(l);
}

struct lru_item *
lru_get(struct lru *l, const char *key)
{
	struct lru_item *item;

	pthread_mutex_lock(&l->lock);
	item = *bucket_of(l, key);
	while (item != NULL && strcmp(item->key, key) != 0)
		item = item->next;
	if (item != NULL) {
		item->refs++;
		TAILQ_REMOVE(&l->by_use, item, by_use);
		TAILQ_INSERT_HEAD(&l->by_use, item, by_use);
	}
	pthread_mutex_unlock(&l->lock);
	return item;
}

void
lru_release(struct lru *l, struct lru_item *item)
{
	if (item == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	unref(l, item);
	pthread_mutex_unlock(&l->lock);
}

uint64_t
lru_generation(struct lru *l)
{
	pthread_mutex_lock(&l->lock);
	uint64_t g = l->generation;
	pthread_mutex_unlock(&l->lock);
	return g;
}

void
lru_put(struct lru *l, struct lru_item *item, uint64_t generation)
{
	pthread_mutex_lock(&l->lock);
	item->refs = 1;
	if (generation == l->generation) {
		struct lru_item **at = bucket_of(l, item->key);

		take_out(l, item->key);
		if (l->count == l->max)
			take_out(l, TAILQ_LAST(&l->by_use, lru_uses)->key);
		item->refs = 2;
		item->next = *at;
		*at = item;
		TAILQ_INSERT_HEAD(&l->by_use, item, by_use);
		l->count++;
	}
	pthread_mutex_unlock(&l->lock);
}

void
lru_drop(struct lru *l, const char *key)
{
	pthread_mutex_lock(&l->lock);
	l->generation++;
	take_out(l, key);
	pthread_mutex_unlock(&l->lock);
}
