/*
 * The edge of ca-admin: finds the command, runs it, reports a failure once with what to do next,
 * and maps it to the documented exit status.
 */
#include <stdlib.h>
#include <unistd.h>

#include "admin/cli/cli.h"

/* ca-admin(1), EXIT STATUS. */
enum { EXIT_USAGE = 2 };
static const int exit_status[ERR_COUNT] = {
	[ERR_OK] = 0,
	[ERR_INVALID] = 1,
	[ERR_DENIED] = 1,
	[ERR_NOTFOUND] = 3,
	[ERR_CONFLICT] = 4,
	[ERR_LIMIT] = 1,
	[ERR_UNAVAILABLE] = 5,
	[ERR_INTERNAL] = 6,
};

static bool
usage_error(enum err e)
{
	return e == ERR_INVALID && err_word() == WORD_USAGE;
}

static int
report_failure(const struct cli *a, enum err e)
{
	if (e == ERR_OK)
		return 0;
	if (a->json && !a->answered) {
		AUTO(json_t) error = json_pack("{s:{s:s, s:s, s:s}}", "error", "class", err_name(e),
			"code", err_word_text(err_word()), "reason", err_reason());
		output_json(error);
	}
	fprintf(stderr, "ca-admin: %s\n", err_reason());
	if (usage_error(e)) {
		fprintf(stderr, "ca-admin: see `ca-admin%s%s --help`\n",
			a->command != NULL ? " " : "", a->command != NULL ? a->command->name : "");
		return EXIT_USAGE;
	}
	return exit_status[e];
}

static enum err
run_command(struct cli *a, int argc, char **argv)
{
	TRY(options_parse(a, argc, argv));
	if (a->help) {
		if (a->command != NULL)
			help_command(a->command, stdout);
		else
			help_overview(a->commands, stdout);
		return ERR_OK;
	}
	return a->command->run(a);
}

int
main(int argc, char **argv)
{
	AUTO_STRUCT(arena) arena = arena_new(0);
	struct cli a = {.arena = arena, .commands = commands_make(arena)};
	int status;

	log_setup("ca-admin", LOG_WARNING, LOG_FORMAT_KV);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("ca-admin (Chancery) " CHANCERY_VERSION);
		return 0;
	}
	status = report_failure(&a, run_command(&a, argc, argv));
	client_free(a.client);
	config_free(a.config);
	if (fflush(stdout) != 0 && status == 0)
		status = 1;
	return status;
}
