/*
 * One batch of the group-commit writer as one pipelined transaction, and what became of it.
 *
 * When the connection breaks after COMMIT was sent, nobody knows whether it happened. So every
 * batch also moves this writer's own row from one number to the next, in the same
 * transaction. On a new connection that row tells exactly what happened, for any kind of statement:
 * the look-up locks it, which waits for the old transaction if it still runs, and moves it on,
 * which makes the old transaction fail should it only start now. Then a batch is answered or run
 * again, never both, never twice.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/db/writer.h"

enum { MARK_COLUMN = 0 }; /* the only one of mark_lock */

/* Whether the step's rows and this one may not be in one statement. */
static bool
must_follow(const struct step *step, struct job **jobs, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (jobs[k]->step == step && step->bulk->alike(jobs[k]->row, jobs[i]->row))
			return true;
	return false;
}

/* Where job i is run: rows of one bulk go together, unless one must see what another does. */
static struct step *
step_for(struct writer *w, struct job **jobs, size_t i)
{
	struct job *j = jobs[i];

	for (size_t k = w->step_count; k-- > 0 && j->bulk != NULL;) {
		if (w->step[k].bulk != j->bulk)
			continue;
		if (must_follow(&w->step[k], jobs, i))
			break;
		return &w->step[k];
	}
	struct step *step = &w->step[w->step_count++];

	step->bulk = j->bulk;
	step->st = j->bulk != NULL ? j->bulk->st : j->st;
	step->params = j->bulk != NULL ? &step->own : j->params;
	step->rows = 0;
	return step;
}

void
batch_plan(struct writer *w, struct job **jobs, size_t n)
{
	const void *rows[DB_BATCH_MAX];

	batch_clear(w);
	for (size_t i = 0; i < n; i++) {
		jobs[i]->step = step_for(w, jobs, i);
		jobs[i]->at = jobs[i]->step->rows++;
	}
	for (size_t k = 0; k < w->step_count; k++) {
		if (w->step[k].bulk == NULL)
			continue;
		for (size_t i = 0; i < n; i++)
			if (jobs[i]->step == &w->step[k])
				rows[jobs[i]->at] = jobs[i]->row;
		w->step[k].bulk->params(rows, w->step[k].rows, &w->step[k].own);
	}
}

void
batch_clear(struct writer *w)
{
	for (size_t k = 0; k < w->step_count; k++) {
		params_clear(&w->step[k].own);
		PQclear(w->step[k].res);
		w->step[k].res = NULL;
	}
	w->step_count = 0;
}

void
batch_new_name(struct writer *w)
{
	uint64_t unique;

	random_bytes(&unique, sizeof(unique));
	snprintf(w->name, sizeof(w->name), "%.40s:%016llx", w->db->config.program,
		(unsigned long long)unique);
	w->mark = 0;
}

static enum err
ensure_connected(struct writer *w)
{
	AUTO_PARAMS(p);

	if (db_conn_usable(&w->conn))
		db_conn_check(&w->conn);
	if (db_conn_usable(&w->conn))
		return ERR_OK;
	enum err e;

	TRY(db_connect(w->db, &w->conn, 1000000));
	params_text(&p, w->name);
	params_int(&p, w->mark);
	e = db_conn_run(&w->conn, w->db->words->mark_open, &p, NULL);
	if (e != ERR_OK)
		db_conn_close(&w->conn);
	return e;
}

static void
fail_all(struct job **jobs, size_t n, enum err code)
{
	for (size_t i = 0; i < n; i++) {
		jobs[i]->code = code;
		snprintf(jobs[i]->reason, sizeof(jobs[i]->reason), "%s", err_reason());
	}
}

enum { BATCH_STEPS_MAX = DB_BATCH_MAX + 3 };

/* BEGIN, the mark, what was planned, COMMIT. */
static size_t
batch_steps(struct writer *w, const struct params *mark, struct db_step *out)
{
	size_t n = 0;

	out[n++] = (struct db_step){.st = &db_begin};
	out[n++] = (struct db_step){.st = w->db->words->mark_move, .params = mark};
	for (size_t i = 0; i < w->step_count; i++)
		out[n++] = (struct db_step){.st = w->step[i].st, .params = w->step[i].params};
	out[n++] = (struct db_step){.st = &db_commit};
	return n;
}

/* What the answers of one batch say. */
static enum batch_outcome
judge_batch(struct writer *w, struct job **jobs, size_t n, struct db_step *steps, size_t count)
{
	const PGresult *mark = steps[1].res;
	PGresult *end = steps[count - 1].res;
	bool marked = db_conn_judge(mark) == ERR_OK;

	/* A failed transaction answers COMMIT with ROLLBACK. */
	if (db_conn_judge(end) == ERR_OK && strcmp(PQcmdStatus(end), "COMMIT") == 0) {
		w->mark++;
		return COMMITTED;
	}
	/* When it was none of the statements, what they are told is why the mark or COMMIT failed.
	 */
	const PGresult *failed = !marked		   ? mark
		: PQresultStatus(end) == PGRES_FATAL_ERROR ? end
							   : NULL;
	enum err why = failed != NULL ? db_conn_judge(failed) : ERR_OK;
	if (why != ERR_OK)
		fail_all(jobs, n, why);
	if (!db_conn_usable(&w->conn) || db_conn_roll_back(&w->conn) != ERR_OK || !marked) {
		db_conn_close(&w->conn);
		return UNKNOWN;
	}
	return REFUSED;
}

enum batch_outcome
batch_run(struct writer *w, struct job **jobs, size_t n)
{
	struct db_step steps[BATCH_STEPS_MAX];
	AUTO_PARAMS(mark);
	enum err e = ensure_connected(w);
	size_t count = batch_steps(w, &mark, steps);

	params_text(&mark, w->name);
	params_int(&mark, w->mark);
	params_int(&mark, w->mark + 1);
	for (size_t i = 0; i < n; i++)
		jobs[i]->code = ERR_OK;
	for (size_t i = 0; i < w->step_count; i++) {
		PQclear(w->step[i].res);
		w->step[i].res = NULL;
	}
	if (e == ERR_OK)
		e = db_conn_prepare_steps(&w->conn, steps, count);
	if (e != ERR_OK) {
		fail_all(jobs, n, e);
		return e == ERR_UNAVAILABLE ? LOST : REFUSED;
	}
	e = db_conn_pipeline(&w->conn, steps, count);
	enum batch_outcome o = UNKNOWN;
	if (e == ERR_OK) {
		o = judge_batch(w, jobs, n, steps, count);
	} else {
		fail_all(jobs, n, e);
		db_conn_close(&w->conn);
	}
	/* What was answered before the connection broke is an answer, if COMMIT turns out to have
	 * happened. */
	for (size_t i = 0; i < w->step_count; i++)
		w->step[i].res = steps[i + 2].res;
	PQclear(steps[0].res);
	PQclear(steps[1].res);
	PQclear(steps[count - 1].res);
	return o;
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
		e = db_conn_begin(&w->conn);
	if (e == ERR_OK)
		e = db_conn_run(&w->conn, w->db->words->mark_lock, &lock, &res);
	if (e == ERR_OK && result_rows(res) != 1)
		e = err_set(ERR_UNAVAILABLE, "the writer has lost its row");
	if (e == ERR_OK) {
		*found = result_int(res, 0, MARK_COLUMN);
		params_text(&move, w->name);
		params_int(&move, *found);
		params_int(&move, *found > fence ? *found + 2 : fence);
		e = db_conn_run(&w->conn, w->db->words->mark_move, &move, NULL);
	}
	if (e == ERR_OK)
		e = db_conn_commit(&w->conn);
	if (e != ERR_OK)
		db_conn_close(&w->conn);
	return e;
}

/*
 * What became of the batch whose COMMIT was not answered: COMMITTED, LOST (not written, and never
 * will be), or still UNKNOWN at the deadline. Only a look-up that was committed itself rules the
 * batch out; one look at its number proves it.
 */
enum batch_outcome
batch_resolve(struct writer *w, int64_t deadline)
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
		if (db_late(w->db, deadline)) {
			/* The numbers of this row can no longer be trusted by the next batch. */
			batch_new_name(w);
			return seen ? COMMITTED : UNKNOWN;
		}
		writer_nap(w);
	}
}
