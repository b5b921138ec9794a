/* The node table. */
#include "lib/store/node.h"

#include "lib/base/clock.h"
#include "lib/store/internal.h"
#include "schema/statements/node.h"

enum err
store_node_seen(struct store *s, const char *state, const char *detail_json, int64_t *ahead)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, node_seen, .id = s->node, .program = db_configuration(s->db)->program,
		.version = CHANCERY_VERSION, .started_at = s->started_at, .state = state,
		.detail = detail_json != NULL ? detail_json : "{}", .clock = clock_now());
	TRY(db_run(s->db, &sql_node_seen, &p, &res));
	*ahead = result_int(res, 0, COL_NODE_SEEN_AHEAD);
	return ERR_OK;
}

enum err
store_node_list(struct store *s, struct arena *a, struct store_node **out, size_t *count)
{
	AUTO(PGresult) res = NULL;

	TRY(db_read(s->db, &sql_node_list, NULL, &res));
	*count = result_rows(res);
	*out = arena_array(a, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count; i++)
		(*out)[i] = (struct store_node){
			.id = result_text(a, res, i, COL_NODE_LIST_ID),
			.program = result_text(a, res, i, COL_NODE_LIST_PROGRAM),
			.version = result_text(a, res, i, COL_NODE_LIST_VERSION),
			.state = result_text(a, res, i, COL_NODE_LIST_STATE),
			.detail_json = result_text(a, res, i, COL_NODE_LIST_DETAIL),
			.started_at = result_time(res, i, COL_NODE_LIST_STARTED_AT),
			.last_seen = result_time(res, i, COL_NODE_LIST_LAST_SEEN),
			.ahead = result_int(res, i, COL_NODE_LIST_AHEAD),
			.age = result_int(res, i, COL_NODE_LIST_AGE),
			.lives = result_bool(res, i, COL_NODE_LIST_LIVES),
		};
	return ERR_OK;
}
