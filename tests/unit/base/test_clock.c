#include "lib/base/clock.h"

#include "tests/unit/unit.h"

static void
test_pinned_clock_stands_still(void)
{
	clock_pin(1795262400);
	CHECK(clock_now() == 1795262400);
	CHECK(clock_now_us() == 1795262400000000);
	clock_unpin();
	CHECK(clock_now() != 1795262400);
}

static void
test_monotonic_clock_is_not_pinned(void)
{
	int64_t before = clock_monotonic_us();

	clock_pin(0);
	CHECK(clock_monotonic_us() >= before);
	CHECK(clock_monotonic_us() > 0);
	clock_unpin();
}

static void
test_times_are_formatted(void)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_format_rfc3339(1795262400, text);
	CHECK(strcmp(text, "2026-11-21T12:00:00Z") == 0);
	clock_format_imf(1795262400, text);
	CHECK(strcmp(text, "Sat, 21 Nov 2026 12:00:00 GMT") == 0);
	clock_format_imf(784111777, text); /* the example of RFC 9110 section 5.6.7 */
	CHECK(strcmp(text, "Sun, 06 Nov 1994 08:49:37 GMT") == 0);
	clock_format_rfc3339(-55000000000, text);
	CHECK(strcmp(text, "0227-02-13T22:13:20Z") == 0);
	clock_format_rfc3339(INT64_MAX, text);
	CHECK(strcmp(text, "9999-12-31T23:59:59Z") == 0);
}

static void
test_rfc3339_is_read_with_any_offset(void)
{
	static const struct {
		const char *text;
		int64_t t;
	} cases[] = {
		{"2026-11-21T12:00:00Z", 1795262400},
		{"2026-11-21t12:00:00z", 1795262400},
		{"2026-11-21T12:00:00.999999Z", 1795262400},
		{"2026-11-21T13:30:00+01:30", 1795262400},
		{"2026-11-21T04:00:00-08:00", 1795262400},
		{"1970-01-01T00:00:00Z", 0},
		{"1969-12-31T23:59:59Z", -1},
		{"2024-02-29T00:00:00Z", 1709164800},
		{"9999-12-31T23:59:59Z", 253402300799},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t t = 42;

		CHECK_OK(clock_parse_rfc3339(bytes_str(cases[i].text), &t));
		CHECK_CASE(t == cases[i].t, cases[i].text);
	}
}

static void
test_bad_rfc3339_is_refused(void)
{
	static const char *const cases[] = {"", "2026-11-21", "2026-11-21T12:00:00",
		"2026-11-21 12:00:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z",
		"2026-11-21T24:00:00Z", "2026-11-21T12:60:00Z", "2026-11-21T12:00:60Z",
		"2026-11-21T12:00:00.Z", "2026-11-21T12:00:00Z ", "2026-11-21T12:00:00+24:00",
		"2026-11-21T12:00:00+0100", "26-11-21T12:00:00Z", "+026-11-21T12:00:00Z",
		"2026-11-21T12:00:00ZZ", "tomorrow"};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t t = 42;

		CHECK_CASE(clock_parse_rfc3339(bytes_str(cases[i]), &t) == ERR_INVALID, cases[i]);
		CHECK_CASE(t == 42, cases[i]);
	}
}

static void
test_imf_is_read_exactly(void)
{
	static const char *const refused[] = {"", "Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994", "Mon, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT"};
	int64_t t = 0;

	CHECK_OK(clock_parse_imf(BYTES_LIT("Sun, 06 Nov 1994 08:49:37 GMT"), &t));
	CHECK(t == 784111777);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		CHECK_CASE(clock_parse_imf(bytes_str(refused[i]), &t) == ERR_INVALID, refused[i]);
}

UNIT_MAIN("clock", {"test_pinned_clock_stands_still", test_pinned_clock_stands_still},
	{"test_monotonic_clock_is_not_pinned", test_monotonic_clock_is_not_pinned},
	{"test_times_are_formatted", test_times_are_formatted},
	{"test_rfc3339_is_read_with_any_offset", test_rfc3339_is_read_with_any_offset},
	{"test_bad_rfc3339_is_refused", test_bad_rfc3339_is_refused},
	{"test_imf_is_read_exactly", test_imf_is_read_exactly})
