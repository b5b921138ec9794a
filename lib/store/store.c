/* Opening and closing a store, the schema version check, the node table and single audit events. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/store/internal.h"

static const char *const channels[] = {
	[STORE_BELL_REQUEST] = "chancery_request",
	[STORE_BELL_RESULT] = "chancery_result",
	[STORE_BELL_ISSUED] = "chancery_issued",
	[STORE_BELL_STATE] = "chancery_state",
	[STORE_BELL_CRL] = "chancery_crl",
	[STORE_BELL_CHALLENGE] = "chancery_challenge",
};
static const struct stmt mark_open = {"writer_mark_open",
	"INSERT INTO writer_mark (writer, batch) VALUES ($1, $2) ON CONFLICT (writer) DO NOTHING",
	2};
/* Zero rows, because a look-up moved the mark on, must end the transaction: division by zero does. */
static const struct stmt mark_move = {"writer_mark_move",
	"WITH moved AS (UPDATE writer_mark SET batch = $3, at = now() WHERE writer = $1 AND batch = $2 RETURNING 1) "
	"SELECT 1 / count(*) FROM moved",
	3};
static const struct stmt mark_lock = {
	"writer_mark_lock", "SELECT batch FROM writer_mark WHERE writer = $1 FOR UPDATE", 1};
static const struct db_vocabulary vocabulary = {
	.channels = channels,
	.channel_count = STORE_BELL_COUNT,
	.mark_open = &mark_open,
	.mark_move = &mark_move,
	.mark_lock = &mark_lock,
};

/* The role may look, but nothing tells an absent schema from an old one unless both are asked for.
 */
static enum err
check_version(struct store *s)
{
	static const struct stmt present = {"schema_present",
		"SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
		"WHERE n.nspname = 'chancery' AND c.relname = 'schema_version' AND has_schema_privilege(n.oid, 'USAGE') "
		"AND has_table_privilege(c.oid, 'SELECT'))", /* grants come after the tables: until
								then it is not there for this role
							      */
		0};
	static const struct stmt newest = {
		"schema_newest", "SELECT max(version) FROM schema_version", 0};
	AUTO(PGresult) there = NULL;
	AUTO(PGresult) res = NULL;
	enum err e = db_read(s->db, &present, NULL, &there);

	if (e == ERR_OK && !result_bool(there, 0, 0))
		return err_set_word(ERR_CONFLICT, "schema-missing",
			"database \"%s\" has no chancery schema: run \"ca-admin schema apply\"",
			db_configuration(s->db)->dbname);
	if (e == ERR_OK)
		e = db_read(s->db, &newest, NULL, &res);
	if (e != ERR_OK)
		return e;
	int64_t version = result_int(res, 0, 0);
	if (version < STORE_SCHEMA_VERSION)
		return err_set_word(ERR_CONFLICT, "schema-missing",
			"database schema has version %lld and this program needs %d: run \"ca-admin schema apply\"",
			(long long)version, STORE_SCHEMA_VERSION);
	if (version > STORE_SCHEMA_VERSION)
		return err_set(ERR_CONFLICT,
			"database schema has version %lld and this program knows %d: install the newer programs",
			(long long)version, STORE_SCHEMA_VERSION);
	return ERR_OK;
}

enum err
store_open(const struct db_config *config, struct store **out)
{
	struct store *s = mem_zalloc(1, sizeof(*s));
	char host[64] = "localhost";

	s->db = db_open(config, &vocabulary);
	(void)gethostname(host, sizeof(host) - 1);
	snprintf(s->node, sizeof(s->node), "%s@%s:%ld", db_configuration(s->db)->program, host,
		(long)getpid());
	s->started_at = clock_now();
	enum err e = check_version(s);
	if (e != ERR_OK) {
		db_close(s->db);
		free(s);
		return e;
	}
	db_start(s->db);
	s->waiting = waiting_new(s);
	*out = s;
	return ERR_OK;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	db_stop(s->db); /* the bells end before what their listeners use */
	waiting_free(s->waiting);
	db_close(s->db);
	free(s);
}

struct db *
store_db(struct store *s)
{
	return s->db;
}

void
store_ring(struct store *s, enum store_bell bell)
{
	db_ring(s->db, bell);
}

const char *
store_node(const struct store *s)
{
	return s->node;
}

enum err
store_node_seen(struct store *s, const char *state, const char *detail_json)
{
	static const struct stmt seen = {
		"node_seen", "SELECT node_seen($1, $2, $3, $4, $5, $6::jsonb)", 6};
	AUTO_PARAMS(p);

	params_text(&p, s->node);
	params_text(&p, db_configuration(s->db)->program);
	params_text(&p, CHANCERY_VERSION);
	params_time(&p, s->started_at);
	params_text(&p, state);
	params_text(&p, detail_json != NULL ? detail_json : "{}");
	return db_run(s->db, &seen, &p, NULL);
}

enum err
store_node_list(struct store *s, struct arena *a, struct store_node **out, size_t *count)
{
	static const struct stmt list = {"node_list",
		"SELECT id, program, version, state, detail::text, started_at, last_seen FROM node ORDER BY id LIMIT 1000",
		0};
	AUTO(PGresult) res = NULL;
	enum err e = db_read(s->db, &list, NULL, &res);

	if (e != ERR_OK)
		return e;
	*count = result_rows(res);
	*out = arena_array(a, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count; i++)
		(*out)[i] = (struct store_node){
			.id = result_text(a, res, i, 0),
			.program = result_text(a, res, i, 1),
			.version = result_text(a, res, i, 2),
			.state = result_text(a, res, i, 3),
			.detail_json = result_text(a, res, i, 4),
			.started_at = result_time(res, i, 5),
			.last_seen = result_time(res, i, 6),
		};
	return ERR_OK;
}

enum err
store_audit_add(struct store *s, const struct store_audit *event)
{
	static const struct stmt insert = {"audit_add",
		"INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail) VALUES ($1, $2, $3, $4, $5, $6::jsonb)",
		6};
	AUTO_PARAMS(p);

	params_text(&p, event->actor);
	params_text(&p, event->operation);
	params_text(&p, event->object != NULL ? event->object : "");
	params_text(&p, event->outcome);
	params_text(&p, event->request_id != NULL ? event->request_id : "");
	params_text(&p, event->detail_json);
	return db_write(s->db, &insert, &p, NULL);
}
