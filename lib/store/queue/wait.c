/*
 * Waiting for results of issuance requests. Any number wait, each with its deadline, and no thread
 * of theirs has to: two threads of this file, started with the first of them, call everybody back.
 *
 * The poller fetches the results of all with one statement per RESULT bell, and once a second
 * without any. The keeper ends what the database does not: deadlines, and requests that could not
 * be added. It talks to no database, so that a silent one makes nobody late.
 *
 * Whoever starts to wait must not miss a result whose bell rang before: a waiter remembers how many
 * had rung when it entered, and one whose request was there before costs a look at once.
 */
#include "lib/store/queue/internal.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "schema/statements/request.h"

enum { LOOK_MAX = 512, LOOK_OCTETS_MAX = 64 << 20, ONE_LOOK_US = 1000000 };

struct wait_list {
	struct store *store;
	pthread_t poller, keeper;
	pthread_mutex_t mutex; /* all below but conn; never held in a call of done */
	pthread_cond_t look, end;
	bool started, stopping;
	bool due;	 /* the poller must look */
	int64_t nearest; /* the keeper must look; at or before the first deadline */
	struct waiter *first;
	uint64_t bells;	     /* RESULT bells so far */
	struct db_conn conn; /* the poller's */
};

/* The class's name is its word; what is not one is a mistake of the writer. */
static enum err
class_of_word(enum err_word word)
{
	return word != WORD_OK && (enum err)word < ERR_COUNT ? (enum err)word : ERR_INTERNAL;
}

enum err
wait_read_result(struct arena *a, const PGresult *res, size_t row, struct store_result *out)
{
	struct store_result r = {.state = STORE_RESULT_PENDING};
	unsigned state = column_word(res, row, COL_RESULT_STATE, &store_result_state_words);

	TRY(result_octets(res, row, COL_RESULT_SERIAL, r.serial, sizeof(r.serial)));
	if (state == STORE_RESULT_DONE || state == STORE_RESULT_REFUSED)
		r.state = (enum store_result_state)state;
	r.issuer = (int16_t)result_int(res, row, COL_RESULT_ISSUER);
	r.der = result_bytes(a, res, row, COL_RESULT_DER);
	r.refusal_class =
		class_of_word(err_word_find(result_peek(res, row, COL_RESULT_REFUSAL_CLASS)));
	r.refusal_word = err_word_find(result_peek(res, row, COL_RESULT_REFUSAL_WORD));
	r.refusal = result_text(a, res, row, COL_RESULT_REFUSAL);
	*out = r;
	return ERR_OK;
}

/* Calls a waiter back; it is gone then. res: where its result is, NULL when there is none. */
static void
call_back(struct waiter *me, const PGresult *res)
{
	struct store_result result = {.state = STORE_RESULT_PENDING};

	if (me->state == WAITER_FAILED) {
		me->done(me->ctx, err_set_word(me->code, me->word, "%s", me->reason), 0, &result);
		return;
	}
	if (res != NULL && wait_read_result(me->arena, res, me->row, &result) != ERR_OK)
		result = (struct store_result){.state = STORE_RESULT_PENDING};
	me->done(me->ctx, ERR_OK, me->id, &result);
}

static void
call_back_all(struct waiter *first, const PGresult *res)
{
	for (struct waiter *at = first, *next; at != NULL; at = next) {
		next = at->next;
		call_back(at, res);
	}
}

/* The ids to ask for, oldest waiter last; with the mutex held. */
static size_t
collect_ids(struct wait_list *w, int64_t *ids)
{
	size_t n = 0;

	for (struct waiter *at = w->first; at != NULL; at = at->next) {
		at->sent = at->state == WAITER_ADDED && n < LOOK_MAX;
		if (at->sent)
			ids[n++] = at->id;
	}
	return n;
}

/* Off the list with those that have a result; with the mutex held. */
static struct waiter *
take_answered(struct wait_list *w, const PGresult *res)
{
	struct waiter *taken = NULL;

	for (size_t row = 0; row < result_rows(res); row++) {
		int64_t id = result_int(res, row, COL_RESULT_REQUEST);

		for (struct waiter **link = &w->first, *at; (at = *link) != NULL;) {
			if (at->state != WAITER_ADDED || at->id != id) {
				link = &at->next;
				continue;
			}
			*link = at->next;
			at->row = row;
			at->next = taken;
			taken = at;
		}
	}
	return taken;
}

/* Those that were asked for go to the end, so that a long queue is asked about in turns. */
static bool
rotate_list(struct wait_list *w)
{
	struct waiter *rest = NULL, **rest_end = &rest, *asked = NULL, **asked_end = &asked;
	bool left = false;

	for (struct waiter *at = w->first, *next; at != NULL; at = next) {
		struct waiter ***end = at->sent ? &asked_end : &rest_end;

		next = at->next;
		left |= !at->sent && at->state == WAITER_ADDED;
		at->next = NULL;
		**end = at;
		*end = &at->next;
	}
	*rest_end = asked;
	w->first = rest;
	return left;
}

/* The program ends and the database says nothing: whoever waits for a signer is told that its
 * request waits, as at its deadline. With the mutex held. */
static void
give_up(struct wait_list *w)
{
	for (struct waiter *at = w->first; at != NULL; at = at->next)
		if (at->state == WAITER_ADDED)
			at->deadline = 0;
	w->nearest = 0;
	pthread_cond_signal(&w->end);
}

/* With the mutex held at both ends, not in between. */
static void
look_up_results(struct wait_list *w)
{
	int64_t ids[LOOK_MAX];
	size_t n = collect_ids(w, ids);
	struct waiter *answered = NULL;
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum err e = ERR_OK;

	if (n == 0)
		return;
	pthread_mutex_unlock(&w->mutex);
	BIND(&p, wait_fetch, .ids = ints_of(ids, n));
	if (!db_conn_usable(&w->conn))
		e = db_connect(w->store->db, &w->conn, DB_CONN_CONNECT_US);
	w->conn.result_max = LOOK_OCTETS_MAX;
	if (e == ERR_OK)
		e = db_conn_run(&w->conn, &sql_wait_fetch, &p, &res);
	pthread_mutex_lock(&w->mutex);
	/* A broken connection: the next bell or second tries again, and every waiter has its
	 * deadline. */
	if (e == ERR_OK)
		answered = take_answered(w, res);
	else if (db_late(w->store->db, INT64_MAX))
		give_up(w);
	if (n == LOOK_MAX && rotate_list(w))
		w->due = true;
	pthread_mutex_unlock(&w->mutex);
	call_back_all(answered, res);
	pthread_mutex_lock(&w->mutex);
}

static void *
poll_results(void *ctx)
{
	struct wait_list *w = ctx;

	pthread_mutex_lock(&w->mutex);
	while (!w->stopping) {
		if (!w->due) {
			pthread_cond_wait(&w->look, &w->mutex);
			continue;
		}
		w->due = false;
		look_up_results(w);
	}
	pthread_mutex_unlock(&w->mutex);
	db_conn_close(&w->conn);
	return NULL;
}

static void
set_failure(struct waiter *me, enum err code)
{
	me->state = WAITER_FAILED;
	me->code = code;
	me->word = err_word();
	me->reason = arena_strdup(me->arena, err_reason());
}

/* True when this one must not wait any longer. What the writer has not begun at the deadline is
 * withdrawn, what it works on is waited for. */
static bool
is_over(struct waiter *me, int64_t now)
{
	if (me->state == WAITER_FAILED)
		return true;
	if (me->deadline > now || me->state == WAITER_LATE)
		return false;
	if (me->state == WAITER_ADDED)
		return true;
	if (!db_withdraw(me->store->db, me)) {
		me->state = WAITER_LATE;
		return false;
	}
	set_failure(me, err_set(ERR_UNAVAILABLE, "database: the writer did not get to it in time"));
	return true;
}

/* Off the list with those whose wait is over, and when the next one's is; with the mutex held. */
static struct waiter *
take_over(struct wait_list *w, int64_t now)
{
	struct waiter *taken = NULL;

	w->nearest = INT64_MAX;
	for (struct waiter **link = &w->first, *at; (at = *link) != NULL;) {
		if (is_over(at, now)) {
			*link = at->next;
			at->next = taken;
			taken = at;
			continue;
		}
		if (at->state != WAITER_LATE && at->deadline < w->nearest)
			w->nearest = at->deadline;
		link = &at->next;
	}
	return taken;
}

static void *
keep_deadlines(void *ctx)
{
	struct wait_list *w = ctx;

	pthread_mutex_lock(&w->mutex);
	while (!w->stopping) {
		int64_t now = clock_monotonic_us();

		if (w->nearest == INT64_MAX) {
			pthread_cond_wait(&w->end, &w->mutex);
		} else if (w->nearest > now) {
			(void)clock_cond_wait(&w->end, &w->mutex, w->nearest);
		} else {
			struct waiter *ended = take_over(w, now);

			pthread_mutex_unlock(&w->mutex);
			call_back_all(ended, NULL);
			pthread_mutex_lock(&w->mutex);
		}
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

/* With the mutex held. A deadline that is later than the keeper's next look costs no wake-up. */
static void
tell_keeper(struct wait_list *w, int64_t deadline)
{
	if (deadline >= w->nearest)
		return;
	w->nearest = deadline;
	pthread_cond_signal(&w->end);
}

static void
tell_poller(struct wait_list *w)
{
	w->due = true;
	pthread_cond_signal(&w->look);
}

static void
hear_bell(void *ctx, unsigned bell)
{
	struct wait_list *w = ctx;

	pthread_mutex_lock(&w->mutex);
	w->bells += bell == STORE_BELL_RESULT || bell == DB_TICK;
	if (w->first != NULL)
		tell_poller(w);
	pthread_mutex_unlock(&w->mutex);
}

struct wait_list *
wait_list_new(struct store *s)
{
	struct wait_list *w = mem_zalloc(1, sizeof(*w));

	w->store = s;
	w->nearest = INT64_MAX;
	pthread_mutex_init(&w->mutex, NULL);
	clock_cond_init(&w->look);
	clock_cond_init(&w->end);
	return w;
}

/* The writer and the bells have stopped: whoever still waits has a recorded request, or is told why
 * not. */
void
wait_list_free(struct wait_list *w)
{
	pthread_mutex_lock(&w->mutex);
	w->stopping = true;
	pthread_cond_signal(&w->look);
	pthread_cond_signal(&w->end);
	pthread_mutex_unlock(&w->mutex);
	if (w->started) {
		pthread_join(w->poller, NULL);
		pthread_join(w->keeper, NULL);
	}
	call_back_all(w->first, NULL);
	pthread_cond_destroy(&w->look);
	pthread_cond_destroy(&w->end);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}

/* With the mutex held. db_listen() takes the listeners' lock only, which no caller of hear_bell()
 * holds. */
static void
start_threads(struct wait_list *w)
{
	if (w->started)
		return;
	w->started = true;
	db_listen(w->store->db, 1u << STORE_BELL_RESULT, hear_bell, w);
	if (pthread_create(&w->poller, NULL, poll_results, w) != 0 ||
		pthread_create(&w->keeper, NULL, keep_deadlines, w) != 0)
		abort();
}

void
wait_enter(struct waiter *me)
{
	struct wait_list *w = me->store->wait_list;

	me->deadline = clock_monotonic_us() + (me->wait_us > 0 ? me->wait_us : DB_PATIENCE_US);
	pthread_mutex_lock(&w->mutex);
	start_threads(w);
	me->bells = w->bells;
	me->next = w->first;
	w->first = me;
	if (me->state == WAITER_ADDED)
		tell_poller(w);
	tell_keeper(w, me->deadline);
	pthread_mutex_unlock(&w->mutex);
}

void
wait_settled(struct waiter *me, int64_t id, enum wish_was how)
{
	struct wait_list *w = me->store->wait_list;

	pthread_mutex_lock(&w->mutex);
	me->id = id;
	if (me->wait_us == 0)
		me->deadline = clock_monotonic_us() + (how == WISH_OLD ? ONE_LOOK_US : 0);
	me->state = WAITER_ADDED;
	tell_keeper(w, me->deadline);
	if (how == WISH_OLD || me->bells != w->bells)
		tell_poller(w);
	pthread_mutex_unlock(&w->mutex);
}

void
wait_failed(struct waiter *me, enum err code)
{
	struct wait_list *w = me->store->wait_list;

	pthread_mutex_lock(&w->mutex);
	set_failure(me, code);
	tell_keeper(w, 0);
	pthread_mutex_unlock(&w->mutex);
}
