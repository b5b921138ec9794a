/* Strict YAML. Whatever our own pass accepts, libcyaml must accept as well: its reasons have no
 * line. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/yaml.h"

struct item {
	char *name;
	int32_t small;
};

struct sample {
	char *title;
	uint16_t port;
	bool on;
	struct item *items;
	uint32_t items_count;
	char **words;
	uint32_t words_count;
};

static const cyaml_schema_field_t item_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct item, name, 1, 8),
	CYAML_FIELD_INT("small", CYAML_FLAG_OPTIONAL, struct item, small),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t item_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct item, item_fields)};
static const cyaml_schema_value_t word_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 8)};
static const cyaml_schema_field_t sample_fields[] = {
	CYAML_FIELD_STRING_PTR(
		"title", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sample, title, 1, 16),
	CYAML_FIELD_UINT("port", CYAML_FLAG_OPTIONAL, struct sample, port),
	CYAML_FIELD_BOOL("on", CYAML_FLAG_OPTIONAL, struct sample, on),
	CYAML_FIELD_SEQUENCE("items", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sample,
		items, &item_schema, 1, 3),
	CYAML_FIELD_SEQUENCE("words", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sample,
		words, &word_schema, 0, 3),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sample, sample_fields)};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRUCT(yaml_doc) doc = NULL;
	struct sample *s = NULL;

	if (yaml_parse_checked("f", bytes_of(data, size), &schema, NULL, (void **)&s, &doc) !=
		ERR_OK) {
		HOLDS(s == NULL && doc == NULL);
		HOLDS(strncmp(err_reason(), "f:", 2) == 0);
		HOLDS(err_reason()[2] != ' ' || size > YAML_SIZE_MAX); /* always with a line */
		return 0;
	}
	HOLDS(yaml_line(doc, "items.0.name") >= 1);
	HOLDS(yaml_present(doc, "title") == (s->title != NULL));
	HOLDS(s->items_count <= 3 && s->words_count <= 3);
	yaml_data_free(&schema, s);
	return 0;
}
