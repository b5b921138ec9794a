/* Which programs live: a row for each process, which it renews while it does. */
#ifndef CHANCERY_STORE_NODE_H
#define CHANCERY_STORE_NODE_H

#include "lib/store/store.h"

/* node table: this program lives. detail is JSON text. Called every few seconds by service loops.
 */
enum err store_node_seen(struct store *s, const char *state, const char *detail_json) MUST_CHECK;
struct store_node {
	const char *id, *program, *version, *state, *detail_json;
	int64_t started_at, last_seen;
};
enum err store_node_list(
	struct store *s, struct arena *a, struct store_node **out, size_t *count) MUST_CHECK;

#endif
