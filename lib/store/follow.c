/* The thread behind follow.h: cycles are numbered as they are asked for, so that a caller can wait
 * for one of its own. */
#include "lib/store/follow.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/store/parts.h"

/* Only what was committed without waiting for the disk is lost: three wal_writer_delay, less than a
 * second, of transactions. */
enum { FEED_BACK = 20000 };

struct store_follower {
	struct store *store;
	const char *name;
	store_follow_fn *fn;
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	uint64_t wanted, finished, succeeded; /* numbers of cycles */
	bool stopping;
};

static void
on_bell(void *ctx, enum store_bell bell)
{
	struct store_follower *f = ctx;

	(void)bell;
	pthread_mutex_lock(&f->lock);
	f->wanted++;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
}

/* One line per outage; readiness tells how long it lasts. */
static void
log_change(const struct store_follower *f, enum err e, bool *failing)
{
	if (e != ERR_OK && !*failing)
		log_failure(f->name, e);
	if (e == ERR_OK && *failing)
		log_event(LOG_INFO, f->name, LOG_S("outcome", "ok"),
			LOG_S("reason", "the feed is read again"));
	*failing = e != ERR_OK;
}

static void *
follow(void *arg)
{
	struct store_follower *f = arg;
	bool failing = false;

	pthread_mutex_lock(&f->lock);
	while (!f->stopping) {
		uint64_t cycle = f->wanted;
		enum err e;

		if (cycle == f->finished) {
			pthread_cond_wait(&f->wake, &f->lock);
			continue;
		}
		pthread_mutex_unlock(&f->lock);
		e = f->fn(f->ctx);
		log_change(f, e, &failing);
		pthread_mutex_lock(&f->lock);
		f->finished = cycle;
		if (e == ERR_OK)
			f->succeeded = cycle;
		pthread_cond_broadcast(&f->done);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct store_follower *
store_follow(struct store *s, unsigned bells, const char *name, store_follow_fn *fn, void *ctx)
{
	struct store_follower *f = mem_zalloc(1, sizeof(*f));
	pthread_condattr_t attr;

	*f = (struct store_follower){.store = s, .name = name, .fn = fn, .ctx = ctx};
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, NULL);
	pthread_cond_init(&f->done, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&f->thread, NULL, follow, f) != 0)
		abort();
	store_listen(s, bells, on_bell, f);
	return f;
}

void
store_follower_stop(struct store_follower *f)
{
	if (f == NULL)
		return;
	store_unlisten(f->store, f);
	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	pthread_cond_destroy(&f->wake);
	pthread_cond_destroy(&f->done);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

enum err
store_follower_now(struct store_follower *f, unsigned wait_ms)
{
	struct timespec until;
	uint64_t mine;
	bool ok;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += (long)(wait_ms % 1000) * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&f->lock);
	mine = ++f->wanted;
	pthread_cond_signal(&f->wake);
	while (f->finished < mine && !f->stopping)
		if (pthread_cond_timedwait(&f->done, &f->lock, &until) != 0)
			break;
	ok = f->succeeded >= mine;
	pthread_mutex_unlock(&f->lock);
	return ok ? ERR_OK
		  : err_set(ERR_UNAVAILABLE, "the feed \"%s\" did not catch up within %u ms",
			    f->name, wait_ms);
}

bool
store_feed_doubtful(struct store *s, uint64_t *seen)
{
	uint64_t now = atomic_load(&s->connections);
	bool doubtful = now != *seen;

	*seen = now;
	return doubtful;
}

uint64_t
store_feed_back(uint64_t cursor)
{
	return cursor > FEED_BACK ? cursor - FEED_BACK : 1;
}
