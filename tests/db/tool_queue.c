/*
 * store_tool: both ends of the issuance queue. `load` adds requests from many threads and waits for
 * each; `signer` answers what it claims with made-up certificates. Both go on when the database
 * goes away, as programs do, and print what they were told.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/base/random.h"
#include "lib/store/queue/claim.h"
#include "lib/store/queue/request.h"
#include "tests/db/store_tool.h"

enum { DER_SIZE = 1000, LIFE_S = 8 * 3600, RETRY_US = 20000 };

struct load {
	struct store *store;
	int64_t identity, count;
	pthread_mutex_t mutex;
	enum { LOAD_ADDS, LOAD_WAITS } kind;
};

static void
say(struct load *l, const char *what, int64_t id, const char *detail)
{
	pthread_mutex_lock(&l->mutex);
	printf("%s %" PRId64 " %s\n", what, id, detail);
	pthread_mutex_unlock(&l->mutex);
}

static enum err
one(struct load *l, struct arena *a)
{
	const char *names[] = {"dns:load.example.org"};
	uint8_t spki[91];
	const char *request_id = random_id(a);
	struct store_request_new r = {.protocol = CA_PROTOCOL_EST,
		.request_id = request_id,
		.identity = l->identity,
		.profile = "device",
		.names = names,
		.name_count = 1};
	struct store_result result;
	int64_t id;

	random_bytes(spki, sizeof(spki));
	r.spki = bytes_of(spki, sizeof(spki));
	enum err e = store_request_add(l->store, &r, &id);
	if (e != ERR_OK)
		return e;
	say(l, "added", id, request_id);
	if (l->kind == LOAD_ADDS)
		return ERR_OK;
	for (;;) {
		e = store_request_wait(l->store, a, id, 10000, &result);
		if (e != ERR_OK && e != ERR_UNAVAILABLE)
			return e;
		if (e == ERR_OK && result.state == STORE_RESULT_DONE && result.der.n != DER_SIZE)
			return err_set(ERR_INTERNAL, "a certificate of %zu octets", result.der.n);
		if (e == ERR_OK && result.state != STORE_RESULT_PENDING)
			break;
	}
	if (result.state == STORE_RESULT_DONE)
		say(l, "done", id, hex_string(a, bytes_of(result.serial, sizeof(result.serial))));
	else
		say(l, "refused", id, err_word_text(result.refusal_word));
	return ERR_OK;
}

static void *
load_thread(void *ctx)
{
	struct load *l = ctx;
	AUTO_STRUCT(arena) a = arena_new(0);

	for (int64_t i = 0; i < l->count;) {
		enum err e = one(l, a);

		arena_reset(a);
		if (e == ERR_UNAVAILABLE) {
			say(l, "unavailable", 0, err_reason());
			continue; /* the store has waited already */
		}
		if (e != ERR_OK)
			say(l, "failed", (int64_t)e, err_reason());
		i++;
	}
	return NULL;
}

static enum err
run_load(const struct tool *t, struct load l)
{
	AUTO_STRUCT(store) s = NULL;
	struct db_config config = t->config;
	pthread_t threads[256];
	size_t n = (size_t)atoll(t->argv[1]);

	config.writer = DB_WITH_WRITER;
	enum err e = store_open(&config, &s);
	if (e != ERR_OK)
		return e;
	l.store = s;
	l.identity = atoll(t->argv[0]);
	l.count = atoll(t->argv[2]);
	pthread_mutex_init(&l.mutex, NULL);
	int64_t start = clock_monotonic_us();
	for (size_t i = 0; i < n && i < ARRAY_LEN(threads); i++)
		pthread_create(&threads[i], NULL, load_thread, &l);
	for (size_t i = 0; i < n && i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	int64_t us = clock_monotonic_us() - start;
	fprintf(stderr, "%" PRId64 " requests, %.0f/s, %.0f us each\n", (int64_t)n * l.count,
		(double)n * (double)l.count * 1e6 / (double)us, (double)us / (double)l.count);
	return ERR_OK;
}

/* Adds and waits for each result. */
enum err
tool_load(const struct tool *t)
{
	return run_load(t, (struct load){.kind = LOAD_WAITS});
}

/* Adds only, so that every thread is always at the writer. */
enum err
tool_adds(const struct tool *t)
{
	return run_load(t, (struct load){.kind = LOAD_ADDS});
}

struct bell_wait {
	pthread_mutex_t mutex;
	pthread_cond_t rung;
	unsigned count;
};

static void
on_bell(void *ctx, unsigned bell)
{
	struct bell_wait *w = ctx;

	(void)bell;
	pthread_mutex_lock(&w->mutex);
	w->count++;
	pthread_cond_signal(&w->rung);
	pthread_mutex_unlock(&w->mutex);
}

static void
wait_bell(struct bell_wait *w)
{
	pthread_mutex_lock(&w->mutex);
	while (w->count == 0)
		pthread_cond_wait(&w->rung, &w->mutex);
	w->count = 0;
	pthread_mutex_unlock(&w->mutex);
}

/* Every answer is a certificate, but for profile "refused". */
static void
decide(struct arena *a, const struct store_claim_item *items, size_t n,
	struct store_outcome *outcomes)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t *der = arena_alloc(a, DER_SIZE), *hash = arena_alloc(a, 32);

		random_bytes(der, DER_SIZE);
		random_bytes(hash, 32);
		outcomes[i] = (struct store_outcome){.kind = STORE_OUTCOME_ISSUED,
			.issuer = 1,
			.not_before = clock_now() - 60,
			.not_after = clock_now() + LIFE_S,
			.der = bytes_of(der, DER_SIZE),
			.spki_hash = bytes_of(hash, 32)};
		random_bytes(outcomes[i].serial, STORE_SERIAL_SIZE);
		if (items[i].identity_state != IDENTITY_ACTIVE)
			outcomes[i] = (struct store_outcome){.kind = STORE_OUTCOME_REFUSED,
				.refusal_class = ERR_DENIED,
				.refusal_word = WORD_IDENTITY_BLOCKED,
				.refusal = "the identity is blocked"};
		else if (strcmp(items[i].profile, "refused") == 0)
			outcomes[i] = (struct store_outcome){.kind = STORE_OUTCOME_REFUSED,
				.refusal_class = ERR_DENIED,
				.refusal_word = WORD_NAME_NOT_ALLOWED,
				.refusal = "the profile allows no such name"};
	}
}

static enum err
sign_batch(struct store *s, struct arena *a, int64_t *answered, int64_t spent[2])
{
	const struct store_claim_item *items;
	struct store_claim *claim;
	struct store_outcome outcomes[64];
	size_t n;
	int64_t start = clock_monotonic_us();
	enum err e = store_claim_open(s, 64, a, &claim, &items, &n);

	if (e != ERR_OK)
		return e;
	int64_t claimed = clock_monotonic_us();
	decide(a, items, n, outcomes);
	int64_t decided = clock_monotonic_us();
	e = store_claim_finish(claim, outcomes);
	if (e == ERR_OK) {
		*answered += (int64_t)n;
		spent[0] += claimed - start;
		spent[1] += clock_monotonic_us() - decided;
	}
	return e;
}

/* Answers COUNT requests, or runs until it is killed (0). */
enum err
tool_signer(const struct tool *t)
{
	AUTO_STRUCT(store) s = NULL;
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bell_wait w = {
		.count = 1, .mutex = PTHREAD_MUTEX_INITIALIZER, .rung = PTHREAD_COND_INITIALIZER};
	int64_t count = atoll(t->argv[0]), answered = 0, batches = 0, spent[2] = {0, 0};
	enum err e = store_open(&t->config, &s);

	if (e != ERR_OK)
		return e;
	db_listen(store_db(s), 1u << STORE_BELL_REQUEST, on_bell, &w);
	printf("ready\n");
	fflush(stdout);
	while (count == 0 || answered < count) {
		e = sign_batch(s, a, &answered, spent);
		arena_reset(a);
		batches += e == ERR_OK;
		if (e == ERR_NOTFOUND || e == ERR_UNAVAILABLE)
			wait_bell(&w); /* a bell, or a second */
		else if (e != ERR_OK)
			return e;
	}
	fprintf(stderr,
		"%" PRId64 " answered in %" PRId64
		" batches, claim %.1f us and finish %.1f us each\n",
		answered, batches, (double)spent[0] / (double)answered,
		(double)spent[1] / (double)answered);
	return ERR_OK;
}

enum err
tool_identity_add(const struct tool *t)
{
	AUTO_STRUCT(store) s = NULL;
	struct store_identity identity = {.name = t->argv[0], .owner = "tests"};
	struct store_grant grant = {.profile = t->argc > 2 ? t->argv[2] : NULL,
		.pattern = t->argc > 3 ? t->argv[3] : NULL};
	int64_t id;
	enum err e = identity_kind_parse(t->argv[1], &identity.kind);

	if (e == ERR_OK)
		e = store_open(&t->config, &s);
	if (e == ERR_OK)
		e = store_identity_add(
			s, &identity, &grant, t->argc > 3 ? 1 : 0, "tests", "r1", &id);
	if (e == ERR_OK)
		printf("%" PRId64 "\n", id);
	return e;
}
