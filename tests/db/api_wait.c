/* Who waits for a result: now, later, one that went away, and in one sleep. */
#include <pthread.h>

#include "tests/db/api.h"

static void
test_results_reach_who_waits_now_and_who_asks_later(void)
{
	struct world w = open_world();
	struct store_claim *claim;
	const struct store_claim_item *items;
	struct store_result result;
	size_t n = 0;
	int64_t issued = api_request(w.gateway, w.identity, BYTES_LIT("k"), NULL);
	int64_t refused = api_request(w.gateway, w.identity, BYTES_LIT("k"), NULL);

	CHECK_OK(store_request_wait(w.gateway, w.a, issued, 50, &result));
	CHECK(result.state == STORE_RESULT_PENDING);
	CHECK_OK(store_claim_open(w.signer, 64, w.a, &claim, &items, &n));
	CHECK(n == 2);
	struct store_outcome o[2] = {api_issued(w.issuer, "der"),
		{.kind = STORE_OUTCOME_REFUSED,
			.refusal_class = ERR_DENIED,
			.refusal_word = WORD_NAME_NOT_ALLOWED,
			.refusal = "no such name"}};
	CHECK_OK(store_claim_finish(claim, o));
	for (int64_t wait = 0; wait <= 5000; wait += 5000) {
		CHECK_OK(store_request_wait(w.gateway, w.a, issued, wait, &result));
		CHECK(result.state == STORE_RESULT_DONE && result.issuer == w.issuer &&
			bytes_equal(result.der, BYTES_LIT("der")));
		CHECK(memcmp(result.serial, o[0].serial, STORE_SERIAL_SIZE) == 0);
		CHECK_OK(store_request_wait(w.gateway, w.a, refused, wait, &result));
		CHECK(result.state == STORE_RESULT_REFUSED && result.refusal_class == ERR_DENIED);
		CHECK(result.refusal_word == WORD_NAME_NOT_ALLOWED &&
			strcmp(result.refusal, "no such name") == 0);
	}
	close_world(&w);
}

static void
test_every_word_of_the_signer_reaches_who_waits(void)
{
	for (unsigned word = 1; word < WORD_COUNT;) {
		struct world w = open_world();
		struct store_outcome o[STORE_CLAIM_MAX];
		int64_t id[STORE_CLAIM_MAX];
		struct store_claim *claim;
		const struct store_claim_item *items;
		struct store_result result;
		size_t n = 0, count = 0;

		for (; word < WORD_COUNT && count < STORE_CLAIM_MAX; count++) {
			id[count] = api_request(w.gateway, w.identity, BYTES_LIT("k"), NULL);
			o[count] = (struct store_outcome){.kind = STORE_OUTCOME_REFUSED,
				.refusal_class = ERR_DENIED,
				.refusal_word = (enum err_word)word++,
				.refusal = "no"};
		}
		CHECK_OK(store_claim_open(w.signer, STORE_CLAIM_MAX, w.a, &claim, &items, &n));
		CHECK(n == count);
		CHECK_OK(store_claim_finish(claim, o));
		for (size_t i = 0; i < count; i++) {
			CHECK_OK(store_request_wait(w.gateway, w.a, id[i], 5000, &result));
			CHECK_CASE(result.refusal_word == o[i].refusal_word,
				err_word_text(o[i].refusal_word));
		}
		close_world(&w);
	}
}

static void
test_old_result_is_told_at_once(void)
{
	struct world w = open_world();
	uint8_t serial[STORE_SERIAL_SIZE];
	struct store_certificate c;
	struct store_result result;

	api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, serial);
	CHECK_OK(store_certificate_find(w.gateway, w.a, serial, &c));
	AUTO_STRUCT(store) other = api_open("chancery_gateway", DB_WITHOUT_WRITER);
	CHECK_OK(store_request_wait(
		other, w.a, c.request, 5000, &result)); /* its poller starts here */
	CHECK(result.state == STORE_RESULT_DONE);
	int64_t start = clock_monotonic_us();
	CHECK_OK(store_request_wait(other, w.a, c.request, 5000, &result));
	CHECK(result.state == STORE_RESULT_DONE && clock_monotonic_us() - start < 500000);
	close_world(&w);
}

static void
test_one_sleep_ends_with_the_refusal_to_add_or_with_the_time(void)
{
	struct world w = open_world();
	const char *names[] = {"dns:a.example.org"};
	struct store_request_new r = {.protocol = CA_PROTOCOL_EST,
		.request_id = "r",
		.identity = w.identity,
		.profile = "device",
		.names = names,
		.name_count = 1,
		.spki = BYTES_LIT("one sleep")};
	struct store_result result;
	struct store_offboarded gone;
	int64_t id = 0;

	CHECK_OK(store_request_run(w.gateway, w.a, &r, 50, &id, &result)); /* no signer is there */
	CHECK(result.state == STORE_RESULT_PENDING && id > 0);
	CHECK_OK(store_request_run(w.gateway, w.a, &r, 0, &id, &result));
	CHECK(result.state == STORE_RESULT_PENDING);
	CHECK_OK(store_identity_offboard(w.admin, w.name, -1, "t", "r", &gone));
	CHECK(gone.requests == 2);
	CHECK_ERR(store_request_run(w.gateway, w.a, &r, 2000, &id, &result), ERR_DENIED);
	CHECK(err_word() == WORD_IDENTITY_BLOCKED);
	close_world(&w);
}

struct sleeper {
	struct world *w;
	struct store_result result;
	int64_t id;
	enum err e;
};

static void *
sleep_once(void *arg)
{
	struct sleeper *s = arg;
	const char *names[] = {"dns:a.example.org"};
	struct store_request_new r = {.protocol = CA_PROTOCOL_EST,
		.request_id = "r",
		.identity = s->w->identity,
		.profile = "device",
		.names = names,
		.name_count = 1,
		.spki = BYTES_LIT("answered"),
		.repeat_window = 900};
	struct arena *a = arena_new(0);

	s->e = store_request_run(s->w->gateway, a, &r, 10000, &s->id, &s->result);
	s->result.der.n = s->result.state == STORE_RESULT_DONE ? s->result.der.n : 0;
	arena_free(a);
	return NULL;
}

static void
test_one_sleep_ends_with_the_result(void)
{
	struct world w = open_world();
	struct sleeper s = {.w = &w}, again = {.w = &w};
	struct store_claim *claim = NULL;
	const struct store_claim_item *items;
	size_t n = 0;
	pthread_t thread;
	int64_t deadline = clock_monotonic_us() + 5000000;

	CU_ASSERT_FATAL(pthread_create(&thread, NULL, sleep_once, &s) == 0);
	while (store_claim_open(w.signer, 64, w.a, &claim, &items, &n) != ERR_OK &&
		clock_monotonic_us() < deadline)
		continue;
	CU_ASSERT_FATAL(n == 1);
	struct store_outcome o = api_issued(w.issuer, "der");
	CHECK_OK(store_claim_finish(claim, &o));
	pthread_join(thread, NULL);
	CHECK_OK(s.e);
	CHECK(s.result.state == STORE_RESULT_DONE && s.result.der.n > 0);
	sleep_once(&again); /* the same wish: the same request, answered at once */
	CHECK_OK(again.e);
	CHECK(again.id == s.id && again.result.state == STORE_RESULT_DONE);
	close_world(&w);
}

UNIT_MAIN("store wait",
	{"test_results_reach_who_waits_now_and_who_asks_later",
		test_results_reach_who_waits_now_and_who_asks_later},
	{"test_every_word_of_the_signer_reaches_who_waits",
		test_every_word_of_the_signer_reaches_who_waits},
	{"test_old_result_is_told_at_once", test_old_result_is_told_at_once},
	{"test_one_sleep_ends_with_the_refusal_to_add_or_with_the_time",
		test_one_sleep_ends_with_the_refusal_to_add_or_with_the_time},
	{"test_one_sleep_ends_with_the_result", test_one_sleep_ends_with_the_result})
