/* What the mains of the programs share besides lib/base/service.h: the way to the database, and the
 * sign of life there. */
#ifndef CHANCERY_SERVER_PROGRAM_H
#define CHANCERY_SERVER_PROGRAM_H

#include <pthread.h>

#include "lib/base/retry.h"
#include "lib/base/service.h"
#include "lib/store/store.h"

struct program_store {
	const char *role; /* "signer": the role is PREFIX_signer */
	unsigned readers;
	enum db_writer writer;
};

/*
 * Opens the store with the program's own role. A database that is away or a schema that is not
 * applied yet is waited for, saying so once and then every minute. ERR_CONFLICT (a schema newer
 * than this program) and other refusals are final; ERR_STOPPED: the program was told to stop while
 * waiting.
 */
enum err
program_open_store(struct service *s, const struct program_store *p, struct store **out) MUST_CHECK;
/* What a start needs is not there yet: tells why (as retry.h says, and to systemd) and sleeps until
 * the next try is due. ERR_STOPPED: the program was told to stop. */
enum err program_wait(struct service *s, struct retry *r, enum err e) MUST_CHECK;
/* node_seen every NODE_EVERY_S seconds, and at once when the state changes; call it in every turn
 * of the program's loop. state is a constant; detail_json may be NULL. */
void program_seen(struct store *store, const char *state, const char *detail_json);

/* This machine's clock against the database's, as the last sign of life of either kind found it. */
enum program_clock {
	PROGRAM_CLOCK_UNKNOWN,
	PROGRAM_CLOCK_RIGHT,
	PROGRAM_CLOCK_AHEAD,
	PROGRAM_CLOCK_BEHIND
};
enum program_clock program_clock(void);
/* By how many seconds it is ahead; 0 while that is not known. */
int64_t program_clock_ahead(void);

/* A sign of life that several threads give: what is told last is what was known last. Zeroed until
 * it starts. describe gives the state, a constant, and its detail. */
typedef const char *program_describe_fn(void *ctx, struct arena *a, const char **detail_json);
struct program_node {
	struct store *store; /* NULL: not started */
	program_describe_fn *describe;
	void *ctx;
	pthread_mutex_t lock;
	int64_t told_at;
	const char *told;
	bool stopping; /* nothing more is told */
};
void program_node_start(
	struct program_node *n, struct store *store, program_describe_fn *describe, void *ctx);
/* Every NODE_EVERY_S seconds, and at once when the state changes: what is mended already must not be
 * read as trouble. Call it in every turn of the program's loop. */
void program_node_turn(struct program_node *n);
/* At once, from any thread. */
void program_node_tell(struct program_node *n);
/* "stopping", so that nobody waits for this program; nothing after it. */
void program_node_stop(struct program_node *n);

#endif
