/* schema apply: what stands before any program starts. */
#include "admin/cli/cli.h"

/* What stops most people the first time. */
static enum err
explain_connection(enum err e, const struct db_config *owner)
{
	if (e == ERR_UNAVAILABLE || e == ERR_DENIED)
		return err_context(e,
			"cannot use database \"%s\" at \"%s\" as \"%s\" (the first time: `createdb %s`, then --db-user with a "
			"superuser's role, such as postgres, which makes the roles)",
			owner->dbname, owner->host, owner->user, owner->dbname);
	if (e == ERR_NOTFOUND)
		return err_context(e, "--schema names the directory with the migrations");
	return e;
}

enum err
cmd_schema_apply(struct cli *a)
{
	const char *directory = options_value(a, "schema");
	struct db_config owner;
	const char **steps = NULL;
	size_t count = 0;
	AUTO(json_t) list = json_array();
	enum err e;

	TRY(local_database(a, &owner));
	directory = directory != NULL ? directory : CHANCERY_SCHEMA_DIR;
	if (!output_plan(a, "apply the schema in \"%s\" to database \"%s\" at \"%s\" as \"%s\"",
		    directory, owner.dbname, owner.host, owner.user))
		return ERR_OK;
	e = explain_connection(
		store_schema_apply(&owner, directory, a->arena, &steps, &count), &owner);
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(list, json_string(steps[i]));
		if (!a->json)
			printf("  %s\n", steps[i]);
	}
	if (e == ERR_OK)
		output_done(a,
			json_pack("{s:O, s:i}", "steps", list, "version", STORE_SCHEMA_VERSION),
			"schema is at version %d", STORE_SCHEMA_VERSION);
	return e;
}
