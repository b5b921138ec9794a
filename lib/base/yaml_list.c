/*
 * Lists of texts and of words into their members. Nothing is allocated before the length of the
 * list is judged.
 */
#include "lib/base/yaml_table.h"

enum err
yaml_list_check(struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row)
{
	if (n->kind != NODE_SEQUENCE)
		return yaml_must_be(r, n, "a list");
	if (n->count < (size_t)row->min || n->count > (size_t)row->max)
		return yaml_must_be(r, n, "a list of %d to %d elements, not %zu", (int)row->min,
			(int)row->max, n->count);
	return ERR_OK;
}

/* One element of a list of texts or words. */
static enum err
read_element(struct yaml_reader *r, const struct yaml_node *list, const struct yaml_node *n,
	const struct yaml_row *row, yaml_value_fn read, void *member)
{
	if (n->kind != NODE_SCALAR || memchr(n->text, '\0', n->len) != NULL)
		return yaml_must_be(r, n, "a single value without NUL");
	TRY(read(r, n, row, member));
	for (const struct yaml_node *k = list->first;
		k != n && (row->unique || row->type == YAML_SET); k = k->next)
		if (strcmp(k->text, n->text) == 0)
			return yaml_refuse_repeated(r, n, k);
	return ERR_OK;
}

enum err
yaml_list_texts(
	struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *base)
{
	TRY(yaml_list_check(r, n, row));
	const char **text;
	uint32_t count = 0;

	text = arena_array(r->arena, n->count, sizeof(*text));
	for (const struct yaml_node *child = n->first; child != NULL; child = child->next) {
		size_t before = yaml_path_enter_element(r, count);

		TRY(read_element(r, n, child, row, yaml_value_text, &text[count++]));
		yaml_path_leave(r, before);
	}
	*(const char *const **)((char *)base + row->at) = text;
	*(uint32_t *)((char *)base + row->count_at) = count;
	return ERR_OK;
}

enum err
yaml_list_set(
	struct yaml_reader *r, const struct yaml_node *n, const struct yaml_row *row, void *base)
{
	TRY(yaml_list_check(r, n, row));
	uint32_t set = 0;
	size_t index = 0;

	for (const struct yaml_node *child = n->first; child != NULL; child = child->next) {
		size_t before = yaml_path_enter_element(r, index++);
		unsigned bit;

		TRY(read_element(r, n, child, row, yaml_value_word, &bit));
		yaml_path_leave(r, before);
		set |= 1U << bit;
	}
	*(uint32_t *)((char *)base + row->at) = set;
	return ERR_OK;
}
