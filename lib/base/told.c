/* See told.h. */
#include "lib/base/told.h"

#include <stdlib.h>

void
told_init(struct told *t)
{
	*t = (struct told){.text = NULL};
	pthread_mutex_init(&t->lock, NULL);
}

void
told_clear(struct told *t)
{
	pthread_mutex_destroy(&t->lock);
	free(t->text);
}

void
told_set(struct told *t, const char *text)
{
	told_watcher *watch;
	void *ctx;

	pthread_mutex_lock(&t->lock);
	free(t->text);
	t->text = mem_strdup(text);
	watch = t->watch;
	ctx = t->watch_ctx;
	pthread_mutex_unlock(&t->lock);
	if (watch != NULL)
		watch(ctx);
}

const char *
told_get(struct told *t, struct arena *a)
{
	const char *copy;

	pthread_mutex_lock(&t->lock);
	copy = arena_strdup(a, t->text);
	pthread_mutex_unlock(&t->lock);
	return copy;
}

void
told_watch(struct told *t, told_watcher *watch, void *ctx)
{
	pthread_mutex_lock(&t->lock);
	t->watch = watch;
	t->watch_ctx = ctx;
	pthread_mutex_unlock(&t->lock);
}
