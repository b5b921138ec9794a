/* Worker threads around one queue; see pool.h. */
#include "lib/http/pool.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/bytes.h"
#include "lib/base/clock.h"

enum {
	STACK_SIZE = 2 * 1024 * 1024,
	SECOND_US = 1000000,
	AWAY_MAX_S = 30,
	BEGINS_EVERY = 4,    /* turns */
	KEPT_PER_WORKER = 16 /* one of so many is kept for what is urgent */
};

static struct pool_queue *
lane_of(struct pool *p, enum http_lane lane)
{
	return p->queue[lane].first != NULL ? &p->queue[lane] : NULL;
}

/* Under the lock: the queue whose turn it is, NULL when there is nothing that may run now. */
static struct pool_queue *
find_queue(struct pool *p)
{
	struct pool_queue *begins = lane_of(p, HTTP_LANE_BEGINS),
			  *continues = lane_of(p, HTTP_LANE_CONTINUES),
			  *urgent = lane_of(p, HTTP_LANE_URGENT);

	if (urgent != NULL || p->ordinary >= p->shared)
		return urgent;
	if (begins != NULL && p->turn % BEGINS_EVERY == 0)
		return begins;
	return continues != NULL ? continues : begins;
}

/*
 * Under the lock: is one more worker to be woken? One at a time: a woken one that finds more than
 * it takes wakes the next. Waking one for every job would have them run into each other, most of
 * them to find that a worker that was running anyway has taken it.
 */
static bool
want_another(struct pool *p)
{
	if (p->sleeping == 0 || p->waking || find_queue(p) == NULL)
		return false;
	p->waking = true;
	return true;
}

/* Under the lock. NULL when the pool stops. */
static struct pool_job *
take_job(struct pool *p)
{
	struct pool_queue *q;
	struct pool_job *job;

	while ((q = find_queue(p)) == NULL && !p->stopping) {
		p->sleeping++;
		pthread_cond_wait(&p->work, &p->lock);
		p->sleeping--;
		p->waking = false;
	}
	if (q == NULL)
		return NULL;
	job = q->first;
	q->first = job->next;
	if (q->first == NULL)
		q->last = &q->first;
	p->turn++;
	p->ordinary += job->lane != HTTP_LANE_URGENT;
	return job;
}

/* Under the lock. How much of what begins is done in a second, as of the last whole one. */
static void
count_done(struct pool *p, int64_t now)
{
	p->done++;
	if (now - p->second_us < SECOND_US)
		return;
	p->rate = (unsigned)((int64_t)p->done * SECOND_US / (now - p->second_us));
	p->done = 0;
	p->second_us = now;
}

/* Under the lock. */
static void
give_room(struct pool *p, enum http_lane lane)
{
	if (lane == HTTP_LANE_BEGINS)
		count_done(p, clock_monotonic_us());
	if (--p->active == 0)
		pthread_cond_broadcast(&p->idle);
}

static void *
run_jobs(void *ctx)
{
	struct pool *p = ctx;
	struct pool_job *job;

	pthread_mutex_lock(&p->lock);
	while ((job = take_job(p)) != NULL) {
		enum http_lane lane = job->lane; /* the job may be gone once it has run */
		bool another = want_another(p);

		pthread_mutex_unlock(&p->lock);
		if (another)
			pthread_cond_signal(&p->work);
		enum pool_end end = p->run(job);
		pthread_mutex_lock(&p->lock);
		p->ordinary -= lane != HTTP_LANE_URGENT;
		if (end == POOL_DONE)
			give_room(p, lane);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void
stop_workers(struct pool *p, unsigned started)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < started; i++)
		pthread_join(p->thread[i], NULL);
	free(p->thread);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->idle);
	pthread_mutex_destroy(&p->lock);
}

static void
init_sync(struct pool *p)
{
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	clock_cond_init(&p->idle);
}

enum err
pool_open(struct pool *p, unsigned workers, unsigned queue_max, pool_run *run)
{
	pthread_attr_t attr;
	unsigned started = 0;

	*p = (struct pool){.run = run,
		.workers = workers,
		.shared = workers - workers / KEPT_PER_WORKER,
		.room = workers + queue_max,
		.second_us = clock_monotonic_us()};
	for (unsigned i = 0; i < HTTP_LANE_COUNT; i++)
		p->queue[i].last = &p->queue[i].first;
	p->thread = mem_zalloc(workers, sizeof(p->thread[0]));
	init_sync(p);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	while (started < workers &&
		(errno = pthread_create(&p->thread[started], &attr, run_jobs, p)) == 0)
		started++;
	pthread_attr_destroy(&attr);
	if (started == workers)
		return ERR_OK;
	(void)err_errno(ERR_INTERNAL, "cannot start worker thread %u of %u", started + 1, workers);
	stop_workers(p, started);
	return ERR_INTERNAL;
}

bool
pool_reserve(struct pool *p, enum http_lane lane)
{
	bool admitted;

	pthread_mutex_lock(&p->lock);
	admitted = !p->closed && (lane != HTTP_LANE_BEGINS || p->active < p->room);
	if (admitted)
		p->active++;
	if (p->active <= p->room / 2) /* the crowd is gone, whoever still has an appointment */
		p->next_us = 0;
	pthread_mutex_unlock(&p->lock);
	return admitted;
}

/* Who does not keep to it drives the appointments to their end; from there on they are spread over
 * the latter half. */
unsigned
pool_appoint(struct pool *p)
{
	int64_t now = clock_monotonic_us(), away;

	pthread_mutex_lock(&p->lock);
	p->next_us =
		(p->next_us > now ? p->next_us : now) + SECOND_US / (p->rate > 0 ? p->rate : 1);
	if (p->next_us > now + AWAY_MAX_S * SECOND_US)
		p->next_us = now + AWAY_MAX_S / 2 * SECOND_US;
	away = p->next_us - now;
	pthread_mutex_unlock(&p->lock);
	return away > SECOND_US ? (unsigned)(away / SECOND_US) : 1;
}

void
pool_push(struct pool *p, struct pool_job *job)
{
	struct pool_queue *q = &p->queue[job->lane];
	bool wake;

	job->next = NULL;
	job->pushed_us = clock_monotonic_us();
	pthread_mutex_lock(&p->lock);
	*q->last = job;
	q->last = &job->next;
	wake = want_another(p);
	pthread_mutex_unlock(&p->lock);
	if (wake) /* after the lock, or the woken worker runs into it */
		pthread_cond_signal(&p->work);
}

void
pool_release(struct pool *p, enum http_lane lane)
{
	pthread_mutex_lock(&p->lock);
	give_room(p, lane);
	pthread_mutex_unlock(&p->lock);
}

bool
pool_drain(struct pool *p, int64_t deadline_us)
{
	bool idle, in_time = true;

	pthread_mutex_lock(&p->lock);
	p->closed = true;
	while (p->active > 0 && in_time)
		in_time = clock_cond_wait(&p->idle, &p->lock, deadline_us);
	idle = p->active == 0;
	pthread_mutex_unlock(&p->lock);
	return idle;
}

void
pool_close(struct pool *p)
{
	stop_workers(p, p->workers);
}
