/* Worker threads around one queue; see pool.h. */
#include "lib/http/pool.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/bytes.h"
#include "lib/base/clock.h"

enum { STACK_SIZE = 2 * 1024 * 1024 };

/*
 * Under the lock: is one more worker to be woken? One at a time: a woken one that finds more than
 * it takes wakes the next. Waking one for every job would have them run into each other, most of
 * them to find that a worker that was running anyway has taken it.
 */
static bool
want_another(struct pool *p)
{
	if (p->first == NULL || p->sleeping == 0 || p->waking)
		return false;
	p->waking = true;
	return true;
}

/* Under the lock. NULL when the pool stops. */
static struct pool_job *
take_job(struct pool *p)
{
	struct pool_job *job;

	while (p->first == NULL && !p->stopping) {
		p->sleeping++;
		pthread_cond_wait(&p->work, &p->lock);
		p->sleeping--;
		p->waking = false;
	}
	job = p->first;
	if (job != NULL) {
		p->first = job->next;
		if (p->first == NULL)
			p->last = &p->first;
	}
	return job;
}

/* Under the lock. */
static void
give_room(struct pool *p)
{
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
		bool another = want_another(p);

		pthread_mutex_unlock(&p->lock);
		if (another)
			pthread_cond_signal(&p->work);
		enum pool_end end = p->run(job);
		pthread_mutex_lock(&p->lock);
		if (end == POOL_DONE)
			give_room(p);
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

	*p = (struct pool){.run = run, .workers = workers, .room = workers + queue_max};
	p->last = &p->first;
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
pool_reserve(struct pool *p)
{
	bool admitted;

	pthread_mutex_lock(&p->lock);
	admitted = !p->closed && p->active < p->room;
	if (admitted)
		p->active++;
	pthread_mutex_unlock(&p->lock);
	return admitted;
}

void
pool_push(struct pool *p, struct pool_job *job)
{
	bool wake;

	job->next = NULL;
	pthread_mutex_lock(&p->lock);
	*p->last = job;
	p->last = &job->next;
	wake = want_another(p);
	pthread_mutex_unlock(&p->lock);
	if (wake) /* after the lock, or the woken worker runs into it */
		pthread_cond_signal(&p->work);
}

void
pool_release(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	give_room(p);
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
