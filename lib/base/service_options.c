/* Long options only, by table: every program understands the same few, and its own. */
#include "lib/base/service_options.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum common { OPTION_CONFIG, OPTION_NUMBER, OPTION_VERSION, OPTION_HELP, COMMON_COUNT };
enum { NUMBER_MAX = 64 };

static const struct service_option common[COMMON_COUNT] = {
	[OPTION_CONFIG] = {"config", "FILE", "configuration to read (" CONFIG_PATH_DEFAULT ")"},
	[OPTION_NUMBER] = {"number", "N", "which of several on this host, 1 to 64 (1)"},
	[OPTION_VERSION] = {"version", NULL, "tell the version and exit"},
	[OPTION_HELP] = {"help", NULL, "show this and exit"},
};

static const struct service_option *
option_at(const struct service_program *p, size_t i)
{
	return i < COMMON_COUNT ? &common[i] : &p->options[i - COMMON_COUNT];
}

static void
show_help(const struct service_program *p)
{
	printf("Usage: %s [OPTION]...\n%s: %s\n\n", p->name, p->name, p->summary);
	for (size_t i = 0; i < COMMON_COUNT + p->option_count; i++) {
		const struct service_option *o = option_at(p, i);
		int width = printf("  --%s%s%s", o->name, o->argument != NULL ? " " : "",
			o->argument != NULL ? o->argument : "");

		printf("%*s%s\n", width < 24 ? 24 - width : 1, "", o->help);
	}
	printf("\nExit status: %d stopped as asked, %d failure, %d bad option, %d bad configuration.\n"
	       "Example: %s --config " CONFIG_PATH_DEFAULT "\n",
		SERVICE_EXIT_OK, SERVICE_EXIT_FAILURE, SERVICE_EXIT_USAGE, SERVICE_EXIT_CONFIG,
		p->name);
}

static int
refuse_option(const struct service_program *p, const char *what, const char *argument)
{
	fprintf(stderr, "%s: %s \"%s\"; try %s --help\n", p->name, what, argument, p->name);
	return SERVICE_EXIT_USAGE;
}

/* Index of the option named "--NAME" or "--NAME=..."; -1 when there is none. */
static int
find_option(const struct service_program *p, const char *text)
{
	size_t n = strcspn(text + 2, "=");

	for (size_t i = 0; i < COMMON_COUNT + p->option_count; i++) {
		const char *name = option_at(p, i)->name;

		if (strlen(name) == n && memcmp(name, text + 2, n) == 0)
			return (int)i;
	}
	return -1;
}

/* Takes argv[*i], and the next one where the option's argument stands apart. */
static int
take_option(struct service *s, int argc, char **argv, int *i)
{
	const struct service_program *p = s->program;
	const char *text = argv[*i], *equals = strchr(text, '=');
	int index = strncmp(text, "--", 2) == 0 ? find_option(p, text) : -1;
	const struct service_option *o;

	if (index < 0)
		return refuse_option(p, "unknown option", text);
	o = option_at(p, (size_t)index);
	if (s->values[index] != NULL)
		return refuse_option(p, "given twice: option", text);
	if (o->argument == NULL && equals != NULL)
		return refuse_option(p, "no argument belongs to option", text);
	if (o->argument != NULL && equals == NULL && *i + 1 >= argc)
		return refuse_option(p, "an argument is missing after option", text);
	if (o->argument == NULL)
		s->values[index] = "";
	else
		s->values[index] = equals != NULL ? equals + 1 : argv[++*i];
	return SERVICE_GO_ON;
}

static int
take_number(struct service *s)
{
	const char *text = s->values[OPTION_NUMBER];
	char *end;
	unsigned long n;

	s->number = 1;
	if (text == NULL)
		return SERVICE_GO_ON;
	n = strtoul(text, &end, 10);
	if (text[0] < '1' || text[0] > '9' || *end != '\0' || n > NUMBER_MAX)
		return refuse_option(s->program, "--number must be 1 to 64, not", text);
	s->number = (unsigned)n;
	return SERVICE_GO_ON;
}

int
service_options_parse(struct service *s, int argc, char **argv)
{
	assert(s->program->option_count + COMMON_COUNT <= SERVICE_OPTION_MAX);
	for (int i = 1; i < argc; i++) {
		int code = take_option(s, argc, argv, &i);

		if (code != SERVICE_GO_ON)
			return code;
	}
	if (s->values[OPTION_HELP] != NULL) {
		show_help(s->program);
		return SERVICE_EXIT_OK;
	}
	if (s->values[OPTION_VERSION] != NULL) {
		printf("%s " CHANCERY_VERSION "\n", s->program->name);
		return SERVICE_EXIT_OK;
	}
	s->config_path =
		s->values[OPTION_CONFIG] != NULL ? s->values[OPTION_CONFIG] : CONFIG_PATH_DEFAULT;
	return take_number(s);
}

const char *
service_option(const struct service *s, const char *name)
{
	for (size_t i = 0; i < COMMON_COUNT + s->program->option_count; i++) {
		if (strcmp(option_at(s->program, i)->name, name) == 0)
			return s->values[i];
	}
	return NULL;
}
