/* store_tool: schema, opening, bells. */
#include <stdio.h>
#include <stdlib.h>

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

static void
print_bell(void *ctx, unsigned bell)
{
	(void)ctx;
	printf("bell %d\n", (int)bell);
}

/* Prints every bell heard; each line "BELL TIMES" on standard input rings one so often, "BELL 0" says
 * that this program is busy with it. Ends with its input. */
enum err
tool_bells(const struct tool *t)
{
	AUTO_STRUCT(store) s = NULL;
	char line[64];
	enum err e = store_open(&t->config, &s);

	if (e != ERR_OK)
		return e;
	db_listen(store_db(s), (1u << STORE_BELL_COUNT) - 1, print_bell, NULL);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *end;
		long bell = strtol(line, &end, 10), times = strtol(end, NULL, 10);

		if (times == 0)
			db_busy(store_db(s), (unsigned)bell, true);
		for (long i = 0; i < times; i++)
			store_ring(s, (enum store_bell)bell);
		printf("rang\n");
	}
	return ERR_OK;
}
