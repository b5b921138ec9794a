/*
 * Group commit. One thread takes everything queued (at most BATCH_MAX), sends it as one pipelined
 * transaction, waits for COMMIT and answers all callers; under load batches form by themselves,
 * there is no timer.
 *
 * When the connection breaks after COMMIT was sent, nobody knows whether it happened. So every
 * batch also moves this writer's row in writer_mark from one number to the next, in the same
 * transaction. On a new connection that row tells exactly what happened, for any kind of statement:
 * the look-up locks it, which waits for the old transaction if it still runs, and moves it on,
 * which makes the old transaction fail should it only start now. Then a batch is answered or run
 * again, never both, never twice.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/store/parts.h"

enum { BATCH_MAX = 64, RETRIES_MAX = 3, NAP_US = 50000 };

struct job {
	const struct stmt *st;
	const struct params *params;
	PGresult *res; /* the answer, also a refusal */
	enum err code; /* without a result: why */
	char reason[200];
	int64_t deadline;
	enum { JOB_QUEUED, JOB_RUNNING } state;
	sem_t done; /* posted when answered: waking takes no lock that others wake for too */
	writer_done_fn *on_done; /* writer_submit(): called instead; the job is then the writer's */
	void *ctx;
	struct job *next;
};

struct writer {
	struct store *store;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct job *first, **last;
	bool stopping;
	struct conn conn;
	char name[64]; /* of our row in writer_mark */
	int64_t mark;  /* what writer_mark holds for us */
};

static const struct stmt begin = {"writer_begin", "BEGIN", 0};
static const struct stmt commit = {"writer_commit", "COMMIT", 0};
static const struct stmt mark_open = {"writer_mark_open",
	"INSERT INTO writer_mark (writer, batch) VALUES ($1, $2) ON CONFLICT (writer) DO NOTHING",
	2};
/* Zero rows, because a look-up moved the mark on, must end the transaction: division by zero does.
 */
static const struct stmt mark_move = {"writer_mark_move",
	"WITH moved AS (UPDATE writer_mark SET batch = $3, at = now() WHERE writer = $1 AND batch = $2 RETURNING 1) "
	"SELECT 1 / count(*) FROM moved",
	3};
static const struct stmt mark_lock = {
	"writer_mark_lock", "SELECT batch FROM writer_mark WHERE writer = $1 FOR UPDATE", 1};

enum outcome {
	COMMITTED,
	REFUSED, /* a statement failed; nothing was written */
	LOST,	 /* the connection broke; nothing was written */
	UNKNOWN, /* the connection broke and COMMIT was sent */
};

static void
new_name(struct writer *w)
{
	uint64_t unique;

	random_bytes(&unique, sizeof(unique));
	snprintf(w->name, sizeof(w->name), "%.40s:%016llx", w->store->config.program,
		(unsigned long long)unique);
	w->mark = 0;
}

static enum err
ensure_connected(struct writer *w)
{
	AUTO_PARAMS(p);

	if (conn_usable(&w->conn))
		conn_check(&w->conn);
	if (conn_usable(&w->conn))
		return ERR_OK;
	enum err e = store_connect(w->store, &w->conn, 1000000);
	if (e != ERR_OK)
		return e;
	params_text(&p, w->name);
	params_int(&p, w->mark);
	e = conn_run(&w->conn, &mark_open, &p, NULL);
	if (e != ERR_OK)
		conn_close(&w->conn);
	return e;
}

static enum err
prepare_all(struct writer *w, struct job **jobs, size_t n)
{
	enum err e = conn_prepare(&w->conn, &begin);

	if (e == ERR_OK)
		e = conn_prepare(&w->conn, &commit);
	if (e == ERR_OK)
		e = conn_prepare(&w->conn, &mark_move);
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = conn_prepare(&w->conn, jobs[i]->st);
	return e;
}

static enum err
send_batch(struct writer *w, struct job **jobs, size_t n)
{
	AUTO_PARAMS(p);

	params_text(&p, w->name);
	params_int(&p, w->mark);
	params_int(&p, w->mark + 1);
	if (PQenterPipelineMode(w->conn.pg) == 0)
		return err_set(ERR_UNAVAILABLE, "database: connection lost");
	enum err e = conn_queue(&w->conn, &begin, NULL);
	if (e == ERR_OK)
		e = conn_queue(&w->conn, &mark_move, &p);
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = conn_queue(&w->conn, jobs[i]->st, jobs[i]->params);
	if (e == ERR_OK)
		e = conn_queue(&w->conn, &commit, NULL);
	return e == ERR_OK ? conn_sync(&w->conn) : e;
}

static void
job_fail(struct job *j, enum err code)
{
	j->code = code;
	snprintf(j->reason, sizeof(j->reason), "%s", err_reason());
}

static void
drop_results(struct job **jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		PQclear(jobs[i]->res);
		jobs[i]->res = NULL;
		jobs[i]->code = ERR_OK;
	}
}

/* Collects the answers of one batch. ERR_UNAVAILABLE: the connection broke on the way. */
static enum err
fetch_batch(struct writer *w, struct job **jobs, size_t n, bool *committed, bool *marked)
{
	AUTO(PGresult) begun = NULL;
	AUTO(PGresult) mark = NULL;
	AUTO(PGresult) end = NULL;
	enum err e = conn_fetch(&w->conn, &begun);

	if (e == ERR_OK)
		e = conn_fetch(&w->conn, &mark);
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = conn_fetch(&w->conn, &jobs[i]->res);
	if (e == ERR_OK)
		e = conn_fetch(&w->conn, &end);
	if (e == ERR_OK)
		e = conn_fetch_sync(&w->conn);
	if (e != ERR_OK)
		return e;
	if (PQexitPipelineMode(w->conn.pg) == 0)
		conn_close(&w->conn);
	*marked = conn_judge(mark) == ERR_OK;
	/* A failed transaction answers COMMIT with ROLLBACK. */
	*committed = conn_judge(end) == ERR_OK && strcmp(PQcmdStatus(end), "COMMIT") == 0;
	/* When it was none of the statements, what they are told is why the mark or COMMIT failed.
	 */
	const PGresult *failed = !*marked		   ? mark
		: PQresultStatus(end) == PGRES_FATAL_ERROR ? end
							   : NULL;
	enum err why = failed != NULL ? conn_judge(failed) : ERR_OK;
	for (size_t i = 0; i < n && why != ERR_OK; i++)
		job_fail(jobs[i], why);
	return ERR_OK;
}

static enum outcome
attempt(struct writer *w, struct job **jobs, size_t n)
{
	bool committed = false, marked = false;
	enum err e = ensure_connected(w);

	drop_results(jobs, n);
	if (e == ERR_OK)
		e = prepare_all(w, jobs, n);
	if (e != ERR_OK) {
		for (size_t i = 0; i < n; i++)
			job_fail(jobs[i], e);
		return e == ERR_UNAVAILABLE ? LOST : REFUSED;
	}
	e = send_batch(w, jobs, n);
	if (e == ERR_OK)
		e = fetch_batch(w, jobs, n, &committed, &marked);
	if (e != ERR_OK) {
		for (size_t i = 0; i < n; i++)
			job_fail(jobs[i], e);
		conn_close(&w->conn);
		return UNKNOWN;
	}
	if (committed) {
		w->mark++;
		return COMMITTED;
	}
	if (!conn_usable(&w->conn) || conn_command(&w->conn, "ROLLBACK") != ERR_OK || !marked) {
		conn_close(&w->conn);
		return UNKNOWN;
	}
	return REFUSED;
}

/* Reads and moves on the mark, see the head of this file. */
static enum err
look_up(struct writer *w, int64_t *found)
{
	AUTO_PARAMS(lock);
	AUTO_PARAMS(move);
	AUTO(PGresult) res = NULL;
	int64_t fence = w->mark + 2;
	enum err e = ensure_connected(w);

	params_text(&lock, w->name);
	if (e == ERR_OK)
		e = conn_command(&w->conn, "BEGIN");
	if (e == ERR_OK)
		e = conn_run(&w->conn, &mark_lock, &lock, &res);
	if (e == ERR_OK && result_rows(res) != 1)
		e = err_set(ERR_UNAVAILABLE, "writer_mark has no row for this writer");
	if (e == ERR_OK) {
		*found = result_int(res, 0, 0);
		params_text(&move, w->name);
		params_int(&move, *found);
		params_int(&move, *found > fence ? *found + 2 : fence);
		e = conn_run(&w->conn, &mark_move, &move, NULL);
	}
	if (e == ERR_OK)
		e = conn_command(&w->conn, "COMMIT");
	if (e != ERR_OK)
		conn_close(&w->conn);
	return e;
}

static void
nap(struct writer *w)
{
	int64_t until = clock_monotonic_us() + NAP_US;

	pthread_mutex_lock(&w->mutex);
	while (!w->stopping && clock_monotonic_us() < until)
		(void)part_cond_wait(&w->wake, &w->mutex, until);
	pthread_mutex_unlock(&w->mutex);
}

/*
 * What became of the batch whose COMMIT was not answered: COMMITTED, LOST (not written, and never
 * will be), or still UNKNOWN at the deadline. Only a look-up that was committed itself rules the
 * batch out; one look at its number proves it.
 */
static enum outcome
resolve(struct writer *w, int64_t deadline)
{
	int64_t wanted = w->mark + 1, found;
	bool seen = false;

	for (;;) {
		found = -1;
		enum err e = look_up(w, &found);

		seen |= found == wanted;
		if (e == ERR_OK) {
			w->mark = found > w->mark + 2 ? found + 2 : w->mark + 2;
			return seen ? COMMITTED : LOST;
		}
		if (clock_monotonic_us() > deadline) {
			/* The numbers of this row can no longer be trusted by the next batch. */
			new_name(w);
			return seen ? COMMITTED : UNKNOWN;
		}
		nap(w);
	}
}

/* What the caller is told: the class of the result, or why there is none. */
static enum err
verdict(const struct job *j)
{
	return j->code != ERR_OK ? err_set(j->code, "%s", j->reason) : conn_judge(j->res);
}

/* A job of writer_run() is its caller's memory again once it is posted. */
static void
answer(struct job **jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct job *j = jobs[i];

		if (j->on_done == NULL) {
			sem_post(&j->done);
			continue;
		}
		j->on_done(j->ctx, verdict(j), j->res);
		PQclear(j->res);
		free(j);
	}
}

/* COMMIT was found to have happened: whoever has no result cannot be told what it was. */
static void
settle(struct job **jobs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (jobs[i]->res != NULL && conn_judge(jobs[i]->res) == ERR_OK)
			jobs[i]->code = ERR_OK;
}

/* After REFUSED: is the only job worth another try? */
static bool
passing(const struct job *j)
{
	return j->res != NULL ? conn_judge(j->res) == ERR_UNAVAILABLE : j->code == ERR_UNAVAILABLE;
}

static void
serve(struct writer *w, struct job **jobs, size_t n)
{
	int64_t deadline = jobs[0]->deadline; /* the one that waits longest */

	for (int tries = 0;; tries++) {
		enum outcome o = attempt(w, jobs, n);

		if (o == UNKNOWN)
			o = resolve(w, deadline);
		if (o == COMMITTED)
			settle(jobs, n);
		if (o == REFUSED && n > 1) {
			/* One statement fails all; find out which by running them one by one. */
			for (size_t i = 0; i < n; i++)
				serve(w, &jobs[i], 1);
			return;
		}
		bool again = o == LOST || (o == REFUSED && tries < RETRIES_MAX && passing(jobs[0]));
		if (!again || clock_monotonic_us() > deadline) {
			answer(jobs, n);
			return;
		}
		nap(w);
	}
}

static size_t
take_batch(struct writer *w, struct job **jobs)
{
	size_t n = 0;

	pthread_mutex_lock(&w->mutex);
	while (w->first == NULL && !w->stopping)
		pthread_cond_wait(&w->wake, &w->mutex);
	while (w->first != NULL && n < BATCH_MAX) {
		jobs[n] = w->first;
		w->first = jobs[n]->next;
		jobs[n++]->state = JOB_RUNNING;
	}
	if (w->first == NULL)
		w->last = &w->first;
	pthread_mutex_unlock(&w->mutex);
	return n;
}

static void *
run(void *ctx)
{
	struct writer *w = ctx;
	struct job *jobs[BATCH_MAX];
	size_t n;

	while ((n = take_batch(w, jobs)) > 0)
		serve(w, jobs, n);
	conn_close(&w->conn);
	return NULL;
}

struct writer *
writer_start(struct store *s)
{
	struct writer *w = mem_zalloc(1, sizeof(*w));

	w->store = s;
	w->last = &w->first;
	new_name(w);
	pthread_mutex_init(&w->mutex, NULL);
	part_cond_init(&w->wake);
	if (pthread_create(&w->thread, NULL, run, w) != 0)
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
	if (j->next == NULL)
		w->last = at;
}

static void
enqueue(struct writer *w, struct job *j)
{
	j->deadline = clock_monotonic_us() + STORE_PATIENCE_US;
	pthread_mutex_lock(&w->mutex);
	*w->last = j;
	w->last = &j->next;
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
writer_submit(struct store *s, const struct stmt *st, const struct params *p, writer_done_fn *done,
	void *ctx)
{
	struct job *j = mem_zalloc(1, sizeof(*j));

	j->st = st;
	j->params = p;
	j->on_done = done;
	j->ctx = ctx;
	enqueue(s->writer, j);
}

bool
writer_withdraw(struct store *s, const void *ctx)
{
	struct writer *w = s->writer;
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
writer_run(struct store *s, const struct stmt *st, const struct params *p, PGresult **out)
{
	if (s->writer == NULL)
		return pool_run(s, st, p, out);

	struct job j = {.st = st, .params = p};
	sem_init(&j.done, 0, 0);
	enqueue(s->writer, &j);
	wait_for_answer(s->writer, &j);
	sem_destroy(&j.done);
	enum err e = verdict(&j);
	if (e == ERR_OK && out != NULL)
		*out = j.res;
	else
		PQclear(j.res);
	return e;
}
