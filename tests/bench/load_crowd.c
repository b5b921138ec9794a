/*
 * More than a server can do. Over kept connections requests go out at a rate that does not depend on
 * the answers; over new ones a crowd of clients tries until each has what it wants, and comes back
 * when it was told to. A request that was refused is sent again with the same key.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/load.h"

enum { EVENTS_MAX = 64, REFUSED_AGAIN_MAX_S = 10 };

struct client {
	struct load_conn conn;
	struct client *next; /* of those that wait for nothing */
	double began;
	unsigned long csr;
};

struct crowd {
	struct load *load;
	struct client *client, *idle;
	unsigned open;
	int ep;
};

static void
connect_all(struct crowd *c)
{
	c->client = mem_zalloc(c->load->connections, sizeof(*c->client));
	c->ep = epoll_create1(0);
	for (unsigned i = 0; i < c->load->connections; i++) {
		struct client *one = &c->client[i];
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = one};

		if (!load_connect(c->load, &one->conn))
			load_die("cannot connect to port %d with this certificate", c->load->port);
		epoll_ctl(c->ep, EPOLL_CTL_ADD, one->conn.fd, &ev);
		one->csr = load_est_next();
		one->next = c->idle;
		c->idle = one;
	}
}

static void
send_one(struct crowd *c, double due)
{
	struct client *one = c->idle;

	if (one == NULL) {
		atomic_fetch_add(&c->load->not_sent, 1);
		return;
	}
	c->idle = one->next;
	c->open++;
	one->began = due;
	if (!load_est_send(c->load, &one->conn, one->csr, "keep-alive"))
		load_die("the server closed a kept connection");
}

static void
take_answer(struct crowd *c, struct client *one)
{
	struct load_response r;

	if (!load_receive(&one->conn, &r))
		load_die("the server closed a kept connection");
	if (r.status == 503)
		(void)load_refused(c->load, &r, one->began);
	else if (r.status == 200)
		load_ok(c->load, one->began);
	else
		load_fail(c->load, "status %u: %.*s", r.status, (int)r.body.n, r.body.p);
	if (r.status != 503)
		one->csr = load_est_next();
	one->next = c->idle;
	c->idle = one;
	c->open--;
}

static void
take_answers(struct crowd *c, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(c->ep, events, EVENTS_MAX, timeout_ms);

	for (int i = 0; i < n; i++)
		take_answer(c, events[i].data.ptr);
}

/* --count bounds the requests, not the keys: most requests are refused, and sent again. */
void
load_crowd_prepare(struct load *l)
{
	unsigned long most = l->count_max;

	if (l->rate <= 0)
		load_die("mode crowd needs --rate");
	load_est_prepare(l);
	l->count_max = most;
}

void
load_crowd_worker(struct load *l, unsigned index)
{
	struct crowd c = {.load = l};
	double due;
	bool more;

	(void)index;
	connect_all(&c);
	load_begin(l);
	for (more = load_next(l, &due); more;) {
		double now = load_now();

		for (; more && due <= now; more = load_next(l, &due))
			send_one(&c, due);
		/* Without an idle connection it has nothing to do until an answer comes. */
		take_answers(&c, c.idle == NULL || due - now > 1e-3 ? 1 : 0);
	}
	while (c.open > 0 && load_now() < l->deadline + 30)
		take_answers(&c, 1000);
	for (unsigned i = 0; i < l->connections; i++)
		load_disconnect(&c.client[i].conn);
	close(c.ep);
	free(c.client);
}

/* Seconds to stay away; negative: it has what it wanted, or failed. */
static int
try_once(struct load *l, struct load_conn *c, unsigned long csr, double first)
{
	struct load_response r;
	double began = load_now();
	int away = 1;

	/* Not even accepted: as a client, which then tries again in a moment. */
	if (!load_connect(l, c) || !load_est_send(l, c, csr, "close") || !load_receive(c, &r))
		atomic_fetch_add(&l->not_sent, 1);
	else if (r.status == 503)
		away = (int)load_refused(l, &r, began);
	else if (r.status == 200)
		load_ok(l, first), away = -1;
	else
		load_fail(l, "status %u: %.*s", r.status, (int)r.body.n, r.body.p), away = -1;
	load_disconnect(c);
	return away < REFUSED_AGAIN_MAX_S ? away : REFUSED_AGAIN_MAX_S;
}

void
load_crowd_new_worker(struct load *l, unsigned index)
{
	struct load_conn *c = mem_zalloc(1, sizeof(*c));
	double first;

	(void)index;
	load_begin(l);
	while (load_more(l, &first)) {
		unsigned long csr = load_est_next();
		int away;

		while ((away = try_once(l, c, csr, first)) >= 0 && load_now() + away < l->deadline)
			usleep((useconds_t)away * 1000000);
		if (away >= 0)
			break;
	}
	free(c);
}
