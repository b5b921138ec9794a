/*
 * A YAML tree against a libcyaml schema. libcyaml would refuse most of this as well, but with a
 * column-less log of several lines; here each refusal is one reason with its line and what is
 * allowed. Scalars are read more strictly: libcyaml takes "010" for 8 and every unknown word for
 * true.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/yaml_tree.h"

enum { PATH_SIZE = 512, LIST_SIZE = 640 };

struct check {
	const char *name;
	const struct yaml_hint *hints;
	char path[PATH_SIZE]; /* of the value at hand, indexes as they are: "issuers.0.key" */
};

static enum err
check_value(struct check *c, const struct yaml_node *n, const struct cyaml_schema_value *schema);

/* How the value at hand is called in a reason. */
static const char *
place(const struct check *c)
{
	return c->path[0] != '\0' ? c->path : "the file";
}

static enum err
expected(const struct check *c, const struct yaml_node *n, const char *what)
{
	return err_set(ERR_INVALID, "%s:%u: \"%s\" must be %s", c->name, n->line, place(c), what);
}

static size_t
push(struct check *c, const char *part)
{
	size_t before = strlen(c->path);

	snprintf(c->path + before, sizeof(c->path) - before, "%s%s", before > 0 ? "." : "", part);
	return before;
}

static void
pop(struct check *c, size_t before)
{
	c->path[before] = '\0';
}

/* A hint's path with "*" for list indexes. */
static bool
path_matches(const char *pattern, const char *path)
{
	while (*pattern != '\0' && *path != '\0') {
		size_t n = strcspn(pattern, "."), m = strcspn(path, ".");

		if (!(n == 1 && *pattern == '*') && (n != m || memcmp(pattern, path, n) != 0))
			return false;
		pattern += n + (pattern[n] == '.');
		path += m + (path[m] == '.');
	}
	return *pattern == '\0' && *path == '\0';
}

static const char *
find_hint(const struct check *c)
{
	for (const struct yaml_hint *h = c->hints; h != NULL && h->path != NULL; h++) {
		if (path_matches(h->path, c->path))
			return h->text;
	}
	return NULL;
}

static void
list_append(char list[LIST_SIZE], const char *word)
{
	size_t have = strlen(list);

	snprintf(list + have, LIST_SIZE - have, "%s%s", have > 0 ? ", " : "", word);
}

static enum err
refuse_unknown(struct check *c, const struct yaml_node *n, const struct cyaml_schema_field *fields)
{
	char list[LIST_SIZE] = "", where[PATH_SIZE];
	const char *hint;

	snprintf(where, sizeof(where), "%s", place(c));
	push(c, n->key);
	hint = find_hint(c);
	if (hint != NULL)
		return err_set(ERR_INVALID, "%s:%u: \"%s\" is not allowed: %s", c->name, n->line,
			c->path, hint);
	for (; fields->key != NULL; fields++)
		list_append(list, fields->key);
	return err_set(ERR_INVALID, "%s:%u: unknown key \"%s\" in \"%s\"; allowed are: %s", c->name,
		n->line, n->key, where, list);
}

static const struct yaml_node *
find_child(const struct yaml_node *mapping, const char *key)
{
	const struct yaml_node *n = mapping->first;

	while (n != NULL && strcmp(n->key, key) != 0)
		n = n->next;
	return n;
}

static const struct cyaml_schema_field *
find_field(const struct cyaml_schema_field *fields, const char *key)
{
	while (fields->key != NULL && strcmp(fields->key, key) != 0)
		fields++;
	return fields->key != NULL ? fields : NULL;
}

static enum err
check_required(
	const struct check *c, const struct yaml_node *n, const struct cyaml_schema_field *fields)
{
	for (; fields->key != NULL; fields++) {
		if ((fields->value.flags & CYAML_FLAG_OPTIONAL) == 0 &&
			find_child(n, fields->key) == NULL)
			return err_set(ERR_INVALID,
				"%s:%u: \"%s\" lacks the required key \"%s\"; add it", c->name,
				n->line, place(c), fields->key);
	}
	return ERR_OK;
}

static enum err
check_mapping(struct check *c, const struct yaml_node *n, const struct cyaml_schema_value *schema)
{
	const struct cyaml_schema_field *fields = schema->mapping.fields;

	if (n->kind != NODE_MAPPING)
		return expected(c, n, "a mapping of keys to values");
	for (const struct yaml_node *child = n->first; child != NULL; child = child->next) {
		const struct cyaml_schema_field *field = find_field(fields, child->key);
		size_t before;
		enum err e;

		if (field == NULL)
			return refuse_unknown(c, child, fields);
		before = push(c, child->key);
		e = check_value(c, child, &field->value);
		if (e != ERR_OK)
			return e;
		pop(c, before);
	}
	return check_required(c, n, fields);
}

static enum err
check_sequence(struct check *c, const struct yaml_node *n, const struct cyaml_schema_value *schema)
{
	char text[80];
	size_t index = 0;

	if (n->kind != NODE_SEQUENCE)
		return expected(c, n, "a list");
	if (n->count < schema->sequence.min || n->count > schema->sequence.max) {
		snprintf(text, sizeof(text),
			"a list of %" PRIu32 " to %" PRIu32 " elements, not %zu",
			schema->sequence.min, schema->sequence.max, n->count);
		return expected(c, n, text);
	}
	for (const struct yaml_node *child = n->first; child != NULL; child = child->next) {
		size_t before;
		enum err e;

		snprintf(text, sizeof(text), "%zu", index++);
		before = push(c, text);
		e = check_value(c, child, schema->sequence.entry);
		if (e != ERR_OK)
			return e;
		pop(c, before);
	}
	return ERR_OK;
}

static enum err
check_string(struct check *c, const struct yaml_node *n, const struct cyaml_schema_value *schema)
{
	char text[80];

	if (memchr(n->text, '\0', n->len) != NULL)
		return expected(c, n, "text without NUL");
	if (n->len == 0 && schema->string.min > 0)
		return expected(c, n, "given a value: it is empty");
	if (n->len < schema->string.min || n->len > schema->string.max) {
		snprintf(text, sizeof(text), "text of %" PRIu32 " to %" PRIu32 " octets",
			schema->string.min, schema->string.max);
		return expected(c, n, text);
	}
	return ERR_OK;
}

/* Digits only, with a minus where allowed: no octal or hexadecimal by surprise. */
static bool
is_decimal(const char *text)
{
	size_t digits;

	text += *text == '-';
	digits = strspn(text, "0123456789");
	return digits > 0 && text[digits] == '\0' && (text[0] != '0' || digits == 1);
}

static enum err
check_int(struct check *c, const struct yaml_node *n, const struct cyaml_schema_value *schema)
{
	unsigned bits = schema->data_size * 8;
	intmax_t max = bits >= 64 ? INT64_MAX : ((intmax_t)1 << (bits - 1)) - 1, min = -max - 1,
		 value;
	char text[96];

	errno = 0;
	value = strtoimax(n->text, NULL, 10);
	if (is_decimal(n->text) && errno == 0 && value >= min && value <= max)
		return ERR_OK;
	snprintf(text, sizeof(text), "a whole number from %jd to %jd", min, max);
	return expected(c, n, text);
}

static enum err
check_uint(struct check *c, const struct yaml_node *n, const struct cyaml_schema_value *schema)
{
	unsigned bits = schema->data_size * 8;
	uintmax_t max = bits >= 64 ? UINT64_MAX : ((uintmax_t)1 << bits) - 1, value;
	char text[96];

	errno = 0;
	value = strtoumax(n->text, NULL, 10);
	if (is_decimal(n->text) && n->text[0] != '-' && errno == 0 && value <= max)
		return ERR_OK;
	snprintf(text, sizeof(text), "a whole number from 0 to %ju", max);
	return expected(c, n, text);
}

static enum err
check_bool(struct check *c, const struct yaml_node *n, const struct cyaml_schema_value *schema)
{
	(void)schema;
	if (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0)
		return ERR_OK;
	return expected(c, n, "true or false");
}

static enum err
check_word(struct check *c, const struct yaml_node *n, const struct cyaml_schema_value *schema)
{
	char list[LIST_SIZE] = "", text[LIST_SIZE + 32];

	for (uint32_t i = 0; i < schema->enumeration.count; i++) {
		if (strcmp(schema->enumeration.strings[i].str, n->text) == 0)
			return ERR_OK;
		list_append(list, schema->enumeration.strings[i].str);
	}
	snprintf(text, sizeof(text), "one of: %s", list);
	return expected(c, n, text);
}

static enum err
check_flags(struct check *c, const struct yaml_node *n, const struct cyaml_schema_value *schema)
{
	if (n->kind != NODE_SEQUENCE)
		return expected(c, n, "a list of words");
	for (const struct yaml_node *child = n->first; child != NULL; child = child->next) {
		enum err e = child->kind == NODE_SCALAR ? check_word(c, child, schema)
							: expected(c, child, "a list of words");

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err
check_float(struct check *c, const struct yaml_node *n, const struct cyaml_schema_value *schema)
{
	char *end;
	double value = strtod(n->text, &end);

	(void)schema;
	if (end == n->text || *end != '\0' || !isfinite(value))
		return expected(c, n, "a number");
	return ERR_OK;
}

static enum err
check_value(struct check *c, const struct yaml_node *n, const struct cyaml_schema_value *schema)
{
	typedef enum err (*check_fn)(
		struct check *, const struct yaml_node *, const struct cyaml_schema_value *);
	static const check_fn structure[CYAML__TYPE_COUNT] = {
		[CYAML_MAPPING] = check_mapping,
		[CYAML_SEQUENCE] = check_sequence,
		[CYAML_SEQUENCE_FIXED] = check_sequence,
		[CYAML_FLAGS] = check_flags,
	};
	static const check_fn scalar[CYAML__TYPE_COUNT] = {
		[CYAML_INT] = check_int,
		[CYAML_UINT] = check_uint,
		[CYAML_BOOL] = check_bool,
		[CYAML_ENUM] = check_word,
		[CYAML_STRING] = check_string,
		[CYAML_FLOAT] = check_float,
	};

	if ((schema->flags & CYAML_FLAG_POINTER_NULL) == CYAML_FLAG_POINTER_NULL &&
		n->kind == NODE_SCALAR && n->len == 0)
		return ERR_OK;
	if (structure[schema->type] != NULL)
		return structure[schema->type](c, n, schema);
	if (scalar[schema->type] == NULL)
		return ERR_OK; /* ignored, or left to libcyaml */
	if (n->kind != NODE_SCALAR)
		return expected(c, n, "a single value");
	return scalar[schema->type](c, n, schema);
}

enum err
yaml_tree_check(struct arena *a, const char *name, const struct yaml_node *root,
	const struct cyaml_schema_value *schema, const struct yaml_hint *hints)
{
	struct check *c = arena_alloc(a, sizeof(*c));

	c->name = name;
	c->hints = hints;
	if (root == NULL)
		return err_set(ERR_INVALID, "%s:1: the file is empty", name);
	return check_value(c, root, schema);
}
