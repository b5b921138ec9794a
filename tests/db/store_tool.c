/*
 * lib/store from the command line, for tests that need a database as the programs make and use it:
 *pytest starts it against a private cluster. Prints what a test asserts on; exits 1 with class and
 *reason on standard error.
 *
 *	store_tool HOST DBNAME USER COMMAND [ARGUMENT...]
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/db/store_tool.h"

static const struct {
	const char *name, *usage;
	int arguments;
	enum err (*run)(const struct tool *t);
} commands[] = {
	{"schema-apply", "DIRECTORY", 1, tool_schema_apply},
	{"open", "", 0, tool_open},
	{"exercise", "SERIAL IDENTITY CURSOR", 3, tool_exercise},
	{"exercise-crl", "ISSUER", 1, tool_exercise_crl},
	{"feed", "KIND CURSOR", 2, tool_feed},
	{"identity-add", "NAME KIND [PROFILE PATTERN]", 2, tool_identity_add},
	{"adds", "IDENTITY THREADS COUNT", 3, tool_adds},
	{"bells", "", 0, tool_bells},
	{"load", "IDENTITY THREADS COUNT", 3, tool_load},
	{"signer", "COUNT", 1, tool_signer},
	{"starts", "IDENTITY COUNT WAIT_MS", 3, tool_starts},
};

static int
usage(void)
{
	fprintf(stderr, "usage: store_tool HOST DBNAME USER COMMAND [ARGUMENT...]\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(stderr, "\t%s %s\n", commands[i].name, commands[i].usage);
	return 2;
}

int
main(int argc, char **argv)
{
	if (argc < 5)
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0); /* tests act on lines as they come */
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, argv[4]) != 0)
			continue;
		if (argc - 5 < commands[i].arguments)
			return usage();
		AUTO_STRUCT(arena) a = arena_new(0);
		struct tool t = {
			.config = {.host = argv[1],
				.dbname = argv[2],
				.user = argv[3],
				.program = "store_tool",
				.run_directory = getenv("STORE_RUN")},
			.arena = a,
			.argc = argc - 5,
			.argv = argv + 5,
		};
		enum err e = commands[i].run(&t);

		if (e != ERR_OK)
			fprintf(stderr, "%s: %s: %s\n", err_name(e), err_word_text(err_word()),
				err_reason());
		return e == ERR_OK ? 0 : 1;
	}
	return usage();
}
