/*
 * An arena per thread that runs handlers. A response is copied out of it before it is reset, so no
 * request pays for an arena of its own and a connection that waits holds no memory of the last
 * request.
 *
 * A request that is answered later takes its thread's arena along and gives it to the spare ones of
 * the listener at its end, where the next thread without one finds it.
 */
#include "lib/http/conn.h"

#include <stdlib.h>

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
free_arena(void *arena)
{
	arena_free(arena);
}

static void
make_key(void)
{
	if (pthread_key_create(&key, free_arena) != 0)
		abort();
}

void
arenas_init(struct arenas *s)
{
	s->count = 0;
	pthread_mutex_init(&s->lock, NULL);
}

void
arenas_clear(struct arenas *s)
{
	while (s->count > 0)
		arena_free(s->spare[--s->count]);
	pthread_mutex_destroy(&s->lock);
}

static struct arena *
take_spare(struct arenas *s)
{
	struct arena *a;

	pthread_mutex_lock(&s->lock);
	a = s->count > 0 ? s->spare[--s->count] : NULL;
	pthread_mutex_unlock(&s->lock);
	return a != NULL ? a : arena_new(0);
}

void
arenas_give(struct arenas *s, struct arena *a)
{
	arena_reset(a);
	pthread_mutex_lock(&s->lock);
	if (s->count < ARENAS_SPARE_MAX) {
		s->spare[s->count++] = a;
		a = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	arena_free(a);
}

struct arena *
thread_arena(struct arenas *spare)
{
	struct arena *a;

	pthread_once(&once, make_key);
	a = pthread_getspecific(key);
	if (a == NULL) {
		a = take_spare(spare);
		pthread_setspecific(key, a);
	}
	return a;
}

void
thread_arena_leave(void)
{
	pthread_setspecific(key, NULL);
}
