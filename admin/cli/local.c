/*
 * Local commands: the programs' configuration, and the database as its owner. They need no server
 * and no certificate, so they also work before there is one; the operating system's user decides
 * who may (peer login).
 */
#include <pwd.h>
#include <unistd.h>

#include "admin/cli/cli.h"

enum err
local_config(struct cli *a)
{
	const char *path = options_value(a, "config");
	enum err e;

	if (a->config != NULL)
		return ERR_OK;
	e = config_load(path != NULL ? path : CONFIG_PATH_DEFAULT, &a->config);
	if (e == ERR_NOTFOUND && path == NULL)
		return err_set(e,
			"there is no " CONFIG_PATH_DEFAULT
			"; name the configuration with --config FILE");
	return e;
}

enum err
local_database(struct cli *a, struct db_config *out)
{
	const char *user = options_value(a, "db-user");
	const struct config_database *d;

	TRY(local_config(a));
	d = &a->config->database;
	*out = (struct db_config){
		.host = d->host,
		.port = arena_printf(a->arena, "%u", d->port),
		.dbname = d->name,
		.user = user != NULL ? user : "chancery_owner",
		.sslmode = d->sslmode,
		.passfile = d->passfile,
		.program = "ca-admin",
		.run_directory = a->config->run_directory,
		.readers = 1,
		.writer = DB_WITH_WRITER,
	};
	return ERR_OK;
}

enum err
local_store(struct cli *a, struct store **out)
{
	struct db_config config;
	enum err e;

	TRY(local_database(a, &config));
	e = store_open(&config, out);
	if (e == ERR_UNAVAILABLE || e == ERR_DENIED)
		return err_context(e,
			"cannot use database \"%s\" at \"%s\" as \"%s\" (is PostgreSQL running, and may system user "
			"\"%s\" log in so?)",
			config.dbname, config.host, config.user, local_actor(a) + strlen("local:"));
	return e;
}

const char *
local_actor(struct cli *a)
{
	const struct passwd *p = getpwuid(getuid());

	if (p != NULL)
		return arena_printf(a->arena, "local:%s", p->pw_name);
	return arena_printf(a->arena, "local:%u", (unsigned)getuid());
}
