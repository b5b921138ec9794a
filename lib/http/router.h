/*
 * Routes of a listener, compiled once. Pure functions: the fuzz target of the router calls them
 * with no server around. See struct http_route for the pattern language.
 */
#ifndef CHANCERY_HTTP_ROUTER_H
#define CHANCERY_HTTP_ROUTER_H

#include "lib/http/route.h"

struct router;

/* Compiles a table that ends with pattern NULL; the table stays the caller's and must outlive the
 * router. ERR_INVALID names a pattern that is malformed, has too many {} or stands twice for one
 * method. */
enum err router_new(const struct http_route *routes, struct router **out) MUST_CHECK;
void router_free(struct router *r);
AUTO_STRUCT_DEFINE(router, router_free)

struct router_match {
	const struct http_route *route; /* NULL: none for this method */
	unsigned allowed; /* methods the path has at all, HEAD with GET; 0: no such path */
	size_t count;
	struct bytes param[HTTP_PARAMS_MAX]; /* views into path */
};

/* Of enum http_method; 0: one this server does not know. */
unsigned router_method(const char *name);
/* method 0 stands for a method this server does not know. A literal wins over {} and {} over {*}.
 */
void
router_find(const struct router *r, struct bytes path, unsigned method, struct router_match *out);

enum { ROUTER_ALLOW_SIZE = 48 };
/* "GET, HEAD, POST" for the Allow field (RFC 9110 section 10.2.1). */
void router_allow(unsigned methods, char out[ROUTER_ALLOW_SIZE]);

#endif
