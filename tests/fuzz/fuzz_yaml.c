/* Strict YAML into a structure by its table: whatever the file says, a refusal has a line. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/words.h"
#include "lib/base/yaml.h"

struct item {
	const char *name;
	uint32_t small;
};

struct sample {
	const char *title;
	uint32_t port, set;
	bool on;
	int64_t wait;
	struct item *items;
	uint32_t items_count;
	const char *const *words;
	uint32_t words_count;
};

static const char *
colour_name(unsigned i)
{
	return i == 0 ? "red" : "green";
}

static const struct words colours = {colour_name, 2};
static const struct yaml_row rows[] = {
	{.path = "title",
		.type = YAML_TEXT,
		.min = 1,
		.max = 16,
		.at = YAML_AT(const char *, struct sample, title)},
	{.path = "port",
		.type = YAML_NUMBER,
		.max = 65535,
		.at = YAML_AT(uint32_t, struct sample, port)},
	{.path = "on", .type = YAML_FLAG, .at = YAML_AT(bool, struct sample, on)},
	{.path = "wait",
		.type = YAML_DURATION,
		.max = 60,
		.fallback = "30s",
		.at = YAML_AT(int64_t, struct sample, wait)},
	{.path = "set",
		.type = YAML_SET,
		.max = 2,
		.words = &colours,
		.at = YAML_AT(uint32_t, struct sample, set)},
	{.path = "items",
		.type = YAML_LIST,
		.min = 1,
		.max = 3,
		.size = sizeof(struct item),
		.at = YAML_AT(struct item *, struct sample, items),
		.count_at = offsetof(struct sample, items_count)},
	{.path = "items.*.name",
		.type = YAML_TEXT,
		.need = YAML_REQUIRED,
		.min = 1,
		.max = 8,
		.unique = true,
		.at = YAML_AT(const char *, struct item, name)},
	{.path = "items.*.small",
		.type = YAML_NUMBER,
		.max = 9,
		.at = YAML_AT(uint32_t, struct item, small)},
	{.path = "words",
		.type = YAML_TEXTS,
		.max = 3,
		.unique = true,
		.at = YAML_AT(const char *const *, struct sample, words),
		.count_at = offsetof(struct sample, words_count)},
	{.path = "secret", .type = YAML_REFUSED, .help = "none here"},
};
static const struct yaml_table table = {rows, ARRAY_LEN(rows)};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const struct yaml_doc *doc = NULL;
	struct sample s = {0};

	if (yaml_read(a, "f", bytes_of(data, size), &table, &s, &doc) != ERR_OK) {
		HOLDS(doc == NULL);
		HOLDS(strncmp(err_reason(), "f:", 2) == 0);
		HOLDS(err_reason()[2] != ' ' || size > YAML_SIZE_MAX); /* always with a line */
		return 0;
	}
	HOLDS(yaml_line(doc, "items.0.name") >= 1);
	HOLDS(yaml_present(doc, "title") == (s.title != NULL));
	HOLDS(s.items_count <= 3 && s.words_count <= 3 && s.port <= 65535 && s.set <= 3);
	HOLDS(s.wait >= 0 && s.wait <= 60);
	for (uint32_t i = 0; i < s.items_count; i++)
		HOLDS(strlen(s.items[i].name) >= 1 && strlen(s.items[i].name) <= 8);
	return 0;
}
