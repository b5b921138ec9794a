/*
 * Waiting for results of issuance requests. Any number of threads wait; one poller fetches the
 * results of all of them with one statement per RESULT bell, and once a second without any. It
 * starts with the first waiter.
 *
 * Whoever starts to wait must not miss a result whose bell rang before: `added` remembers how many
 * bells had rung when a request was added, so that only those waiters for whom one rang since, or
 * whose request is unknown here, cost a look at once.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/store/parts.h"
#include "lib/store/wait.h"

enum { ADDED_SLOTS = 4096, LOOK_MAX = 512 };

struct waiter {
	int64_t id;
	bool done, sent; /* sent: part of the look under way */
	struct wait_result *result;
	sem_t wake; /* posted when done: waking takes no lock that others wake for too */
	struct waiter *next;
};

struct waiting {
	struct store *store;
	pthread_cond_t settled; /* a writer put a request into the list, or gave it up */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t look;
	bool started, stopping, due;
	struct waiter *first;
	uint64_t bells; /* RESULT bells so far */
	struct {
		int64_t id;
		uint64_t bells;
	} added[ADDED_SLOTS];
	struct conn conn;
};

static const struct stmt fetch = {"wait_fetch",
	"SELECT r.id, r.state, r.serial, c.issuer, c.der, r.refusal_class, r.refusal_word, r.refusal FROM issuance_request r "
	"LEFT JOIN certificate c ON c.serial = r.serial AND c.not_after = r.cert_not_after "
	"WHERE r.id = ANY ($1) AND r.state <> 'pending'",
	1};
static const char *const states[] = {[STORE_RESULT_PENDING] = "pending",
	[STORE_RESULT_DONE] = "done",
	[STORE_RESULT_REFUSED] = "refused",
	NULL};

static enum err
class_parse(const char *name)
{
	for (int c = 0; c < ERR_COUNT; c++)
		if (name != NULL && strcmp(err_name((enum err)c), name) == 0)
			return (enum err)c;
	return ERR_INTERNAL;
}

static char *
copy(const char *text)
{
	return text != NULL ? mem_strdup(text) : NULL;
}

/* Columns of `fetch`. */
enum err
wait_read_result(const PGresult *res, size_t row, struct wait_result *out)
{
	struct bytes der = result_view(res, row, 4);
	int state = word_index(states, result_peek(res, row, 1));

	*out = (struct wait_result){
		.state = state >= 0 ? (enum store_result_state)state : STORE_RESULT_PENDING};
	enum err e = result_octets(res, row, 2, out->serial, sizeof(out->serial));
	if (e != ERR_OK)
		return e;
	out->issuer = (int16_t)result_int(res, row, 3);
	out->refusal_class = class_parse(result_peek(res, row, 5));
	out->refusal_word = copy(result_peek(res, row, 6));
	out->refusal = copy(result_peek(res, row, 7));
	if (der.n > 0) {
		out->der = mem_alloc(der.n);
		out->der_size = der.n;
		memcpy(out->der, der.p, der.n);
	}
	return ERR_OK;
}

void
wait_result_free(struct wait_result *r)
{
	if (r == NULL)
		return;
	free(r->der);
	free(r->refusal_word);
	free(r->refusal);
	free(r);
}

/* The ids to ask for, oldest waiter first; with the mutex held. */
static size_t
collect(struct waiting *w, int64_t *ids)
{
	size_t n = 0;

	for (struct waiter *at = w->first; at != NULL; at = at->next) {
		at->sent = n < LOOK_MAX;
		if (at->sent)
			ids[n++] = at->id;
	}
	return n;
}

/* Whoever gets a result is taken off the list: its memory is its thread's again once it is posted.
 */
static void
deliver(struct waiting *w, const PGresult *res)
{
	for (size_t row = 0; row < result_rows(res); row++) {
		int64_t id = result_int(res, row, 0);

		for (struct waiter **link = &w->first, *at; (at = *link) != NULL;) {
			if (at->id != id) {
				link = &at->next;
				continue;
			}
			at->result = mem_zalloc(1, sizeof(*at->result));
			if (wait_read_result(res, row, at->result) != ERR_OK)
				at->result->state = STORE_RESULT_PENDING;
			*link = at->next;
			at->done = true;
			sem_post(&at->wake);
		}
	}
}

/* Those that were asked for go to the end, so that a long queue is asked about in turns. */
static bool
rotate(struct waiting *w)
{
	struct waiter *rest = NULL, **rest_end = &rest, *asked = NULL, **asked_end = &asked;
	bool left = false;

	for (struct waiter *at = w->first, *next; at != NULL; at = next) {
		struct waiter ***end = at->sent ? &asked_end : &rest_end;

		next = at->next;
		left |= !at->sent;
		at->next = NULL;
		**end = at;
		*end = &at->next;
	}
	*rest_end = asked;
	w->first = rest;
	return left;
}

static void
look(struct waiting *w)
{
	int64_t ids[LOOK_MAX];
	size_t n = collect(w, ids);
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum err e = ERR_OK;

	if (n == 0)
		return;
	pthread_mutex_unlock(&w->mutex);
	params_ints(&p, ids, n);
	if (!conn_usable(&w->conn))
		e = store_connect(w->store, &w->conn, CONN_CONNECT_US);
	if (e == ERR_OK)
		e = conn_run(&w->conn, &fetch, &p, &res);
	pthread_mutex_lock(&w->mutex);
	/* A broken connection: the next bell or second tries again, and every waiter has its
	 * deadline. */
	if (e == ERR_OK)
		deliver(w, res);
	if (n == LOOK_MAX && rotate(w))
		w->due = true;
}

static void *
run(void *ctx)
{
	struct waiting *w = ctx;

	pthread_mutex_lock(&w->mutex);
	while (!w->stopping) {
		if (!w->due) {
			pthread_cond_wait(&w->look, &w->mutex);
			continue;
		}
		w->due = false;
		look(w);
	}
	pthread_mutex_unlock(&w->mutex);
	conn_close(&w->conn);
	return NULL;
}

static void
rung(void *ctx, enum store_bell bell)
{
	struct waiting *w = ctx;

	pthread_mutex_lock(&w->mutex);
	w->bells += bell == STORE_BELL_RESULT || bell == STORE_BELL_COUNT;
	if (w->first != NULL) {
		w->due = true;
		pthread_cond_signal(&w->look);
	}
	pthread_mutex_unlock(&w->mutex);
}

struct waiting *
waiting_new(struct store *s)
{
	struct waiting *w = mem_zalloc(1, sizeof(*w));

	w->store = s;
	pthread_mutex_init(&w->mutex, NULL);
	part_cond_init(&w->look);
	part_cond_init(&w->settled);
	return w;
}

void
waiting_free(struct waiting *w)
{
	pthread_mutex_lock(&w->mutex);
	w->stopping = true;
	pthread_cond_signal(&w->look);
	pthread_mutex_unlock(&w->mutex);
	if (w->started)
		pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->look);
	pthread_cond_destroy(&w->settled);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}

uint64_t
wait_bells(struct store *s)
{
	struct waiting *w = s->waiting;

	pthread_mutex_lock(&w->mutex);
	uint64_t bells = w->bells;
	pthread_mutex_unlock(&w->mutex);
	return bells;
}

void
wait_added(struct store *s, int64_t id, uint64_t bells_before)
{
	struct waiting *w = s->waiting;
	size_t slot = (size_t)id % ADDED_SLOTS;

	pthread_mutex_lock(&w->mutex);
	w->added[slot].id = id;
	w->added[slot].bells = bells_before;
	pthread_mutex_unlock(&w->mutex);
}

static void
enter(struct waiting *w, struct waiter *me)
{
	size_t slot = (size_t)me->id % ADDED_SLOTS;

	me->next = w->first;
	w->first = me;
	if (w->added[slot].id != me->id || w->added[slot].bells != w->bells) {
		w->due = true;
		pthread_cond_signal(&w->look);
	}
}

/* Takes a waiter whose time is over off the list, unless its result has just come. */
static void
leave(struct waiting *w, struct waiter *me)
{
	pthread_mutex_lock(&w->mutex);
	for (struct waiter **at = &w->first; *at != NULL && !me->done; at = &(*at)->next)
		if (*at == me) {
			*at = me->next;
			break;
		}
	pthread_mutex_unlock(&w->mutex);
}

/* With the mutex held. store_listen() takes the listeners' lock only, which no caller of rung()
 * holds. */
static void
start(struct waiting *w)
{
	if (w->started)
		return;
	w->started = true;
	store_listen(w->store, 1u << STORE_BELL_RESULT, rung, w);
	if (pthread_create(&w->thread, NULL, run, w) != 0)
		abort();
}

static void
hand_over(struct arena *a, const struct wait_result *r, struct store_result *out)
{
	*out = (struct store_result){.state = STORE_RESULT_PENDING};
	if (r == NULL)
		return;
	out->state = r->state;
	memcpy(out->serial, r->serial, sizeof(out->serial));
	out->issuer = r->issuer;
	out->der = arena_bytes(a, bytes_of(r->der, r->der_size));
	out->refusal_class = r->refusal_class;
	out->refusal_word = r->refusal_word != NULL ? arena_strdup(a, r->refusal_word) : NULL;
	out->refusal = r->refusal != NULL ? arena_strdup(a, r->refusal) : NULL;
}

static enum err
read_now(struct store *s, struct arena *a, int64_t id, struct store_result *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	struct wait_result *r = NULL;

	params_ints(&p, &id, 1);
	enum err e = pool_read(s, &fetch, &p, &res);
	if (e == ERR_OK && result_rows(res) > 0) {
		r = mem_zalloc(1, sizeof(*r));
		e = wait_read_result(res, 0, r);
	}
	if (e == ERR_OK)
		hand_over(a, r, out);
	wait_result_free(r);
	return e;
}

/* False: the deadline (monotonic microseconds) came first. */
static bool
sleep_until(struct waiter *me, int64_t deadline)
{
	struct timespec until = {deadline / 1000000, deadline % 1000000 * 1000};
	int rc;

	while ((rc = sem_clockwait(&me->wake, CLOCK_MONOTONIC, &until)) != 0 && errno == EINTR)
		continue;
	return rc == 0;
}

enum err
store_request_wait(
	struct store *s, struct arena *a, int64_t id, int64_t wait_ms, struct store_result *out)
{
	if (wait_ms <= 0)
		return read_now(s, a, id, out);

	struct waiting *w = s->waiting;
	struct waiter me = {.id = id};

	sem_init(&me.wake, 0, 0);
	pthread_mutex_lock(&w->mutex);
	start(w);
	enter(w, &me);
	pthread_mutex_unlock(&w->mutex);
	if (!sleep_until(&me, clock_monotonic_us() + wait_ms * 1000))
		leave(w, &me);
	sem_destroy(&me.wake);
	hand_over(a, me.result, out);
	wait_result_free(me.result);
	return ERR_OK;
}

/* A request that the writer adds and puts straight into the list of waiters, so that its thread
 * sleeps once. */
struct running {
	struct waiter me;
	struct store *store;
	uint64_t bells; /* RESULT bells when it was submitted */
	bool settled;	/* `added` was here; all it does happens under the list's mutex */
	enum err code;
	char reason[200];
	const char *word;
};

static void
remember_failure(struct running *r, enum err code)
{
	r->code = code;
	r->word = err_word();
	snprintf(r->reason, sizeof(r->reason), "%s", err_reason());
}

/* On the writer's thread, after COMMIT or failure. Once the mutex is given back the request may be
 * gone. */
static void
added(void *ctx, enum err code, const PGresult *res, size_t at)
{
	struct running *r = ctx;
	struct store *s = r->store;
	struct waiting *w = s->waiting;
	bool old = false;
	enum err e = code == ERR_OK ? request_read_added(res, at, &r->me.id, &old) : code;

	pthread_mutex_lock(&w->mutex);
	r->settled = true;
	if (e == ERR_OK) {
		r->me.next = w->first;
		w->first = &r->me;
		w->due |= old || r->bells != w->bells;
		if (w->due)
			pthread_cond_signal(&w->look);
	} else {
		remember_failure(r, e);
		sem_post(&r->me.wake);
	}
	pthread_cond_broadcast(&w->settled);
	pthread_mutex_unlock(&w->mutex);
	if (e == ERR_OK && !old)
		store_ring(s, STORE_BELL_REQUEST);
}

/* The time is over: what the writer has not begun is withdrawn, what it works on is waited for. */
static void
give_up(struct waiting *w, struct running *r)
{
	if (writer_withdraw(r->store, r)) {
		remember_failure(r,
			err_set(ERR_UNAVAILABLE, "database: the writer did not get to it in time"));
		return;
	}
	pthread_mutex_lock(&w->mutex);
	while (!r->settled)
		pthread_cond_wait(&w->settled, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
	if (r->code == ERR_OK)
		leave(w, &r->me);
}

enum err
wait_run(struct store *s, struct arena *a, const struct store_request_new *new, int64_t wait_ms,
	int64_t *id, struct store_result *out)
{
	struct waiting *w = s->waiting;
	struct running r = {.store = s, .code = ERR_OK};

	sem_init(&r.me.wake, 0, 0);
	pthread_mutex_lock(&w->mutex);
	start(w);
	r.bells = w->bells;
	pthread_mutex_unlock(&w->mutex);
	request_submit(s, new, added, &r);
	if (!sleep_until(&r.me, clock_monotonic_us() + wait_ms * 1000))
		give_up(w, &r);
	sem_destroy(&r.me.wake);
	if (r.code != ERR_OK)
		return err_set_word(r.code, r.word, "%s", r.reason);
	*id = r.me.id;
	hand_over(a, r.me.result, out);
	wait_result_free(r.me.result);
	return ERR_OK;
}
