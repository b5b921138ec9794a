/*
 * A bounded pool of worker threads. Room is reserved before a connection is suspended, so that
 * handing over cannot fail half way: what is not admitted gets its 503 at once on the network
 * thread.
 */
#ifndef CHANCERY_HTTP_POOL_H
#define CHANCERY_HTTP_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct pool_job {
	struct pool_job *next;
};

/* POOL_LATER: the job goes on elsewhere and keeps its room until pool_release(); the worker is
 * free. */
enum pool_end { POOL_DONE, POOL_LATER };
typedef enum pool_end pool_run(struct pool_job *job);

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	struct pool_job *first, **last;
	pool_run *run;
	unsigned workers, room; /* room: queued, running and later jobs together */
	unsigned active;	/* reserved, queued, running or later */
	unsigned sleeping;	/* workers without work */
	bool waking;		/* one of them has been signalled and has not run yet */
	bool closed, stopping;
	pthread_t *thread;
};

/* Starts workers threads that call run for each job; at most workers + queue_max jobs at a time. */
enum err pool_open(struct pool *p, unsigned workers, unsigned queue_max, pool_run *run) MUST_CHECK;
/* False when the pool is full or closed; otherwise exactly one pool_push() must follow. */
bool pool_reserve(struct pool *p);
/* The job is the workers' from here on. */
void pool_push(struct pool *p, struct pool_job *job);
/* Gives back the room of a job that ended POOL_LATER; on any thread, once. The pool may be gone
 * when it returns. */
void pool_release(struct pool *p);
/* Nothing is admitted any more; true when no job is left before the deadline (clock_monotonic_us).
 */
bool pool_drain(struct pool *p, int64_t deadline_us);
/* Ends the threads; only after pool_drain() said true. */
void pool_close(struct pool *p);

#endif
