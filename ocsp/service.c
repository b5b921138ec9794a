/* The responder's life and its routes; see ocsp.h. */
#include "ocsp/service.h"

#include <stdlib.h>

#include "ca/public.h"
#include "lib/base/clock.h"

enum { SWEEP_EVERY_S = 600, ISSUERS_EVERY_S = 2 };

/* Readers come without a pause under load; one that waits to put in a new key must not wait for
 * ever. */
static void
init_lock(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

enum err
ocsp_open(struct store *store, const struct config *config, struct ocsp_service **out)
{
	struct ocsp_service *o = mem_zalloc(1, sizeof(*o));
	enum err e;

	o->store = store;
	o->config = config;
	o->table = ocsp_table_new();
	init_lock(&o->lock);
	told_init(&o->snapshot);
	e = responder_load(o);
	if (e == ERR_OK)
		e = feed_read(o);
	if (e != ERR_OK) {
		ocsp_close(o);
		return e;
	}
	feed_start(o);
	*out = o;
	return ERR_OK;
}

void
ocsp_close(struct ocsp_service *o)
{
	if (o == NULL)
		return;
	db_follower_stop(o->feed);
	responder_clear(o);
	ocsp_table_free(o->table);
	pthread_rwlock_destroy(&o->lock);
	told_clear(&o->snapshot);
	free(o);
}

void
ocsp_watch(struct ocsp_service *o, told_watcher *watch, void *ctx)
{
	told_watch(&o->snapshot, watch, ctx);
}

const char *
ocsp_snapshot(struct ocsp_service *o, struct arena *a)
{
	return told_get(&o->snapshot, a);
}

/* The feed says when the database is away; other failures are told once each time they begin. */
static void
read_issuers(struct ocsp_service *o)
{
	enum err e = responder_load(o);

	if (e != ERR_OK && e != ERR_UNAVAILABLE && !o->issuers_failing)
		log_failure("ocsp.issuers", e);
	o->issuers_failing = e != ERR_OK;
}

void
ocsp_tick(struct ocsp_service *o)
{
	int64_t now = clock_now();

	if (now >= o->issuers_read_at + ISSUERS_EVERY_S) {
		read_issuers(o);
		o->issuers_read_at = now;
	}
	if (now >= o->swept_at + SWEEP_EVERY_S) {
		ocsp_table_sweep(o->table, now);
		o->swept_at = now;
	}
	responder_renew(o);
}

/* With the lock held. */
static const char *
find_missing(const struct ocsp_service *o)
{
	for (uint32_t i = 0; i < o->config->issuers_count; i++) {
		const char *name = o->config->issuers[i].name;
		bool found = false;

		for (size_t n = 0; n < o->count; n++)
			found = found ||
				(o->issuer[n]->wanted && strcmp(o->issuer[n]->name, name) == 0);
		if (!found)
			return name;
	}
	return NULL;
}

struct ocsp_state
ocsp_state(struct ocsp_service *o)
{
	struct ocsp_state state = {
		.certificates = ocsp_table_count(o->table), .fed_at = atomic_load(&o->fed_at)};

	pthread_rwlock_rdlock(&o->lock);
	for (size_t i = 0; i < o->count; i++) {
		const struct ocsp_issuer *s = o->issuer[i];
		int64_t end = s->ready ? s->responder.not_after : 0;

		if (s->wanted && (state.responder_of == NULL || end < state.responder_not_after)) {
			state.responder_not_after = end;
			state.responder_of = s->name;
		}
	}
	state.missing = find_missing(o);
	pthread_rwlock_unlock(&o->lock);
	return state;
}

static void
handle_post(struct http_request *req, struct http_response *resp)
{
	struct ca_public *app = req->app;

	answer_request(app->ocsp, req->body, req, resp);
}

static void
handle_get(struct http_request *req, struct http_response *resp)
{
	struct ca_public *app = req->app;
	uint8_t room[OCSP_REQUEST_MAX];
	struct bytes der;

	/* What cannot be decoded is a malformed request like any other. */
	if (ocsp_get_decode(req->param[0], room, &der) != ERR_OK)
		der = (struct bytes){room, 0};
	answer_request(app->ocsp, der, req, resp);
}

const struct http_route ocsp_routes[] = {
	{.pattern = "/ocsp/{*}",
		.methods = HTTP_GET,
		.handler = handle_get,
		.run = HTTP_RUN_INLINE,
		.operation = "ocsp.get"},
	{.pattern = "/ocsp",
		.methods = HTTP_POST,
		.handler = handle_post,
		.body_max = OCSP_REQUEST_MAX,
		.run = HTTP_RUN_INLINE,
		.operation = "ocsp.post"},
	{.pattern = "/ocsp/",
		.methods = HTTP_POST,
		.handler = handle_post,
		.body_max = OCSP_REQUEST_MAX,
		.run = HTTP_RUN_INLINE,
		.operation = "ocsp.post"},
	{.pattern = NULL},
};
