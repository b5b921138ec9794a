#include "lib/base/json.h"

#include "tests/unit/unit.h"

static void
test_object_and_array_are_read(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO(json_t) object = NULL;
	AUTO(json_t) array = NULL;

	CHECK_OK(json_parse(BYTES_LIT("{\"b\": [1, \"\\\"}{\\u00e9\"], \"a\": null}"), &object));
	CHECK(strcmp(json_text(a, object), "{\"b\":[1,\"\\\"}{\xc3\xa9\"],\"a\":null}") == 0);
	CHECK_OK(json_parse(BYTES_LIT("[]"), &array));
	CHECK(json_is_array(array));
	CHECK(strcmp(json_text(a, json_true()), "true") == 0);
}

static void
test_bad_json_is_refused(void)
{
	static const struct {
		const char *text;
		enum err expected;
	} cases[] = {
		{"", ERR_INVALID},
		{"null", ERR_INVALID},
		{"\"text\"", ERR_INVALID},
		{"{\"a\":1,\"a\":2}", ERR_INVALID},
		{"{\"a\":{\"b\":1,\"b\":1}}", ERR_INVALID},
		{"{\"a\":1,\"\\u0061\":2}", ERR_INVALID},
		{"{} {}", ERR_INVALID},
		{"{}x", ERR_INVALID},
		{"{\"a\":1,}", ERR_INVALID},
		{"{a:1}", ERR_INVALID},
		{"{\"a\":01}", ERR_INVALID},
		{"{\"a\":\"\\u0000\"}", ERR_INVALID},
		{"{\"a\":\"\xff\"}", ERR_INVALID},
		{"{\"a\":\"\\", ERR_INVALID},
		{"{\"a\":1e999}", ERR_INVALID},
		{"{\"a\":99999999999999999999}", ERR_INVALID},
		{"[[[[[[[[[]]]]]]]]]", ERR_LIMIT},
		{"{\"a\":[[[[[[[[", ERR_LIMIT},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(json_t) value = NULL;

		CHECK_CASE(json_parse(bytes_str(cases[i].text), &value) == cases[i].expected,
			cases[i].text);
		CHECK_CASE(value == NULL, cases[i].text);
	}
}

static void
test_duplicate_is_named(void)
{
	AUTO(json_t) value = NULL;

	CHECK_REASON(
		json_parse(BYTES_LIT("{\"kid\":1,\n\"kid\":2}"), &value), ERR_INVALID, "line 2");
	CHECK(strstr(err_reason(), "duplicate") != NULL);
}

static void
test_brackets_in_strings_are_not_nesting(void)
{
	AUTO(json_t) deep = NULL;
	AUTO(json_t) text = NULL;

	CHECK_OK(json_parse(BYTES_LIT("[[[[[[[[1]]]]]]]]"), &deep));
	CHECK_OK(json_parse(BYTES_LIT("{\"a\":\"[[[[[[[[[[[[\\\"{{{{{{{{\"}"), &text));
}

static void
test_long_text_is_refused_unread(void)
{
	static char text[JSON_TEXT_MAX + 2];
	AUTO(json_t) value = NULL;
	AUTO(json_t) largest = NULL;

	memset(text, ' ', sizeof(text));
	text[0] = '[';
	text[JSON_TEXT_MAX - 1] = ']';
	CHECK_OK(json_parse(bytes_of(text, JSON_TEXT_MAX), &largest));
	CHECK_ERR(json_parse(bytes_of(text, JSON_TEXT_MAX + 1), &value), ERR_LIMIT);
}

static void
test_members_have_their_kind(void)
{
	AUTO(json_t) o = NULL;
	const char *s = "untouched";
	int64_t n = 7;
	bool b = true;

	CHECK_OK(json_parse(
		BYTES_LIT("{\"s\":\"x\",\"n\":-3,\"b\":false,\"z\":null,\"r\":1.0}"), &o));
	CHECK_REASON(json_get_string(o, "q", &s), ERR_INVALID, "\"q\" is missing");
	CHECK_REASON(json_get_string(o, "n", &s), ERR_INVALID, "\"n\" must be a string");
	CHECK_ERR(json_find_string(o, "z", &s), ERR_INVALID);
	CHECK(strcmp(s, "untouched") == 0);
	CHECK_OK(json_get_string(o, "s", &s));
	CHECK(strcmp(s, "x") == 0);
	CHECK_OK(json_find_string(o, "q", &s));
	CHECK(s == NULL);
	CHECK_ERR(json_find_int(o, "r", &n), ERR_INVALID);
	CHECK_ERR(json_find_int(o, "s", &n), ERR_INVALID);
	CHECK_OK(json_find_int(o, "q", &n));
	CHECK(n == 7);
	CHECK_OK(json_find_int(o, "n", &n));
	CHECK(n == -3);
	CHECK_ERR(json_find_bool(o, "n", &b), ERR_INVALID);
	CHECK_OK(json_find_bool(o, "b", &b));
	CHECK(!b);
}

static void
test_lists_hold_strings_only(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO(json_t) o = NULL;
	const char **list;
	size_t n = 9;

	CHECK_OK(json_parse(
		BYTES_LIT("{\"good\":[\"x\",\"y\"],\"mixed\":[\"x\",1],\"s\":\"x\"}"), &o));
	CHECK_OK(json_find_strings(a, o, "absent", &list, &n));
	CHECK(n == 0);
	CHECK_OK(json_find_strings(a, o, "good", &list, &n));
	CHECK(n == 2 && strcmp(list[1], "y") == 0);
	CHECK_ERR(json_find_strings(a, o, "mixed", &list, &n), ERR_INVALID);
	CHECK_ERR(json_find_strings(a, o, "s", &list, &n), ERR_INVALID);
}

static void
test_unknown_member_is_refused_by_name(void)
{
	static const char *const allowed[] = {"alg", "jwk", NULL};
	AUTO(json_t) good = NULL;
	AUTO(json_t) bad = NULL;

	CHECK_OK(json_parse(BYTES_LIT("{\"alg\":\"ES256\"}"), &good));
	CHECK_OK(json_only_members(good, allowed));
	CHECK_OK(json_parse(BYTES_LIT("{\"alg\":\"ES256\",\"b64\":false}"), &bad));
	CHECK_REASON(json_only_members(bad, allowed), ERR_INVALID, "\"b64\"");
}

UNIT_MAIN("json", {"test_object_and_array_are_read", test_object_and_array_are_read},
	{"test_bad_json_is_refused", test_bad_json_is_refused},
	{"test_duplicate_is_named", test_duplicate_is_named},
	{"test_brackets_in_strings_are_not_nesting", test_brackets_in_strings_are_not_nesting},
	{"test_long_text_is_refused_unread", test_long_text_is_refused_unread},
	{"test_members_have_their_kind", test_members_have_their_kind},
	{"test_lists_hold_strings_only", test_lists_hold_strings_only},
	{"test_unknown_member_is_refused_by_name", test_unknown_member_is_refused_by_name})
