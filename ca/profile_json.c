/* The definition of a profile as it is in force, defaults included, with the words of the profile
 * file: each row of the table tells where the value is and what it is called. */
#include "ca/profile_table.h"
#include "lib/base/json.h"
#include "lib/store/identity.h"

static json_t *
set_json(unsigned set, const struct words *words)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < words->count; i++)
		if (set & 1U << i)
			json_array_append_new(list, json_string(words->name(i)));
	return list;
}

static json_t *
texts_json(const char *const *item, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(item[i]));
	return list;
}

/* NULL for a text that is absent. */
static json_t *
value_json(const struct yaml_row *row, const struct ca_profile *p)
{
	const char *base = (const char *)p, *at = base + row->at;

	switch (row->type) {
	case YAML_TEXT:
		return json_string(*(const char *const *)at);
	case YAML_NUMBER:
		return json_integer(*(const uint32_t *)at);
	case YAML_DURATION:
		return json_integer(*(const int64_t *)at);
	case YAML_FLAG:
		return json_boolean(*(const bool *)at);
	case YAML_WORD:
		return json_string(row->words->name(*(const unsigned *)at));
	case YAML_SET:
		return set_json(*(const uint32_t *)at, row->words);
	case YAML_TEXTS:
		return texts_json(
			*(const char *const *const *)at, *(const uint32_t *)(base + row->count_at));
	default:
		return json_object();
	}
}

const char *
profile_json(struct arena *a, const struct ca_profile *p)
{
	static const char prefix[] = "profiles.*.";
	AUTO(json_t) top = json_object();
	json_t *section = NULL; /* of the rows that follow it */

	for (size_t i = 0; i < profile_table.count; i++) {
		const struct yaml_row *row = &profile_table.row[i];
		const char *key = row->path + sizeof(prefix) - 1, *dot;
		json_t *value;

		if (strncmp(row->path, prefix, sizeof(prefix) - 1) != 0)
			continue;
		dot = strchr(key, '.');
		value = value_json(row, p);
		if (row->type == YAML_SECTION)
			section = value;
		json_object_set_new(dot != NULL ? section : top, dot != NULL ? dot + 1 : key,
			value); /* not a NULL one */
	}
	return json_text(a, top);
}
