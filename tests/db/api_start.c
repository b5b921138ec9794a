/* Requests whose caller does not wait: store_request_start() calls back. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "tests/db/api.h"

enum { PATIENCE_S = 20, LONG_MS = 15000 };

/* One request on its way, and what was heard of it. */
struct call {
	struct arena *a;
	sem_t heard;
	atomic_uint times;
	enum err code;
	enum err_word word;
	int64_t id, started_us, us;
	struct store_result result;
	bool own_thread; /* it was called on the thread that started it */
	pthread_t starter;
};

static void
hear(void *ctx, enum err code, int64_t id, const struct store_result *result)
{
	struct call *c = ctx;

	c->code = code;
	c->id = id;
	c->result = *result;
	c->us = clock_monotonic_us() - c->started_us;
	c->own_thread = pthread_equal(pthread_self(), c->starter) != 0;
	c->word = err_word();
	atomic_fetch_add(&c->times, 1);
	sem_post(&c->heard);
}

static void
start(struct world *w, struct call *c, const char *key, int64_t wait_ms)
{
	static const char *const names[] = {"dns:a.example.org"};

	*c = (struct call){
		.a = arena_new(0), .started_us = clock_monotonic_us(), .starter = pthread_self()};
	struct store_request_new r = {.protocol = CA_PROTOCOL_EST,
		.request_id = "start",
		.identity = w->identity,
		.profile = "device",
		.names = names,
		.name_count = 1,
		.spki = bytes_str(arena_strdup(c->a, key)), /* borrowed for longer than this */
		.repeat_window = 900};

	sem_init(&c->heard, 0, 0);
	store_request_start(w->gateway, c->a, &r, wait_ms, hear, c);
}

static bool
posted(sem_t *s)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	while (sem_timedwait(s, &until) != 0)
		if (errno != EINTR)
			return false;
	return true;
}

static bool
heard(struct call *c)
{
	return posted(&c->heard);
}

static void
end(struct call *c)
{
	CHECK(atomic_load(&c->times) == 1);
	arena_free(c->a);
	sem_destroy(&c->heard);
}

/* Claims and issues until it was at least count requests; how many it was. */
static size_t
issue(struct world *w, size_t count)
{
	struct store_claim *claim;
	const struct store_claim_item *items;
	struct store_outcome o[64];
	size_t done = 0;
	int64_t deadline = clock_monotonic_us() + PATIENCE_S * 1000000;

	for (size_t n = 0; done < count && clock_monotonic_us() < deadline; done += n) {
		n = 0;
		if (store_claim_open(w->signer, 64, w->a, &claim, &items, &n) != ERR_OK)
			continue;
		for (size_t i = 0; i < n; i++)
			o[i] = api_issued(w->issuer,
				arena_printf(w->a, "%.*s", (int)items[i].spki.n,
					(const char *)items[i].spki.p));
		CHECK_OK(store_claim_finish(claim, o));
	}
	CHECK(done >= count);
	return done;
}

/* Not the call once a second, which is for all bells. */
static void
count_requests(void *ctx, unsigned bell)
{
	if (bell == STORE_BELL_REQUEST)
		sem_post(ctx);
}

static void
test_result_is_told_on_another_thread(void)
{
	struct world w = open_world();
	struct call c;
	sem_t rung;

	sem_init(&rung, 0, 0);
	db_listen(store_db(w.signer), 1U << STORE_BELL_REQUEST, count_requests, &rung);
	start(&w, &c, "told", LONG_MS);
	CHECK(posted(&rung));
	db_unlisten(store_db(w.signer), &rung);
	issue(&w, 1);
	CU_ASSERT_FATAL(heard(&c));
	CHECK(c.code == ERR_OK && c.id > 0 && !c.own_thread);
	CHECK(c.result.state == STORE_RESULT_DONE && c.result.issuer == w.issuer);
	CHECK(bytes_equal(c.result.der, BYTES_LIT("told")));
	CHECK(c.us < LONG_MS * 1000 / 2);
	end(&c);
	close_world(&w);
}

static void
test_refusal_by_the_signer_is_a_result(void)
{
	struct world w = open_world();
	struct store_claim *claim;
	const struct store_claim_item *items;
	struct store_outcome o = {.kind = STORE_OUTCOME_REFUSED,
		.refusal_class = ERR_DENIED,
		.refusal_word = WORD_NAME_NOT_ALLOWED,
		.refusal = "no such name"};
	struct call c;
	size_t n = 0;
	int64_t deadline = clock_monotonic_us() + PATIENCE_S * 1000000;

	start(&w, &c, "refused", LONG_MS);
	while (store_claim_open(w.signer, 64, w.a, &claim, &items, &n) != ERR_OK &&
		clock_monotonic_us() < deadline)
		continue;
	CU_ASSERT_FATAL(n == 1);
	CHECK_OK(store_claim_finish(claim, &o));
	CU_ASSERT_FATAL(heard(&c));
	CHECK(c.code == ERR_OK && c.result.state == STORE_RESULT_REFUSED &&
		c.result.refusal_class == ERR_DENIED);
	CHECK(c.result.refusal_word == WORD_NAME_NOT_ALLOWED &&
		strcmp(c.result.refusal, "no such name") == 0);
	end(&c);
	close_world(&w);
}

static void
test_deadlines_end_in_their_own_order(void)
{
	struct world w = open_world();
	struct call late, early;

	start(&w, &late, "late", 700);
	start(&w, &early, "early", 200);
	CU_ASSERT_FATAL(heard(&early));
	CHECK(atomic_load(&late.times) == 0);
	CU_ASSERT_FATAL(heard(&late));
	CHECK(early.code == ERR_OK && early.id > 0 && early.result.state == STORE_RESULT_PENDING);
	CHECK(late.code == ERR_OK && late.id > 0 && late.id != early.id &&
		late.result.state == STORE_RESULT_PENDING);
	CHECK(early.us >= 200000 && late.us >= 700000);
	end(&early);
	end(&late);
	issue(&w, 2);
	close_world(&w);
}

static void
test_request_that_cannot_be_added_is_told_why(void)
{
	struct world w = open_world();
	struct call c;
	bool changed;

	CHECK_OK(store_identity_set_state(w.admin, w.name, IDENTITY_BLOCKED, "t", "r", &changed));
	start(&w, &c, "blocked", LONG_MS);
	CU_ASSERT_FATAL(heard(&c));
	CHECK(c.code == ERR_DENIED && c.word == WORD_IDENTITY_BLOCKED);
	CHECK(c.us < LONG_MS * 1000 / 2 && !c.own_thread);
	end(&c);
	w.identity = 1 << 30;
	start(&w, &c, "nobody", 0);
	CU_ASSERT_FATAL(heard(&c));
	CHECK(c.code == ERR_NOTFOUND);
	end(&c);
	close_world(&w);
}

static void
test_no_wait_is_as_long_as_adding_takes(void)
{
	struct world w = open_world();
	struct call c, again;

	start(&w, &c, "no wait", 0);
	CU_ASSERT_FATAL(heard(&c));
	CHECK(c.code == ERR_OK && c.id > 0 && c.result.state == STORE_RESULT_PENDING);
	CHECK(c.us < 900000);
	issue(&w, 1);
	start(&w, &again, "no wait", 0); /* the same wish has its answer */
	CU_ASSERT_FATAL(heard(&again));
	CHECK(again.code == ERR_OK && again.id == c.id);
	CHECK(again.result.state == STORE_RESULT_DONE &&
		bytes_equal(again.result.der, BYTES_LIT("no wait")));
	end(&again);
	end(&c);
	close_world(&w);
}

static void
test_repeated_wish_is_answered_at_once(void)
{
	struct world w = open_world();
	struct call c;
	int64_t us = 0;

	start(&w, &c, "again", LONG_MS);
	issue(&w, 1);
	CU_ASSERT_FATAL(heard(&c));
	end(&c);
	for (int i = 0; i < 5; i++) { /* the poller's own look comes once a second */
		start(&w, &c, "again", LONG_MS);
		CU_ASSERT_FATAL(heard(&c));
		CHECK(c.result.state == STORE_RESULT_DONE);
		us += c.us;
		end(&c);
	}
	CHECK(us < 3000000);
	close_world(&w);
}

static void
test_many_wait_without_threads_and_each_gets_its_own(void)
{
	enum { MANY = 700 }; /* more than one look asks for */
	static struct call c[MANY], twin, last;
	struct world w = open_world();
	char key[32];

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "many-%u", i);
		start(&w, &c[i], key, LONG_MS);
	}
	start(&w, &twin, "many-7", LONG_MS); /* a repeated wish: one request, two who wait */
	start(&w, &last, "last", 0);
	CU_ASSERT_FATAL(heard(&last)); /* so all are recorded */
	end(&last);
	size_t answered = issue(&w, 1); /* the oldest; for all others nothing is there yet */
	CU_ASSERT_FATAL(answered > 0 && answered < MANY - 512);
	for (unsigned i = 0; i < answered; i++)
		CU_ASSERT_FATAL(heard(&c[i]));
	(void)issue(&w, MANY + 1 - answered);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "many-%u", i);
		CU_ASSERT_FATAL(i < answered || heard(&c[i]));
		CHECK_CASE(c[i].code == ERR_OK && c[i].result.state == STORE_RESULT_DONE &&
				bytes_equal(c[i].result.der, bytes_str(key)),
			key);
	}
	CU_ASSERT_FATAL(heard(&twin));
	CHECK(twin.id == c[7].id && bytes_equal(twin.result.der, BYTES_LIT("many-7")));
	for (unsigned i = 0; i < MANY; i++)
		end(&c[i]);
	end(&twin);
	close_world(&w);
}

static void
test_closing_the_store_tells_who_still_waits(void)
{
	struct world w = open_world();
	struct call c[3];
	const char *keys[] = {"a", "b", "c"};

	for (size_t i = 0; i < 3; i++)
		start(&w, &c[i], keys[i], LONG_MS);
	store_close(w.gateway);
	w.gateway = NULL;
	for (size_t i = 0; i < 3; i++) {
		CHECK(atomic_load(&c[i].times) == 1);
		CHECK(c[i].code == ERR_OK && c[i].id > 0 &&
			c[i].result.state == STORE_RESULT_PENDING);
		end(&c[i]);
	}
	issue(&w, 3); /* recorded, all of them */
	close_world(&w);
}

UNIT_MAIN("store start",
	{"test_result_is_told_on_another_thread", test_result_is_told_on_another_thread},
	{"test_refusal_by_the_signer_is_a_result", test_refusal_by_the_signer_is_a_result},
	{"test_deadlines_end_in_their_own_order", test_deadlines_end_in_their_own_order},
	{"test_request_that_cannot_be_added_is_told_why",
		test_request_that_cannot_be_added_is_told_why},
	{"test_no_wait_is_as_long_as_adding_takes", test_no_wait_is_as_long_as_adding_takes},
	{"test_repeated_wish_is_answered_at_once", test_repeated_wish_is_answered_at_once},
	{"test_many_wait_without_threads_and_each_gets_its_own",
		test_many_wait_without_threads_and_each_gets_its_own},
	{"test_closing_the_store_tells_who_still_waits",
		test_closing_the_store_tells_who_still_waits})
