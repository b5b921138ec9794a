/* A program that ends: a database that answers is waited for as ever, one that does not is given up
 * within seconds by all together. */
#include "lib/store/internal.h"
#include "tests/db/api.h"

static const struct stmt one_second = {"end_short", "SELECT pg_sleep(1)", 0};
static const struct stmt for_ever = {"end_long", "SELECT pg_sleep(30)", 0};
static const struct stmt at_once = {"end_none", "SELECT 1", 0};

static bool
told_to_stop(void)
{
	return true;
}

static int64_t
run_us(struct store *s, const struct stmt *st, enum err expected)
{
	int64_t begun = clock_monotonic_us();

	CHECK_ERR(db_run(store_db(s), st, NULL, NULL), expected);
	return clock_monotonic_us() - begun;
}

static void
test_database_that_answers_is_waited_for_although_the_program_ends(void)
{
	AUTO_STRUCT(store) s = api_open("chancery_signer", DB_WITHOUT_WRITER);

	db_stopping(store_db(s));
	for (int i = 0; i < 5; i++) /* more than the time of silence in all */
		CHECK(run_us(s, &one_second, ERR_OK) >= 1000000);
	CHECK(!db_late(store_db(s), INT64_MAX));
}

/* The limit is one for all: whoever comes later waits no more. */
static void
check_given_up(struct store *s)
{
	CHECK(run_us(s, &for_ever, ERR_UNAVAILABLE) < DB_CONN_LAST_US + 1000000);
	CHECK(db_late(store_db(s), INT64_MAX));
	CHECK(run_us(s, &for_ever, ERR_UNAVAILABLE) < 500000);
}

static void
test_silent_database_is_given_up_once_for_all(void)
{
	AUTO_STRUCT(store) s = api_open("chancery_signer", DB_WITHOUT_WRITER);

	CHECK(run_us(s, &one_second, ERR_OK) >= 1000000);
	db_stopping(store_db(s));
	check_given_up(s);
}

/* Nobody has said db_stopping(): the thread that would is the one that waits. */
static void
test_wish_to_stop_is_noticed_in_the_middle_of_a_wait(void)
{
	const struct db_config config = {.host = getenv("STORE_HOST"),
		.dbname = getenv("STORE_DBNAME"),
		.user = "chancery_signer",
		.program = "api",
		.stop_wanted = told_to_stop};
	AUTO_STRUCT(store) s = NULL;

	CHECK_OK(store_open(&config, &s));
	CHECK(run_us(s, &at_once, ERR_OK) < DB_CONN_LAST_US);
	check_given_up(s);
}

UNIT_MAIN("store end",
	{"test_database_that_answers_is_waited_for_although_the_program_ends",
		test_database_that_answers_is_waited_for_although_the_program_ends},
	{"test_silent_database_is_given_up_once_for_all",
		test_silent_database_is_given_up_once_for_all},
	{"test_wish_to_stop_is_noticed_in_the_middle_of_a_wait",
		test_wish_to_stop_is_noticed_in_the_middle_of_a_wait})
