/*
 * What peers together can make a listener hold: descriptors and memory. A listener without a
 * descriptor for each of its connections is not opened: libmicrohttpd would ask accept() for more
 * without a pause. Memory is bounded where it arises; here the sum is told, so that an operator
 * knows what a host needs and what MemoryMax= may be.
 */
#include "lib/http/conn.h"

#include <sys/resource.h>

#include "lib/base/log.h"
#include "lib/http/tls.h"

/* Of the process: sockets that linger, another small listener, database, log, pid file. */
enum { DESCRIPTORS_KEPT = 512 };

/* GnuTLS' own of one session: 50 KiB with an ordinary chain, measured, and one of 32 KiB. */
enum { TLS_SESSION_SIZE = 96 * 1024 };

enum err
limits_check(const struct http_config *c)
{
	struct rlimit n;
	unsigned needed = c->connections_max + DESCRIPTORS_KEPT;

	if (getrlimit(RLIMIT_NOFILE, &n) != 0)
		return err_errno(ERR_INTERNAL, "the limit of descriptors cannot be read");
	if (n.rlim_cur >= needed)
		return ERR_OK;
	return err_set(ERR_INVALID,
		"listener \"%s\": %u connections need %u descriptors, but the process may have %llu: raise LimitNOFILE= (ulimit -n) or lower \"%s.connections\"",
		c->name, c->connections_max, needed, (unsigned long long)n.rlim_cur, c->name);
}

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
