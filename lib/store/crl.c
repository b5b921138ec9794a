/*
 * CRLs: reading the newest ones, importing an offline CA's, and publication by the signer, whose
 * transaction takes the marks of revocations first and reads the revocations after.
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/store/crl.h"
#include "lib/store/internal.h"
#include "schema/statements/crl.h"
#include "schema/statements/revocation.h"

/* JOB_STATEMENT_US: a hundred megabytes are recorded at once. */
enum { PART_OCTETS = 4 << 20, PAGE_ROWS = 5000, JOB_STATEMENT_US = 60000000, CRL_KEPT = 10 };

enum err
store_crl_states(struct store *s, struct arena *a, struct store_crl_state **out, size_t *count)
{
	AUTO(PGresult) res = NULL;

	TRY(db_read(s->db, &sql_crl_states, NULL, &res));
	*count = result_rows(res);
	*out = arena_array(a, *count, sizeof(**out));
	for (size_t i = 0; i < *count; i++)
		(*out)[i] = (struct store_crl_state){
			.issuer = (int16_t)result_int(res, i, COL_CRL_STATES_ISSUER),
			.number = result_int(res, i, COL_CRL_STATES_NUMBER),
			.this_update = result_time(res, i, COL_CRL_STATES_THIS_UPDATE),
			.next_update = result_time(res, i, COL_CRL_STATES_NEXT_UPDATE),
			.octets = result_int(res, i, COL_CRL_STATES_OCTETS),
			.waiting = result_int(res, i, COL_CRL_STATES_WAITING),
			.entries = (int)result_int(res, i, COL_CRL_STATES_ENTRIES),
		};
	return ERR_OK;
}

static enum err
read_part(struct store *s, const struct store_crl_state *crl, struct buf *der)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_part, .issuer = crl->issuer, .number = crl->number,
		.at = (int64_t)der->len + 1, .octets = PART_OCTETS);
	TRY(db_read(s->db, &sql_crl_part, &p, &res));
	struct bytes part = result_rows(res) == 0 ? (struct bytes){NULL, 0}
						  : result_view(res, 0, COL_CRL_PART_PART);

	if (part.n == 0)
		return err_set(ERR_NOTFOUND, "CRL %lld of issuer %d is not there any more",
			(long long)crl->number, crl->issuer);
	return buf_append(der, part.p, part.n);
}

enum err
store_crl_read(struct store *s, const struct store_crl_state *crl, struct buf *der)
{
	uint8_t *room;

	if (buf_reserve(der, (size_t)crl->octets, &room) != ERR_OK)
		return err_set(ERR_LIMIT,
			"CRL %lld of issuer %d has %lld octets, and %zu can be served",
			(long long)crl->number, crl->issuer, (long long)crl->octets, der->max);
	while (der->len < (size_t)crl->octets)
		TRY(read_part(s, crl, der));
	return ERR_OK;
}

enum err
store_crl_import(struct store *s, const struct store_crl *crl, const char *actor)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_import, .issuer = crl->issuer, .number = crl->number,
		.this_update = crl->this_update, .next_update = crl->next_update,
		.entries = crl->entries, .der = crl->der, .actor = actor);
	TRY(db_run(s->db, &sql_crl_import, &p, &res));
	const char *outcome = result_peek(res, 0, COL_CRL_IMPORT_OUTCOME);

	if (strcmp(outcome, "unknown") == 0)
		return err_set(ERR_NOTFOUND,
			"issuer %d is no root: only an offline CA's CRL is imported", crl->issuer);
	if (strcmp(outcome, "stale") == 0)
		return err_set(ERR_CONFLICT, "CRL number %lld is not higher than the last one",
			(long long)crl->number);
	store_ring(s, STORE_BELL_CRL);
	return ERR_OK;
}

enum err
store_crl_mark(struct store *s, int16_t issuer)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_mark, .issuer = issuer);
	TRY(db_run(s->db, &sql_crl_mark, &p, &res));
	if (!result_bool(res, 0, COL_CRL_MARK_MARKED))
		return err_set(ERR_NOTFOUND, "no issuer number %d", issuer);
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}

struct store_crl_job {
	struct store *store;
	struct db_conn *conn;
	int16_t issuer;
	int64_t ends; /* the last row that was read: its not_after, in microseconds, and serial */
	uint8_t serial[STORE_SERIAL_SIZE];
	size_t serial_n;
};

static void
end_job(struct store_crl_job *job)
{
	job->conn->timeout_us = DB_CONN_STATEMENT_US;
	db_give(job->store->db, DB_OWN, job->conn);
	free(job);
}

void
store_crl_abort(struct store_crl_job *job)
{
	if (job == NULL)
		return;
	if (db_conn_usable(job->conn) && db_conn_command(job->conn, "ROLLBACK") != ERR_OK)
		db_conn_close(job->conn);
	end_job(job);
}

static enum err
begin_locked(struct store_crl_job *job)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum err e = db_conn_command(job->conn, "BEGIN");

	BIND(&p, crl_lock, .issuer = job->issuer);
	if (e == ERR_OK)
		e = db_conn_run(job->conn, &sql_crl_lock, &p, &res);
	if (e == ERR_OK && result_rows(res) == 0)
		return err_set(ERR_CONFLICT, "another signer publishes this CRL");
	return e;
}

/* The last CRL, and whether there is anything to publish; takes the marks. */
static enum err
take_marks(struct store_crl_job *job, int64_t due, struct store_crl_last *last)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_take, .issuer = job->issuer);
	TRY(db_conn_run(job->conn, &sql_crl_take, &p, &res));
	*last = (struct store_crl_last){
		.number = result_int(res, 0, COL_CRL_TAKE_NUMBER),
		.this_update = result_time(res, 0, COL_CRL_TAKE_THIS_UPDATE),
		.next_update = result_time(res, 0, COL_CRL_TAKE_NEXT_UPDATE),
	};
	job->ends = last->this_update * 1000000;
	bool published = !result_null(res, 0, COL_CRL_TAKE_NUMBER);

	if (published && result_int(res, 0, COL_CRL_TAKE_MARKS) == 0 && last->this_update > due &&
		last->this_update <= clock_now())
		return err_set(ERR_NOTFOUND, "the CRL is fresh and nothing was revoked since");
	return ERR_OK;
}

enum err
store_crl_page(struct store_crl_job *job, struct arena *a, struct store_revoked **out,
	size_t *count, bool *more)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_entries, .issuer = job->issuer, .ends = job->ends,
		.after = bytes_of(job->serial, job->serial_n), .page = PAGE_ROWS);
	TRY(db_conn_run(job->conn, &sql_crl_entries, &p, &res));
	size_t n = result_rows(res);
	struct store_revoked *list = arena_array(a, n, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		TRY(row_revoked(res, i, &list[i]));
	if (n > 0) {
		job->ends = result_int(res, n - 1, COL_CRL_ENTRIES_ENDS);
		memcpy(job->serial, list[n - 1].serial, sizeof(job->serial));
		job->serial_n = sizeof(job->serial);
	}
	*out = list;
	*count = n;
	*more = n == PAGE_ROWS;
	return ERR_OK;
}

enum err
store_crl_begin(struct store *s, int16_t issuer, int64_t due, struct store_crl_last *last,
	struct store_crl_job **job)
{
	struct db_conn *c;
	enum err e;

	TRY(db_take(s->db, DB_OWN, &c));
	struct store_crl_job *j = mem_zalloc(1, sizeof(*j));

	*j = (struct store_crl_job){.store = s, .conn = c, .issuer = issuer};
	c->timeout_us = JOB_STATEMENT_US;
	e = begin_locked(j);
	if (e == ERR_OK)
		e = take_marks(j, due, last);
	if (e != ERR_OK) {
		store_crl_abort(j);
		return e;
	}
	*job = j;
	return ERR_OK;
}

enum err
store_crl_is(struct store *s, int16_t issuer, int64_t number, struct bytes der, bool *same)
{
	uint8_t digest[SHA256_SIZE];
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	sha256(der, digest);
	BIND(&p, crl_digest, .issuer = issuer, .number = number);
	TRY(db_read(s->db, &sql_crl_digest, &p, &res));
	*same = result_rows(res) > 0 &&
		bytes_equal(result_view(res, 0, COL_CRL_DIGEST_DIGEST),
			bytes_of(digest, sizeof(digest)));
	return ERR_OK;
}

/* After a COMMIT without an answer: is exactly this CRL there? If not, the marks are, and it is
 * made again. */
static enum err
look_up_crl(struct store *s, const struct store_crl *crl)
{
	bool there;

	TRY(store_crl_is(s, crl->issuer, crl->number, crl->der, &there));
	return there ? ERR_OK
		     : err_set(ERR_UNAVAILABLE,
			       "database: the connection broke before the CRL was recorded");
}

static enum err
record_crl(struct store_crl_job *job, const struct store_crl *crl)
{
	AUTO_PARAMS(p);
	AUTO_PARAMS(q);

	BIND(&p, crl_insert, .issuer = crl->issuer, .number = crl->number,
		.this_update = crl->this_update, .next_update = crl->next_update,
		.entries = crl->entries, .der = crl->der);
	BIND(&q, crl_trim, .issuer = crl->issuer, .number = crl->number, .kept = CRL_KEPT,
		.entries = crl->entries);
	TRY(db_conn_run(job->conn, &sql_crl_insert, &p, NULL));
	return db_conn_run(job->conn, &sql_crl_trim, &q, NULL);
}

enum err
store_crl_finish(struct store_crl_job *job, const struct store_crl *crl)
{
	struct store *s = job->store;
	enum err e = record_crl(job, crl);

	if (e == ERR_OK) {
		e = db_conn_command(job->conn, "COMMIT");
		if (e == ERR_UNAVAILABLE && !db_conn_usable(job->conn))
			e = look_up_crl(s, crl);
	}
	if (e != ERR_OK) {
		store_crl_abort(job);
		return e;
	}
	end_job(job);
	store_ring(s, STORE_BELL_CRL);
	return ERR_OK;
}
