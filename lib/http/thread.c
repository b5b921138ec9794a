/*
 * One arena per thread that runs handlers. A response is copied out of it before it is reset, so no
 * request pays for an arena of its own and a connection that waits holds no memory of the last
 * request.
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

struct arena *
thread_arena(void)
{
	struct arena *a;

	pthread_once(&once, make_key);
	a = pthread_getspecific(key);
	if (a == NULL) {
		a = arena_new(0);
		pthread_setspecific(key, a);
	}
	return a;
}
