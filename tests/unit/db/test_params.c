/* Parameters in PostgreSQL's formats, and values out of results: without a database. */
#include "lib/db/conn.h"
#include "tests/unit/unit.h"

/* A result of one row and one binary column. */
static PGresult *
one_value(const void *octets, int length)
{
	PGresAttDesc column = {.name = (char *)(uintptr_t) "c", .format = 1};
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	CHECK(res != NULL && PQsetResultAttrs(res, 1, &column) != 0);
	CHECK(PQsetvalue(res, 0, 0, (char *)(uintptr_t)octets, length) != 0);
	return res;
}

static struct bytes
param(const struct params *p, int i)
{
	return p->format[i] == 1 ? bytes_of(p->value[i], (size_t)p->length[i])
				 : bytes_str(p->value[i]);
}

static void
test_numbers_and_nulls(void)
{
	AUTO_PARAMS(p);

	params_int(&p, INT64_MIN);
	params_int_or_null(&p, -1, -1);
	params_int_or_null(&p, 0, -1);
	params_text(&p, NULL);
	params_bytes(&p, (struct bytes){NULL, 0});
	params_bytes(&p, BYTES_LIT(""));
	params_time(&p, 0);
	params_bool(&p, true);
	CHECK(p.count == 8);
	CHECK(bytes_equal(param(&p, 0), BYTES_LIT("-9223372036854775808")));
	CHECK(p.value[1] == NULL && p.value[3] == NULL && p.value[4] == NULL && p.value[6] == NULL);
	CHECK(bytes_equal(param(&p, 2), BYTES_LIT("0")));
	CHECK(p.value[5] != NULL && p.length[5] == 0 &&
		p.format[5] == 1); /* empty octets are not null */
	CHECK(bytes_equal(param(&p, 7), BYTES_LIT("t")));
}

static void
test_times_count_microseconds_since_2000_and_come_back(void)
{
	static const struct {
		const char *name;
		int64_t unix_seconds;
		uint8_t octets[8];
	} cases[] = {
		{"2000-01-01", 946684800, {0}},
		{"a second later", 946684801, {0, 0, 0, 0, 0, 0x0f, 0x42, 0x40}},
		{"a second before", 946684799, {0xff, 0xff, 0xff, 0xff, 0xff, 0xf0, 0xbd, 0xc0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_PARAMS(p);

		params_time(&p, cases[i].unix_seconds);
		CHECK_CASE(bytes_equal(param(&p, 0), bytes_of(cases[i].octets, 8)), cases[i].name);
		AUTO(PGresult) res = one_value(cases[i].octets, 8);
		CHECK_CASE(result_time(res, 0, 0) == cases[i].unix_seconds, cases[i].name);
	}
	/* A fraction of a second belongs to the second it follows, before 2000 too. */
	const uint8_t before[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	AUTO(PGresult) res = one_value(before, 8);
	CHECK(result_time(res, 0, 0) == 946684799);
}

static void
test_text_arrays_need_no_escaping_and_come_back(void)
{
	const char *const texts[] = {"", "a", "{\"b\\\",NULL}", "\xc3\xa4"};
	AUTO_STRUCT(arena) a = arena_new(0);

	for (size_t n = 0; n <= ARRAY_LEN(texts); n++) {
		AUTO_PARAMS(p);
		size_t count = 99;

		params_texts(&p, texts, n);
		AUTO(PGresult) res = one_value(p.value[0], p.length[0]);
		const char **back = result_texts(a, res, 0, 0, &count);
		CHECK(count == n);
		for (size_t i = 0; i < n && i < count; i++)
			CHECK(strcmp(back[i], texts[i]) == 0);
	}
}

static void
test_array_with_a_null_says_so(void)
{
	const struct bytes items[] = {BYTES_LIT("x"), {NULL, 0}};
	const uint8_t expected[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 17, 0, 0, 0, 2, 0, 0, 0, 1, 0,
		0, 0, 1, 'x', 0xff, 0xff, 0xff, 0xff};
	AUTO_PARAMS(p);

	const int64_t times[] = {0, 946684801};
	const uint8_t expected_times[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 4, 0xa0, 0, 0, 0, 2, 0, 0,
		0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40};

	params_bytes_array(&p, items, 2);
	params_times(&p, times, 2);
	CHECK(bytes_equal(param(&p, 0), bytes_of(expected, sizeof(expected))));
	CHECK(bytes_equal(param(&p, 1), bytes_of(expected_times, sizeof(expected_times))));
}

static void
test_number_arrays_are_big_endian(void)
{
	const int64_t numbers[] = {-2};
	const int16_t shorts[] = {258};
	const uint8_t expected[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 1, 0,
		0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
	const uint8_t expected_short[] = {
		0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 21, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2};
	AUTO_PARAMS(p);

	params_ints(&p, numbers, 1);
	params_shorts(&p, shorts, 1);
	params_times(&p, numbers, 0);
	CHECK(bytes_equal(param(&p, 0), bytes_of(expected, sizeof(expected))));
	CHECK(bytes_equal(param(&p, 1), bytes_of(expected_short, sizeof(expected_short))));
	CHECK(p.length[2] == 12); /* an empty array has no dimension */
}

static void
test_integers_of_every_size(void)
{
	static const struct {
		const char *name;
		uint8_t octets[8];
		int length;
		int64_t value;
	} cases[] = {
		{"smallint", {0xff, 0xfe}, 2, -2},
		{"integer", {0, 1, 0, 0}, 4, 65536},
		{"bigint", {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 8, INT64_MAX},
		{"negative bigint", {0x80}, 8, INT64_MIN},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(PGresult) res = one_value(cases[i].octets, cases[i].length);

		CHECK_CASE(result_int(res, 0, 0) == cases[i].value, cases[i].name);
	}
}

static void
test_null_is_zero_null_and_empty(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO(PGresult) res = one_value(NULL, -1);
	uint8_t octets[2] = {7, 7};
	size_t n = 9;

	CHECK(result_null(res, 0, 0) && result_int(res, 0, 0) == 0 && result_time(res, 0, 0) == 0 &&
		!result_bool(res, 0, 0));
	CHECK(result_text(a, res, 0, 0) == NULL && result_peek(res, 0, 0) == NULL &&
		result_bytes(a, res, 0, 0).n == 0);
	CHECK(result_texts(a, res, 0, 0, &n) != NULL && n == 0);
	CHECK_OK(result_octets(res, 0, 0, octets, 2));
	CHECK(octets[0] == 7);
}

static void
test_octets_of_another_length_are_refused(void)
{
	AUTO(PGresult) res = one_value("abc", 3);
	uint8_t octets[4] = {0};

	CHECK_OK(result_octets(res, 0, 0, octets, 3));
	CHECK(octets[2] == 'c');
	CHECK_REASON(result_octets(res, 0, 0, octets, 4), ERR_INTERNAL, "3 octets instead of 4");
	CHECK_ERR(result_octets(res, 0, 0, octets, 2), ERR_INTERNAL);
}

static void
test_damaged_arrays_yield_what_was_whole(void)
{
	static const struct {
		const char *name;
		uint8_t octets[32];
		int length;
		size_t count;
	} cases[] = {
		{"empty", {0}, 0, 0},
		{"header cut off", {0, 0, 0, 1, 0, 0}, 6, 0},
		{"two dimensions",
			{0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0},
			24, 0},
		{"more elements than octets",
			{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1},
			20, 0},
		{"element cut off",
			{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9,
				'x'},
			25, 0},
		{"null element",
			{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff,
				0xff, 0xff},
			24, 0},
	};
	AUTO_STRUCT(arena) a = arena_new(0);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(PGresult) res = one_value(cases[i].octets, cases[i].length);
		size_t n = 99;

		CHECK_CASE(result_texts(a, res, 0, 0, &n) != NULL && n == cases[i].count,
			cases[i].name);
	}
}

static void
test_results_are_judged_by_their_status(void)
{
	AUTO(PGresult) rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	AUTO(PGresult) done = PQmakeEmptyPGresult(NULL, PGRES_COMMAND_OK);
	AUTO(PGresult) aborted = PQmakeEmptyPGresult(NULL, PGRES_PIPELINE_ABORTED);
	AUTO(PGresult) failed = PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR);

	CHECK_OK(db_conn_judge(rows));
	CHECK_OK(db_conn_judge(done));
	CHECK_ERR(db_conn_judge(aborted), ERR_UNAVAILABLE);
	CHECK_ERR(db_conn_judge(failed), ERR_INTERNAL);
}

static void
test_answer_that_is_too_large_is_refused(void)
{
	static const uint8_t octets[5000];
	AUTO(PGresult) res = one_value(octets, sizeof(octets));

	CHECK_OK(db_conn_bound(res, 2 * sizeof(octets)));
	CHECK_REASON(db_conn_bound(res, sizeof(octets) - 1), ERR_LIMIT, "too large");
}

UNIT_MAIN("store params and results", {"test_numbers_and_nulls", test_numbers_and_nulls},
	{"test_times_count_microseconds_since_2000_and_come_back",
		test_times_count_microseconds_since_2000_and_come_back},
	{"test_text_arrays_need_no_escaping_and_come_back",
		test_text_arrays_need_no_escaping_and_come_back},
	{"test_array_with_a_null_says_so", test_array_with_a_null_says_so},
	{"test_number_arrays_are_big_endian", test_number_arrays_are_big_endian},
	{"test_integers_of_every_size", test_integers_of_every_size},
	{"test_null_is_zero_null_and_empty", test_null_is_zero_null_and_empty},
	{"test_octets_of_another_length_are_refused", test_octets_of_another_length_are_refused},
	{"test_damaged_arrays_yield_what_was_whole", test_damaged_arrays_yield_what_was_whole},
	{"test_results_are_judged_by_their_status", test_results_are_judged_by_their_status},
	{"test_answer_that_is_too_large_is_refused", test_answer_that_is_too_large_is_refused})
