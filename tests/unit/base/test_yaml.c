#include "lib/base/yaml.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/unit.h"

struct item {
	char *name;
	int32_t small;
};

enum colour { RED, GREEN };

struct sample {
	char *title;
	uint16_t port;
	bool on;
	enum colour colour;
	struct item *items;
	uint32_t items_count;
	char **words;
	uint32_t words_count;
};

static const cyaml_strval_t colours[] = {{"red", RED}, {"green", GREEN}};
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
	CYAML_FIELD_STRING_PTR("title", CYAML_FLAG_POINTER, struct sample, title, 1, 16),
	CYAML_FIELD_UINT("port", CYAML_FLAG_OPTIONAL, struct sample, port),
	CYAML_FIELD_BOOL("on", CYAML_FLAG_OPTIONAL, struct sample, on),
	CYAML_FIELD_ENUM("colour", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct sample, colour,
		colours, 2),
	CYAML_FIELD_SEQUENCE("items", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sample,
		items, &item_schema, 1, 3),
	CYAML_FIELD_SEQUENCE("words", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sample,
		words, &word_schema, 0, 3),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sample, sample_fields)};
static const struct yaml_hint hints[] = {
	{"password", "name a file instead"},
	{"items.*.secret", "items have none"},
	{NULL, NULL},
};

static const char good[] = "# a comment\n"
			   "title: one\n"
			   "port: 8443\n"
			   "on: true\n"
			   "colour: green\n"
			   "items:\n"
			   "  - name: a\n"
			   "  - name: b\n"
			   "    small: -7\n"
			   "words: [x, \"y z\"]\n";

static void
test_good_file_fills_the_structure(void)
{
	AUTO_STRUCT(yaml_doc) doc = NULL;
	struct sample *s = NULL;

	CHECK_OK(yaml_parse_checked("f.yaml", bytes_str(good), &schema, hints, (void **)&s, &doc));
	if (s == NULL)
		return;
	CHECK(strcmp(s->title, "one") == 0 && s->port == 8443 && s->on && s->colour == GREEN);
	CHECK(s->items_count == 2 && s->items[1].small == -7);
	CHECK(s->words_count == 2 && strcmp(s->words[1], "y z") == 0);
	yaml_data_free(&schema, s);
}

static void
test_every_value_knows_its_line(void)
{
	AUTO_STRUCT(yaml_doc) doc = NULL;
	struct sample *s = NULL;

	CHECK_OK(yaml_parse_checked("f.yaml", bytes_str(good), &schema, NULL, (void **)&s, &doc));
	if (s == NULL)
		return;
	yaml_data_free(&schema, s); /* the places outlive the data */
	CHECK(yaml_line(doc, "title") == 2);
	CHECK(yaml_line(doc, "items") == 6);
	CHECK(yaml_line(doc, "items.0") == 7);
	CHECK(yaml_line(doc, "items.1.small") == 9);
	CHECK(yaml_line(doc, "items.0.small") == 7); /* absent: the nearest thing around it */
	CHECK(yaml_line(doc, "words.1") == 10);
	CHECK(yaml_present(doc, "items.1.small"));
	CHECK(!yaml_present(doc, "items.0.small"));
	CHECK(!yaml_present(doc, "items.2"));
	CHECK_REASON(yaml_refuse(doc, "items.1.small", "too %s", "small"), ERR_INVALID,
		"f.yaml:9: too small");
}

static void
test_bad_text_is_refused_with_its_line(void)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "f:1: the file is empty"},
		{"# nothing\n", "f:1: the file is empty"},
		{"- a\n", "f:1: \"the file\" must be a mapping"},
		{"title: a\ntitle: b\n",
			"f:2: key \"title\" is doubled: it stands already on line 1"},
		{"title: a\nitems:\n - name: x\n   name: y\n", "f:4: key \"name\" is doubled"},
		{"title: a\nports: 1\n",
			"f:2: unknown key \"ports\" in \"the file\"; allowed are: title, port, on, colour, items"},
		{"title: a\nitems:\n - {name: b, size: 3}\n",
			"f:3: unknown key \"size\" in \"items.0\"; allowed are: name, small"},
		{"title: a\npassword: b\n",
			"f:2: \"password\" is not allowed: name a file instead"},
		{"title: a\nitems:\n - {name: b}\n - {name: c, secret: b}\n",
			"\"items.1.secret\" is not allowed: items have none"},
		{"port: 1\n", "lacks the required key \"title\""},
		{"title: a\nitems:\n - small: 1\n",
			"f:3: \"items.0\" lacks the required key \"name\""},
		{"title:\n", "f:1: \"title\" must be given a value"},
		{"title: seventeen letters\n", "must be text of 1 to 16"},
		{"title: \"a\\0b\"\n", "without NUL"},
		{"title: [a]\n", "\"title\" must be a single value"},
		{"title: a\nport: 65536\n", "f:2: \"port\" must be a whole number from 0 to 65535"},
		{"title: a\nport: -1\n", "whole number from 0"},
		{"title: a\nport: 0x10\n", "whole number"},
		{"title: a\nport: 010\n", "whole number"},
		{"title: a\nport: 1.5\n", "whole number"},
		{"title: a\nport: 99999999999999999999999\n", "whole number"},
		{"title: a\nport:\n", "whole number"},
		{"title: a\nitems: [{name: b, small: 2147483648}]\n",
			"from -2147483648 to 2147483647"},
		{"title: a\non: yes\n", "f:2: \"on\" must be true or false"},
		{"title: a\non: maybe\n", "true or false"},
		{"title: a\ncolour: blue\n", "f:2: \"colour\" must be one of: red, green"},
		{"title: a\ncolour: 1\n", "one of: red, green"},
		{"title: a\nitems: []\n", "a list of 1 to 3 elements, not 0"},
		{"title: a\nwords: [a, b, c, d]\n", "not 4"},
		{"title: a\nwords: a\n", "\"words\" must be a list"},
		{"title: a\nitems: [a]\n", "\"items.0\" must be a mapping"},
		{"title: &x a\nwords: [*x]\n", "f:2: alias \"*x\""},
		{"title: a\n---\ntitle: b\n", "f:2: a second document"},
		{"title: a\n\tport: 1\n", "f:2: not YAML"},
		{"title: [a\n", "not YAML"},
		{"title: \"a\n", "not YAML"},
		{"title: \xff\xfe\n", "not YAML"},
		{"{[a]: b}\n", "a key must be plain text"},
		{"title: a\nwords: [[[[[[[[[[[[[[[[[[[[[[[[\n", "nested deeper"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_STRUCT(yaml_doc) doc = NULL;
		void *data = NULL;
		enum err e = yaml_parse_checked(
			"f", bytes_str(cases[i].text), &schema, hints, &data, &doc);

		CHECK_CASE(e == ERR_INVALID || e == ERR_LIMIT, cases[i].text);
		if (strstr(err_reason(), cases[i].words) == NULL)
			fprintf(stderr, "reason is \"%s\"\n", err_reason());
		CHECK_CASE(strstr(err_reason(), cases[i].words) != NULL, cases[i].text);
		CHECK_CASE(data == NULL && doc == NULL, cases[i].text);
	}
}

static void
test_refusal_does_not_repeat_a_forbidden_value(void)
{
	AUTO_STRUCT(yaml_doc) doc = NULL;
	void *data = NULL;

	CHECK_ERR(yaml_parse_checked(
			  "f", BYTES_LIT("password: hunter2\n"), &schema, hints, &data, &doc),
		ERR_INVALID);
	CHECK(strstr(err_reason(), "hunter2") == NULL);
}

static void
test_oversized_text_is_refused(void)
{
	AUTO_STRUCT(yaml_doc) doc = NULL;
	char *text = malloc(YAML_SIZE_MAX + 1);
	void *data = NULL;

	memset(text, '#', YAML_SIZE_MAX + 1);
	CHECK_ERR(yaml_parse_checked(
			  "f", bytes_of(text, YAML_SIZE_MAX + 1), &schema, NULL, &data, &doc),
		ERR_LIMIT);
	free(text);
}

static void
test_files_are_read_and_refused(void)
{
	char dir[] = "/tmp/yaml-test-XXXXXX", path[64];
	AUTO_STRUCT(yaml_doc) doc = NULL;
	struct sample *s = NULL;
	FILE *f;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/f.yaml", dir);
	CHECK_REASON(yaml_load_checked(path, &schema, NULL, (void **)&s, &doc), ERR_NOTFOUND,
		"cannot be opened");
	CHECK_REASON(yaml_load_checked(dir, &schema, NULL, (void **)&s, &doc), ERR_INVALID,
		"not a regular file");
	f = fopen(path, "w");
	fputs(good, f);
	fclose(f);
	CHECK_OK(yaml_load_checked(path, &schema, NULL, (void **)&s, &doc));
	CHECK(s != NULL && doc != NULL && strcmp(yaml_name(doc), path) == 0);
	yaml_data_free(&schema, s);
	unlink(path);
	rmdir(dir);
}

UNIT_MAIN("yaml", {"test_good_file_fills_the_structure", test_good_file_fills_the_structure},
	{"test_every_value_knows_its_line", test_every_value_knows_its_line},
	{"test_bad_text_is_refused_with_its_line", test_bad_text_is_refused_with_its_line},
	{"test_refusal_does_not_repeat_a_forbidden_value",
		test_refusal_does_not_repeat_a_forbidden_value},
	{"test_oversized_text_is_refused", test_oversized_text_is_refused},
	{"test_files_are_read_and_refused", test_files_are_read_and_refused})
