/*
 * From a request to its result in one go: it enters the list of those who wait, the writer adds it,
 * wait.c calls back. And the same with a thread that sleeps until then.
 */
#include <errno.h>
#include <semaphore.h>

#include "lib/store/queue/internal.h"
#include "schema/statements/request.h"

/* On the writer's thread, after COMMIT or failure; me may be gone once it has settled. */
static void
hear_added(void *ctx, enum err code, const PGresult *res, size_t at)
{
	struct waiter *me = ctx;
	struct store *s = me->store;
	bool old = false;
	int64_t id = 0;
	enum err e = code == ERR_OK ? request_read_added(res, at, &id, &old) : code;

	if (e != ERR_OK) {
		wait_failed(me, e);
		return;
	}
	wait_settled(me, id, old ? WISH_OLD : WISH_NEW);
	if (!old)
		store_ring(s, STORE_BELL_REQUEST);
}

void
store_request_start(struct store *s, struct arena *a, const struct store_request_new *r,
	int64_t wait_ms, store_request_done *done, void *ctx)
{
	struct waiter *me = arena_alloc(a, sizeof(*me));
	struct store_request_new *row = arena_alloc(a, sizeof(*row));

	*row = *r;
	*me = (struct waiter){.store = s,
		.arena = a,
		.done = done,
		.ctx = ctx,
		.wait_us = wait_ms > 0 ? wait_ms * 1000 : 0,
		.state = WAITER_ADDING};
	wait_enter(me);
	request_submit(s, row, hear_added, me);
}

/* A thread that waits for its own result. */
struct sleeper {
	sem_t wake;
	struct arena *arena;
	enum err code;
	enum err_word word;
	const char *reason;
	int64_t id;
	struct store_result result;
};

static void
wake_sleeper(void *ctx, enum err code, int64_t id, const struct store_result *result)
{
	struct sleeper *s = ctx;

	s->code = code;
	if (code != ERR_OK) {
		s->word = err_word();
		s->reason = arena_strdup(s->arena, err_reason());
	}
	s->id = id;
	s->result = *result;
	sem_post(&s->wake);
}

/* There is an end to it: every waiter has a deadline. */
static enum err
sleep_until_woken(struct sleeper *s)
{
	while (sem_wait(&s->wake) != 0 && errno == EINTR)
		continue;
	sem_destroy(&s->wake);
	return s->code == ERR_OK ? ERR_OK : err_set_word(s->code, s->word, "%s", s->reason);
}

enum err
store_request_run(struct store *s, struct arena *a, const struct store_request_new *r,
	int64_t wait_ms, int64_t *id, struct store_result *out)
{
	struct sleeper sleeper = {.arena = a};

	sem_init(&sleeper.wake, 0, 0);
	store_request_start(s, a, r, wait_ms, wake_sleeper, &sleeper);
	TRY(sleep_until_woken(&sleeper));
	*id = sleeper.id;
	*out = sleeper.result;
	return ERR_OK;
}

static enum err
read_now(struct store *s, struct arena *a, int64_t id, struct store_result *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, wait_fetch, .ids = ints_of(&id, 1));
	TRY(db_read(s->db, &sql_wait_fetch, &p, &res));
	if (result_rows(res) > 0)
		return wait_read_result(a, res, 0, out);
	*out = (struct store_result){.state = STORE_RESULT_PENDING};
	return ERR_OK;
}

enum err
store_request_wait(
	struct store *s, struct arena *a, int64_t id, int64_t wait_ms, struct store_result *out)
{
	if (wait_ms <= 0)
		return read_now(s, a, id, out);

	struct sleeper sleeper = {.arena = a};
	struct waiter me = {.store = s,
		.arena = a,
		.done = wake_sleeper,
		.ctx = &sleeper,
		.wait_us = wait_ms * 1000,
		.id = id,
		.state = WAITER_ADDED};

	sem_init(&sleeper.wake, 0, 0);
	wait_enter(&me);
	TRY(sleep_until_woken(&sleeper));
	*out = sleeper.result;
	return ERR_OK;
}
