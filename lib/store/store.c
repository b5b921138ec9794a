/* Opening and closing a store, and the schema version check. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/store/internal.h"
#include "schema/statements/bell.h"
#include "schema/statements/schema.h"
#include "schema/statements/writer.h"

static const char *const channels[] = {
	[STORE_BELL_REQUEST] = "chancery_request",
	[STORE_BELL_RESULT] = "chancery_result",
	[STORE_BELL_ISSUED] = "chancery_issued",
	[STORE_BELL_STATE] = "chancery_state",
	[STORE_BELL_CRL] = "chancery_crl",
	[STORE_BELL_CHALLENGE] = "chancery_challenge",
};
static const struct db_vocabulary vocabulary = {
	.channels = channels,
	.channel_count = STORE_BELL_COUNT,
	.one_of = 1u << STORE_BELL_REQUEST,
	.mark_open = &sql_writer_mark_open,
	.mark_move = &sql_writer_mark_move,
	.mark_lock = &sql_writer_mark_lock,
	.notify = &sql_bell_notify,
	.others = &sql_bell_others,
	.lives = &sql_bell_lives,
};

/* The role may look, but nothing tells an absent schema from an old one unless both are asked for.
 */
static enum err
check_version(struct store *s)
{
	AUTO(PGresult) there = NULL;
	AUTO(PGresult) res = NULL;

	TRY(db_read(s->db, &sql_schema_present, NULL, &there));
	if (!result_bool(there, 0, COL_SCHEMA_PRESENT_PRESENT))
		return err_set_word(ERR_CONFLICT, WORD_SCHEMA_MISSING,
			"database \"%s\" has no chancery schema: run \"ca-admin schema apply\"",
			db_configuration(s->db)->dbname);
	TRY(db_read(s->db, &sql_schema_newest, NULL, &res));
	int64_t version = result_int(res, 0, COL_SCHEMA_NEWEST_VERSION);

	if (version < STORE_SCHEMA_VERSION)
		return err_set_word(ERR_CONFLICT, WORD_SCHEMA_MISSING,
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
	struct db_config named = *config;
	char host[64] = "localhost";

	(void)gethostname(host, sizeof(host) - 1);
	snprintf(s->node, sizeof(s->node), "%.20s@%.24s:%ld",
		config->program != NULL ? config->program : "chancery", host, (long)getpid());
	named.process = s->node;
	s->db = db_open(&named, &vocabulary);
	s->started_at = clock_now();
	enum err e = check_version(s);

	if (e != ERR_OK) {
		db_close(s->db);
		free(s);
		return e;
	}
	db_start(s->db);
	s->wait_list = wait_list_new(s);
	*out = s;
	return ERR_OK;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	db_stop(s->db); /* the bells end before what their listeners use */
	wait_list_free(s->wait_list);
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
