/* Sample and manual from a table; see yaml_help.h. */
#include "lib/base/yaml_help.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/duration.h"
#include "lib/base/words.h"
#include "lib/base/yaml_table.h"

enum { COMMENT_COLUMN = 45, LINE_SIZE = 256, KIND_SIZE = 1024 };

static bool
is_must(const struct yaml_row *row)
{
	return row->need != YAML_OPTIONAL;
}

static bool
is_single(const struct yaml_row *row)
{
	return row->type != YAML_SECTION && !(row->type == YAML_LIST && is_must(row));
}

/* "  #key: value      # help"; before is what stands to the left of the key. */
static enum err
put_line(const struct yaml_row *row, const char *before, struct buf *out)
{
	const char *value = row->fallback != NULL ? row->fallback : row->example;
	char line[LINE_SIZE];
	bool single = is_single(row);

	snprintf(line, sizeof(line), "%s%s:%s%s", before, yaml_row_key(row), single ? " " : "",
		single && value != NULL ? value : "");
	return buf_printf(out, "%-*s # %s%s\n", COMMENT_COLUMN - 1, line,
		single && !is_must(row) && row->fallback == NULL ? "no default; " : "", row->help);
}

/* The settings of a section, or the first element of a list. */
static enum err
put_inner(const struct yaml_table *t, const struct yaml_row *outer, struct buf *out)
{
	bool is_list = outer->type == YAML_LIST, first = true;
	char path[YAML_PATH_SIZE];
	enum err e = ERR_OK;

	snprintf(path, sizeof(path), "%s%s", outer->path, is_list ? ".*" : "");
	for (const struct yaml_row *row = t->row; e == ERR_OK && row < t->row + t->count; row++) {
		const char *before = !is_must(outer) ? "#  " : is_must(row) ? "  " : "  #";

		if (row->type == YAML_REFUSED || !yaml_row_is_key(row, path))
			continue;
		e = put_line(row, !is_list ? before : first ? "  - " : "    ", out);
		first = false;
	}
	return e;
}

enum err
yaml_sample(const struct yaml_table *t, struct buf *out)
{
	for (const struct yaml_row *row = t->row; row < t->row + t->count; row++) {
		if (row->type == YAML_REFUSED || !yaml_row_is_key(row, ""))
			continue;
		if (!is_single(row))
			TRY(buf_append(out, "\n", 1));
		TRY(put_line(row, is_must(row) ? "" : "#", out));
		if (!is_single(row))
			TRY(put_inner(t, row, out));
	}
	return ERR_OK;
}

static void
describe_list(const struct yaml_row *row, char out[KIND_SIZE])
{
	char list[WORDS_LIST_SIZE];

	if (row->type == YAML_SET)
		snprintf(out, KIND_SIZE, "list, any of: %s", words_list(row->words, list));
	else
		snprintf(out, KIND_SIZE, "list of %d to %d: %s", (int)row->min, (int)row->max,
			row->type == YAML_LIST	    ? "mappings"
				: row->form != NULL ? row->form->wanted
						    : "texts");
}

/* What the value may be. */
static void
describe_kind(const struct yaml_row *row, char out[KIND_SIZE])
{
	char low[DURATION_SIZE], high[DURATION_SIZE], list[WORDS_LIST_SIZE];

	switch (row->type) {
	case YAML_NUMBER:
		snprintf(out, KIND_SIZE, "%" PRId64 " to %" PRId64, row->min, row->max);
		return;
	case YAML_DURATION:
		snprintf(out, KIND_SIZE, "%s to %s", duration_text(row->min, low),
			duration_text(row->max, high));
		return;
	case YAML_FLAG:
		snprintf(out, KIND_SIZE, "true or false");
		return;
	case YAML_WORD:
		snprintf(out, KIND_SIZE, "one of: %s", words_list(row->words, list));
		return;
	case YAML_TEXT:
		snprintf(out, KIND_SIZE, "%s", row->form != NULL ? row->form->wanted : "text");
		return;
	case YAML_SECTION:
		snprintf(out, KIND_SIZE, "mapping");
		return;
	default:
		describe_list(row, out);
	}
}

/* Hyphens as they are typed, and nothing that man(7) would take for its own. */
static enum err
put_text(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\\')
			TRY(buf_printf(out, "\\e"));
		else if (*text == '-')
			TRY(buf_printf(out, "\\-"));
		else
			TRY(buf_append(out, text, 1));
	return ERR_OK;
}

/* In a subsection of its own, or a paragraph of the one it is in. */
enum rank { PARAGRAPH, SUBSECTION };

static enum err
put_setting(const struct yaml_row *row, enum rank rank, struct buf *out)
{
	char kind[KIND_SIZE], text[2 * KIND_SIZE];
	describe_kind(row, kind);
	snprintf(text, sizeof(text), "(%s%s%s%s)\n", kind,
		row->need == YAML_REQUIRED ? "; required" : "",
		row->fallback != NULL && row->fallback[0] != '\0' ? "; default " : "",
		row->fallback != NULL ? row->fallback : "");
	TRY(buf_printf(out, rank == SUBSECTION ? ".SS %s " : ".TP\n\\fB%s\\fP ", row->path));
	TRY(put_text(out, text));
	TRY(buf_printf(out, "\\&"));
	TRY(put_text(out, row->help));
	return buf_append(out, "\n", 1);
}

enum err
yaml_manual(const struct yaml_table *t, struct buf *out)
{
	enum rank outer = PARAGRAPH; /* of the file's own keys: until the first section begins */

	for (const struct yaml_row *row = t->row; row < t->row + t->count; row++) {
		bool is_outer = yaml_row_is_key(row, "");

		if (row->type == YAML_REFUSED)
			continue;
		if (is_outer && (row->type == YAML_SECTION || row->type == YAML_LIST))
			outer = SUBSECTION;
		TRY(put_setting(row, is_outer ? outer : PARAGRAPH, out));
	}
	return ERR_OK;
}
