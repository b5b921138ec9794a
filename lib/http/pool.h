/*
 * A pool of worker threads with a lane for each class of work. Room is reserved before a connection
 * is suspended, so that handing over cannot fail half way: what is not admitted gets its 503 at once
 * on the network thread.
 *
 * Work that begins something is admitted while there is room, whatever takes it. What continues or is
 * urgent is always admitted: its number is that of the connections. Urgent work goes first and has
 * workers that nothing else occupies; then comes what continues, but for every fourth turn.
 */
#ifndef CHANCERY_HTTP_POOL_H
#define CHANCERY_HTTP_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/http/route.h"

struct pool_job {
	struct pool_job *next;
	enum http_lane lane;
	int64_t pushed_us; /* monotonic */
};

/* POOL_LATER: the job goes on elsewhere and keeps its room until pool_release(); the worker is
 * free. */
enum pool_end { POOL_DONE, POOL_LATER };
typedef enum pool_end pool_run(struct pool_job *job);

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	struct pool_queue {
		struct pool_job *first, **last;
	} queue[HTTP_LANE_COUNT];
	pool_run *run;
	unsigned workers, room; /* room: queued, running and later jobs together */
	unsigned active;	/* reserved, queued, running or later */
	unsigned sleeping;	/* workers without work */
	unsigned shared;	/* workers that may run what is not urgent */
	unsigned ordinary;	/* and those that do */
	unsigned turn;
	/* When who was refused may come back: one after the other, as fast as what begins was done in
	 * the last second. */
	int64_t next_us, second_us;
	unsigned done, rate;
	bool waking; /* one of them has been signalled and has not run yet */
	bool closed, stopping;
	pthread_t *thread;
};

/* Starts workers threads that call run for each job. Nothing begins while workers + queue_max jobs are
 * under way. */
enum err pool_open(struct pool *p, unsigned workers, unsigned queue_max, pool_run *run) MUST_CHECK;
/* False when the pool is full or closed; otherwise exactly one pool_push() with this lane must follow. */
bool pool_reserve(struct pool *p, enum http_lane lane);
/* Seconds after which one who was refused now will find room, if all come back when they are told to:
 * 1 to 30. */
unsigned pool_appoint(struct pool *p);
/* The job is the workers' from here on. */
void pool_push(struct pool *p, struct pool_job *job);
/* Gives back the room of a job of this lane that ended POOL_LATER; on any thread, once. The pool may
 * be gone when it returns. */
void pool_release(struct pool *p, enum http_lane lane);
/* Nothing is admitted any more; true when no job is left before the deadline (clock_monotonic_us).
 */
bool pool_drain(struct pool *p, int64_t deadline_us);
/* Ends the threads; only after pool_drain() said true. */
void pool_close(struct pool *p);

#endif
