/* Reference counts and the slot that hands them out; see counted.h. */
#include "lib/base/counted.h"

void
counted_init(struct counted *c, void (*free)(struct counted *c))
{
	atomic_init(&c->refs, 1);
	c->generation = 0;
	c->free = free;
}

void *
counted_ref(struct counted *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void
counted_release(struct counted *c)
{
	if (c != NULL && atomic_fetch_sub(&c->refs, 1) == 1)
		c->free(c);
}

void
counted_slot_init(struct counted_slot *s)
{
	pthread_mutex_init(&s->lock, NULL);
	s->now = NULL;
	s->generation = 0;
}

void
counted_slot_clear(struct counted_slot *s)
{
	counted_release(s->now);
	s->now = NULL;
	pthread_mutex_destroy(&s->lock);
}

void
counted_set(struct counted_slot *s, struct counted *c)
{
	struct counted *old;

	pthread_mutex_lock(&s->lock);
	old = s->now;
	c->generation = ++s->generation;
	s->now = c;
	pthread_mutex_unlock(&s->lock);
	counted_release(old);
}

static void
release_borrowed(void *c)
{
	counted_release(c);
}

void *
counted_borrow(struct counted_slot *s, struct arena *a)
{
	struct counted *c;

	pthread_mutex_lock(&s->lock);
	c = s->now;
	if (c != NULL)
		counted_ref(c);
	pthread_mutex_unlock(&s->lock);
	if (c != NULL)
		arena_defer(a, release_borrowed, c);
	return c;
}
