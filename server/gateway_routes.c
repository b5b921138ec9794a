/*
 * One listener, three protocols: their route tables end to end, and refusals written the way the path's clients read them.
 * This is the only place that knows all three.
 */
#include "server/gateway_routes.h"

#include <stdlib.h>

#include "acme/acme.h"
#include "ca/api/api.h"
#include "est/est.h"

static const struct surface {
	const char *prefix;
	const struct http_route *routes;
	http_refusal_writer *refuse;
} surfaces[] = {
	{"/acme/", acme_routes, acme_refuse},
	{EST_PREFIX "/", est_routes, est_refuse},
	{"/admin/", admin_routes, admin_refuse},
};

enum { ROUTES_MAX = 96 };

const struct http_route *
gateway_routes(void)
{
	static struct http_route all[ROUTES_MAX + 1]; /* ends with the zeroed one */
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(surfaces); i++)
		for (const struct http_route *r = surfaces[i].routes; r->pattern != NULL; r++) {
			if (n == ROUTES_MAX)
				abort();
			all[n++] = *r;
		}
	return all;
}

static void
refuse_plainly(struct http_request *req, struct http_response *resp, unsigned status, const char *word, const char *reason)
{
	resp->status = status;
	resp->content_type = "text/plain; charset=utf-8";
	resp->body = bytes_str(arena_printf(req->arena, "%s: %s (request %s)\n", word, reason, req->id));
}

void
gateway_refuse(struct http_request *req, struct http_response *resp, unsigned status, const char *word, const char *reason)
{
	for (size_t i = 0; i < ARRAY_LEN(surfaces); i++)
		if (req->path != NULL && strncmp(req->path, surfaces[i].prefix, strlen(surfaces[i].prefix)) == 0) {
			surfaces[i].refuse(req, resp, status, word, reason);
			return;
		}
	refuse_plainly(req, resp, status, word, reason);
}
