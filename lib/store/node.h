/* Which programs live: a row for each process, which it renews while it does. */
#ifndef CHANCERY_STORE_NODE_H
#define CHANCERY_STORE_NODE_H

#include "lib/store/store.h"

/* node table: this program lives. detail is JSON text. Called every few seconds by service loops.
 * *ahead: by how many seconds this machine's clock is ahead of the database's. */
enum err store_node_seen(
	struct store *s, const char *state, const char *detail_json, int64_t *ahead) MUST_CHECK;
/* More than this is a clock that is wrong. */
enum { STORE_CLOCK_TOLERANCE_S = 5 };
struct store_node {
	const char *id, *program, *version, *state, *detail_json;
	int64_t started_at, last_seen;
	int64_t ahead, age; /* seconds: its clock; since it was seen, by the database's */
	bool lives;	    /* seen lately, not stopping, and connected */
};
enum err store_node_list(
	struct store *s, struct arena *a, struct store_node **out, size_t *count) MUST_CHECK;

#endif
