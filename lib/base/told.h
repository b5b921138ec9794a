/*
 * The latest text that one thread tells: whoever asks gets a copy, whoever watches is called. Any
 * thread may ask and watch.
 */
#ifndef CHANCERY_BASE_TOLD_H
#define CHANCERY_BASE_TOLD_H

#include <pthread.h>

#include "lib/base/arena.h"

typedef void told_watcher(void *ctx);

struct told {
	pthread_mutex_t lock;
	char *text; /* NULL: nothing yet; the telling thread may look without the lock */
	told_watcher *watch;
	void *watch_ctx;
};

void told_init(struct told *t);
void told_clear(struct told *t);
/* Copies text; then calls the watcher, on this thread and without the lock. */
void told_set(struct told *t, const char *text);
/* In the arena; something has been told. */
const char *told_get(struct told *t, struct arena *a);
/* watch is called from the next text on; one at a time. */
void told_watch(struct told *t, told_watcher *watch, void *ctx);

#endif
