/* When a feed's cursor is to be stepped back: after a connection that the server may have crashed before, and after no other. */
#include "lib/db/follow.h"
#include "lib/store/internal.h"
#include "tests/db/api.h"

enum { PATIENCE_US = 10000000 };

static const struct stmt end_all = {"doubt_end",
	"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid() AND "
	"application_name LIKE 'doubt@%'",
	0};
static const struct stmt look = {"doubt_look", "SELECT 1", 0};

/* One that is made anew, not taken from the pool. */
static void
connect_anew(struct store *s)
{
	struct db_conn *c = NULL;

	CHECK_OK(db_take(store_db(s), DB_OWN, &c));
	db_conn_close(c);
	db_give(store_db(s), DB_OWN, c);
}

/* Until the bells are connected every connection is doubtful. */
static bool
becomes_certain(struct store *s, uint64_t *seen)
{
	int64_t until = clock_monotonic_us() + PATIENCE_US;
	bool doubtful = true;

	while (doubtful && clock_monotonic_us() < until) {
		(void)db_feed_doubtful(store_db(s), seen);
		connect_anew(s);
		doubtful = db_feed_doubtful(store_db(s), seen);
	}
	return !doubtful;
}

static void
test_further_connection_is_no_doubt_but_any_after_the_bells_have_lost_theirs(void)
{
	AUTO_STRUCT(store) s = api_open_as("chancery_signer", "doubt", DB_WITHOUT_WRITER);
	AUTO_STRUCT(store) other = api_open("chancery_signer", DB_WITHOUT_WRITER);
	uint64_t seen = 0;

	CHECK(db_feed_doubtful(store_db(s), &seen)); /* its first */
	CHECK(becomes_certain(s, &seen));
	for (int i = 0; i < 5; i++)
		connect_anew(s);
	CHECK(!db_feed_doubtful(store_db(s), &seen));
	CHECK_OK(db_run(store_db(other), &end_all, NULL, NULL));
	CHECK_OK(db_read(store_db(s), &look, NULL, NULL));
	CHECK(db_feed_doubtful(store_db(s), &seen));
	CHECK(becomes_certain(s, &seen));
}

UNIT_MAIN("store doubt",
	{"test_further_connection_is_no_doubt_but_any_after_the_bells_have_lost_theirs",
		test_further_connection_is_no_doubt_but_any_after_the_bells_have_lost_theirs})
