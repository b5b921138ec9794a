/* Opening and closing: the copied configuration and the order in which the parts start and end. */
#include "lib/db/internal.h"

#include <stdlib.h>

#include "lib/base/clock.h"

enum { READERS_DEFAULT = 2, LIVES_COLUMN = 0 };

/* A crash ends every connection, and nobody is let in before all have ended: the bells' is there, so
 * the server has not crashed since it was made. */
static bool
is_same_server(struct db *db, struct db_conn *c)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	int witness = atomic_load(&db->witness);

	if (witness == 0)
		return false;
	params_int(&p, witness);
	return db_conn_run(c, db->words->lives, &p, &res) == ERR_OK &&
		result_bool(res, 0, LIVES_COLUMN);
}

enum err
db_connect(struct db *db, struct db_conn *c, int64_t connect_us)
{
	enum err e = db_conn_open(c, &db->config, DB_CONN_WORK, &db->end, connect_us);

	atomic_store(&db->healthy, e == ERR_OK);
	if (e == ERR_OK && !is_same_server(db, c))
		atomic_fetch_add(&db->doubts, 1);
	return e;
}

static char *
copy_text(const char *text)
{
	return text != NULL ? mem_strdup(text) : NULL;
}

static void
copy_config(struct db_config *to, const struct db_config *from)
{
	*to = *from;
	to->host = copy_text(from->host);
	to->port = copy_text(from->port);
	to->dbname = copy_text(from->dbname);
	to->user = copy_text(from->user);
	to->sslmode = copy_text(from->sslmode);
	to->passfile = copy_text(from->passfile);
	to->program = copy_text(from->program != NULL ? from->program : "chancery");
	to->process = copy_text(from->process);
	to->run_directory = copy_text(from->run_directory);
}

static void
free_config(struct db_config *c)
{
	const char *texts[] = {c->host, c->port, c->dbname, c->user, c->sslmode, c->passfile,
		c->program, c->process, c->run_directory};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free((void *)(uintptr_t)texts[i]);
}

struct db *
db_open(const struct db_config *config, const struct db_vocabulary *words)
{
	struct db *db = mem_zalloc(1, sizeof(*db));

	copy_config(&db->config, config);
	db->words = words;
	db->end.stop_wanted = config->stop_wanted;
	db->pool = pool_new(config->readers > 0 ? config->readers : READERS_DEFAULT);
	return db;
}

void
db_start(struct db *db)
{
	db->bells = bells_start(db);
	if (db->config.writer == DB_WITH_WRITER)
		db->writer = writer_start(db);
}

void
db_stopping(struct db *db)
{
	db_conn_end_begin(&db->end);
}

bool
db_late(struct db *db, int64_t deadline)
{
	return clock_monotonic_us() > deadline || atomic_load(&db->end.silent);
}

void
db_stop(struct db *db)
{
	db_stopping(db);
	if (db->writer != NULL)
		writer_stop(db->writer);
	db->writer = NULL;
	if (db->bells != NULL)
		bells_stop(db->bells);
	db->bells = NULL;
}

void
db_close(struct db *db)
{
	db_stop(db);
	pool_free(db->pool);
	free_config(&db->config);
	free(db);
}

const struct db_config *
db_configuration(const struct db *db)
{
	return &db->config;
}

bool
db_healthy(struct db *db)
{
	return atomic_load(&db->healthy);
}
