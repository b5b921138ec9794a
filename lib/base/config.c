/* Loading the configuration: read by its table, then judged as a whole; see config.h. */
#include "lib/base/config.h"

#include "lib/base/config_table.h"

static enum err
load_file(struct config *c, const char *path)
{
	enum err e = yaml_read_file(c->arena, path, &config_table, c, &c->doc);

	if (e == ERR_NOTFOUND)
		return err_context(e, "configuration");
	return e == ERR_OK ? config_relations_check(c) : e;
}

enum err
config_load(const char *path, struct config **out)
{
	struct arena *a = arena_new(0);
	AUTO_STRUCT(config) c = arena_alloc(a, sizeof(*c));

	c->arena = a;
	TRY(load_file(c, path));
	*out = c;
	c = NULL;
	return ERR_OK;
}

void
config_free(struct config *c)
{
	if (c != NULL)
		arena_free(c->arena);
}
