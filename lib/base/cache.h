/*
 * A bounded cache of immutable, reference-counted things by octets; what has not been used lately
 * leaves first. A thing that was read before a change became known is never put in after it: the
 * reader takes cache_generation() before it reads. Every function is thread-safe.
 */
#ifndef CHANCERY_BASE_CACHE_H
#define CHANCERY_BASE_CACHE_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "lib/base/bytes.h"

enum { CACHE_KEY_MAX = 32 };

struct cache_item;
typedef void cache_free_fn(struct cache_item *item);

/* The first member of whatever is cached; all of it is the cache's own. */
struct cache_item {
	uint8_t key[CACHE_KEY_MAX];
	size_t key_size;
	atomic_uint refs;
	cache_free_fn *free_item;
	bool used; /* since it last might have had to leave */
	TAILQ_ENTRY(cache_item) by_age;
	struct cache_item *next;
};

struct cache;

/* Holds at most max things; free_item frees one when its last reference goes. */
struct cache *cache_new(size_t max, cache_free_fn *free_item);
/* References that others hold stay good. NULL is fine. */
void cache_free(struct cache *c);
/* A reference to the thing with this key, given back by cache_release(); NULL: not there. */
struct cache_item *cache_get(struct cache *c, struct bytes key);
/* NULL is fine. */
void cache_release(struct cache_item *item);
uint64_t cache_generation(struct cache *c);
/* Puts a new item under a key of at most CACHE_KEY_MAX octets, replacing what is there. The caller
 * gets the first reference in any case; the cache takes one only when nothing was dropped since
 * generation. */
void cache_put(struct cache *c, struct bytes key, struct cache_item *item, uint64_t generation);
/* What is known of this key, or of all, has changed. */
void cache_drop(struct cache *c, struct bytes key);
void cache_drop_all(struct cache *c);

#endif
