/*
 * The queue's consumer. A worker that finds work wakes the next one before it begins, so a burst
 * spreads over all of them and an idle validator costs one query a second. Slow targets hold a
 * worker, never another program; a lease in the row gives the work of a validator that died to the
 * next.
 */
#include "acme/validator/validator.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "acme/problem.h"
#include "acme/validator/http01.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/acme_challenge.h"

enum { RETRY_AFTER_S = 5, LEASE_EXTRA_S = 30, TELL_FOR_S = 20, TELL_EVERY_MS = 200 };

struct validator {
	struct store *store;
	const struct config_validator *config;
	struct address_policy *policy;
	pthread_t *worker;
	unsigned worker_count;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t rings, seen; /* work may wait while they differ */
	atomic_bool stopping;
	atomic_uint_fast64_t valid, invalid, retried;
};

static void
on_bell(void *ctx, unsigned bell)
{
	struct validator *v = ctx;

	(void)bell;
	pthread_mutex_lock(&v->lock);
	v->rings++;
	pthread_cond_signal(&v->wake);
	pthread_mutex_unlock(&v->lock);
}

/* False: time to stop. */
static bool
wait_for_ring(struct validator *v, uint64_t *rings)
{
	pthread_mutex_lock(&v->lock);
	while (v->rings == v->seen && !atomic_load(&v->stopping))
		pthread_cond_wait(&v->wake, &v->lock);
	*rings = v->rings;
	pthread_mutex_unlock(&v->lock);
	return !atomic_load(&v->stopping);
}

static void
nothing_left(struct validator *v, uint64_t rings)
{
	pthread_mutex_lock(&v->lock);
	if (v->seen < rings)
		v->seen = rings;
	pthread_mutex_unlock(&v->lock);
}

static void
wake_another(struct validator *v)
{
	pthread_mutex_lock(&v->lock);
	pthread_cond_signal(&v->wake);
	pthread_mutex_unlock(&v->lock);
}

typedef enum err
look(struct validator *v, struct resolver *r, const struct store_challenge_work *w);

static enum err
look_http01(struct validator *v, struct resolver *r, const struct store_challenge_work *w)
{
	const struct http01 h = {
		.resolver = r,
		.policy = v->policy,
		.port = v->config->http_port,
		.timeout_s = v->config->timeout,
		.cancelled = &v->stopping,
	};

	return http01_validate(&h, w->identifier, w->token, w->thumbprint);
}

static enum err
look_at_challenge(struct validator *v, struct resolver *r, const struct store_challenge_work *w)
{
	static look *const by_type[ACME_CHALLENGE_TYPE_COUNT] = {
		[ACME_CHALLENGE_HTTP_01] = look_http01,
	};

	if (w->wanted == STORE_WORK_MOOT)
		return err_set(ERR_DENIED,
			"the account is closed, the authorization is over, or it is of a wildcard");
	if (w->type == ACME_CHALLENGE_TYPE_COUNT)
		return err_set(ERR_DENIED, "this type of challenge is not known to this validator");
	return by_type[w->type](v, r, w);
}

/* Back to the queue, or over. A refusal by policy will not change by itself. */
static int64_t
when_again(const struct validator *v, const struct store_challenge_work *w, enum err e)
{
	if (atomic_load(&v->stopping))
		return clock_now();
	if (e == ERR_DENIED || (unsigned)w->attempts >= v->config->attempts)
		return 0;
	return clock_now() + RETRY_AFTER_S;
}

/* The database may be restarting: what was found is told again and again, for less than the lease
 * lasts, so that the client need not wait for the lease to end and prove itself anew. */
static enum err
tell_outcome(struct validator *v, const struct store_challenge_work *w,
	enum acme_challenge_status to, const char *error, int64_t again)
{
	int64_t until = clock_monotonic_us() + TELL_FOR_S * 1000000LL;
	enum err e;

	while ((e = store_challenge_finish(v->store, w->id, to, error, again)) == ERR_UNAVAILABLE &&
		!atomic_load(&v->stopping) && clock_monotonic_us() < until)
		poll(NULL, 0, TELL_EVERY_MS);
	return e;
}

static void
record_outcome(
	struct validator *v, struct arena *a, const struct store_challenge_work *w, enum err e)
{
	const char *reason = e == ERR_OK ? NULL : arena_strdup(a, err_reason()), *error = NULL;
	int64_t again = e == ERR_OK ? 0 : when_again(v, w, e);
	enum acme_challenge_status to = e == ERR_OK ? ACME_CHALLENGE_VALID : ACME_CHALLENGE_INVALID;

	if (e != ERR_OK) {
		/* Whoever reads this may have expected a grant to do. */
		const char *detail = arena_printf(a,
			"%s (a name that an operator grants to the identity needs no proof)",
			reason);
		AUTO(json_t) problem = problem_document(problem_for(e, err_word()), e, detail);

		error = json_text(a, problem);
	}
	atomic_fetch_add(e == ERR_OK ? &v->valid : again != 0 ? &v->retried : &v->invalid, 1);
	log_event(LOG_INFO, "acme.validate", LOG_S("challenge", w->id),
		LOG_S("identifier", w->identifier), LOG_I("attempt", w->attempts),
		LOG_S("outcome",
			e == ERR_OK	     ? "ok"
				: again != 0 ? "retry"
					     : "refused"),
		LOG_S("reason", reason));
	if (tell_outcome(v, w, to, error, again) != ERR_OK)
		log_event(LOG_WARNING, "acme.validate.record", LOG_S("challenge", w->id),
			LOG_S("reason", err_reason()));
}

static void
work_once(struct validator *v, struct resolver *r, uint64_t rings)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_challenge_work *w;
	size_t count;
	enum err e = store_challenge_take(
		v->store, a, 1, v->config->timeout + LEASE_EXTRA_S, &w, &count);

	if (e != ERR_OK) {
		nothing_left(
			v, rings); /* also when the database is away: the next tick asks again */
		return;
	}
	wake_another(v);
	record_outcome(v, a, w, look_at_challenge(v, r, w));
}

static void *
work_until_stopped(void *ctx)
{
	struct validator *v = ctx;
	struct resolver *r = NULL;
	uint64_t rings;

	while (wait_for_ring(v, &rings)) {
		if (r == NULL && resolver_open(v->config, &r) != ERR_OK) {
			log_failure("acme.validate.resolver", ERR_INTERNAL);
			nothing_left(v, rings);
			continue;
		}
		work_once(v, r, rings);
	}
	resolver_close(r);
	return NULL;
}

enum err
validator_open(struct store *store, const struct config_validator *config, struct validator **out)
{
	struct validator *v = mem_zalloc(1, sizeof(*v));
	enum err e = address_policy_new(config, &v->policy);

	if (e == ERR_OK)
		e = resolve_setup();
	if (e == ERR_OK)
		e = fetch_setup();
	if (e != ERR_OK) {
		address_policy_free(v->policy);
		free(v);
		return e;
	}
	v->store = store;
	v->config = config;
	v->rings = 1;
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->wake, NULL);
	v->worker = mem_zalloc(config->concurrency, sizeof(*v->worker));
	for (; v->worker_count < config->concurrency; v->worker_count++)
		if (pthread_create(&v->worker[v->worker_count], NULL, work_until_stopped, v) != 0)
			abort();
	db_listen(store_db(store), 1U << STORE_BELL_CHALLENGE, on_bell, v);
	*out = v;
	return ERR_OK;
}

void
validator_close(struct validator *v)
{
	if (v == NULL)
		return;
	db_unlisten(store_db(v->store), v);
	pthread_mutex_lock(&v->lock);
	atomic_store(&v->stopping, true);
	pthread_cond_broadcast(&v->wake);
	pthread_mutex_unlock(&v->lock);
	for (unsigned i = 0; i < v->worker_count; i++)
		pthread_join(v->worker[i], NULL);
	address_policy_free(v->policy);
	pthread_cond_destroy(&v->wake);
	pthread_mutex_destroy(&v->lock);
	free(v->worker);
	free(v);
}

struct validator_counts
validator_counts(const struct validator *v)
{
	return (struct validator_counts){
		atomic_load(&v->valid), atomic_load(&v->invalid), atomic_load(&v->retried)};
}
