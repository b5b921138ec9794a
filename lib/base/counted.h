/*
 * Things that are replaced while others still read them: issuers, profiles, rules. A slot holds the
 * present one; a reader borrows it for as long as its arena lives, so a request sees one and the
 * same from its beginning to its end, and the one before dies with its last reader. No thread ever
 * waits for another's work here.
 *
 *   struct things { struct counted counted; ... };	(counted first)
 *   counted_set(&slot, &fresh->counted);		(takes fresh over)
 *   const struct things *t = counted_borrow(&slot, req->arena);
 */
#ifndef CHANCERY_BASE_COUNTED_H
#define CHANCERY_BASE_COUNTED_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/arena.h"

struct counted {
	atomic_uint refs;
	uint64_t generation; /* set by counted_set(): 1 for the slot's first, then rising */
	void (*free)(struct counted *c);
};

struct counted_slot {
	pthread_mutex_t lock;
	struct counted *now; /* NULL: none yet */
	uint64_t generation;
};

/* One reference, the caller's. */
void counted_init(struct counted *c, void (*free)(struct counted *c));
/* One more, for as long as the caller has one itself; returns c. */
void *counted_ref(struct counted *c);
/* Gives a reference back; NULL is nothing. */
void counted_release(struct counted *c);

void counted_slot_init(struct counted_slot *s);
/* Releases what it holds; nobody may use the slot any more. */
void counted_slot_clear(struct counted_slot *s);
/* c is the present one from now on; the slot takes over the caller's reference. */
void counted_set(struct counted_slot *s, struct counted *c);
/* The present one, or NULL; valid until the arena is reset or freed. */
void *counted_borrow(struct counted_slot *s, struct arena *a);

#endif
