/* store_tool: schema and opening. */
#include <stdio.h>

#include "tests/db/store_tool.h"

enum err
tool_schema_apply(const struct tool *t)
{
	const char **steps;
	size_t n;
	enum err e = store_schema_apply(&t->config, t->argv[0], t->arena, &steps, &n);

	for (size_t i = 0; i < n; i++)
		printf("%s\n", steps[i]);
	return e;
}

enum err
tool_open(const struct tool *t)
{
	AUTO_STRUCT(store) s = NULL;
	enum err e = store_open(&t->config, &s);

	if (e == ERR_OK)
		printf("%s\n", store_node(s));
	return e;
}
