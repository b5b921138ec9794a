/* What the mains of the four programs share besides lib/base/service.h: the way to the database. */
#ifndef CHANCERY_SERVER_PROGRAM_H
#define CHANCERY_SERVER_PROGRAM_H

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
/* node_seen every NODE_EVERY_S seconds, and at once when the state changes; call it in every turn
 * of the program's loop. state is a constant; detail_json may be NULL. */
void program_seen(struct store *store, const char *state, const char *detail_json);

#endif
