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

/* Answers come from our own server, but identity names and patterns from others: nothing may steer
 * the terminal. */
static const char *
make_harmless(struct arena *a, const char *text)
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
		return json_string_length(value) > 0 ? make_harmless(a, json_string_value(value))
						     : "-";
	case JSON_INTEGER:
		return arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	case JSON_TRUE:
		return "yes";
	case JSON_FALSE:
		return "no";
	case JSON_ARRAY:
		return list_text(a, value);
	case JSON_OBJECT:
		return make_harmless(a, json_text(a, value));
	default:
		return "-";
	}
}

/* A column's title is the line's in capitals. */
static const char *
title_of(struct arena *a, const struct admin_member *m)
{
	char *title = arena_strdup(a, m->title);

	for (char *p = title; *p != '\0'; p++)
		*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
	return title;
}

/* Row 0 has the titles. */
static const char *
cell_text(struct arena *a, const json_t *list, size_t row, const struct admin_member *m)
{
	if (row == 0)
		return title_of(a, m);
	return output_text(a, json_object_get(json_array_get(list, row - 1), m->name));
}

void
output_table(const json_t *list, const struct admin_member *member)
{
	AUTO_STRUCT(arena) arena = arena_new(0);
	const struct admin_member *column[COLUMNS_MAX];
	size_t width[COLUMNS_MAX] = {0}, rows = json_array_size(list) + 1, n = 0;

	if (rows == 1) {
		puts(member->title);
		return;
	}
	for (const struct admin_member *m = member->of->member; m->name != NULL; m++)
		if (m->shown == ADMIN_COLUMN && n < COLUMNS_MAX)
			column[n++] = m;
	for (size_t c = 0; c + 1 < n; c++)
		for (size_t r = 0; r < rows; r++) {
			size_t w = strlen(cell_text(arena, list, r, column[c]));

			width[c] = w > width[c] ? w : width[c];
		}
	for (size_t r = 0; r < rows; r++)
		for (size_t c = 0; c < n; c++)
			printf("%-*s%s", (int)width[c], cell_text(arena, list, r, column[c]),
				c + 1 < n ? "  " : "\n");
}

static bool
is_line(const struct admin_member *m)
{
	return m->shown != ADMIN_HIDDEN && m->of == NULL && m->type != ADMIN_PEM;
}

static size_t
print_lines(const json_t *object, const struct admin_shape *shape)
{
	AUTO_STRUCT(arena) arena = arena_new(0);
	size_t n = 0;

	for (const struct admin_member *m = shape->member; m->name != NULL; m++) {
		const json_t *value = json_object_get(object, m->name);

		if (!is_line(m) || value == NULL || json_is_null(value))
			continue;
		printf("%-14s %s\n", arena_printf(arena, "%s:", m->title),
			output_text(arena, value));
		n++;
	}
	return n;
}

void
output_object(const json_t *object, const struct admin_shape *shape)
{
	size_t printed = print_lines(object, shape);

	for (const struct admin_member *m = shape->member; m->name != NULL; m++) {
		const json_t *value = json_object_get(object, m->name);

		if (m->shown == ADMIN_HIDDEN || is_line(m) || value == NULL)
			continue;
		if (m->of != NULL && printed++ > 0)
			putchar('\n');
		if (m->type == ADMIN_PEM)
			fputs(json_string_value(value), stdout);
		else if (m->type == ADMIN_OBJECT)
			print_lines(value, m->of);
		else
			output_table(value, m);
	}
}

/* Whether OCSP says "revoked" everywhere, as the answer to a revocation tells. */
static const char *
behind_text(struct arena *a, json_int_t behind)
{
	if (behind == 0)
		return "every listener refuses and OCSP tells it now";
	return arena_printf(a,
		"listeners and OCSP follow (%lld programs have not confirmed it yet; see ca-admin status)",
		(long long)behind);
}

/* What stands for {name} in a template; NULL: there is no such value. */
static const char *
find_filling(struct cli *a, const char *name, const json_t *given, const json_t *answer)
{
	const struct admin_operation *op = a->command->operation;
	const struct admin_input *input = admin_input_find(op, name);
	const struct admin_member *member = admin_member_find(op->answer, name);
	const json_t *value = json_object_get(given, name);

	if (value == NULL && input != NULL)
		return input->fallback;
	if (value == NULL)
		value = json_object_get(answer, name);
	if (value == NULL)
		return NULL;
	if (member != NULL && member->type == ADMIN_BEHIND)
		return behind_text(a->arena, json_integer_value(value));
	if (member != NULL && member->type == ADMIN_CHANGED)
		return json_is_true(value) ? "now" : "already";
	if (input != NULL && input->type == ADMIN_GRANTS)
		return arena_printf(a->arena, "%zu", json_array_size(value));
	return output_text(a->arena, value);
}

const char *
output_filled(struct cli *a, const char *text, const json_t *given, const json_t *answer)
{
	const char *out = "", *brace;

	while ((brace = strchr(text, '{')) != NULL) {
		size_t n = strcspn(brace + 1, "|}");
		const char *name = arena_printf(a->arena, "%.*s", (int)n, brace + 1),
			   *end = strchr(brace, '}'), *filling;

		filling = find_filling(a, name, given, answer);
		if (filling == NULL && brace[n + 1] == '|')
			filling = arena_printf(
				a->arena, "%.*s", (int)(end - brace - 2) - (int)n, brace + n + 2);
		out = arena_printf(a->arena, "%s%.*s%s", out, (int)(brace - text), text,
			filling != NULL ? filling : "-");
		text = end + 1;
	}
	return arena_printf(a->arena, "%s%s", out, text);
}
