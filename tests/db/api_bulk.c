/* Requests that wait for the writer together are added by one statement: each gets its own answer
 * all the same. The writer is held by a lock of the table while they queue up. */
#include <sched.h>
#include <semaphore.h>

#include "lib/store/queue/internal.h"
#include "tests/db/api.h"

/* For what lib/store has no function for. */
static struct db_conn sql;
static struct db_config sql_config;

static struct world
open_bulk(void)
{
	sql_config = (struct db_config){.host = getenv("STORE_HOST"),
		.dbname = getenv("STORE_DBNAME"),
		.user = "chancery_owner",
		.program = "api"};
	CHECK_OK(db_conn_open(&sql, &sql_config, DB_CONN_OWNER, NULL, DB_CONN_CONNECT_US));
	return open_world();
}

static void
close_bulk(struct world *w)
{
	db_conn_close(&sql);
	close_world(w);
}

static int64_t
number(const struct stmt *st, const char *text, int64_t id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	if (text != NULL)
		params_text(&p, text);
	else
		params_int(&p, id);
	CHECK_OK(db_conn_run(&sql, st, &p, &res));
	return res != NULL ? result_int(res, 0, 0) : -1;
}

struct one {
	struct store_request_new new;
	sem_t answered;
	enum err code;
	enum err_word word;
	int64_t id;
	bool old;
};

static void
answered(void *ctx, enum err code, const PGresult *res, size_t at)
{
	struct one *o = ctx;

	o->code = code == ERR_OK ? request_read_added(res, at, &o->id, &o->old) : code;
	o->word = err_word();
	sem_post(&o->answered);
}

static struct store_request_new
wish(const struct world *w, const char *request_id, struct bytes key)
{
	static const char *const name[] = {"dns:a.example.org"};

	return (struct store_request_new){.protocol = CA_PROTOCOL_EST,
		.request_id = request_id,
		.identity = w->identity,
		.profile = "device",
		.names = name,
		.name_count = 1,
		.spki = key};
}

/* The first is what the writer is held with; the others come behind it, as one batch. */
static void
run_together(struct world *w, struct one *all, size_t n)
{
	struct one plug = {.new = wish(w, "plug", BYTES_LIT("plug"))};
	static const struct stmt held = {"held",
		"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'issuance_request'::regclass AND $1 = 0",
		1};
	int64_t deadline = clock_monotonic_us() + 5000000;

	CHECK_OK(db_conn_command(&sql, "BEGIN"));
	CHECK_OK(db_conn_command(&sql, "LOCK TABLE issuance_request IN EXCLUSIVE MODE"));
	sem_init(&plug.answered, 0, 0);
	request_submit(w->gateway, &plug.new, answered, &plug);
	while (number(&held, NULL, 0) == 0 && clock_monotonic_us() < deadline)
		continue;
	for (size_t i = 0; i < n; i++) {
		sem_init(&all[i].answered, 0, 0);
		request_submit(w->gateway, &all[i].new, answered, &all[i]);
	}
	CHECK_OK(db_conn_command(&sql, "COMMIT"));
	sem_wait(&plug.answered);
	for (size_t i = 0; i < n; i++)
		sem_wait(&all[i].answered);
}

/* How many statements added these rows. */
static int64_t
statements(const char *prefix)
{
	static const struct stmt count = {"statements",
		"SELECT count(DISTINCT (xmin::text, cmin::text)) FROM issuance_request WHERE request_id LIKE $1 || '%'",
		1};

	return number(&count, prefix, 0);
}

static void
test_each_row_of_a_statement_gets_its_own_answer(void)
{
	struct world w = open_bulk();
	static const char *const three[] = {"dns:x.example.org", "ip:192.0.2.1", "uri:a,{b}\"\\"};
	static const struct stmt right = {"right",
		"SELECT count(*) FROM issuance_request WHERE id = $1 AND names = '{dns:x.example.org,ip:192.0.2.1,\"uri:a,{b}\\\"\\\\\"}' "
		"AND not_before = '2026-01-01' AND not_after IS NULL AND length(renewed_from) = 16 AND request_id = 'mixed-6' "
		"AND spki = 'k6'",
		1};
	static const struct stmt nameless = {"nameless",
		"SELECT count(*) FROM issuance_request WHERE id = $1 AND names = '{}' AND not_before IS NULL "
		"AND renewed_from IS NULL AND acme_order IS NULL",
		1};
	uint8_t revoked[STORE_SERIAL_SIZE], live[STORE_SERIAL_SIZE];
	const char *blocked;
	bool changed;
	struct one all[] = {{.new = wish(&w, "mixed-1", BYTES_LIT("k1"))},
		{.new = wish(&w, "mixed-2", BYTES_LIT("k2"))},
		{.new = wish(&w, "mixed-3", BYTES_LIT("k3"))},
		{.new = wish(&w, "mixed-4", BYTES_LIT("k4"))},
		{.new = wish(&w, "mixed-5", BYTES_LIT("k5"))},
		{.new = wish(&w, "mixed-6", BYTES_LIT("k6"))}};

	api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, revoked);
	api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, live);
	CHECK_OK(api_revoke(w.admin, w.a, revoked, 4));
	all[1].new.identity = api_identity(w.admin, w.a, IDENTITY_DEVICE, &blocked);
	CHECK_OK(store_identity_set_state(w.admin, blocked, IDENTITY_BLOCKED, "t", "r", &changed));
	all[2].new.renewed_from = revoked;
	all[3].new.identity = 1 << 30;
	all[4].new.name_count = 0;
	all[5].new.names = three;
	all[5].new.name_count = 3;
	all[5].new.not_before = 1767225600;
	all[5].new.renewed_from = live;
	run_together(&w, all, ARRAY_LEN(all));
	CHECK_OK(all[0].code);
	CHECK(all[1].code == ERR_DENIED && all[1].word == WORD_IDENTITY_BLOCKED);
	CHECK(all[2].code == ERR_DENIED && all[2].word == WORD_CERTIFICATE_REVOKED);
	CHECK(all[3].code == ERR_NOTFOUND);
	CHECK_OK(all[4].code);
	CHECK_OK(all[5].code);
	CHECK(number(&nameless, NULL, all[4].id) == 1);
	CHECK(number(&right, NULL, all[5].id) == 1);
	CHECK(statements("mixed-") == 1);
	close_bulk(&w);
}

static void
test_same_wish_twice_in_a_batch_is_one_request(void)
{
	struct world w = open_bulk();
	struct one all[] = {{.new = wish(&w, "twice-1", BYTES_LIT("same"))},
		{.new = wish(&w, "twice-2", BYTES_LIT("other"))},
		{.new = wish(&w, "twice-3", BYTES_LIT("same"))},
		{.new = wish(&w, "twice-4", BYTES_LIT("other too"))}};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		all[i].new.repeat_window = 900;
	run_together(&w, all, ARRAY_LEN(all));
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		CHECK_OK(all[i].code);
	CHECK(!all[0].old && all[2].old && all[2].id == all[0].id);
	CHECK(!all[1].old && !all[3].old && all[1].id != all[3].id && all[1].id != all[0].id);
	close_bulk(&w);
}

static void
test_row_that_breaks_a_rule_fails_alone(void)
{
	struct world w = open_bulk();
	struct one all[] = {{.new = wish(&w, "rule-1", BYTES_LIT("r1"))},
		{.new = wish(&w, "rule-2", BYTES_LIT("r2"))},
		{.new = wish(&w, "rule-3", BYTES_LIT("r3"))}};

	all[1].new.profile = "\xff"; /* no UTF-8 */
	run_together(&w, all, ARRAY_LEN(all));
	CHECK_OK(all[0].code);
	CHECK(all[1].code == ERR_INVALID);
	CHECK_OK(all[2].code);
	CHECK(statements("rule-") == 2);
	close_bulk(&w);
}

static void
test_order_is_finalized_once_and_others_beside_it(void)
{
	struct world w = open_bulk();
	static const struct stmt account = {"account",
		"INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES ('bulk', $1, sha256('bulk'), '{}') RETURNING 1",
		1};
	static const struct stmt order = {"order",
		"INSERT INTO acme_order (id, account, profile, identifiers, granted, authorizations, expires) "
		"VALUES ($1, 'bulk', 'device', '{dns:a.example.org}', true, '{}', now() + interval '1 hour') RETURNING 1",
		1};
	static const struct stmt request = {
		"order_request", "SELECT coalesce(request, 0) FROM acme_order WHERE id = $1", 1};
	struct one all[] = {{.new = wish(&w, "order-1", BYTES_LIT("o1"))},
		{.new = wish(&w, "order-2", BYTES_LIT("o2"))},
		{.new = wish(&w, "order-3", BYTES_LIT("o3"))},
		{.new = wish(&w, "order-4", BYTES_LIT("o4"))}};
	const char *const orders[] = {"first", "second", "first", "unknown"};

	CHECK(number(&account, NULL, w.identity) == 1);
	CHECK(number(&order, "first", 0) == 1 && number(&order, "second", 0) == 1);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		all[i].new.protocol = CA_PROTOCOL_ACME;
		all[i].new.acme_order = orders[i];
	}
	run_together(&w, all, ARRAY_LEN(all));
	CHECK_OK(all[0].code);
	CHECK_OK(all[1].code);
	CHECK(all[2].code == ERR_CONFLICT && all[3].code == ERR_CONFLICT);
	CHECK(number(&request, "first", 0) == all[0].id &&
		number(&request, "second", 0) == all[1].id);
	CHECK(statements("order-") == 1);
	close_bulk(&w);
}

/* A batch may grow when the one before it was not small. */
static void
test_growing_batch_may_be_withdrawn_whole(void)
{
	struct world w = open_bulk();
	struct one all[] = {{.new = wish(&w, "grow", BYTES_LIT("g1"))},
		{.new = wish(&w, "grow", BYTES_LIT("g2"))},
		{.new = wish(&w, "grow", BYTES_LIT("g3"))},
		{.new = wish(&w, "grow", BYTES_LIT("g4"))}};
	struct one gone = {.new = wish(&w, "gone", BYTES_LIT("gone"))};
	struct timespec until;
	bool withdrawn = false;

	sem_init(&gone.answered, 0, 0);
	for (int round = 0; round < 20; round++) {
		run_together(&w, all, ARRAY_LEN(all));
		request_submit(w.gateway, &gone.new, answered, &gone);
		for (int64_t at = clock_monotonic_us() + 500; clock_monotonic_us() < at;)
			sched_yield(); /* the writer has seen it, and waits for more */
		if (db_withdraw(store_db(w.gateway), &gone))
			withdrawn = true;
		else
			sem_wait(&gone.answered);
	}
	CHECK(withdrawn);
	request_submit(w.gateway, &gone.new, answered, &gone);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	if (sem_timedwait(&gone.answered, &until) != 0) {
		fprintf(stderr, "the writer does not answer any more\n");
		exit(2);
	}
	CHECK_OK(gone.code);
	close_bulk(&w);
}

UNIT_MAIN("store bulk",
	{"test_each_row_of_a_statement_gets_its_own_answer",
		test_each_row_of_a_statement_gets_its_own_answer},
	{"test_same_wish_twice_in_a_batch_is_one_request",
		test_same_wish_twice_in_a_batch_is_one_request},
	{"test_row_that_breaks_a_rule_fails_alone", test_row_that_breaks_a_rule_fails_alone},
	{"test_order_is_finalized_once_and_others_beside_it",
		test_order_is_finalized_once_and_others_beside_it},
	{"test_growing_batch_may_be_withdrawn_whole", test_growing_batch_may_be_withdrawn_whole})
