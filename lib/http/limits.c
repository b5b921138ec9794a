/*
 * What peers together can make a listener hold. Each part is bounded where it arises; here the sum
 * is told, so that an operator knows what a host needs and what MemoryMax= may be.
 */
#include "lib/http/conn.h"

#include "lib/base/log.h"
#include "lib/http/tls.h"

/* GnuTLS' own of one session: 50 KiB with an ordinary chain, measured, and one of 32 KiB. */
enum { TLS_SESSION_SIZE = 96 * 1024 };

static size_t
largest_body(const struct http_route *route)
{
	size_t max = 0;

	for (; route->pattern != NULL; route++)
		max = route->body_max > max ? route->body_max : max;
	return max;
}

/* Head, the copy of its query, body; what TLS keeps. */
static size_t
bound_connection(const struct http_config *c)
{
	size_t octets = (size_t)2 * CONN_HEAD_MEMORY + largest_body(c->routes);

	return c->tls == NULL ? octets : octets + TLS_HELD_MAX + TLS_SESSION_SIZE;
}

void
limits_tell(const struct http_config *c)
{
	size_t each = bound_connection(c);

	log_event(LOG_INFO, "http.limits", LOG_S("listener", c->name),
		LOG_I("connections", c->connections_max),
		LOG_I("connections_per_address", c->connections_per_address),
		LOG_I("octets_each", each), LOG_I("octets", each * c->connections_max));
}
