/* Which handler answers which path, and what it takes. */
#ifndef CHANCERY_HTTP_ROUTE_H
#define CHANCERY_HTTP_ROUTE_H

#include "lib/http/http.h"

/*
 * Routes match the raw path exactly; "{}" matches one non-empty segment of [A-Za-z0-9._~-]; a final
 * "{*}" matches the rest, slashes, percent signs and '=' '+' included (OCSP GET). Wrong method: 405
 * with Allow. No route: 404.
 */
struct http_route {
	const char *pattern;
	unsigned methods; /* of enum http_method; HEAD is implied by GET */
	http_handler *handler;
	size_t body_max;		  /* larger: 413 before it is read */
	const char *const *content_types; /* NULL-terminated allow list for POST (parameters
					     ignored), else 415; NULL: any */
	enum http_run {
		HTTP_RUN_POOL,
		HTTP_RUN_INLINE
	} run; /* INLINE: on the network thread; must never block */
	/* Who is let in and whose turn it is when more arrive than are served. What begins is refused, 503,
	 * once as much is under way as the listener takes; what continues something begun and what is
	 * urgent never is: each connection has one request at a time. */
	enum http_lane {
		HTTP_LANE_BEGINS,
		HTTP_LANE_CONTINUES,
		HTTP_LANE_URGENT,
		HTTP_LANE_COUNT
	} lane;
	const char *operation; /* for log and metrics: "est.simpleenroll" */
	const void *arg;       /* what handlers shared by several routes find as req->route->arg */
};
/* The tables, each ending with pattern NULL, end to end as one; the caller's, to be freed when no
 * server uses it any more. */
struct http_route *http_routes_join(const struct http_route *const tables[], size_t count);

#endif
