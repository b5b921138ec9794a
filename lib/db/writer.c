/*
 * Group commit. One thread takes everything queued (at most DB_BATCH_MAX), has it run as one
 * transaction (batch.c) and answers all callers.
 *
 * A lone job is run at once. Under load batches form by themselves while the one before is written,
 * but small ones: a transaction costs the two sides ten times what a row more costs, and whoever
 * waits here waits for the signer next, which takes requests by batches too. So when the last batch
 * held several jobs the next is given a millisecond to grow.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/db/writer.h"

enum { RETRIES_MAX = 3, NAP_US = 50000, SEVERAL = 4, GROW_US = 1000 };

void
writer_nap(struct writer *w)
{
	int64_t until = clock_monotonic_us() + NAP_US;

	pthread_mutex_lock(&w->mutex);
	while (!w->stopping && clock_monotonic_us() < until)
		(void)clock_cond_wait(&w->wake, &w->mutex, until);
	pthread_mutex_unlock(&w->mutex);
}

/* What the caller is told: the class of the result, or why there is none. */
static enum err
verdict_on(const struct job *j, const PGresult *res)
{
	return j->code != ERR_OK ? err_set(j->code, "%s", j->reason) : db_conn_judge(res);
}

/* A job of db_write() is its caller's memory again once it is posted. */
static void
answer_jobs(struct writer *w, struct job **jobs, size_t n)
{
	bells_hold();
	for (size_t i = 0; i < n; i++) {
		struct job *j = jobs[i];
		struct step *step = j->step;

		if (j->on_done != NULL) {
			j->on_done(j->ctx, verdict_on(j, step->res), step->res, j->at);
			free(j);
			continue;
		}
		j->res = step->res;
		step->res = NULL;
		sem_post(&j->done);
	}
	bells_release(w->db);
	batch_clear(w);
}

/* COMMIT was found to have happened: whoever has no result cannot be told what it was. */
static void
settle_jobs(struct job **jobs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (jobs[i]->step->res != NULL && db_conn_judge(jobs[i]->step->res) == ERR_OK)
			jobs[i]->code = ERR_OK;
}

/* After REFUSED: is the only job worth another try? */
static bool
is_passing(const struct job *j)
{
	const PGresult *res = j->step->res;

	return res != NULL ? db_conn_judge(res) == ERR_UNAVAILABLE : j->code == ERR_UNAVAILABLE;
}

static void
serve_jobs(struct writer *w, struct job **jobs, size_t n)
{
	int64_t deadline = jobs[0]->deadline; /* the one that waits longest */

	batch_plan(w, jobs, n);
	for (int tries = 0;; tries++) {
		enum batch_outcome o = batch_run(w, jobs, n);

		if (o == UNKNOWN)
			o = batch_resolve(w, deadline);
		if (o == COMMITTED)
			settle_jobs(jobs, n);
		if (o == REFUSED && n > 1) {
			/* One statement fails all; find out which by running them one by one. */
			for (size_t i = 0; i < n; i++)
				serve_jobs(w, &jobs[i], 1);
			return;
		}
		bool again =
			o == LOST || (o == REFUSED && tries < RETRIES_MAX && is_passing(jobs[0]));
		if (!again || db_late(w->db, deadline)) {
			answer_jobs(w, jobs, n);
			return;
		}
		writer_nap(w);
	}
}

/* With the mutex held. Not a condition's wait: whoever adds a job need not wake anybody for it. */
static void
let_grow(struct writer *w)
{
	const struct timespec pause = {.tv_nsec = GROW_US * 1000};

	pthread_mutex_unlock(&w->mutex);
	nanosleep(&pause, NULL);
	pthread_mutex_lock(&w->mutex);
}

static void
await_job(struct writer *w)
{
	while (w->first == NULL && !w->stopping)
		pthread_cond_wait(&w->wake, &w->mutex);
}

/* 0: the writer is to stop, and nothing is left. */
static size_t
take_batch(struct writer *w, struct job **jobs, size_t last)
{
	size_t n = 0;

	pthread_mutex_lock(&w->mutex);
	await_job(w);
	if (last >= SEVERAL && w->queued < DB_BATCH_MAX && !w->stopping) {
		let_grow(w);
		await_job(w); /* all of it may have been withdrawn */
	}
	while (w->first != NULL && n < DB_BATCH_MAX) {
		jobs[n] = w->first;
		w->first = jobs[n]->next;
		jobs[n++]->state = JOB_RUNNING;
	}
	w->queued -= n;
	if (w->first == NULL)
		w->last = &w->first;
	pthread_mutex_unlock(&w->mutex);
	return n;
}

static void *
write_batches(void *ctx)
{
	struct writer *w = ctx;
	struct job *jobs[DB_BATCH_MAX];
	size_t n = 0;

	while ((n = take_batch(w, jobs, n)) > 0)
		serve_jobs(w, jobs, n);
	db_conn_close(&w->conn);
	return NULL;
}

struct writer *
writer_start(struct db *db)
{
	struct writer *w = mem_zalloc(1, sizeof(*w));

	w->db = db;
	w->last = &w->first;
	batch_new_name(w);
	pthread_mutex_init(&w->mutex, NULL);
	clock_cond_init(&w->wake);
	if (pthread_create(&w->thread, NULL, write_batches, w) != 0)
		abort();
	return w;
}

void
writer_stop(struct writer *w)
{
	pthread_mutex_lock(&w->mutex);
	w->stopping = true;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}

static void
unlink_job(struct writer *w, struct job *j)
{
	struct job **at = &w->first;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	w->queued--;
	if (j->next == NULL)
		w->last = at;
}

static void
enqueue_job(struct writer *w, struct job *j)
{
	j->deadline = clock_monotonic_us() + DB_PATIENCE_US;
	pthread_mutex_lock(&w->mutex);
	*w->last = j;
	w->last = &j->next;
	w->queued++;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->mutex);
}

/* Waits for the answer. A job that nobody took in time is withdrawn; one that is being run is
 * always waited for. */
static void
wait_for_answer(struct writer *w, struct job *j)
{
	struct timespec until = {j->deadline / 1000000, j->deadline % 1000000 * 1000};
	bool queued;
	int rc;

	while ((rc = sem_clockwait(&j->done, CLOCK_MONOTONIC, &until)) != 0 && errno == EINTR)
		continue;
	if (rc == 0)
		return;
	pthread_mutex_lock(&w->mutex);
	queued = j->state == JOB_QUEUED;
	if (queued)
		unlink_job(w, j);
	pthread_mutex_unlock(&w->mutex);
	if (queued) {
		j->code = ERR_UNAVAILABLE;
		snprintf(j->reason, sizeof(j->reason),
			"database: the writer did not get to it in time");
		return;
	}
	while (sem_wait(&j->done) != 0)
		continue;
}

void
db_submit(struct db *db, const struct bulk *b, const void *row, db_done_fn *done, void *ctx)
{
	struct job *j = mem_zalloc(1, sizeof(*j));

	j->bulk = b;
	j->row = row;
	j->on_done = done;
	j->ctx = ctx;
	enqueue_job(db->writer, j);
}

bool
db_withdraw(struct db *db, const void *ctx)
{
	struct writer *w = db->writer;
	struct job *j;

	pthread_mutex_lock(&w->mutex);
	for (j = w->first; j != NULL && (j->on_done == NULL || j->ctx != ctx); j = j->next)
		continue;
	if (j != NULL)
		unlink_job(w, j);
	pthread_mutex_unlock(&w->mutex);
	free(j);
	return j != NULL;
}

enum err
db_write(struct db *db, const struct stmt *st, const struct params *p, PGresult **out)
{
	if (db->writer == NULL)
		return db_run(db, st, p, out);

	struct job j = {.st = st, .params = p};
	sem_init(&j.done, 0, 0);
	enqueue_job(db->writer, &j);
	wait_for_answer(db->writer, &j);
	sem_destroy(&j.done);
	enum err e = verdict_on(&j, j.res);
	if (e == ERR_OK && out != NULL)
		*out = j.res;
	else
		PQclear(j.res);
	return e;
}
