/*
 * The only user of libpq: connections, the group-commit writer, bells.
 *
 * A program opens one struct store with its own database role. Reads go through a small pool of
 * connections and block the calling thread. Writes of the gateway go through the writer: one thread
 * that takes everything queued, runs it as one pipelined transaction, COMMITs, and then answers all
 * callers; batches form by themselves under load. When a connection breaks it is re-made with
 * back-off while callers get ERR_UNAVAILABLE; when it breaks during COMMIT the outcome is looked up
 * before anybody is answered.
 */
#ifndef CHANCERY_STORE_STORE_H
#define CHANCERY_STORE_STORE_H

#include "lib/base/arena.h"

struct store;

enum { STORE_SCHEMA_VERSION = 3 };

struct store_config {
	const char *host, *port, *dbname, *user; /* host: socket directory or name */
	const char *sslmode, *passfile;		 /* NULL: libpq's defaults */
	const char *program;			 /* application_name and node.program */
	unsigned readers;			 /* read connections, 0: 2 */
	enum store_writer { STORE_WITHOUT_WRITER, STORE_WITH_WRITER } writer;
	/* Asked now and then while somebody waits for the database: has the program been told to
	 * end? NULL: only store_stopping() tells. Any thread. */
	bool (*stop_wanted)(void);
};

/* Connects, checks that the schema version is STORE_SCHEMA_VERSION (ERR_CONFLICT with the remedy
 * otherwise; word "schema-missing" when it is absent or older, which an operator may be mending
 * right now), starts the threads. ERR_UNAVAILABLE when the database cannot be reached now: the
 * caller retries. */
enum err store_open(const struct store_config *config, struct store **out) MUST_CHECK;
/* From now on the program ends: a database that answers is still waited for, but one that says
 * nothing for 3 s (5 s in all, with what is begun late) is given up; every later call is then
 * ERR_UNAVAILABLE at once. What was answered to a client is committed; what was not may be lost. */
void store_stopping(struct store *s);
/* Sends rings that were asked for, and ends. Says store_stopping() itself. */
void store_close(struct store *s);
/* "program@host:pid": this process in the node table and in requests it waits for. */
const char *store_node(const struct store *s);
/* Reachable at the last attempt? For status and readiness. */
bool store_healthy(struct store *s);

/* Bells: coalesced wake-ups between programs (LISTEN/NOTIFY on a connection of their own, at most
 * one NOTIFY per channel in 2 ms, never inside a working transaction). Nothing depends on one:
 * everybody also looks once a second. */
enum store_bell {
	STORE_BELL_REQUEST, /* issuance requests wait -> signer */
	STORE_BELL_RESULT,  /* requests were answered -> gateway, status */
	STORE_BELL_ISSUED,  /* certificates were recorded -> status */
	STORE_BELL_STATE,   /* revocations, identities, grants, accounts changed -> gateway, status,
			       signer */
	STORE_BELL_CRL,	    /* a CRL was published -> status */
	STORE_BELL_CHALLENGE, /* challenges wait -> validator */
	STORE_BELL_COUNT
};
/* Asks for a ring; returns at once. */
void store_ring(struct store *s, enum store_bell bell);
/* From the bell thread: rung, or at least once a second (bell then STORE_BELL_COUNT). Must not
 * block for long. */
typedef void store_bell_fn(void *ctx, enum store_bell bell);
/* Registers before use; mask of 1 << bell. At most 8 listeners. */
void store_listen(struct store *s, unsigned mask, store_bell_fn *fn, void *ctx);
/* After it returns fn is no longer running for ctx and will not be called again. */
void store_unlisten(struct store *s, void *ctx);

/* node table: this program lives. detail is JSON text. Called every few seconds by service loops.
 */
enum err store_node_seen(struct store *s, const char *state, const char *detail_json) MUST_CHECK;
struct store_node {
	const char *id, *program, *version, *state, *detail_json;
	int64_t started_at, last_seen;
};
enum err store_node_list(
	struct store *s, struct arena *a, struct store_node **out, size_t *count) MUST_CHECK;

/* Append one audit event outside of the functions that already do. */
struct store_audit {
	const char *actor, *operation, *object, *outcome, *request_id,
		*detail_json; /* detail NULL: none */
};
enum err store_audit_add(struct store *s, const struct store_audit *event) MUST_CHECK;

/* Schema: applied by `ca-admin schema apply` with an owner connection. Creates database roles when
 * it may, the schema, missing migrations in order, roles.sql, certificate partitions. steps gets
 * one line per action. */
enum err store_schema_apply(const struct store_config *owner, const char *schema_directory,
	struct arena *a, const char ***steps, size_t *count) MUST_CHECK;

AUTO_STRUCT_DEFINE(store, store_close)

#endif
