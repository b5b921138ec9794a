/*
 * PostgreSQL as a mechanism, and the only user of libpq: connections, the group-commit writer,
 * bells, feeds. No table name stands in this folder; lib/store knows the tables.
 *
 * A program opens one struct db with its own database role. Reads go through a small pool of
 * connections and block the calling thread. Writes of the gateway go through the writer: one thread
 * that takes everything queued, runs it as one pipelined transaction, COMMITs, and then answers all
 * callers; batches form by themselves under load. When a connection breaks it is re-made with
 * back-off while callers get ERR_UNAVAILABLE; when it breaks during COMMIT the outcome is looked up
 * before anybody is answered.
 */
#ifndef CHANCERY_DB_DB_H
#define CHANCERY_DB_DB_H

#include "lib/base/arena.h"

struct db;
struct stmt;

struct db_config {
	const char *host, *port, *dbname, *user; /* host: socket directory or name */
	const char *sslmode, *passfile;		 /* NULL: libpq's defaults */
	const char *program;
	const char *process; /* application_name, at most DB_PROCESS_MAX; NULL: as program */
	const char
		*run_directory; /* where programs of this machine ring one another; NULL: nowhere */
	unsigned readers;	/* read connections, 0: 2 */
	enum db_writer { DB_WITHOUT_WRITER, DB_WITH_WRITER } writer;
	/* Asked now and then while somebody waits for the database: has the program been told to
	 * end? NULL: only db_stopping() tells. Any thread. */
	bool (*stop_wanted)(void);
};

/* What the tables' owner lends to the mechanism. All borrowed for ever. */
struct db_vocabulary {
	/* Of bells, in the order of their numbers: identifiers that need no quotes. */
	const char *const *channels;
	unsigned channel_count; /* at most DB_BELLS_MAX */
	unsigned
		one_of; /* mask of 1 << bell: rings of these wake one program that listens, not all */
	/* The writer's own row, see batch.c. Its name is parameter 1 of all.
	 * mark_open: makes the row with this number (2) unless it is there.
	 * mark_move: from one number (2) to the next (3); fails when the row has another number.
	 * mark_lock: the number, as the only column, with the row locked. */
	const struct stmt *mark_open, *mark_move, *mark_lock;
	/* Rings these channels (text[], parameter 1) for all who are not at this place (text, 2). */
	const struct stmt *notify;
	/* Names the session (text, parameter 1), the last word its place. Column 1: does any session listen
	 * that has named another place than this (text, parameter 2)? */
	const struct stmt *others;
	/* As the only column of the only row: has the server a connection of this program with this
	 * process id (parameter 1)? */
	const struct stmt *lives;
};
enum { DB_BELLS_MAX = 16, DB_PROCESS_MAX = 54 };

/* The pool alone, which connects when it is first used: enough for db_read(). Then db_start()
 * starts the bells and, where config wants one, the writer. config is copied. */
struct db *db_open(const struct db_config *config, const struct db_vocabulary *words);
void db_start(struct db *db);
/* From now on the program ends: a database that answers is still waited for, but one that says
 * nothing for 3 s (5 s in all, with what is begun late) is given up; every later call is then
 * ERR_UNAVAILABLE at once. What was answered to a client is committed; what was not may be lost. */
void db_stopping(struct db *db);
/* Stops the writer, after what is queued, and then the bells, after rings that were asked for. Says
 * db_stopping() itself. Reads still work until db_close(). */
void db_stop(struct db *db);
/* After db_stop(), when no thread uses it any more. */
void db_close(struct db *db);
const struct db_config *db_configuration(const struct db *db);
/* Reachable at the last attempt? For status and readiness. */
bool db_healthy(struct db *db);

/*
 * Bells: wake-ups between programs. Those of the same machine and run directory get a datagram at once;
 * others, when there are any, LISTEN/NOTIFY on a connection of its own, at most one NOTIFY per channel
 * in 2 ms, never inside a working transaction. Nothing depends on one: everybody also looks once a
 * second.
 */
/* Rings; does not wait. What was committed before is seen by whoever is woken. */
void db_ring(struct db *db, unsigned bell);
/* Near by, only the programs of this database role. */
void db_ring_role(struct db *db, unsigned bell, const char *role);
/* Within 25 ms, once for all who ask meanwhile. */
void db_ring_later(struct db *db, unsigned bell);
/* While it is busy with what this bell rings for, a program passes rings on to the others near by. */
void db_busy(struct db *db, unsigned bell, bool busy);
/* From the bell thread: rung, or at least once a second (bell is then DB_TICK). Must not block for
 * long. */
enum { DB_TICK = DB_BELLS_MAX };
typedef void db_bell_fn(void *ctx, unsigned bell);
/* Registers before use; mask of 1 << bell. At most 16 listeners. */
void db_listen(struct db *db, unsigned mask, db_bell_fn *fn, void *ctx);
/* After it returns fn is no longer running for ctx and will not be called again. */
void db_unlisten(struct db *db, void *ctx);

#endif
