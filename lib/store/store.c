/* Opening and closing a store, the schema version check, the node table and single audit events. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/store/parts.h"

enum { READERS_DEFAULT = 2 };

void
part_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

bool
part_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline)
{
	struct timespec t = {.tv_sec = deadline / 1000000, .tv_nsec = deadline % 1000000 * 1000};

	return pthread_cond_timedwait(c, m, &t) == 0;
}

enum err
store_connect(struct store *s, struct conn *c, int64_t connect_us)
{
	enum err e = conn_open(c, &s->config, CONN_WORK, &s->end, connect_us);

	atomic_store(&s->healthy, e == ERR_OK);
	if (e == ERR_OK)
		atomic_fetch_add(&s->connections, 1);
	return e;
}

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
	enum err e = pool_read(s, &present, NULL, &there);

	if (e == ERR_OK && !result_bool(there, 0, 0))
		return err_set_word(ERR_CONFLICT, "schema-missing",
			"database \"%s\" has no chancery schema: run \"ca-admin schema apply\"",
			s->config.dbname);
	if (e == ERR_OK)
		e = pool_read(s, &newest, NULL, &res);
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

static char *
copy(const char *text)
{
	return text != NULL ? mem_strdup(text) : NULL;
}

static void
copy_config(struct store_config *to, const struct store_config *from)
{
	*to = *from;
	to->host = copy(from->host);
	to->port = copy(from->port);
	to->dbname = copy(from->dbname);
	to->user = copy(from->user);
	to->sslmode = copy(from->sslmode);
	to->passfile = copy(from->passfile);
	to->program = copy(from->program != NULL ? from->program : "chancery");
}

static void
free_config(struct store_config *c)
{
	const char *texts[] = {
		c->host, c->port, c->dbname, c->user, c->sslmode, c->passfile, c->program};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free((void *)(uintptr_t)texts[i]);
}

enum err
store_open(const struct store_config *config, struct store **out)
{
	struct store *s = mem_zalloc(1, sizeof(*s));
	char host[64] = "localhost";

	copy_config(&s->config, config);
	s->end.stop_wanted = config->stop_wanted;
	(void)gethostname(host, sizeof(host) - 1);
	snprintf(s->node, sizeof(s->node), "%s@%s:%ld", s->config.program, host, (long)getpid());
	s->started_at = clock_now();
	s->pool = pool_new(config->readers > 0 ? config->readers : READERS_DEFAULT);
	enum err e = check_version(s);
	if (e != ERR_OK) {
		pool_free(s->pool);
		free_config(&s->config);
		free(s);
		return e;
	}
	s->bells = bells_start(s);
	s->waiting = waiting_new(s);
	if (config->writer == STORE_WITH_WRITER)
		s->writer = writer_start(s);
	*out = s;
	return ERR_OK;
}

void
store_stopping(struct store *s)
{
	conn_end_begin(&s->end);
}

bool
store_late(struct store *s, int64_t deadline)
{
	return clock_monotonic_us() > deadline || atomic_load(&s->end.silent);
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	store_stopping(s);
	if (s->writer != NULL)
		writer_stop(s->writer);
	bells_stop(s->bells); /* before what its listeners use */
	waiting_free(s->waiting);
	pool_free(s->pool);
	free_config(&s->config);
	free(s);
}

const char *
store_node(const struct store *s)
{
	return s->node;
}

bool
store_healthy(struct store *s)
{
	return atomic_load(&s->healthy);
}

enum err
store_node_seen(struct store *s, const char *state, const char *detail_json)
{
	static const struct stmt seen = {
		"node_seen", "SELECT node_seen($1, $2, $3, $4, $5, $6::jsonb)", 6};
	AUTO_PARAMS(p);

	params_text(&p, s->node);
	params_text(&p, s->config.program);
	params_text(&p, CHANCERY_VERSION);
	params_time(&p, s->started_at);
	params_text(&p, state);
	params_text(&p, detail_json != NULL ? detail_json : "{}");
	return pool_run(s, &seen, &p, NULL);
}

enum err
store_node_list(struct store *s, struct arena *a, struct store_node **out, size_t *count)
{
	static const struct stmt list = {"node_list",
		"SELECT id, program, version, state, detail::text, started_at, last_seen FROM node ORDER BY id LIMIT 1000",
		0};
	AUTO(PGresult) res = NULL;
	enum err e = pool_read(s, &list, NULL, &res);

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
	return writer_run(s, &insert, &p, NULL);
}
