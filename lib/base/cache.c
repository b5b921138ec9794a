/* See cache.h. Hashes are made before the lock is taken, and things are freed after it. */
#include "lib/base/cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

TAILQ_HEAD(cache_ages, cache_item);

struct cache {
	pthread_mutex_t lock;
	size_t count, max, bucket_count;
	_Atomic uint64_t generation;
	cache_free_fn *free_item;
	struct cache_ages by_age; /* the newest first */
	struct cache_item **bucket;
};

struct cache *
cache_new(size_t max, cache_free_fn *free_item)
{
	struct cache *c = mem_zalloc(1, sizeof(*c));

	c->max = max;
	c->bucket_count = 2 * max + 1;
	c->free_item = free_item;
	c->bucket = mem_zalloc(c->bucket_count, sizeof(struct cache_item *));
	TAILQ_INIT(&c->by_age);
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

static struct bytes
key_of(const struct cache_item *item)
{
	return bytes_of(item->key, item->key_size);
}

/* Eight octets at a time, multiplied with 2^64 divided by the golden ratio, which spreads numbers
 * that follow each other. Keys are digests and ids of ours: nobody outside fills one bucket. */
static struct cache_item **
find_bucket(struct cache *c, struct bytes key)
{
	uint64_t h = key.n, word;

	for (size_t i = 0; i < key.n; i += sizeof(word)) {
		word = 0;
		memcpy(&word, key.p + i, key.n - i < sizeof(word) ? key.n - i : sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return &c->bucket[h % c->bucket_count];
}

/* Where the item with this key hangs in its bucket, or the bucket's end. */
static struct cache_item **
find_place(struct cache_item **at, struct bytes key)
{
	while (*at != NULL && !bytes_equal(key_of(*at), key))
		at = &(*at)->next;
	return at;
}

/* The cache's reference becomes the caller's. */
static struct cache_item *
take_out(struct cache *c, struct cache_item **at)
{
	struct cache_item *item = *at;

	if (item == NULL)
		return NULL;
	*at = item->next;
	TAILQ_REMOVE(&c->by_age, item, by_age);
	c->count--;
	return item;
}

void
cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	cache_drop_all(c);
	pthread_mutex_destroy(&c->lock);
	free(c->bucket);
	free(c);
}

struct cache_item *
cache_get(struct cache *c, struct bytes key)
{
	struct cache_item **bucket = find_bucket(c, key), *item;

	pthread_mutex_lock(&c->lock);
	item = *find_place(bucket, key);
	if (item != NULL) {
		atomic_fetch_add_explicit(&item->refs, 1, memory_order_relaxed);
		item->used = true;
	}
	pthread_mutex_unlock(&c->lock);
	return item;
}

void
cache_release(struct cache_item *item)
{
	if (item != NULL && atomic_fetch_sub_explicit(&item->refs, 1, memory_order_acq_rel) == 1)
		item->free_item(item);
}

uint64_t
cache_generation(struct cache *c)
{
	return atomic_load(&c->generation);
}

/* The oldest that has not been used since it was looked at here last. */
static struct cache_item *
take_out_unused(struct cache *c)
{
	struct cache_item *item;
	struct bytes key;

	while ((item = TAILQ_LAST(&c->by_age, cache_ages))->used) {
		item->used = false;
		TAILQ_REMOVE(&c->by_age, item, by_age);
		TAILQ_INSERT_HEAD(&c->by_age, item, by_age);
	}
	key = key_of(item);
	return take_out(c, find_place(find_bucket(c, key), key));
}

void
cache_put(struct cache *c, struct bytes key, struct cache_item *item, uint64_t generation)
{
	struct cache_item **bucket = find_bucket(c, key), *same = NULL, *unused = NULL;

	assert(key.n <= CACHE_KEY_MAX);
	memcpy(item->key, key.p, key.n);
	item->key_size = key.n;
	item->free_item = c->free_item;
	item->used = false;
	atomic_init(&item->refs, 1);
	pthread_mutex_lock(&c->lock);
	if (generation == atomic_load(&c->generation)) {
		same = take_out(c, find_place(bucket, key));
		if (c->count == c->max)
			unused = take_out_unused(c);
		atomic_fetch_add_explicit(&item->refs, 1, memory_order_relaxed);
		item->next = *bucket;
		*bucket = item;
		TAILQ_INSERT_HEAD(&c->by_age, item, by_age);
		c->count++;
	}
	pthread_mutex_unlock(&c->lock);
	cache_release(same);
	cache_release(unused);
}

void
cache_drop(struct cache *c, struct bytes key)
{
	struct cache_item **bucket = find_bucket(c, key), *item;

	pthread_mutex_lock(&c->lock);
	atomic_fetch_add(&c->generation, 1);
	item = take_out(c, find_place(bucket, key));
	pthread_mutex_unlock(&c->lock);
	cache_release(item);
}

void
cache_drop_all(struct cache *c)
{
	struct cache_ages gone = TAILQ_HEAD_INITIALIZER(gone);
	struct cache_item *item;

	pthread_mutex_lock(&c->lock);
	atomic_fetch_add(&c->generation, 1);
	if (c->count > 0)
		memset(c->bucket, 0, c->bucket_count * sizeof(struct cache_item *));
	c->count = 0;
	TAILQ_CONCAT(&gone, &c->by_age, by_age);
	pthread_mutex_unlock(&c->lock);
	while ((item = TAILQ_FIRST(&gone)) != NULL) {
		TAILQ_REMOVE(&gone, item, by_age);
		cache_release(item);
	}
}
