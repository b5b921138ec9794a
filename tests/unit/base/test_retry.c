/* Pauses double up to their end; one success and all begins anew. */
#include "lib/base/retry.h"
#include "tests/unit/unit.h"

static void
test_the_first_try_is_always_due(void)
{
	struct retry r = {.first_ms = 60000, .last_ms = 60000};

	CHECK(retry_due(&r) && retry_pause_ms(&r) == 0);
}

static void
test_after_a_failure_nothing_is_due_until_the_pause_is_over(void)
{
	struct retry r = {.first_ms = 60000, .last_ms = 60000};

	retry_failed(&r, ERR_UNAVAILABLE);
	CHECK(!retry_due(&r));
	CHECK(retry_pause_ms(&r) > 59000 && retry_pause_ms(&r) <= 60001);
}

static void
test_pauses_double_and_end_at_the_last(void)
{
	static const int64_t expected[] = {200, 400, 800, 1000, 1000};
	struct retry r = {.first_ms = 200, .last_ms = 1000};

	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		retry_failed(&r, ERR_UNAVAILABLE);
		CHECK(r.pause_ms == expected[i]);
	}
}

static void
test_an_outage_is_told_until_it_is_over(void)
{
	struct retry r = {.event = "test.retry", .first_ms = 1, .last_ms = 1};

	CHECK(!retry_succeeded(&r));
	retry_failed(&r, err_set(ERR_UNAVAILABLE, "expected"));
	retry_failed(&r, err_set(ERR_UNAVAILABLE, "expected, and not told again"));
	CHECK(retry_succeeded(&r));
	CHECK(!retry_succeeded(&r) && retry_due(&r));
}

static void
test_who_asks_for_it_gets_a_try_at_once(void)
{
	struct retry r = {.first_ms = 60000, .last_ms = 60000};

	retry_failed(&r, ERR_UNAVAILABLE);
	retry_now(&r);
	CHECK(retry_due(&r));
}

UNIT_MAIN("retry", {"test_the_first_try_is_always_due", test_the_first_try_is_always_due},
	{"test_after_a_failure_nothing_is_due_until_the_pause_is_over",
		test_after_a_failure_nothing_is_due_until_the_pause_is_over},
	{"test_pauses_double_and_end_at_the_last", test_pauses_double_and_end_at_the_last},
	{"test_an_outage_is_told_until_it_is_over", test_an_outage_is_told_until_it_is_over},
	{"test_who_asks_for_it_gets_a_try_at_once", test_who_asks_for_it_gets_a_try_at_once})
