/*
 * Shared inside lib/store: one connection, statements with parameters, results, and the three ways
 * to run a statement: pool_read() (any reader, repeated once when the connection broke), pool_run()
 * (a write in a transaction of its own, never repeated) and writer_run() (group commit). SQL is
 * constant text; everything else is a parameter.
 *
 *	static const struct stmt find = {"thing_find", "SELECT name FROM thing WHERE id = $1", 1};
 *	AUTO_PARAMS(p);
 *	AUTO(PGresult) res = NULL;
 *	params_int(&p, id);
 *	enum err e = pool_read(s, &find, &p, &res);
 */
#ifndef CHANCERY_STORE_INTERNAL_H
#define CHANCERY_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <libpq-fe.h>

#include "lib/base/bytes.h"
#include "lib/store/certificate.h"

AUTO_DEFINE(PGresult, PQclear)

/* Prepared lazily on each connection under its name, which must be unique in lib/store. */
struct stmt {
	const char *name, *sql;
	int params;
};

/*
 * Parameters in order. Text and octets are borrowed until the statement has run; numbers and arrays
 * are kept inside. Clear with params_clear(), or declare with AUTO_PARAMS(p).
 */
enum { PARAMS_MAX = 24 };
struct params {
	int count, owned_count;
	const char *value[PARAMS_MAX];
	int length[PARAMS_MAX], format[PARAMS_MAX];
	char number[PARAMS_MAX][24];
	void *owned[PARAMS_MAX];
};
#define AUTO_PARAMS(name)                                                                          \
	__attribute__((cleanup(params_clear))) struct params name = {.count = 0, .owned_count = 0}
void params_clear(struct params *p);
void params_null(struct params *p);
void params_text(struct params *p, const char *text); /* NULL: SQL null */
void params_bytes(struct params *p, struct bytes b);  /* bytea; a NULL pointer: SQL null */
void params_int(struct params *p, int64_t n);	      /* any integer type, xid8 */
void params_int_or_null(struct params *p, int64_t n, int64_t null);
void params_bool(struct params *p, bool b);
void params_time(struct params *p, int64_t unix_seconds); /* timestamptz; 0: SQL null */
void params_texts(struct params *p, const char *const *texts, size_t count); /* text[] */
void params_ints(struct params *p, const int64_t *numbers, size_t count);    /* bigint[] */
void params_shorts(struct params *p, const int16_t *numbers, size_t count);  /* smallint[] */
void params_times(
	struct params *p, const int64_t *unix_seconds, size_t count); /* timestamptz[], 0: null */
void params_bytes_array(struct params *p, const struct bytes *items, size_t count); /* bytea[] */

/* Results are in binary format; jsonb is read as ::text. Values of SQL null: 0, NULL, empty. */
static inline size_t
result_rows(const PGresult *res)
{
	return (size_t)PQntuples(res);
}
size_t result_affected(PGresult *res);
bool result_null(const PGresult *res, size_t row, int col);
int64_t result_int(const PGresult *res, size_t row, int col);  /* smallint, integer, bigint, xid8 */
int64_t result_time(const PGresult *res, size_t row, int col); /* unix seconds */
bool result_bool(const PGresult *res, size_t row, int col);
const char *
result_peek(const PGresult *res, size_t row, int col); /* text, lives as long as the result */
const char *result_text(struct arena *a, const PGresult *res, size_t row, int col);
struct bytes
result_view(const PGresult *res, size_t row, int col); /* octets, live as long as the result */
struct bytes result_bytes(struct arena *a, const PGresult *res, size_t row, int col);
/* Exactly n octets into out; an SQL null leaves it; anything else is a broken table. */
enum err result_octets(const PGresult *res, size_t row, int col, uint8_t *out, size_t n) MUST_CHECK;
const char **
result_texts(struct arena *a, const PGresult *res, size_t row, int col, size_t *count); /* text[] */

/*
 * A program that has been told to end waits no longer for a database that does not answer than
 * CONN_LAST_US, whatever it waits for and however many of its threads do: then all waits end, and
 * later ones take only what is there already. A database that answers is waited for as ever. Shared
 * by the connections of a store.
 */
struct conn_end {
	bool (*stop_wanted)(void); /* store_config's, or NULL */
	atomic_llong since;	   /* monotonic us when it was noticed; 0: not yet */
	atomic_bool silent;	   /* somebody has waited in vain since then */
};
void conn_end_begin(struct conn_end *end); /* unless it has begun */

/* One connection, used by one thread at a time. */
enum { CONN_STATEMENTS_MAX = 128 };
struct conn {
	PGconn *pg;
	const struct store_config *config;
	struct conn_end *end; /* NULL: every wait has its full time */
	int64_t timeout_us;   /* of one statement: CONN_STATEMENT_US, or CONN_CHANGE_US for what may
				 touch much */
	size_t prepared_count;
	const struct stmt *prepared[CONN_STATEMENTS_MAX];
};
enum { CONN_CONNECT_US = 3000000, CONN_STATEMENT_US = 6000000, CONN_CHANGE_US = 12000000 };
enum { CONN_LAST_US = 3000000, CONN_LAST_EACH_US = 2000000 }; /* each: of one begun late */
enum conn_kind { CONN_WORK, CONN_OWNER }; /* work: short keyed statements, planned for indexes */
enum err conn_open(struct conn *c, const struct store_config *config, enum conn_kind kind,
	struct conn_end *end, int64_t connect_us) MUST_CHECK;
void conn_close(struct conn *c);
bool conn_usable(const struct conn *c);
/* Finds out whether an idle connection was closed by the server meanwhile, and closes it then. */
void conn_check(struct conn *c);
/* Runs one statement. ERR_UNAVAILABLE when the connection broke (then !conn_usable) or the server
 * asks to try again. */
enum err
conn_run(struct conn *c, const struct stmt *st, const struct params *p, PGresult **out) MUST_CHECK;
/* Constant text without parameters or result: BEGIN, COMMIT, LISTEN, migrations. */
enum err conn_command(struct conn *c, const char *sql) MUST_CHECK;
enum err conn_prepare(struct conn *c, const struct stmt *st) MUST_CHECK;
/* Pipelining: queue statements (prepared before), then conn_sync(), then fetch as many results,
 * then conn_fetch_sync(). */
enum err conn_queue(struct conn *c, const struct stmt *st, const struct params *p) MUST_CHECK;
enum err conn_sync(struct conn *c) MUST_CHECK;
/* The next statement's result, also an error's: judge with conn_judge(). ERR_UNAVAILABLE: the
 * connection broke. */
enum err conn_fetch(struct conn *c, PGresult **out) MUST_CHECK;
enum err conn_fetch_sync(struct conn *c) MUST_CHECK;
/* The class and reason of a result: ERR_OK for rows and commands. 23505 is ERR_CONFLICT, 23503
 * ERR_NOTFOUND, 22xxx and 23514 ERR_INVALID, what may pass ERR_UNAVAILABLE, the rest ERR_INTERNAL.
 */
enum err conn_judge(const PGresult *res) MUST_CHECK;

/* A read: takes a reader, repeated once on a new connection when the connection broke. */
enum err pool_read(
	struct store *s, const struct stmt *st, const struct params *p, PGresult **out) MUST_CHECK;
/* A rare write as a transaction of its own. Not repeated: ERR_UNAVAILABLE may mean that it was
 * done. */
enum err
pool_run(struct store *s, const struct stmt *st, const struct params *p, PGresult **out) MUST_CHECK;
/* A connection for several statements: a shared one (readers of them exist), or one of its own for
 * what holds a transaction open for long, like a claim. Give it back with the transaction ended, or
 * broken. */
enum pool_lane { POOL_SHARED, POOL_OWN, POOL_LANE_COUNT };
enum err pool_take(struct store *s, enum pool_lane lane, struct conn **out) MUST_CHECK;
void pool_give(struct store *s, enum pool_lane lane, struct conn *c);

/* Group commit: returns after COMMIT with the statement's result; the statement runs exactly once
 * or not at all when this is an error other than ERR_UNAVAILABLE (then the caller's client
 * repeats). A store opened without writer uses pool_run(). */
enum err writer_run(
	struct store *s, const struct stmt *st, const struct params *p, PGresult **out) MUST_CHECK;
/*
 * A statement for any number of rows: its parameters are arrays over them, and its result has one
 * row for each, in their order. A statement costs PostgreSQL more than a row does, so rows that
 * wait for the writer together are written together.
 */
enum { WRITER_BATCH_MAX = 64 };
struct bulk {
	struct stmt st;
	/* n: 1 to WRITER_BATCH_MAX */
	void (*params)(struct store *s, const void *const *rows, size_t n, struct params *p);
	/* The later one must see what the earlier one did, so they need a statement each. */
	bool (*alike)(const void *a, const void *b);
};
/* One row without waiting, for a caller who sleeps for what follows from it (stores with a writer
 * only): done is called on the writer's thread after COMMIT or failure (code, with the reason set),
 * once, with the row of the result; row and what ctx points to are borrowed until then. */
typedef void writer_done_fn(void *ctx, enum err code, const PGresult *res, size_t at);
void writer_submit(
	struct store *s, const struct bulk *b, const void *row, writer_done_fn *done, void *ctx);
/* Takes back what the writer has not begun: true, and done will not be called. False: it was or
 * will be. */
bool writer_withdraw(struct store *s, const void *ctx);

/*
 * Feeds of changes. Rows hold the number of the transaction that wrote them; a reader keeps as its
 * cursor the oldest transaction that may still have been running at its last look, and asks for
 * rows from there on: sequence or time order would lose rows, because it is not commit order. Rows
 * may repeat. Column 0 is the next cursor, also when there are no rows (then the others are null).
 */
#define FEED_SNAPSHOT "SELECT s.oldest, "
#define FEED_FROM "(SELECT pg_snapshot_xmin(pg_current_snapshot()) AS oldest) AS s "

enum identity_kind column_identity_kind(const PGresult *res, size_t row, int col);
/* Unknown words are IDENTITY_RETIRED. */
enum identity_state column_identity_state(const PGresult *res, size_t row, int col);

/* Five columns from col on: serial, issuer, revoked_at, not_after, reason. */
enum err
column_revoked(const PGresult *res, size_t row, int col, struct store_revoked *out) MUST_CHECK;

/* For columns of words: index in a NULL-terminated table of words, -1 when absent. */
int word_index(const char *const *words, const char *text);

#endif
