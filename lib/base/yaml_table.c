/*
 * A YAML tree into a structure by its table: every key must have a row, every required row a key,
 * and each list its bounds. Nothing is allocated for a list before its length is judged.
 */
#include <stdio.h>

#include "lib/base/words.h"
#include "lib/base/yaml_table.h"

static enum err read_value(
	struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *base);

static const struct yaml_node *
find_child(const struct yaml_node *mapping, const char *key)
{
	const struct yaml_node *n = mapping->first;

	while (n != NULL && strcmp(n->key, key) != 0)
		n = n->next;
	return n;
}

static const struct yaml_row *
find_row(const struct yaml_reader *r, const char *key)
{
	const struct yaml_table *t = r->table;

	for (const struct yaml_row *row = t->row; row < t->row + t->count; row++) {
		if (yaml_row_is_key(row, r->path) && strcmp(yaml_row_key(row), key) == 0)
			return row;
	}
	return NULL;
}

static enum err
refuse_unknown(const struct yaml_reader *r, const struct yaml_node *n)
{
	const struct yaml_table *t = r->table;
	char list[WORDS_LIST_SIZE] = "";
	size_t have = 0;

	for (const struct yaml_row *row = t->row; row < t->row + t->count; row++) {
		if (yaml_row_is_key(row, r->path) && row->type != YAML_REFUSED &&
			have < sizeof(list))
			have += (size_t)snprintf(list + have, sizeof(list) - have, "%s%s",
				have > 0 ? ", " : "", yaml_row_key(row));
	}
	return err_set(ERR_INVALID, "%s:%u: unknown key \"%s\" in \"%s\"; allowed are: %s", r->name,
		n->line, n->key, r->path[0] != '\0' ? r->path : "the file", list);
}

static enum err
check_required(const struct yaml_reader *r, const struct yaml_node *mapping)
{
	const struct yaml_table *t = r->table;

	for (const struct yaml_row *row = t->row; row < t->row + t->count; row++) {
		if (yaml_row_is_key(row, r->path) && row->need == YAML_REQUIRED &&
			find_child(mapping, yaml_row_key(row)) == NULL)
			return err_set(ERR_INVALID,
				"%s:%u: \"%s\" lacks the required key \"%s\"; add it", r->name,
				mapping->line, r->path[0] != '\0' ? r->path : "the file",
				yaml_row_key(row));
	}
	return ERR_OK;
}

static enum err
read_mapping(struct yaml_reader *r, const struct yaml_node *n, void *base)
{
	if (n->kind != NODE_MAPPING)
		return yaml_must_be(r, n, "a mapping of keys to values");
	for (const struct yaml_node *child = n->first; child != NULL; child = child->next) {
		const struct yaml_row *row = find_row(r, child->key);
		size_t before;

		if (row == NULL)
			return refuse_unknown(r, child);
		before = yaml_path_enter(r, child->key);
		TRY(read_value(r, child, row, base));
		yaml_path_leave(r, before);
	}
	return check_required(r, n);
}

static enum err
read_section(
	struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *base)
{
	(void)row;
	return read_mapping(r, n, base);
}

/* A structure before the file has its say: zero, or what the rows say. */
static enum err
fill_defaults(struct yaml_reader *r, void *base)
{
	const struct yaml_table *t = r->table;

	for (const struct yaml_row *row = t->row; row < t->row + t->count; row++) {
		struct yaml_node n = {.kind = NODE_SCALAR, .text = row->fallback};

		if (row->fallback == NULL || !yaml_row_is_member(row, r->path))
			continue;
		n.len = strlen(n.text);
		if (read_value(r, &n, row, base) != ERR_OK)
			return err_context(ERR_INTERNAL, "default of \"%s\"", row->path);
	}
	return ERR_OK;
}

/* What tells elements apart may not be that of an earlier one. */
static enum err
check_unique(struct yaml_reader *r, const struct yaml_node *list, const struct yaml_node *element,
	const struct yaml_row *row)
{
	const struct yaml_node *mine = find_child(element, yaml_row_key(row)), *other;

	for (const struct yaml_node *n = list->first; mine != NULL && n != element; n = n->next) {
		other = find_child(n, yaml_row_key(row));
		if (other == NULL || strcmp(mine->text, other->text) != 0)
			continue;
		yaml_path_enter(r, yaml_row_key(row));
		return yaml_refuse_repeated(r, mine, other);
	}
	return ERR_OK;
}

static enum err
read_structure(
	struct yaml_reader *r, const struct yaml_node *list, const struct yaml_node *n, void *base)
{
	const struct yaml_table *t = r->table;

	TRY(fill_defaults(r, base));
	TRY(read_mapping(r, n, base));
	for (const struct yaml_row *row = t->row; row < t->row + t->count; row++)
		if (row->unique && yaml_row_is_key(row, r->path))
			TRY(check_unique(r, list, n, row));
	return ERR_OK;
}

static enum err
read_list(struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *base)
{
	TRY(yaml_list_check(r, n, row));
	uint8_t *item;
	uint32_t count = 0;

	item = arena_array(r->arena, n->count, row->size);
	for (const struct yaml_node *child = n->first; child != NULL; child = child->next) {
		size_t before = yaml_path_enter_element(r, count);

		TRY(read_structure(r, n, child, item + count++ * row->size));
		yaml_path_leave(r, before);
	}
	*(void **)((char *)base + row->at) = item;
	*(uint32_t *)((char *)base + row->count_at) = count;
	return ERR_OK;
}

static enum err
refuse_row(struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *base)
{
	(void)base;
	return err_set(ERR_INVALID, "%s:%u: \"%s\" is not allowed: %s", r->name, n->line, r->path,
		row->help);
}

static enum err
read_value(struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *base)
{
	static const yaml_value_fn structures[] = {
		[YAML_SECTION] = read_section,
		[YAML_LIST] = read_list,
		[YAML_TEXTS] = yaml_list_texts,
		[YAML_SET] = yaml_list_set,
		[YAML_REFUSED] = refuse_row,
	};
	static const yaml_value_fn values[] = {
		[YAML_TEXT] = yaml_value_text,
		[YAML_NUMBER] = yaml_value_number,
		[YAML_FLAG] = yaml_value_flag,
		[YAML_DURATION] = yaml_value_duration,
		[YAML_WORD] = yaml_value_word,
	};

	if (row->type >= YAML_SECTION)
		return structures[row->type](r, n, row, base);
	if (n->kind != NODE_SCALAR)
		return yaml_must_be(r, n, "a single value");
	if (memchr(n->text, '\0', n->len) != NULL)
		return yaml_must_be(r, n, "text without NUL");
	return values[row->type](r, n, row, (char *)base + row->at);
}

enum err
yaml_table_read(struct arena *a, const char *name, const struct yaml_table *t,
	const struct yaml_node *root, void *out)
{
	struct yaml_reader r = {.arena = a, .name = name, .table = t};

	if (root == NULL)
		return err_set(ERR_INVALID, "%s:1: the file is empty", name);
	TRY(fill_defaults(&r, out));
	return read_mapping(&r, root, out);
}
