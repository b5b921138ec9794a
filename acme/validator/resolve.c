/*
 * c-ares driven by poll(2) until the answer or the deadline. No search domains: "a" must never
 * become "a.corp.example". With resolvers in the configuration only they are asked; else those of
 * the system, after its hosts file.
 */
#include "acme/validator/resolve.h"

#include <ares.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"

enum { QUERY_TIMEOUT_MS = 2000, QUERY_TRIES = 3, POLL_MAX_MS = 500 };

struct resolver {
	ares_channel channel;
};

struct lookup {
	struct addresses found;
	int status;
	bool done;
};

enum err
resolve_setup(void)
{
	int code = ares_library_init(ARES_LIB_INIT_ALL);

	return code == ARES_SUCCESS ? ERR_OK
				    : err_set(ERR_INTERNAL, "c-ares: %s", ares_strerror(code));
}

/* "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53" are what c-ares reads too, separated by commas.
 */
static enum err
set_servers(struct resolver *r, const struct config_validator *config)
{
	char list[2048] = "";
	size_t used = 0;
	int code;

	if (config->resolver_count == 0)
		return ERR_OK;
	for (size_t i = 0; i < config->resolver_count && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? "," : "",
			config->resolver[i]);
	if (used >= sizeof(list))
		return err_set(ERR_LIMIT, "validator.resolver lists too many resolvers");
	code = ares_set_servers_ports_csv(r->channel, list);
	return code == ARES_SUCCESS
		? ERR_OK
		: err_set(ERR_INVALID, "validator.resolver: %s", ares_strerror(code));
}

enum err
resolver_open(const struct config_validator *config, struct resolver **out)
{
	char system_lookups[] = "fb", dns_only[] = "b";
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH,
		.timeout = QUERY_TIMEOUT_MS,
		.tries = QUERY_TRIES,
		.ndomains = 0,
		.lookups = config->resolver_count > 0 ? dns_only : system_lookups,
	};
	struct resolver *r = mem_zalloc(1, sizeof(*r));
	int code = ares_init_options(&r->channel, &options,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS |
			ARES_OPT_LOOKUPS);
	enum err e;

	if (code != ARES_SUCCESS) {
		free(r);
		return err_set(ERR_INTERNAL, "c-ares: %s", ares_strerror(code));
	}
	e = set_servers(r, config);
	if (e == ERR_OK)
		*out = r;
	else
		resolver_close(r);
	return e;
}

void
resolver_close(struct resolver *r)
{
	if (r == NULL)
		return;
	ares_destroy(r->channel);
	free(r);
}

static void
collect_addresses(struct addresses *out, const struct ares_addrinfo *result, int family)
{
	for (const struct ares_addrinfo_node *n = result->nodes;
		n != NULL && out->count < RESOLVE_MAX; n = n->ai_next)
		if (n->ai_family == family &&
			address_from_sockaddr(n->ai_addr, &out->item[out->count]) == ERR_OK)
			out->count++;
}

static void
take_answer(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	struct lookup *l = arg;

	(void)timeouts;
	l->status = status;
	l->done = true;
	if (result != NULL) {
		collect_addresses(&l->found, result, AF_INET6);
		collect_addresses(&l->found, result, AF_INET);
		ares_freeaddrinfo(result);
	}
}

static void
step_resolver(ares_channel channel, int64_t left_us)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	struct pollfd fds[ARES_GETSOCK_MAXNUM];
	int mask = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM), ms;
	struct timeval room = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000}, next;
	nfds_t n = 0;

	for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++)
		if (ARES_GETSOCK_READABLE(mask, i) || ARES_GETSOCK_WRITABLE(mask, i))
			fds[n++] = (struct pollfd){.fd = sockets[i],
				.events = (short)((ARES_GETSOCK_READABLE(mask, i) ? POLLIN : 0) |
					(ARES_GETSOCK_WRITABLE(mask, i) ? POLLOUT : 0))};
	ares_timeout(channel, &room, &next);
	ms = (int)(next.tv_sec * 1000 + next.tv_usec / 1000 + 1);
	if (poll(fds, n, ms < POLL_MAX_MS ? ms : POLL_MAX_MS) <= 0)
		ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* only time-outs */
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents != 0)
			ares_process_fd(channel,
				(fds[i].revents & (POLLIN | POLLERR | POLLHUP)) ? fds[i].fd
										: ARES_SOCKET_BAD,
				(fds[i].revents & POLLOUT) ? fds[i].fd : ARES_SOCKET_BAD);
}

enum err
resolver_lookup(struct resolver *r, const char *name, int64_t deadline, struct addresses *out)
{
	struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
	struct lookup l = {.status = ARES_ETIMEOUT};

	if (address_parse(name, &out->item[0]) == ERR_OK) {
		out->count = 1;
		return ERR_OK;
	}
	ares_getaddrinfo(r->channel, name, NULL, &hints, take_answer, &l);
	while (!l.done && clock_monotonic_us() < deadline)
		step_resolver(r->channel, deadline - clock_monotonic_us());
	if (!l.done)
		ares_cancel(r->channel); /* calls take_answer() */
	if (l.found.count == 0)
		return err_set_word(ERR_INVALID, WORD_DNS, "no address was found for \"%s\": %s",
			name,
			l.status == ARES_SUCCESS	      ? "no A or AAAA record"
				: l.status == ARES_ECANCELLED ? "no answer in time"
							      : ares_strerror(l.status));
	*out = l.found;
	return ERR_OK;
}
