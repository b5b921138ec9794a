/* What files spell in words: durations and vocabularies. */
#include "lib/base/duration.h"
#include "lib/base/words.h"
#include "tests/unit/unit.h"

static void
test_durations_are_read_exactly(void)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: refused */
	} cases[] = {{"0s", 0}, {"30s", 30}, {"5m", 300}, {"8h", 28800}, {"7d", 604800},
		{"3650d", 315360000}, {"", -1}, {"s", -1}, {"30", -1}, {"30 s", -1}, {" 30s", -1},
		{"30S", -1}, {"-1s", -1}, {"+1s", -1}, {"1.5h", -1}, {"1h30m", -1}, {"30sec", -1},
		{"1w", -1}, {"4000d", -1}, {"99999999999999999999s", -1}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t seconds = -1;
		enum err e = duration_parse(cases[i].text, &seconds);

		CHECK_CASE(e == (cases[i].seconds < 0 ? ERR_INVALID : ERR_OK), cases[i].text);
		CHECK_CASE(seconds == cases[i].seconds, cases[i].text);
	}
}

static void
test_durations_are_told_in_their_largest_unit(void)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {{0, "0s"}, {1, "1s"}, {60, "1m"}, {61, "61s"}, {5400, "90m"}, {86400, "1d"},
		{90000, "25h"}, {DURATION_MAX, "3660d"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[DURATION_SIZE];

		CHECK_CASE(strcmp(duration_text(cases[i].seconds, text), cases[i].text) == 0,
			cases[i].text);
	}
}

static const char *
colour_name(unsigned i)
{
	return i == 0 ? "red" : "green";
}

static const char *
long_name(unsigned i)
{
	(void)i;
	return "a-word-of-twenty-six-letters";
}

static void
test_words_are_found_to_the_letter(void)
{
	static const struct words colours = {colour_name, 2};
	char list[WORDS_LIST_SIZE];
	unsigned i = 7;

	CHECK(!words_find(&colours, "Red", &i) && !words_find(&colours, "", &i) && i == 7);
	CHECK(!words_find(&colours, NULL, &i) && i == 7);
	CHECK(words_find(&colours, "green", &i) && i == 1);
	CHECK(strcmp(words_list(&colours, list), "red, green") == 0);
}

static void
test_words_from_outside_are_told_what_is_allowed(void)
{
	static const struct words colours = {colour_name, 2};
	unsigned i = 7;

	CHECK_REASON(words_parse(&colours, "colour", "Red", &i), ERR_INVALID,
		"colour \"Red\" is none of red, green");
	CHECK_ERR(words_parse(&colours, "colour", NULL, &i), ERR_INVALID);
	CHECK(i == 7);
	CHECK_OK(words_parse(&colours, "colour", "red", &i));
	CHECK(i == 0 && strcmp(words_name(&colours, 1), "green") == 0 &&
		strcmp(words_name(&colours, 2), "unknown") == 0);
}

static void
test_a_long_list_of_words_is_cut(void)
{
	static const struct words many = {long_name, 100};
	char list[WORDS_LIST_SIZE];

	CHECK(strlen(words_list(&many, list)) == WORDS_LIST_SIZE - 1);
}

UNIT_MAIN("words", {"test_durations_are_read_exactly", test_durations_are_read_exactly},
	{"test_durations_are_told_in_their_largest_unit",
		test_durations_are_told_in_their_largest_unit},
	{"test_words_are_found_to_the_letter", test_words_are_found_to_the_letter},
	{"test_words_from_outside_are_told_what_is_allowed",
		test_words_from_outside_are_told_what_is_allowed},
	{"test_a_long_list_of_words_is_cut", test_a_long_list_of_words_is_cut})
