/*
 * CRLs: reading the newest ones, importing an offline CA's, and publication by the signer: a turn, the
 * marks of revocations, pages of what is revoked, parts of what was signed, a short transaction that
 * records it (schema/statements/crl.sql says why nothing is missed). All on one connection: the turn is
 * its own, and a server that crashes takes it and what was noted with it.
 */
#include "lib/store/crl.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/store/internal.h"
#include "schema/statements/crl.h"
#include "schema/statements/revocation.h"

enum {
	PART_OCTETS = 4 << 20,
	PAGE_ROWS = 10000,
	MARKS_MAX = 50000, /* those beyond are for the next CRL */
	KEEP_US = 15000000,
	CRL_KEPT = 10
};

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
			.build_ms = result_int(res, i, COL_CRL_STATES_BUILD_MS),
			.age_ms = result_int(res, i, COL_CRL_STATES_AGE_MS),
			.waiting_ms = result_null(res, i, COL_CRL_STATES_WAITING_MS)
				? STORE_CRL_NONE_WAIT
				: result_int(res, i, COL_CRL_STATES_WAITING_MS),
			.entries = (int)result_int(res, i, COL_CRL_STATES_ENTRIES),
		};
	return ERR_OK;
}

static enum err
read_part(struct store *s, const struct store_crl_state *crl, int64_t part, struct buf *der)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_part, .issuer = crl->issuer, .number = crl->number, .part = part);
	TRY(db_read(s->db, &sql_crl_part, &p, &res));
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "CRL %lld of issuer %d is not there any more",
			(long long)crl->number, crl->issuer);
	struct bytes octets = result_view(res, 0, COL_CRL_PART_OCTETS);

	return buf_append(der, octets.p, octets.n);
}

enum err
store_crl_read(struct store *s, const struct store_crl_state *crl, struct buf *der)
{
	uint8_t *room;

	if (buf_reserve(der, (size_t)crl->octets, &room) != ERR_OK)
		return err_set(ERR_LIMIT,
			"CRL %lld of issuer %d has %lld octets, and %zu can be served",
			(long long)crl->number, crl->issuer, (long long)crl->octets, der->max);
	for (int64_t part = 0; der->len < (size_t)crl->octets; part++)
		TRY(read_part(s, crl, part, der));
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
	int64_t kept_at; /* monotonic us: when the turn was last lengthened */
	int64_t *marks;
	size_t mark_count;
	int64_t ends; /* the last row that was read: its not_after, in microseconds, and serial */
	uint8_t serial[STORE_SERIAL_SIZE];
	size_t serial_n;
};

static void
end_turn(struct store_crl_job *job)
{
	AUTO_PARAMS(p);

	if (!db_conn_usable(job->conn))
		return; /* it has ended with the connection */
	BIND(&p, crl_turn_end, .issuer = job->issuer);
	if (db_conn_roll_back(job->conn) != ERR_OK ||
		db_conn_run(job->conn, &sql_crl_turn_end, &p, NULL) != ERR_OK)
		db_conn_close(job->conn);
}

void
store_crl_end(struct store_crl_job *job)
{
	if (job == NULL)
		return;
	end_turn(job);
	db_give(job->store->db, DB_OWN, job->conn);
	free(job->marks);
	free(job);
}

static enum err
take_turn(struct store_crl_job *job)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_turn_take, .issuer = job->issuer);
	TRY(db_conn_run(job->conn, &sql_crl_turn_take, &p, &res));
	job->kept_at = clock_monotonic_us();
	return result_rows(res) > 0 ? ERR_OK
				    : err_set(ERR_CONFLICT, "another signer makes this CRL");
}

static enum err
lengthen_turn(struct store_crl_job *job)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_turn_keep, .issuer = job->issuer);
	TRY(db_conn_run(job->conn, &sql_crl_turn_keep, &p, &res));
	job->kept_at = clock_monotonic_us();
	return result_rows(res) > 0
		? ERR_OK
		: err_set(ERR_CONFLICT, "the turn to make this CRL is over: it took too long");
}

static enum err
keep_turn(struct store_crl_job *job)
{
	return clock_monotonic_us() - job->kept_at < KEEP_US ? ERR_OK : lengthen_turn(job);
}

/* What was looked at without the turn may be old. */
static enum err
check_last(struct store_crl_job *job, int64_t number)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_last, .issuer = job->issuer);
	TRY(db_conn_run(job->conn, &sql_crl_last, &p, &res));
	return result_int(res, 0, COL_CRL_LAST_NUMBER) == number
		? ERR_OK
		: err_set(ERR_CONFLICT, "another signer has just made this CRL");
}

static enum err
note_marks(struct store_crl_job *job)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_marks, .issuer = job->issuer, .max = MARKS_MAX);
	TRY(db_conn_run(job->conn, &sql_crl_marks, &p, &res));
	job->mark_count = result_rows(res);
	job->marks = mem_zalloc(job->mark_count + 1, sizeof(*job->marks));
	for (size_t i = 0; i < job->mark_count; i++)
		job->marks[i] = result_int(res, i, COL_CRL_MARKS_ID);
	return ERR_OK;
}

enum err
store_crl_begin(struct store *s, const struct store_crl_state *last, struct store_crl_job **out)
{
	AUTO_STRUCT(store_crl_job) job = NULL;
	struct db_conn *c;

	TRY(db_take(s->db, DB_OWN, &c));
	job = mem_zalloc(1, sizeof(*job));
	*job = (struct store_crl_job){
		.store = s, .conn = c, .issuer = last->issuer, .ends = last->this_update * 1000000};
	TRY(take_turn(job));
	TRY(check_last(job, last->number));
	TRY(note_marks(job));
	*out = job;
	job = NULL;
	return ERR_OK;
}

enum err
store_crl_page(struct store_crl_job *job, struct arena *a, struct store_revoked **out,
	size_t *count, bool *more)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	TRY(keep_turn(job));
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
store_crl_write(struct store_crl_job *job, const struct store_crl *crl, size_t *at)
{
	size_t left = crl->der.n - *at, n = left < PART_OCTETS ? left : PART_OCTETS;
	AUTO_PARAMS(p);

	TRY(keep_turn(job));
	BIND(&p, crl_part_add, .issuer = crl->issuer, .number = crl->number,
		.part = (int64_t)(*at / PART_OCTETS), .octets = bytes_of(crl->der.p + *at, n));
	TRY(db_conn_run(job->conn, &sql_crl_part_add, &p, NULL));
	*at += n;
	return ERR_OK;
}

static enum err
is_stored(struct store *s, const struct store_crl *crl, const uint8_t *digest, bool *same)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_digest, .issuer = crl->issuer, .number = crl->number);
	TRY(db_read(s->db, &sql_crl_digest, &p, &res));
	*same = result_rows(res) > 0 &&
		bytes_equal(
			result_view(res, 0, COL_CRL_DIGEST_DIGEST), bytes_of(digest, SHA256_SIZE));
	return ERR_OK;
}

enum err
store_crl_is(struct store *s, const struct store_crl *crl, bool *same)
{
	uint8_t digest[SHA256_SIZE];

	sha256(crl->der, digest);
	return is_stored(s, crl, digest, same);
}

/* After a COMMIT without an answer: is exactly this CRL there? If not, the marks are, and it is
 * made again. */
static enum err
look_up_crl(struct store *s, const struct store_crl *crl, const uint8_t *digest)
{
	bool there;

	TRY(is_stored(s, crl, digest, &there));
	return there ? ERR_OK
		     : err_set(ERR_UNAVAILABLE,
			       "database: the connection broke before the CRL was recorded");
}

static enum err
record_crl(struct store_crl_job *job, const struct store_crl *crl, const uint8_t *digest)
{
	AUTO_PARAMS(p);
	AUTO_PARAMS(q);
	AUTO(PGresult) res = NULL;

	BIND(&p, crl_insert, .issuer = crl->issuer, .number = crl->number,
		.this_update = crl->this_update, .next_update = crl->next_update,
		.entries = crl->entries, .octets = (int64_t)crl->der.n,
		.digest = bytes_of(digest, SHA256_SIZE), .build_ms = crl->build_ms);
	BIND(&q, crl_trim, .issuer = crl->issuer, .number = crl->number, .kept = CRL_KEPT,
		.entries = crl->entries, .marks = ints_of(job->marks, job->mark_count));
	TRY(db_conn_run(job->conn, &sql_crl_insert, &p, &res));
	if (result_rows(res) == 0)
		return err_set(ERR_CONFLICT, "another signer has published a newer CRL");
	return db_conn_run(job->conn, &sql_crl_trim, &q, NULL);
}

enum err
store_crl_record(struct store_crl_job *job, const struct store_crl *crl)
{
	uint8_t digest[SHA256_SIZE];
	enum err e;

	sha256(crl->der, digest);
	TRY(db_conn_begin(job->conn));
	TRY(lengthen_turn(job)); /* its row is locked now: nobody takes the turn before COMMIT */
	TRY(record_crl(job, crl, digest));
	e = db_conn_commit(job->conn);
	if (e == ERR_UNAVAILABLE && !db_conn_usable(job->conn))
		e = look_up_crl(job->store, crl, digest);
	if (e == ERR_OK)
		store_ring(job->store, STORE_BELL_CRL);
	return e;
}
