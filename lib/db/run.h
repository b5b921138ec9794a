/*
 * The three ways to run a statement: db_read() (any reader, repeated once when the connection
 * broke), db_run() (a write in a transaction of its own, never repeated) and db_write() (group
 * commit); and a connection for a while.
 */
#ifndef CHANCERY_DB_RUN_H
#define CHANCERY_DB_RUN_H

#include "lib/db/conn.h"

/* A read: takes a reader, repeated once on a new connection when the connection broke. */
enum err
db_read(struct db *db, const struct stmt *st, const struct params *p, PGresult **out) MUST_CHECK;
/* A rare write as a transaction of its own. Not repeated: ERR_UNAVAILABLE may mean that it was
 * done. */
enum err
db_run(struct db *db, const struct stmt *st, const struct params *p, PGresult **out) MUST_CHECK;
/* A connection for several statements: a shared one (readers of them exist), or one of its own for
 * what holds a transaction open for long, like a claim. Give it back with the transaction ended, or
 * broken. */
enum db_lane { DB_SHARED, DB_OWN, DB_LANE_COUNT };
enum err db_take(struct db *db, enum db_lane lane, struct db_conn **out) MUST_CHECK;
void db_give(struct db *db, enum db_lane lane, struct db_conn *c);

/* Group commit: returns after COMMIT with the statement's result; the statement runs exactly once
 * or not at all when this is an error other than ERR_UNAVAILABLE (then the caller's client
 * repeats). A db opened without writer uses db_run(). */
enum err
db_write(struct db *db, const struct stmt *st, const struct params *p, PGresult **out) MUST_CHECK;
/*
 * A statement for any number of rows: its parameters are arrays over them, and its result has one
 * row for each, in their order. A statement costs PostgreSQL more than a row does, so rows that
 * wait for the writer together are written together.
 */
enum { DB_BATCH_MAX = 64 };
struct bulk {
	const struct stmt *st;
	/* n: 1 to DB_BATCH_MAX */
	void (*params)(const void *const *rows, size_t n, struct params *p);
	/* The later one must see what the earlier one did, so they need a statement each. */
	bool (*alike)(const void *a, const void *b);
};
/* One row without waiting, for a caller who sleeps for what follows from it (with a writer only): done is called on the writer's thread after COMMIT or failure (code, with the reason set),
 * once, with the row of the result; row and what ctx points to are borrowed until then. */
typedef void db_done_fn(void *ctx, enum err code, const PGresult *res, size_t at);
void db_submit(struct db *db, const struct bulk *b, const void *row, db_done_fn *done, void *ctx);
/* Takes back what the writer has not begun: true, and done will not be called. False: it was or
 * will be. */
bool db_withdraw(struct db *db, const void *ctx);

/* Callers wait this long for a database that went away (microseconds). */
enum { DB_PATIENCE_US = 5000000 };
/* Opens a working connection and remembers for db_healthy() whether that went well. */
enum err db_connect(struct db *db, struct db_conn *c, int64_t connect_us) MUST_CHECK;
/* Has the time (monotonic microseconds) come to give up, or is the program ending while the
 * database says nothing? What was not answered by then is not. */
bool db_late(struct db *db, int64_t deadline);

#endif
