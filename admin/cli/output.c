/*
 * What ca-admin prints: tables and lines for people, JSON for programs. Plans of changing commands
 * go to standard error when standard output carries JSON.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "admin/cli/cli.h"

enum { COLUMNS_MAX = 12 };

bool
output_plan(struct cli *a, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(a->json ? stderr : stdout, "%s %s\n", a->dry_run ? "would" : "will", text);
	if (a->dry_run && a->json) {
		AUTO(json_t) plan = json_pack("{s:b, s:s}", "dry_run", 1, "plan", text);
		output_json(plan);
	}
	fflush(stdout);
	return !a->dry_run;
}

void
output_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', stdout);
}

void
output_done(struct cli *a, json_t *result, const char *fmt, ...)
{
	va_list ap;

	if (a->json) {
		output_json(result);
	} else {
		va_start(ap, fmt);
		vprintf(fmt, ap);
		va_end(ap);
		putchar('\n');
	}
	json_decref(result);
}

const char *
output_responders(struct cli *a, const json_t *answer)
{
	const json_t *behind = json_object_get(answer, "status_programs_behind");

	if (behind == NULL)
		return "OCSP says so soon";
	if (json_integer_value(behind) == 0)
		return "OCSP says so now";
	return arena_printf(a->arena,
		"OCSP says so soon (%lld status programs have not confirmed it yet; see ca-admin status)",
		(long long)json_integer_value(behind));
}

/* Answers come from our own gateway, but identity names and patterns from others: nothing may steer
 * the terminal. */
static const char *
harmless(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);

	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return copy;
}

static const char *
list_text(struct arena *a, const json_t *list)
{
	const char *all = "";
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
		all = arena_printf(a, "%s%s%s", all, i > 0 ? " " : "", output_text(a, item));
	return all[0] != '\0' ? all : "-";
}

const char *
output_text(struct arena *a, const json_t *value)
{
	switch (value != NULL ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		return json_string_length(value) > 0 ? harmless(a, json_string_value(value)) : "-";
	case JSON_INTEGER:
		return arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	case JSON_TRUE:
		return "yes";
	case JSON_FALSE:
		return "no";
	case JSON_ARRAY:
		return list_text(a, value);
	case JSON_OBJECT:
		return harmless(a, json_text(a, value));
	default:
		return "-";
	}
}

void
output_table(const json_t *list, const struct output_column *columns, const char *empty)
{
	AUTO_STRUCT(arena) arena = arena_new(0);
	size_t width[COLUMNS_MAX] = {0}, i, n = 0;
	json_t *row;

	if (json_array_size(list) == 0) {
		puts(empty);
		return;
	}
	for (; n < COLUMNS_MAX && columns[n].title != NULL; n++) {
		width[n] = strlen(columns[n].title);
		json_array_foreach(list, i, row) {
			size_t w =
				strlen(output_text(arena, json_object_get(row, columns[n].member)));

			width[n] = w > width[n] ? w : width[n];
		}
	}
	for (size_t c = 0; c < n; c++)
		printf("%-*s%s", c + 1 < n ? (int)width[c] : 0, columns[c].title,
			c + 1 < n ? "  " : "\n");
	json_array_foreach(list, i, row)
		for (size_t c = 0; c < n; c++)
			printf("%-*s%s", c + 1 < n ? (int)width[c] : 0,
				output_text(arena, json_object_get(row, columns[c].member)),
				c + 1 < n ? "  " : "\n");
}

void
output_object(const json_t *object, const struct output_column *columns)
{
	AUTO_STRUCT(arena) arena = arena_new(0);

	for (; columns->title != NULL; columns++) {
		const json_t *value = json_object_get(object, columns->member);

		if (value != NULL && !json_is_null(value))
			printf("%-14s %s\n", arena_printf(arena, "%s:", columns->title),
				output_text(arena, value));
	}
}
