/*
 * CRLs: reading the newest ones, importing an offline CA's, and publication by the signer.
 * Revocations leave marks in crl_dirty; the publishing transaction takes the marks first and reads
 * the revocations after, so that a revocation committed in between is at worst published twice,
 * never missed.
 */
#include <stdlib.h>

#include "lib/store/certificate.h"
#include "lib/store/internal.h"

enum { CRL_KEPT = 10, CRL_LOCK = 0x43524c }; /* the advisory lock's class */

enum err
store_crl_latest(struct store *s, struct arena *a, const int64_t *known, size_t known_count,
	struct store_crl **out, size_t *count)
{
	static const struct stmt latest = {"crl_latest",
		"SELECT c.issuer, c.number, c.this_update, c.next_update, c.entries, c.der FROM issuer i CROSS JOIN LATERAL "
		"(SELECT * FROM crl WHERE issuer = i.id AND crl_shard = 0 ORDER BY number DESC LIMIT 1) c "
		"WHERE c.number > coalesce(($1::bigint[])[i.id + 1], 0) ORDER BY c.issuer",
		1};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_ints(&p, known, known_count);
	enum err e = db_read(s->db, &latest, &p, &res);
	if (e != ERR_OK)
		return e;
	*count = result_rows(res);
	*out = arena_array(a, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count; i++)
		(*out)[i] = (struct store_crl){
			.issuer = (int16_t)result_int(res, i, 0),
			.number = result_int(res, i, 1),
			.this_update = result_time(res, i, 2),
			.next_update = result_time(res, i, 3),
			.entries = (int)result_int(res, i, 4),
			.der = result_bytes(a, res, i, 5),
		};
	return ERR_OK;
}

static void
crl_params(struct params *p, const struct store_crl *crl)
{
	params_int(p, crl->issuer);
	params_int(p, crl->number);
	params_time(p, crl->this_update);
	params_time(p, crl->next_update);
	params_int(p, crl->entries);
	params_bytes(p, crl->der);
}

enum err
store_crl_import(struct store *s, const struct store_crl *crl, const char *actor)
{
	static const struct stmt import = {
		"crl_import", "SELECT crl_import($1, $2, $3, $4, $5, $6, $7)", 7};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	crl_params(&p, crl);
	params_text(&p, actor);
	enum err e = db_run(s->db, &import, &p, &res);
	if (e != ERR_OK)
		return e;
	const char *outcome = result_peek(res, 0, 0);
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
	static const struct stmt mark = {
		"crl_mark", "INSERT INTO crl_dirty (issuer, crl_shard) VALUES ($1, 0)", 1};
	AUTO_PARAMS(p);

	params_int(&p, issuer);
	enum err e = db_run(s->db, &mark, &p, NULL);
	if (e == ERR_NOTFOUND)
		return err_set(ERR_NOTFOUND, "no issuer number %d", issuer);
	if (e == ERR_OK)
		store_ring(s, STORE_BELL_STATE);
	return e;
}

struct store_crl_job {
	struct store *store;
	struct db_conn *conn;
	int16_t issuer;
};

void
store_crl_abort(struct store_crl_job *job)
{
	if (job == NULL)
		return;
	if (db_conn_usable(job->conn) && db_conn_command(job->conn, "ROLLBACK") != ERR_OK)
		db_conn_close(job->conn);
	db_give(job->store->db, DB_OWN, job->conn);
	free(job);
}

static enum err
begin_locked(struct store_crl_job *job)
{
	static const struct stmt lock = {
		"crl_lock", "SELECT pg_try_advisory_xact_lock($1::integer, $2::integer)", 2};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum err e = db_conn_command(job->conn, "BEGIN");

	params_int(&p, CRL_LOCK);
	params_int(&p, job->issuer);
	if (e == ERR_OK)
		e = db_conn_run(job->conn, &lock, &p, &res);
	if (e == ERR_OK && !result_bool(res, 0, 0))
		return err_set(ERR_CONFLICT, "another signer publishes this CRL");
	return e;
}

/* The last CRL, and whether there is anything to publish; takes the marks. */
static enum err
take_marks(struct store_crl_job *job, int64_t due, struct store_crl_work *work)
{
	static const struct stmt take = {"crl_take",
		"WITH marks AS (DELETE FROM crl_dirty WHERE issuer = $1 RETURNING 1), "
		"last AS (SELECT number, this_update, next_update FROM crl WHERE issuer = $1 AND crl_shard = 0 "
		"ORDER BY number DESC LIMIT 1) "
		"SELECT (SELECT count(*) FROM marks), last.number, last.this_update, last.next_update "
		"FROM (SELECT 1) one LEFT JOIN last ON true",
		1};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_int(&p, job->issuer);
	enum err e = db_conn_run(job->conn, &take, &p, &res);
	if (e != ERR_OK)
		return e;
	*work = (struct store_crl_work){
		.last_number = result_int(res, 0, 1),
		.last_this_update = result_time(res, 0, 2),
		.last_next_update = result_time(res, 0, 3),
	};
	bool published = !result_null(res, 0, 1);
	if (published && result_int(res, 0, 0) == 0 && work->last_this_update > due)
		return err_set(ERR_NOTFOUND, "the CRL is fresh and nothing was revoked since");
	return ERR_OK;
}

static enum err
read_entries(struct store_crl_job *job, struct arena *a, struct store_crl_work *work)
{
	static const struct stmt entries = {"crl_entries",
		"SELECT serial, issuer, revoked_at, not_after, reason FROM revocation "
		"WHERE issuer = $1 AND not_after >= coalesce($2, '-infinity'::timestamptz) ORDER BY serial",
		2};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_int(&p, job->issuer);
	params_time(&p, work->last_this_update);
	enum err e = db_conn_run(job->conn, &entries, &p, &res);
	if (e != ERR_OK)
		return e;
	size_t n = result_rows(res);
	struct store_revoked *list = arena_array(a, n + 1, sizeof(*list));
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = column_revoked(res, i, 0, &list[i]);
	work->revoked = list;
	work->count = n;
	return e;
}

enum err
store_crl_begin(struct store *s, int16_t issuer, int64_t due, struct arena *a,
	struct store_crl_work *work, struct store_crl_job **job)
{
	struct db_conn *c;
	enum err e = db_take(s->db, DB_OWN, &c);

	if (e != ERR_OK)
		return e;
	struct store_crl_job *j = mem_zalloc(1, sizeof(*j));
	*j = (struct store_crl_job){s, c, issuer};
	e = begin_locked(j);
	if (e == ERR_OK)
		e = take_marks(j, due, work);
	if (e == ERR_OK)
		e = read_entries(j, a, work);
	if (e != ERR_OK) {
		store_crl_abort(j);
		return e;
	}
	*job = j;
	return ERR_OK;
}

/* After a COMMIT without an answer: is exactly this CRL there? If not, the marks are, and it is
 * made again. */
static enum err
look_up(struct store *s, const struct store_crl *crl)
{
	static const struct stmt find = {"crl_find",
		"SELECT der FROM crl WHERE issuer = $1 AND crl_shard = 0 AND number = $2", 2};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_int(&p, crl->issuer);
	params_int(&p, crl->number);
	enum err e = db_read(s->db, &find, &p, &res);
	if (e == ERR_OK &&
		(result_rows(res) == 0 || !bytes_equal(result_view(res, 0, 0), crl->der)))
		return err_set(ERR_UNAVAILABLE,
			"database: the connection broke before the CRL was recorded");
	return e;
}

static enum err
record(struct store_crl_job *job, const struct store_crl *crl)
{
	static const struct stmt insert = {"crl_insert",
		"INSERT INTO crl (issuer, crl_shard, number, this_update, next_update, entries, der) VALUES ($1, 0, $2, $3, $4, $5, $6)",
		6};
	static const struct stmt trim = {"crl_trim",
		"WITH old AS (DELETE FROM crl WHERE issuer = $1 AND crl_shard = 0 AND number <= (SELECT number FROM crl "
		"WHERE issuer = $1 AND crl_shard = 0 ORDER BY number DESC OFFSET $3 LIMIT 1)) "
		"INSERT INTO audit_event (actor, operation, object, outcome, detail) "
		"SELECT current_user, 'crl.publish', name, 'ok', jsonb_build_object('number', $2::bigint, 'entries', $4::integer) "
		"FROM issuer WHERE id = $1",
		4};
	AUTO_PARAMS(p);
	AUTO_PARAMS(q);

	crl_params(&p, crl);
	params_int(&q, crl->issuer);
	params_int(&q, crl->number);
	params_int(&q, CRL_KEPT);
	params_int(&q, crl->entries);
	enum err e = db_conn_run(job->conn, &insert, &p, NULL);
	return e == ERR_OK ? db_conn_run(job->conn, &trim, &q, NULL) : e;
}

enum err
store_crl_finish(struct store_crl_job *job, const struct store_crl *crl)
{
	struct store *s = job->store;
	enum err e = record(job, crl);

	if (e == ERR_OK) {
		e = db_conn_command(job->conn, "COMMIT");
		if (e == ERR_UNAVAILABLE && !db_conn_usable(job->conn))
			e = look_up(s, crl);
	}
	if (e == ERR_OK) {
		db_give(s->db, DB_OWN, job->conn);
		free(job);
	} else {
		store_crl_abort(job);
	}
	if (e == ERR_OK)
		store_ring(s, STORE_BELL_CRL);
	return e;
}
