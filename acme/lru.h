/*
 * A bounded cache of immutable, reference-counted things by id, the least recently used leaving
 * first. A thing that was read before a change became known is never put in after it: the reader
 * takes lru_generation() before it reads.
 */
#ifndef CHANCERY_ACME_LRU_H
#define CHANCERY_ACME_LRU_H

#include <sys/queue.h>

#include "lib/base/bytes.h"

enum { LRU_KEY_SIZE = 32 };

/* The first member of whatever is cached. */
struct lru_item {
	char key[LRU_KEY_SIZE];
	unsigned refs;
	TAILQ_ENTRY(lru_item) by_use;
	struct lru_item *next;
};

struct lru;
typedef void lru_free_fn(struct lru_item *item);

struct lru *lru_new(size_t max, lru_free_fn *free_item);
void lru_free(struct lru *l);
/* NULL when it is not there; else a reference, given back by lru_release(). */
struct lru_item *lru_get(struct lru *l, const char *key);
void lru_release(struct lru *l, struct lru_item *item);
uint64_t lru_generation(struct lru *l);
/* Puts a new item (refs is set here: the caller keeps a reference), replacing what has the same
 * key; the cache itself takes it only when nothing was dropped since generation. */
void lru_put(struct lru *l, struct lru_item *item, uint64_t generation);
void lru_drop(struct lru *l, const char *key);

#endif
