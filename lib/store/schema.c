/*
 * `ca-admin schema apply`: roles, schema, missing migrations in order, words
 * and moves, grants, partitions. Works as
 * role chancery_owner, so that everything belongs to it whoever connects, and under an advisory
 * lock, so that two runs follow each other. Each migration is one transaction with its row in
 * schema_version. Repeating it changes nothing.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/store/internal.h"
#include "schema/statements/certificate.h"
#include "schema/statements/schema.h"

enum { FILE_MAX = 1024 * 1024, STEPS_MAX = 64, OWNER_STATEMENT_US = 600 * 1000000 };
enum { PARTITION_MONTHS = 1 }; /* the signer makes as many as its profiles need */

struct work {
	struct db_conn conn;
	struct arena *arena;
	const char *directory;
	const char **steps;
	size_t count;
	bool superuser, creator; /* of the connected user: is superuser, may create roles */
	bool is_owner;		 /* connected as chancery_owner */
	const char *user;
};

#define OWNER "chancery_owner"
static void
add_step(struct work *w, const char *text)
{
	if (w->count < STEPS_MAX)
		w->steps[w->count++] = text;
}

static enum err
look_who(struct work *w)
{
	AUTO(PGresult) res = NULL;

	TRY(db_conn_run(&w->conn, &sql_schema_user, NULL, &res));
	w->user = result_text(w->arena, res, 0, COL_SCHEMA_USER_NAME);
	w->superuser = result_bool(res, 0, COL_SCHEMA_USER_SUPERUSER);
	w->creator = result_bool(res, 0, COL_SCHEMA_USER_CREATOR);
	w->is_owner = strcmp(w->user, OWNER) == 0;
	return ERR_OK;
}

static enum err
apply_role(struct work *w, const char *name, bool present, const char *create, const char *alter)
{
	enum err e = ERR_OK;

	if (!present && !w->creator)
		return err_set(ERR_DENIED,
			"role \"%s\" is missing and user \"%s\" may not create it: have an administrator run \"%s\"",
			name, w->user, create);
	if (!present)
		e = db_conn_command(&w->conn, create);
	if (e == ERR_OK && !present)
		add_step(w, arena_printf(w->arena, "role \"%s\" created", name));
	if (e != ERR_OK || alter[0] == '\0')
		return e;
	if (!w->creator) {
		add_step(w,
			arena_printf(w->arena,
				"role \"%s\": its limits left as they are, user \"%s\" may not alter it",
				name, w->user));
		return ERR_OK;
	}
	TRY(db_conn_command(&w->conn, alter));
	add_step(w, arena_printf(w->arena, "role \"%s\": limits set", name));
	return ERR_OK;
}

static enum err
apply_roles(struct work *w)
{
	AUTO(PGresult) res = NULL;

	TRY(db_conn_run(&w->conn, &sql_schema_roles, NULL, &res));
	for (size_t i = 0; i < result_rows(res); i++)
		TRY(apply_role(w, result_text(w->arena, res, i, COL_SCHEMA_ROLES_NAME),
			result_bool(res, i, COL_SCHEMA_ROLES_PRESENT),
			result_text(w->arena, res, i, COL_SCHEMA_ROLES_CREATE_COMMAND),
			result_text(w->arena, res, i, COL_SCHEMA_ROLES_ALTER_COMMAND)));
	return ERR_OK;
}

/* So that no role can fill or hold what all need. */
static enum err
apply_limits(struct work *w)
{
	AUTO(PGresult) res = NULL;

	TRY(db_conn_run(&w->conn, &sql_schema_limits, NULL, &res));
	for (size_t i = 0; i < result_rows(res); i++) {
		if (w->superuser)
			TRY(db_conn_command(&w->conn,
				result_text(w->arena, res, i, COL_SCHEMA_LIMITS_COMMAND)));
		add_step(w,
			result_text(w->arena, res, i,
				w->superuser ? COL_SCHEMA_LIMITS_DONE : COL_SCHEMA_LIMITS_LEFT_SO));
	}
	return ERR_OK;
}

/* From here on everything is made by, and belongs to, chancery_owner. */
static enum err
become_owner(struct work *w)
{
	AUTO(PGresult) res = NULL;
	enum err e = db_conn_run(&w->conn, &sql_schema_find, NULL, &res);
	bool exists = e == ERR_OK && result_rows(res) > 0;

	if (e == ERR_OK && w->creator && !w->superuser && !w->is_owner)
		e = db_conn_command(&w->conn, "GRANT " OWNER " TO CURRENT_USER");
	if (e == ERR_OK && !exists)
		e = db_conn_command(&w->conn, "CREATE SCHEMA chancery AUTHORIZATION " OWNER);
	if (e == ERR_OK && !w->is_owner)
		e = db_conn_command(&w->conn, "SET ROLE " OWNER);
	if (e == ERR_OK && !exists)
		add_step(w, "schema \"chancery\" created");
	return e;
}

static int
is_migration(const struct dirent *entry)
{
	const char *n = entry->d_name;
	size_t len = strlen(n);

	return len > 9 && isdigit((unsigned char)n[0]) && isdigit((unsigned char)n[1]) &&
		isdigit((unsigned char)n[2]) && isdigit((unsigned char)n[3]) && n[4] == '_' &&
		strcmp(n + len - 4, ".sql") == 0;
}

/* Migrations must be numbered 1, 2, 3, ... up to what this program needs. */
static enum err
list_migrations(struct work *w, const char ***names)
{
	struct dirent **entries;
	int n = scandir(w->directory, &entries, is_migration, alphasort);
	bool in_order = n == STORE_SCHEMA_VERSION;

	if (n < 0)
		return err_errno(ERR_NOTFOUND, "schema directory \"%s\"", w->directory);
	*names = arena_array(w->arena, (size_t)n + 1, sizeof(**names));
	for (int i = 0; i < n; i++) {
		(*names)[i] = arena_strdup(w->arena, entries[i]->d_name);
		in_order = in_order && atoi(entries[i]->d_name) == i + 1;
		free(entries[i]);
	}
	free(entries);
	if (!in_order)
		return err_set(ERR_CONFLICT,
			"schema directory \"%s\" does not hold the migrations 1 to %d that this program needs",
			w->directory, STORE_SCHEMA_VERSION);
	return ERR_OK;
}

static enum err
read_file(struct work *w, const char *name, struct buf *out)
{
	const char *path = arena_printf(w->arena, "%s/%s", w->directory, name);
	FILE *f = fopen(path, "re");
	char chunk[8192];
	size_t n;
	enum err e = ERR_OK;

	if (f == NULL)
		return err_errno(ERR_NOTFOUND, "\"%s\"", path);
	while (e == ERR_OK && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		e = buf_append(out, chunk, n);
	if (e == ERR_OK && ferror(f))
		e = err_errno(ERR_UNAVAILABLE, "\"%s\"", path);
	fclose(f);
	return e == ERR_OK ? buf_append(out, "", 1) : e;
}

/* One file as one transaction; version 0: no migration. */
static enum err
apply_file(struct work *w, const char *name, int version)
{
	AUTO_BUF(text, FILE_MAX);
	AUTO_PARAMS(p);
	enum err e = read_file(w, name, &text);

	BIND(&p, schema_version_add, .version = version, .name = name);
	if (e == ERR_OK)
		e = db_conn_begin(&w->conn);
	if (e == ERR_OK)
		e = db_conn_command(&w->conn, (const char *)text.data);
	if (e == ERR_OK && version > 0)
		e = db_conn_run(&w->conn, &sql_schema_version_add, &p, NULL);
	if (e == ERR_OK)
		e = db_conn_commit(&w->conn);
	return e == ERR_OK ? ERR_OK : err_context(e, "\"%s\"", name);
}

static enum err
apply_migrations(struct work *w)
{
	AUTO(PGresult) res = NULL;
	const char **names = NULL;

	TRY(list_migrations(w, &names));
	TRY(apply_file(w, "version.sql", 0));
	TRY(db_conn_run(&w->conn, &sql_schema_newest, NULL, &res));
	int64_t have = result_int(res, 0, COL_SCHEMA_NEWEST_VERSION);

	if (have > STORE_SCHEMA_VERSION)
		return err_set(ERR_CONFLICT,
			"database schema has version %lld and this program knows %d: install the newer programs",
			(long long)have, STORE_SCHEMA_VERSION);
	for (int64_t i = have; i < STORE_SCHEMA_VERSION; i++) {
		TRY(apply_file(w, names[i], (int)i + 1));
		add_step(w, arena_printf(w->arena, "migration \"%s\" applied", names[i]));
	}
	return ERR_OK;
}

static enum err
apply_partitions(struct work *w)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, partitions_ensure, .months = PARTITION_MONTHS);
	TRY(db_conn_run(&w->conn, &sql_partitions_ensure, &p, &res));
	if (result_int(res, 0, COL_PARTITIONS_ENSURE_MADE) > 0)
		add_step(w,
			arena_printf(w->arena, "%lld monthly certificate partitions made",
				(long long)result_int(res, 0, COL_PARTITIONS_ENSURE_MADE)));
	return ERR_OK;
}

static enum err
apply_all(struct work *w)
{
	TRY(db_conn_run(&w->conn, &sql_schema_lock, NULL, NULL));
	TRY(look_who(w));
	TRY(apply_roles(w));
	TRY(apply_limits(w));
	TRY(become_owner(w));
	TRY(apply_migrations(w));
	TRY(apply_file(w, "words.sql", 0));
	TRY(apply_file(w, "roles.sql", 0));
	TRY(apply_partitions(w));
	add_step(w,
		arena_printf(w->arena, "schema is at version %d, grants are in place",
			STORE_SCHEMA_VERSION));
	return ERR_OK;
}

enum err
store_schema_apply(const struct db_config *owner, const char *schema_directory, struct arena *a,
	const char ***steps, size_t *count)
{
	struct work w = {.arena = a, .directory = schema_directory};
	enum err e = db_conn_open(&w.conn, owner, DB_CONN_OWNER, NULL, DB_CONN_CONNECT_US);

	w.conn.timeout_us = OWNER_STATEMENT_US;
	w.steps = arena_array(a, STEPS_MAX, sizeof(*w.steps));
	if (e == ERR_OK)
		e = apply_all(&w);
	db_conn_close(&w.conn);
	*steps = w.steps;
	*count = w.count;
	return e;
}
