/*
 * One connection, for what needs more than one statement: migrations, claims, feeds. Everybody else
 * uses run.h.
 */
#ifndef CHANCERY_DB_CONN_H
#define CHANCERY_DB_CONN_H

#include <stdatomic.h>

#include "lib/db/db.h"
#include "lib/db/statement.h"

/*
 * A program that has been told to end waits no longer for a database that does not answer than
 * DB_CONN_LAST_US, whatever it waits for and however many of its threads do: then all waits end, and
 * later ones take only what is there already. A database that answers is waited for as ever. Shared
 * by the connections of a store.
 */
struct db_conn_end {
	bool (*stop_wanted)(void); /* store_config's, or NULL */
	atomic_llong since;	   /* monotonic us when it was noticed; 0: not yet */
	atomic_bool silent;	   /* somebody has waited in vain since then */
};
void db_conn_end_begin(struct db_conn_end *end); /* unless it has begun */

/* One connection, used by one thread at a time. */
enum { DB_CONN_STATEMENTS_MAX = 128 };
struct db_conn {
	PGconn *pg;
	const struct db_config *config;
	struct db_conn_end *end; /* NULL: every wait has its full time */
	int64_t timeout_us; /* of one statement: DB_CONN_STATEMENT_US, or DB_CONN_CHANGE_US for what may
				 touch much */
	size_t result_max; /* octets of one answer, DB_CONN_RESULT_MAX; more is ERR_LIMIT */
	size_t prepared_count;
	const struct stmt *prepared[DB_CONN_STATEMENTS_MAX];
};
enum { DB_CONN_CONNECT_US = 3000000, DB_CONN_STATEMENT_US = 6000000, DB_CONN_CHANGE_US = 12000000 };
/* Far above any page; an arena (lib/base/arena.h) has room for what is made of several such answers. */
enum { DB_CONN_RESULT_MAX = 8 << 20 };
enum { DB_CONN_LAST_US = 3000000, DB_CONN_LAST_EACH_US = 2000000 }; /* each: of one begun late */
enum db_conn_kind {
	DB_CONN_WORK,
	DB_CONN_OWNER
}; /* work: short keyed statements, planned for indexes */
enum err db_conn_open(struct db_conn *c, const struct db_config *config, enum db_conn_kind kind,
	struct db_conn_end *end, int64_t connect_us) MUST_CHECK;
void db_conn_close(struct db_conn *c);
bool db_conn_usable(const struct db_conn *c);
/* Finds out whether an idle connection was closed by the server meanwhile, and closes it then. */
void db_conn_check(struct db_conn *c);
/* Runs one statement. ERR_UNAVAILABLE when the connection broke (then !db_conn_usable) or the server
 * asks to try again; ERR_LIMIT when the answer is larger than result_max: whatever is stored, what a
 * caller copies is bounded. */
enum err db_conn_run(struct db_conn *c, const struct stmt *st, const struct params *p,
	PGresult **out) MUST_CHECK;
/* Constant text without parameters or result: LISTEN, migrations. */
enum err db_conn_command(struct db_conn *c, const char *sql) MUST_CHECK;
/* Where a transaction begins and ends: by itself, and as steps of a pipeline. */
extern const struct stmt db_begin, db_commit;
enum err db_conn_begin(struct db_conn *c) MUST_CHECK;
enum err db_conn_commit(struct db_conn *c) MUST_CHECK;
enum err db_conn_roll_back(struct db_conn *c) MUST_CHECK;
/*
 * Several statements in one round trip. First all are prepared; when that fails nothing was sent, and
 * the steps have no results. ERR_OK: every step has its result, which is the caller's and may be a
 * refusal: judge it with db_conn_judge(). Else the connection broke on the way: the first steps may
 * have their results, and nobody knows what became of the others.
 */
struct db_step {
	const struct stmt *st;
	const struct params *params; /* NULL: none */
	PGresult *res;
};
enum err db_conn_pipeline(struct db_conn *c, struct db_step *steps, size_t count) MUST_CHECK;
enum err
db_conn_prepare_steps(struct db_conn *c, const struct db_step *steps, size_t count) MUST_CHECK;
/* The class and reason of a result: ERR_OK for rows and commands. 23503 is ERR_NOTFOUND,
 * 22xxx and 23514 ERR_INVALID, what may pass ERR_UNAVAILABLE, the rest ERR_INTERNAL, a unique
 * violation too (a statement that expects one says so itself).
 */
enum err db_conn_judge(const PGresult *res) MUST_CHECK;
/* ERR_LIMIT when the result takes more than max octets: for a pipeline's, which are not bounded. */
enum err db_conn_bound(const PGresult *res, size_t max) MUST_CHECK;

#endif
