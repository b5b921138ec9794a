/*
 * One value of a YAML file into its member: decided whole, nothing is normalised, and what does not
 * fit is refused with what would. See yaml.h for the types.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/duration.h"
#include "lib/base/words.h"
#include "lib/base/yaml_table.h"

enum err
yaml_must_be(const struct yaml_reader *r, const struct yaml_node *n, const char *fmt, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(ERR_INVALID, "%s:%u: \"%s\" must be %s", r->name, n->line,
		r->path[0] != '\0' ? r->path : "the file", text);
}

/* The same with the value, for what is never a secret. */
#define VALUE_MUST_BE(r, n, fmt, ...)                                                              \
	err_set(ERR_INVALID, "%s:%u: \"%s\" is \"%s\": must be " fmt, (r)->name, (n)->line,        \
		(r)->path, (n)->text, __VA_ARGS__)

enum err
yaml_refuse_repeated(
	const struct yaml_reader *r, const struct yaml_node *n, const struct yaml_node *first)
{
	return err_set(ERR_INVALID,
		"%s:%u: \"%s\" repeats \"%s\" of line %u; no two may be the same", r->name, n->line,
		r->path, n->text, first->line);
}

enum err
yaml_value_text(
	struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *member)
{
	size_t max = row->type == YAML_TEXT && row->max > 0 ? (size_t)row->max : YAML_TEXT_MAX,
	       min = row->type == YAML_TEXT ? (size_t)row->min : 1;

	if (n->len == 0 && min > 0)
		return yaml_must_be(r, n, "given a value: it is empty");
	if (n->len < min || n->len > max)
		return yaml_must_be(r, n, "text of %zu to %zu octets", min, max);
	if (row->form != NULL && !row->form->matches(n->text))
		return row->form->secret ? yaml_must_be(r, n, "%s", row->form->wanted)
					 : VALUE_MUST_BE(r, n, "%s", row->form->wanted);
	*(const char **)member = n->text;
	return ERR_OK;
}

/* Digits only: no sign, octal or hexadecimal by surprise. */
static bool
is_decimal(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && text[digits] == '\0' && (text[0] != '0' || digits == 1);
}

enum err
yaml_value_number(
	struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *member)
{
	intmax_t value;

	errno = 0;
	value = strtoimax(n->text, NULL, 10);
	if (!is_decimal(n->text) || errno != 0)
		return yaml_must_be(
			r, n, "a whole number from %" PRId64 " to %" PRId64, row->min, row->max);
	if (value < row->min || value > row->max)
		return yaml_must_be(
			r, n, "%" PRId64 " to %" PRId64 ", not %jd", row->min, row->max, value);
	*(uint32_t *)member = (uint32_t)value;
	return ERR_OK;
}

enum err
yaml_value_flag(
	struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *member)
{
	(void)row;
	if (strcmp(n->text, "true") != 0 && strcmp(n->text, "false") != 0)
		return yaml_must_be(r, n, "true or false");
	*(bool *)member = n->text[0] == 't';
	return ERR_OK;
}

enum err
yaml_value_duration(
	struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *member)
{
	char low[DURATION_SIZE], high[DURATION_SIZE];
	int64_t seconds;

	if (duration_parse(n->text, &seconds) != ERR_OK)
		return VALUE_MUST_BE(r, n, "%s", "a number and a unit: 30s, 5m, 8h, 7d");
	if (seconds < row->min || seconds > row->max)
		return VALUE_MUST_BE(r, n, "%s to %s", duration_text(row->min, low),
			duration_text(row->max, high));
	*(int64_t *)member = seconds;
	return ERR_OK;
}

enum err
yaml_value_word(
	struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *member)
{
	char list[WORDS_LIST_SIZE];

	if (words_find(row->words, n->text, member))
		return ERR_OK;
	return VALUE_MUST_BE(r, n, "one of: %s", words_list(row->words, list));
}
