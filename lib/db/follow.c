/* The thread behind follow.h: cycles are numbered as they are asked for, so that a caller can wait
 * for one of its own. */
#include "lib/db/follow.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/retry.h"
#include "lib/db/internal.h"

/* Only what was committed without waiting for the disk is lost: three wal_writer_delay, less than a
 * second, of transactions. */
enum { FEED_BACK = 20000 };

struct db_follower {
	struct db *db;
	const char *name;
	db_follow_fn *fn;
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	uint64_t wanted, finished, succeeded; /* numbers of cycles */
	struct retry retry; /* for telling of an outage; the bells say when to look */
	bool stopping;
};

static void
on_bell(void *ctx, unsigned bell)
{
	struct db_follower *f = ctx;

	(void)bell;
	pthread_mutex_lock(&f->lock);
	f->wanted++;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
}

static void
tell_outcome(struct db_follower *f, enum err e)
{
	if (e != ERR_OK)
		retry_failed(&f->retry, e);
	else if (retry_succeeded(&f->retry))
		log_event(LOG_INFO, f->name, LOG_S("outcome", "ok"),
			LOG_S("reason", "the feed is read again"));
}

static void *
run_cycles(void *arg)
{
	struct db_follower *f = arg;

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
		tell_outcome(f, e);
		pthread_mutex_lock(&f->lock);
		f->finished = cycle;
		if (e == ERR_OK)
			f->succeeded = cycle;
		pthread_cond_broadcast(&f->done);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct db_follower *
db_follow(struct db *db, unsigned bells, const char *name, db_follow_fn *fn, void *ctx)
{
	struct db_follower *f = mem_zalloc(1, sizeof(*f));

	*f = (struct db_follower){
		.db = db, .name = name, .fn = fn, .ctx = ctx, .retry.event = name};
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, NULL);
	clock_cond_init(&f->done);
	if (pthread_create(&f->thread, NULL, run_cycles, f) != 0)
		abort();
	db_listen(db, bells, on_bell, f);
	return f;
}

void
db_follower_stop(struct db_follower *f)
{
	if (f == NULL)
		return;
	db_unlisten(f->db, f);
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
db_follower_now(struct db_follower *f, unsigned wait_ms)
{
	int64_t until = clock_monotonic_us() + (int64_t)wait_ms * 1000;
	uint64_t mine;
	bool ok;

	pthread_mutex_lock(&f->lock);
	mine = ++f->wanted;
	pthread_cond_signal(&f->wake);
	while (f->finished < mine && !f->stopping)
		if (!clock_cond_wait(&f->done, &f->lock, until))
			break;
	ok = f->succeeded >= mine;
	pthread_mutex_unlock(&f->lock);
	return ok ? ERR_OK
		  : err_set(ERR_UNAVAILABLE, "the feed \"%s\" did not catch up within %u ms",
			    f->name, wait_ms);
}

bool
db_feed_doubtful(struct db *db, uint64_t *seen)
{
	uint64_t now = atomic_load(&db->doubts);
	bool doubtful = now != *seen;

	*seen = now;
	return doubtful;
}

uint64_t
db_feed_back(uint64_t cursor)
{
	return cursor > FEED_BACK ? cursor - FEED_BACK : 1;
}
