#include "lib/base/yaml.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/words.h"
#include "tests/unit/unit.h"

struct item {
	const char *name;
	uint32_t small;
};

enum colour { RED, GREEN };

struct sample {
	const char *title, *secret;
	uint32_t port;
	bool on;
	enum colour colour;
	int64_t wait;
	struct item *items;
	uint32_t items_count;
	const char *const *words;
	uint32_t words_count;
	uint32_t colours;
};

static const char *
colour_name(unsigned i)
{
	return i == RED ? "red" : "green";
}

static bool
begins_with_slash(const char *text)
{
	return text[0] == '/';
}

static const struct words colours = {colour_name, 2};
static const struct yaml_form path = {begins_with_slash, "a path", true};
static const struct yaml_row rows[] = {
	{.path = "title",
		.type = YAML_TEXT,
		.need = YAML_REQUIRED,
		.min = 1,
		.max = 16,
		.at = YAML_AT(const char *, struct sample, title)},
	{.path = "port",
		.type = YAML_NUMBER,
		.max = 65535,
		.fallback = "80",
		.at = YAML_AT(uint32_t, struct sample, port)},
	{.path = "on", .type = YAML_FLAG, .at = YAML_AT(bool, struct sample, on)},
	{.path = "colour",
		.type = YAML_WORD,
		.words = &colours,
		.at = YAML_AT(enum colour, struct sample, colour)},
	{.path = "more", .type = YAML_SECTION},
	{.path = "more.wait",
		.type = YAML_DURATION,
		.min = 5,
		.max = 60,
		.fallback = "10s",
		.at = YAML_AT(int64_t, struct sample, wait)},
	{.path = "more.secret",
		.type = YAML_TEXT,
		.need = YAML_REQUIRED,
		.form = &path,
		.at = YAML_AT(const char *, struct sample, secret)},
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
	{.path = "items.*.secret", .type = YAML_REFUSED, .help = "items have none"},
	{.path = "items.*.small",
		.type = YAML_NUMBER,
		.max = 9,
		.fallback = "7",
		.at = YAML_AT(uint32_t, struct item, small)},
	{.path = "words",
		.type = YAML_TEXTS,
		.max = 3,
		.unique = true,
		.at = YAML_AT(const char *const *, struct sample, words),
		.count_at = offsetof(struct sample, words_count)},
	{.path = "colours",
		.type = YAML_SET,
		.min = 1,
		.max = 2,
		.words = &colours,
		.at = YAML_AT(uint32_t, struct sample, colours)},
	{.path = "password", .type = YAML_REFUSED, .help = "name a file instead"},
};
static const struct yaml_table table = {rows, ARRAY_LEN(rows)};

static const char good[] = "# a comment\n"
			   "title: one\n"
			   "port: 8443\n"
			   "on: true\n"
			   "colour: green\n"
			   "items:\n"
			   "  - name: a\n"
			   "  - name: b\n"
			   "    small: 0\n"
			   "words: [x, \"y z\"]\n"
			   "colours: [green]\n"
			   "more: { wait: 1m, secret: /x }\n";

static enum err
read_sample(struct arena *a, const char *text, struct sample *s, const struct yaml_doc **doc)
{
	memset(s, 0, sizeof(*s));
	return yaml_read(a, "f", bytes_str(text), &table, s, doc);
}

static void
test_good_file_fills_the_structure(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const struct yaml_doc *doc;
	struct sample s;

	CHECK_OK(read_sample(a, good, &s, &doc));
	CHECK(strcmp(s.title, "one") == 0 && s.port == 8443 && s.on && s.colour == GREEN);
	CHECK(s.items_count == 2 && strcmp(s.items[1].name, "b") == 0 && s.items[1].small == 0);
	CHECK(s.words_count == 2 && strcmp(s.words[1], "y z") == 0 && s.colours == 1 << GREEN);
	CHECK(s.wait == 60 && strcmp(s.secret, "/x") == 0);
}

static void
test_what_is_left_out_has_its_default(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const struct yaml_doc *doc;
	struct sample s;

	CHECK_OK(read_sample(a, "title: a\nitems: [{name: b}]\n", &s, &doc));
	CHECK(s.port == 80 && s.wait == 10 && s.items[0].small == 7);
	CHECK(!s.on && s.colour == RED && s.words_count == 0 && s.secret == NULL);
}

static void
test_every_value_knows_its_line(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const struct yaml_doc *doc;
	struct sample s;

	CHECK_OK(read_sample(a, good, &s, &doc));
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
		"f:9: too small");
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
			"f:2: unknown key \"ports\" in \"the file\"; allowed are: title, port, on, colour, more, items, words, colours"},
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
		{"title: a\nport: 65536\n", "f:2: \"port\" must be 0 to 65535, not 65536"},
		{"title: a\nport: -1\n", "whole number from 0"},
		{"title: a\nport: 0x10\n", "whole number"},
		{"title: a\nport: 010\n", "whole number"},
		{"title: a\nport: 1.5\n", "whole number"},
		{"title: a\nport: 99999999999999999999999\n", "whole number"},
		{"title: a\nport:\n", "whole number"},
		{"title: a\nport: +1\n", "f:2: \"port\" must be a whole number from 0 to 65535"},
		{"title: a\nitems: [{name: b, small: 10}]\n",
			"f:2: \"items.0.small\" must be 0 to 9, not 10"},
		{"title: a\nmore.wait: 10s\n", "unknown key \"more.wait\""},
		{"title: a\nitems.0.name: x\n", "unknown key \"items.0.name\""},
		{"title: a\nmore: {}\n", "f:2: \"more\" lacks the required key \"secret\""},
		{"title: a\nmore: {secret: 1234}\n", "f:2: \"more.secret\" must be a path"},
		{"title: a\nmore: {wait: 61s}\n",
			"f:2: \"more.wait\" is \"61s\": must be 5s to 1m"},
		{"title: a\nmore: {wait: 61}\n",
			"f:2: \"more.wait\" is \"61\": must be a number and a unit"},
		{"title: a\nmore: {secret: \"/\\0\"}\n", "without NUL"},
		{"title: a\nitems: [{name: b}, {name: c},\n {name: b}]\n",
			"f:3: \"items.2.name\" repeats \"b\" of line 2"},
		{"title: a\nwords: [b, c, b]\n", "f:2: \"words.2\" repeats \"b\" of line 2"},
		{"title: a\nwords: [[b]]\n", "f:2: \"words.0\" must be a single value"},
		{"title: a\nwords: [\"b\\0c\"]\n", "without NUL"},
		{"title: a\nwords: [\"\"]\n", "f:2: \"words.0\" must be given a value"},
		{"title: a\ncolours: []\n", "a list of 1 to 2 elements, not 0"},
		{"title: a\ncolours: red\n", "f:2: \"colours\" must be a list"},
		{"title: a\ncolours: [red, red]\n", "f:2: \"colours.1\" repeats \"red\""},
		{"title: a\ncolours: [blue]\n",
			"f:2: \"colours.0\" is \"blue\": must be one of: red, green"},
		{"title: a\non: yes\n", "f:2: \"on\" must be true or false"},
		{"title: a\non: maybe\n", "true or false"},
		{"title: a\ncolour: blue\n",
			"f:2: \"colour\" is \"blue\": must be one of: red, green"},
		{"title: a\ncolour: 1\n", "one of: red, green"},
		{"title: a\nitems: []\n", "a list of 1 to 3 elements, not 0"},
		{"title: a\nwords: [a, b, c, d]\n", "not 4"},
		{"title: a\nwords: a\n", "\"words\" must be a list"},
		{"title: a\nitems: [a]\n", "\"items.0\" must be a mapping"},
		{"title: a\nmore: {<<: {secret: /x}}\n", "f:2: unknown key \"<<\" in \"more\""},
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
		AUTO_STRUCT(arena) a = arena_new(0);
		const struct yaml_doc *doc = NULL;
		struct sample s;
		enum err e = read_sample(a, cases[i].text, &s, &doc);

		CHECK_CASE(e == ERR_INVALID || e == ERR_LIMIT, cases[i].text);
		if (strstr(err_reason(), cases[i].words) == NULL)
			fprintf(stderr, "reason is \"%s\"\n", err_reason());
		CHECK_CASE(strstr(err_reason(), cases[i].words) != NULL, cases[i].text);
		CHECK_CASE(doc == NULL, cases[i].text);
	}
}

static void
test_refusal_does_not_repeat_a_secret(void)
{
	static const char *const texts[] = {
		"password: hunter2\n", "title: a\nmore: {secret: hunter2}\n"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO_STRUCT(arena) a = arena_new(0);
		const struct yaml_doc *doc;
		struct sample s;

		CHECK_ERR(read_sample(a, texts[i], &s, &doc), ERR_INVALID);
		CHECK(strstr(err_reason(), "hunter2") == NULL);
	}
}

static void
test_oversized_text_is_refused(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	char *text = malloc(YAML_SIZE_MAX + 1);
	const struct yaml_doc *doc;
	struct sample s = {0};

	memset(text, '#', YAML_SIZE_MAX + 1);
	CHECK_ERR(
		yaml_read(a, "f", bytes_of(text, YAML_SIZE_MAX + 1), &table, &s, &doc), ERR_LIMIT);
	free(text);
}

static void
test_a_default_that_does_not_fit_its_row_is_our_fault(void)
{
	static const struct yaml_row bad[] = {
		{.path = "port", .type = YAML_NUMBER, .max = 9, .fallback = "10"}};
	static const struct yaml_table bad_table = {bad, 1};
	AUTO_STRUCT(arena) a = arena_new(0);
	const struct yaml_doc *doc;
	uint32_t port;

	CHECK_REASON(yaml_read(a, "f", BYTES_LIT("port: 1\n"), &bad_table, &port, &doc),
		ERR_INTERNAL, "default of \"port\"");
}

static void
test_files_are_read_and_refused(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	char dir[] = "/tmp/yaml-test-XXXXXX", file[64];
	const struct yaml_doc *doc;
	struct sample s = {0};
	FILE *f;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(file, sizeof(file), "%s/f.yaml", dir);
	CHECK_REASON(yaml_read_file(a, file, &table, &s, &doc), ERR_NOTFOUND, "cannot be opened");
	CHECK_REASON(yaml_read_file(a, dir, &table, &s, &doc), ERR_INVALID, "not a regular file");
	f = fopen(file, "w");
	fputs(good, f);
	fclose(f);
	CHECK_OK(yaml_read_file(a, file, &table, &s, &doc));
	CHECK(strcmp(s.title, "one") == 0);
	unlink(file);
	rmdir(dir);
}

UNIT_MAIN("yaml", {"test_good_file_fills_the_structure", test_good_file_fills_the_structure},
	{"test_what_is_left_out_has_its_default", test_what_is_left_out_has_its_default},
	{"test_every_value_knows_its_line", test_every_value_knows_its_line},
	{"test_bad_text_is_refused_with_its_line", test_bad_text_is_refused_with_its_line},
	{"test_refusal_does_not_repeat_a_secret", test_refusal_does_not_repeat_a_secret},
	{"test_oversized_text_is_refused", test_oversized_text_is_refused},
	{"test_a_default_that_does_not_fit_its_row_is_our_fault",
		test_a_default_that_does_not_fit_its_row_is_our_fault},
	{"test_files_are_read_and_refused", test_files_are_read_and_refused})
