/* When operators are told that a CRL is late, and when not. */
#include "ca/crl_late.h"
#include "tests/unit/unit.h"

enum { NOW = 1800000000, HOUR = 3600, DAY = 24 * HOUR, NONE = -1 };

static void
test_late_is_a_minute_of_waiting_or_half_of_the_time(void)
{
	static const struct {
		const char *name;
		int64_t refresh;
		struct ca_crl_age crl;
		const char *says; /* NULL: nothing */
	} cases[] = {
		{"fresh", HOUR, {NOW - HOUR, NOW + 23 * HOUR, 5, NONE}, NULL},
		{"marks of this minute", HOUR, {NOW - HOUR, NOW + 23 * HOUR, 0, 60000}, NULL},
		{"an old mark", HOUR, {NOW - HOUR, NOW + 23 * HOUR, 0, 61000}, "waited 61 seconds"},
		{"an old mark and no CRL", HOUR, {0, 0, 0, 100000}, "waited 100 seconds"},
		{"a CRL that costs 20 s", HOUR, {NOW - HOUR, NOW + 23 * HOUR, 20000, 300000}, NULL},
		{"later than that", HOUR, {NOW - HOUR, NOW + 23 * HOUR, 20000, 300001},
			"waited 300 seconds"},
		{"none yet", HOUR, {0, 0, 0, NONE}, NULL},
		{"just before half", HOUR, {NOW - 12 * HOUR, NOW + 12 * HOUR, 0, NONE}, NULL},
		{"past half", HOUR, {NOW - 13 * HOUR, NOW + 11 * HOUR, 0, NONE}, "not renewed"},
		{"renewed after half", 20 * HOUR, {NOW - 13 * HOUR, NOW + 11 * HOUR, 0, NONE},
			NULL},
		{"not renewed after that", 20 * HOUR, {NOW - 21 * HOUR, NOW + 3 * HOUR, 0, NONE},
			"not renewed"},
		{"short-lived", 2, {NOW - 3, NOW + 1, 0, NONE}, NULL},
		{"ended, which others tell", HOUR, {NOW - DAY, NOW - 1, 0, NONE}, NULL},
	};
	AUTO_STRUCT(arena) a = arena_new(0);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct config_crl policy = {
			.lifetime = DAY, .refresh = cases[i].refresh, .backdate = 300};
		const char *said = ca_crl_late(a, "issuing-1", &policy, &cases[i].crl, NOW);

		CHECK_CASE(cases[i].says == NULL
				? said == NULL
				: said != NULL && strstr(said, cases[i].says) != NULL,
			cases[i].name);
	}
}

static void
test_pause_is_ten_times_the_cost_and_ten_minutes_at_most(void)
{
	CHECK(ca_crl_pause_ms(0) == 0 && ca_crl_pause_ms(7) == 70);
	CHECK(ca_crl_pause_ms(60000) == 600000 && ca_crl_pause_ms(INT64_MAX) == 600000);
}

UNIT_MAIN("crl late",
	{"test_late_is_a_minute_of_waiting_or_half_of_the_time",
		test_late_is_a_minute_of_waiting_or_half_of_the_time},
	{"test_pause_is_ten_times_the_cost_and_ten_minutes_at_most",
		test_pause_is_ten_times_the_cost_and_ten_minutes_at_most})
