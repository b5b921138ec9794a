/*
 * The JSON gate (RFC 8259); see json.h. The nesting is counted before jansson sees the text,
 * because its parser recurses and its own limit lies beyond the stack of a worker thread. Duplicate
 * members are refused: RFC 8259 section 4 leaves their meaning open, and two readers that disagree
 * are an attack.
 */
#include "lib/base/json.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/random.h"

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

/* Members of peers must not choose their place in jansson's hash table. */
static void
seed_hash(void)
{
	size_t seed;

	random_bytes(&seed, sizeof(seed));
	json_object_seed(seed | 1); /* zero would ask jansson to find a seed of its own */
}

/* Index of the quote that closes the string opened before at; text.n when it never closes. */
static size_t
skip_string(struct bytes text, size_t at)
{
	while (at < text.n && text.p[at] != '"')
		at += text.p[at] == '\\' ? 2 : 1;
	return at < text.n ? at : text.n;
}

/* Only an upper bound of the nesting is judged here; whether brackets match is the parser's
 * business. */
static enum err
check_depth(struct bytes text)
{
	size_t depth = 0;

	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c == '"')
			i = skip_string(text, i + 1);
		else if ((c == '{' || c == '[') && ++depth > JSON_DEPTH_MAX)
			return err_set(
				ERR_LIMIT, "JSON nested deeper than %d levels", JSON_DEPTH_MAX);
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return ERR_OK;
}

enum err
json_parse(struct bytes text, json_t **out)
{
	if (text.n > JSON_TEXT_MAX)
		return err_set(ERR_LIMIT, "JSON text longer than %d octets", JSON_TEXT_MAX);
	return json_parse_answer(text, out);
}

enum err
json_parse_answer(struct bytes text, json_t **out)
{
	json_error_t why;
	json_t *value;

	if (text.n == 0)
		return err_set(ERR_INVALID, "JSON expected, got nothing");
	TRY(check_depth(text));
	pthread_once(&seed_once, seed_hash);
	value = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &why);
	if (value == NULL)
		return err_set(ERR_INVALID, "bad JSON at line %d column %d: %s", why.line,
			why.column, why.text);
	*out = value;
	return ERR_OK;
}

static enum err
wrong_kind(const char *name, const char *kind)
{
	return err_set(ERR_INVALID, "member \"%s\" must be %s", name, kind);
}

enum err
json_find_string(const json_t *object, const char *name, const char **out)
{
	const json_t *value = json_object_get(object, name);

	if (value != NULL && !json_is_string(value))
		return wrong_kind(name, "a string");
	*out = value != NULL ? json_string_value(value) : NULL;
	return ERR_OK;
}

enum err
json_get_string(const json_t *object, const char *name, const char **out)
{
	const char *text;

	TRY(json_find_string(object, name, &text));
	if (text == NULL)
		return err_set(ERR_INVALID, "member \"%s\" is missing", name);
	*out = text;
	return ERR_OK;
}

enum err
json_find_int(const json_t *object, const char *name, int64_t *out)
{
	const json_t *value = json_object_get(object, name);

	if (value == NULL)
		return ERR_OK;
	if (!json_is_integer(value))
		return wrong_kind(name, "an integer");
	*out = json_integer_value(value);
	return ERR_OK;
}

enum err
json_find_bool(const json_t *object, const char *name, bool *out)
{
	const json_t *value = json_object_get(object, name);

	if (value == NULL)
		return ERR_OK;
	if (!json_is_boolean(value))
		return wrong_kind(name, "true or false");
	*out = json_is_true(value);
	return ERR_OK;
}

enum err
json_find_strings(
	struct arena *a, const json_t *object, const char *name, const char ***out, size_t *count)
{
	const json_t *value = json_object_get(object, name);
	const char **list;
	size_t n = json_array_size(value); /* 0 for NULL and for anything but an array */

	if (value != NULL && !json_is_array(value))
		return wrong_kind(name, "an array of strings");
	list = arena_array(a, n, sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		list[i] = json_string_value(json_array_get(value, i));
		if (list[i] == NULL)
			return wrong_kind(name, "an array of strings");
	}
	*out = list;
	*count = n;
	return ERR_OK;
}

static bool
is_listed(const char *name, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcmp(name, *list) == 0)
			return true;
	}
	return false;
}

enum err
json_only_members(const json_t *object, const char *const *allowed)
{
	const char *name;
	json_t *value;

	/* jansson's iterator wants a mutable object and does not change it */
	json_object_foreach((json_t *)(uintptr_t)object, name, value) {
		if (!is_listed(name, allowed))
			return err_set(ERR_INVALID, "member \"%s\" is not known here", name);
	}
	return ERR_OK;
}

char *
json_text(struct arena *a, const json_t *value)
{
	char *dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY), *copy;

	if (dump == NULL)
		abort(); /* out of memory, or text that jansson itself would have refused to hold */
	copy = arena_strdup(a, dump);
	free(dump);
	return copy;
}
