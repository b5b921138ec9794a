/*
 * One listener, three protocols: their route tables end to end, and refusals written the way the
 * path's clients read them. This is the only place that knows all three.
 */
#include "server/gateway_routes.h"

#include <stdlib.h>

#include "acme/acme.h"
#include "admin/api/api.h"
#include "est/est.h"

/* For a person with curl who has just got through: where to go on. */
static void
handle_index(struct http_request *req, struct http_response *resp)
{
	(void)req;
	resp->status = 200;
	resp->content_type = "text/plain";
	resp->body = bytes_str(
		"Chancery " CHANCERY_VERSION "\n\n"
		"/acme/directory               ACME (RFC 8555)\n" EST_PREFIX
		"/cacerts      EST (RFC 7030)\n"
		"/admin/v1/status              administration: ca-admin, with an operator's certificate\n"
		"/openapi.json                 its operations (OpenAPI 3.1)\n");
	http_response_header(resp, "Cache-Control", "no-store");
}

static const struct http_route index_route[] = {
	{.pattern = "/",
		.methods = HTTP_GET,
		.handler = handle_index,
		.run = HTTP_RUN_INLINE,
		.operation = "gateway.index"},
	{.pattern = NULL},
};

static const struct surface {
	const char *prefix;
	http_refusal_writer *refuse;
} surfaces[] = {
	{"/acme/", acme_refuse},
	{EST_PREFIX "/", est_refuse},
	{"/admin/", admin_refuse},
	{"/openapi.json", admin_refuse},
};

struct http_route *
gateway_routes(void)
{
	struct http_route *admin = admin_routes();
	const struct http_route *const tables[] = {index_route, acme_routes, est_routes, admin};
	struct http_route *all = http_routes_join(tables, ARRAY_LEN(tables));

	free(admin);
	return all;
}

static void
refuse_plainly(struct http_request *req, struct http_response *resp, unsigned status,
	const char *word, const char *reason)
{
	resp->status = status;
	resp->content_type = "text/plain; charset=utf-8";
	resp->body = bytes_str(arena_printf(req->arena, "%s: %s%s (request %s)\n", word, reason,
		status == 404 ? "; GET / tells what is here" : "", req->id));
}

void
gateway_refuse(struct http_request *req, struct http_response *resp, unsigned status,
	const char *word, const char *reason)
{
	for (size_t i = 0; i < ARRAY_LEN(surfaces); i++)
		if (req->path != NULL &&
			strncmp(req->path, surfaces[i].prefix, strlen(surfaces[i].prefix)) == 0) {
			surfaces[i].refuse(req, resp, status, word, reason);
			return;
		}
	refuse_plainly(req, resp, status, word, reason);
}
