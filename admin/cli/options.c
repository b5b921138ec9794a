/*
 * The command line: `ca-admin [common options] COMMAND [options and arguments in any order]`.
 * Options are exact (no abbreviations, so that a new option never changes what an old script
 * means), `--name value` or `--name=value`.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "admin/cli/cli.h"

enum { COMMAND_WORDS = 3 }; /* of a command at most */

enum err
options_usage(const struct cli *a, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	(void)a;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set_word(ERR_INVALID, WORD_USAGE, "%s", text);
}

static const struct cli_option *
in_table(const struct cli_option *table, const char *name, size_t n)
{
	for (; table != NULL && table->name != NULL; table++)
		if (strlen(table->name) == n && memcmp(table->name, name, n) == 0)
			return table;
	return NULL;
}

static const struct cli_option *
find_option(const struct cli *a, const char *name, size_t n)
{
	const struct cli_option *o = in_table(help_common_options, name, n);

	if (o == NULL && a->command != NULL)
		o = in_table(a->command->options, name, n);
	if (o == NULL && (a->command == NULL || a->command->place == CLI_LOCAL))
		o = in_table(help_local_options, name, n);
	if (o == NULL && (a->command == NULL || a->command->place == CLI_REMOTE))
		o = in_table(help_remote_options, name, n);
	return o;
}

static void
note_common(struct cli *a, const char *name)
{
	if (strcmp(name, "json") == 0)
		a->json = true;
	else if (strcmp(name, "dry-run") == 0)
		a->dry_run = true;
	else if (strcmp(name, "help") == 0)
		a->help = true;
}

static enum err
add_option(struct cli *a, const struct cli_option *o, const char *value)
{
	if (o->use != CLI_REPEATED &&
		(options_switch(a, o->name) || options_value(a, o->name) != NULL))
		return options_usage(a, "option --%s was given twice", o->name);
	if (a->given_count == CLI_OPTIONS_MAX)
		return options_usage(a, "more than %d options", CLI_OPTIONS_MAX);
	a->given[a->given_count++] = (struct cli_given){.option = o, .value = value};
	note_common(a, o->name);
	return ERR_OK;
}

/* One --option at argv[*i]; *i ends on the last word used. */
static enum err
take_option(struct cli *a, int argc, char **argv, int *i)
{
	const char *text = argv[*i] + 2, *equals = strchr(text, '=');
	size_t n = equals != NULL ? (size_t)(equals - text) : strlen(text);
	const struct cli_option *o = find_option(a, text, n);

	if (o == NULL)
		return options_usage(a, "unknown option \"--%.*s\"", (int)n, text);
	if (o->value == NULL)
		return equals == NULL ? add_option(a, o, NULL)
				      : options_usage(a, "option --%s takes no value", o->name);
	if (equals != NULL)
		return add_option(a, o, equals + 1);
	if (*i + 1 >= argc)
		return options_usage(
			a, "option --%s needs a value: --%s %s", o->name, o->name, o->value);
	*i += 1;
	return add_option(a, o, argv[*i]);
}

/* The command whose words stand at argv[i]; *words tells how many. */
static const struct cli_command *
find_command(const struct cli *a, int argc, char **argv, int i, int *words)
{
	for (*words = COMMAND_WORDS; *words >= 1; *words -= 1) {
		const char *name = "";

		if (i + *words > argc)
			continue;
		for (int w = 0; w < *words; w++)
			name = arena_printf(
				a->arena, "%s%s%s", name, w > 0 ? " " : "", argv[i + w]);
		for (const struct cli_command *c = a->commands; c->name != NULL; c++)
			if (strcmp(c->name, name) == 0)
				return c;
	}
	return NULL;
}

static size_t
arguments_wanted(const struct cli_command *c)
{
	size_t n = 0;

	while (n < CLI_ARGUMENTS_MAX && c->argument[n] != NULL)
		n++;
	return n;
}

/* Names the commands that begin with the same word. */
static enum err
unknown_command(const struct cli *a, const char *word, const char *next)
{
	const char *known = "",
		   *text = next != NULL ? arena_printf(a->arena, "%s %s", word, next) : word;
	size_t n = strlen(word);

	for (const struct cli_command *c = a->commands; c->name != NULL; c++)
		if (strncmp(c->name, word, n) == 0 && c->name[n] == ' ')
			known = arena_printf(a->arena, "%s%s %s", known,
				known[0] == '\0' ? "; there are:" : ",", c->name);
	return options_usage(a, "unknown command \"%s\"%s", text, known);
}

static enum err
take_word(struct cli *a, int argc, char **argv, int *i)
{
	int words;

	if (a->command == NULL && strcmp(argv[*i], "help") == 0) {
		a->help = true;
		return ERR_OK;
	}
	if (a->command == NULL) {
		a->command = find_command(a, argc, argv, *i, &words);
		if (a->command == NULL)
			return unknown_command(a, argv[*i],
				*i + 1 < argc && argv[*i + 1][0] != '-' ? argv[*i + 1] : NULL);
		*i += words - 1;
		return ERR_OK;
	}
	if (a->argument_count == arguments_wanted(a->command))
		return options_usage(a, "unexpected argument \"%s\"", argv[*i]);
	a->argument[a->argument_count++] = argv[*i];
	return ERR_OK;
}

static enum err
check_complete(const struct cli *a)
{
	const struct cli_command *c = a->command;

	if (a->help)
		return ERR_OK;
	if (c == NULL)
		return options_usage(a, "no command was given");
	if (a->argument_count < arguments_wanted(c))
		return options_usage(
			a, "`ca-admin %s` needs %s", c->name, c->argument[a->argument_count]);
	for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++)
		if (o->use == CLI_REQUIRED && options_value(a, o->name) == NULL)
			return options_usage(
				a, "`ca-admin %s` needs --%s %s", c->name, o->name, o->value);
	for (size_t i = 0; i < a->given_count; i++) {
		const char *name = a->given[i].option->name;

		if (find_option(a, name, strlen(name)) != a->given[i].option)
			return options_usage(
				a, "option --%s does not belong to `ca-admin %s`", name, c->name);
	}
	if (a->dry_run && c->effect == CLI_READS)
		return options_usage(
			a, "`ca-admin %s` changes nothing: --dry-run has no meaning", c->name);
	return ERR_OK;
}

enum err
options_parse(struct cli *a, int argc, char **argv)
{
	bool words_only = false;
	enum err e = ERR_OK;

	for (int i = 1; i < argc && e == ERR_OK; i++) {
		if (!words_only && strcmp(argv[i], "--") == 0)
			words_only = true;
		else if (!words_only && argv[i][0] == '-' && argv[i][1] == '-')
			e = take_option(a, argc, argv, &i);
		else if (!words_only && strcmp(argv[i], "-h") == 0)
			a->help = true;
		else
			e = take_word(a, argc, argv, &i);
	}
	return e == ERR_OK ? check_complete(a) : e;
}

const char *
options_value(const struct cli *a, const char *name)
{
	for (size_t i = a->given_count; i > 0; i--)
		if (strcmp(a->given[i - 1].option->name, name) == 0)
			return a->given[i - 1].value;
	return NULL;
}

bool
options_switch(const struct cli *a, const char *name)
{
	for (size_t i = 0; i < a->given_count; i++)
		if (strcmp(a->given[i].option->name, name) == 0)
			return true;
	return false;
}

size_t
options_values(struct cli *a, const char *name, const char ***out)
{
	const char **list = arena_array(a->arena, CLI_OPTIONS_MAX, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < a->given_count; i++)
		if (strcmp(a->given[i].option->name, name) == 0)
			list[n++] = a->given[i].value;
	*out = list;
	return n;
}

enum err
options_number(
	const struct cli *a, const char *name, unsigned max, unsigned fallback, unsigned *out)
{
	const char *text = options_value(a, name);
	unsigned long n;
	char *end;

	if (text == NULL) {
		*out = fallback;
		return ERR_OK;
	}
	n = strtoul(text, &end, 10);
	if (text[0] < '1' || text[0] > '9' || *end != '\0' || n > max)
		return options_usage(
			a, "--%s must be a number from 1 to %u, not \"%s\"", name, max, text);
	*out = (unsigned)n;
	return ERR_OK;
}
