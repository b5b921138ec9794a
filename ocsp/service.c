/* The responder's life and its routes; see ocsp.h. */
#include "ocsp/service.h"

#include <stdlib.h>

#include "ca/public.h"
#include "lib/base/clock.h"

enum { SWEEP_EVERY_S = 600 };

enum err
ocsp_open(struct store *store, const struct config *config, struct ocsp_service **out)
{
	struct ocsp_service *o = mem_zalloc(1, sizeof(*o));
	enum err e;

	o->store = store;
	o->config = config;
	o->table = ocsp_table_new();
	pthread_rwlock_init(&o->lock, NULL);
	e = speaker_load(o);
	if (e == ERR_OK)
		e = feed_read(o);
	if (e != ERR_OK) {
		speaker_clear(o);
		ocsp_table_free(o->table);
		free(o);
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
	store_follower_stop(o->feed);
	speaker_clear(o);
	ocsp_table_free(o->table);
	pthread_rwlock_destroy(&o->lock);
	free(o);
}

void
ocsp_tick(struct ocsp_service *o)
{
	int64_t now = clock_now();
	enum err e = ERR_OK;

	if (now >= o->swept_at + SWEEP_EVERY_S || o->count == 0) {
		e = speaker_load(o);
		ocsp_table_sweep(o->table, now);
		o->swept_at = now;
	}
	if (e != ERR_OK)
		log_failure("ocsp.issuers", e);
	speaker_renew(o);
}

struct ocsp_state
ocsp_state(struct ocsp_service *o)
{
	struct ocsp_state state = {.certificates = ocsp_table_count(o->table), .fed_at = atomic_load(&o->fed_at)};

	pthread_rwlock_rdlock(&o->lock);
	for (size_t i = 0; i < o->count; i++)
		if (o->speaker[i].ready && o->speaker[i].responder.not_after > state.responder_not_after)
			state.responder_not_after = o->speaker[i].responder.not_after;
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
	{.pattern = "/ocsp/{*}", .methods = HTTP_GET, .handler = handle_get, .run = HTTP_RUN_INLINE, .operation = "ocsp.get"},
	{.pattern = "/ocsp", .methods = HTTP_POST, .handler = handle_post, .body_max = OCSP_REQUEST_MAX,
		.run = HTTP_RUN_INLINE, .operation = "ocsp.post"},
	{.pattern = "/ocsp/", .methods = HTTP_POST, .handler = handle_post, .body_max = OCSP_REQUEST_MAX,
		.run = HTTP_RUN_INLINE, .operation = "ocsp.post"},
	{.pattern = NULL},
};
