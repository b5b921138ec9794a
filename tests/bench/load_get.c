/* Plain HTTP GETs: an epoll loop a thread, --connections kept connections each, one request in flight on
 * each; or a new connection for each request. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/load.h"

enum { IN_MAX = 16 * 1024, EVENTS_MAX = 64 };

struct plain {
	int fd;
	double began;
	size_t have, want; /* want 0: head not complete */
	char in[IN_MAX];
};

static int
open_plain(struct load *l)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		load_die("cannot connect to port %d", l->port);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* False: no more requests are to be sent. */
static bool
send_request(struct load *l, struct plain *p, struct bytes request)
{
	if (!load_more(l, &p->began))
		return false;
	p->have = p->want = 0;
	if (write(p->fd, request.p, request.n) != (ssize_t)request.n)
		load_die("short write");
	return true;
}

/* True when the whole answer has arrived. */
static bool
read_answer(struct plain *p)
{
	ssize_t n = read(p->fd, p->in + p->have, sizeof(p->in) - p->have - 1);
	char *end, *length;

	if (n <= 0)
		load_die("the server closed a kept connection");
	p->have += (size_t)n;
	p->in[p->have] = '\0';
	if (p->want == 0) {
		end = strstr(p->in, "\r\n\r\n");
		if (end == NULL)
			return false;
		length = strcasestr(p->in, "\r\ncontent-length:");
		p->want = (size_t)(end + 4 - p->in) +
			(length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0);
	}
	return p->have >= p->want;
}

static void
on_answer(struct load *l, struct plain *p)
{
	if (strncmp(p->in + 9, "200", 3) == 0)
		load_ok(l, p->began);
	else
		load_fail(l, "%.60s", p->in);
}

void
load_get_worker(struct load *l, unsigned index)
{
	struct plain *conn = mem_zalloc(l->connections, sizeof(*conn));
	struct epoll_event events[EVENTS_MAX];
	char request[4096];
	struct bytes wire;
	unsigned open = 0;
	int ep = epoll_create1(0);

	(void)index;
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", l->path, l->host);
	wire = bytes_str(request);
	for (unsigned i = 0; i < l->connections; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &conn[i]};

		conn[i].fd = open_plain(l);
		epoll_ctl(ep, EPOLL_CTL_ADD, conn[i].fd, &ev);
	}
	load_begin(l);
	for (unsigned i = 0; i < l->connections; i++)
		open += send_request(l, &conn[i], wire) ? 1 : 0;
	while (open > 0) {
		int n = epoll_wait(ep, events, EVENTS_MAX, 5000);

		if (n <= 0)
			load_die("no answer within 5 s");
		for (int i = 0; i < n; i++) {
			struct plain *p = events[i].data.ptr;

			if (!read_answer(p))
				continue;
			on_answer(l, p);
			if (!send_request(l, p, wire))
				open--;
		}
	}
	for (unsigned i = 0; i < l->connections; i++)
		close(conn[i].fd);
	close(ep);
	free(conn);
}

/* Blocking; the client closes first, which keeps the server's ports free. */
void
load_get_new_worker(struct load *l, unsigned index)
{
	struct plain *p = mem_zalloc(1, sizeof(*p));
	char request[4096];
	struct bytes wire;

	(void)index;
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", l->path, l->host);
	wire = bytes_str(request);
	load_begin(l);
	while (load_more(l, &p->began)) {
		p->fd = open_plain(l);
		p->have = p->want = 0;
		if (write(p->fd, wire.p, wire.n) != (ssize_t)wire.n)
			load_die("short write");
		while (!read_answer(p))
			;
		on_answer(l, p);
		close(p->fd);
	}
	free(p);
}
