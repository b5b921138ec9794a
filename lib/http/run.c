/*
 * A complete request meets its handler: the requester is asked about once more, the handler fills a response,
 * the line is logged, and what MHD needs is made from it. Runs on a worker, or for inline routes
 * and refusals on the network thread.
 *
 * A handler that said http_later() has only done the first half. The second may be wanted before
 * the handler has returned; so whoever comes last, the handler's worker or http_finish(), does it,
 * and nobody else can touch the request then.
 */
#include "lib/http/conn.h"

#include <assert.h>
#include <poll.h>

#include "lib/base/clock.h"

enum {
	RETRY_AFTER_SECONDS = 2,
	WAITED_US = 100000,	   /* from here on a client may have given up */
	BEGIN_WITHIN_US = 10000000 /* in the queue */
};

/* What a verdict means once a connection is open. */
static const struct http_refusal unwelcome[] = {
	[HTTP_PEER_REVOKED] = {403, "revoked",
		"the client certificate is revoked; only an operator of this CA can give out another"},
	[HTTP_PEER_EXPIRED] = {403, "expired",
		"the client certificate has expired; renewing needs one that has not, so ask an operator of this CA for a new one"},
	[HTTP_PEER_UNKNOWN] = {403, "identity-blocked",
		"the identity of the client certificate is blocked or not known any more; ask an operator of this CA"},
	[HTTP_PEER_UNKNOWN_CA] = {403, "unknown-ca",
		"the issuer of the client certificate is not accepted any more"},
	[HTTP_PEER_BAD] = {403, "denied", "the client certificate is not accepted any more"},
	[HTTP_PEER_UNAVAILABLE] = {503, "unavailable",
		"the client certificate cannot be checked now, try again"},
};

static const struct http_refusal too_late = {503, "busy",
					 "this request has waited too long to be begun, try again"},
				 gone = {503, "busy",
					 "the client left before its request was begun"};

static const struct http_refusal no_answer = {500, "internal", "the request could not be answered"};

static void
write_plain_refusal(struct http_request *req, struct http_response *resp, unsigned status,
	const char *word, const char *reason)
{
	resp->status = status;
	resp->content_type = "text/plain";
	resp->body = bytes_str(arena_printf(req->arena, "%s: %s\n", word, reason));
}

/* RFC 9110 section 15.5.16 leaves it to the text what would be accepted. */
static const char *
refusal_text(struct http_conn *c, const struct http_refusal *r)
{
	const char *text = r->reason;

	if (r->status != 415 || c->req.route == NULL || c->req.route->content_types == NULL)
		return text;
	for (const char *const *type = c->req.route->content_types; *type != NULL; type++)
		text = arena_printf(c->req.arena, "%s%s \"%s\"", text,
			type == c->req.route->content_types ? "; send" : " or", *type);
	return text;
}

/* Who is refused because there are too many gets an appointment. */
static unsigned
choose_retry_after(struct http_conn *c, const struct http_refusal *r)
{
	return strcmp(r->word, "busy") == 0 ? pool_appoint(&c->server->pool) : RETRY_AFTER_SECONDS;
}

static void
write_refusal(struct http_conn *c, const struct http_refusal *r, struct http_response *resp)
{
	http_refusal_writer *writer =
		c->server->config.refuse != NULL ? c->server->config.refuse : write_plain_refusal;
	char allow[ROUTER_ALLOW_SIZE];

	*resp = (struct http_response){.status = 0};
	(void)conn_request_id(c);
	writer(&c->req, resp, r->status, r->word, refusal_text(c, r));
	if (r->status == 405) {
		router_allow(c->allowed, allow);
		http_response_header(resp, "Allow", arena_strdup(c->req.arena, allow));
	}
	if (r->status == 503)
		http_response_header(resp, "Retry-After",
			arena_printf(c->req.arena, "%u", choose_retry_after(c, r)));
	if (resp->reason == NULL)
		resp->reason = r->reason;
}

/* A client is known; who is not gets no further than the handshake. */
static void
tell_refused(struct http_conn *c, const struct http_response *resp)
{
	const struct http_authenticator *clients = &c->server->config.authenticator;

	if (c->tls == NULL || c->req.requester == NULL || resp->no_event ||
		resp->prepared != NULL || resp->status < 400 || resp->status > 499)
		return;
	clients->refused(clients->ctx,
		&(struct http_refused){.requester = c->req.requester,
			.operation =
				c->req.route != NULL ? c->req.route->operation : "http.request",
			.reason = resp->reason != NULL ? resp->reason : "",
			.request_id = conn_request_id(c),
			.peer = c->req.peer_address});
}

static void
make_reply(struct http_conn *c, struct http_response *resp)
{
	unsigned status = resp->status;

	tell_refused(c, resp);

	c->reply = resp->prepared != NULL ? prepared_not_modified(c, resp->prepared) : NULL;
	if (c->reply != NULL) {
		http_prepared_unref(resp->prepared);
		c->reply_size = 0;
		status = 304;
	} else if (resp->prepared != NULL) {
		c->reply_prepared = resp->prepared;
		c->reply = prepared_response(resp->prepared,
			c->req.http10 || server_draining(c->server), &status, &c->reply_size);
	} else {
		c->reply = response_make(c, resp);
		c->reply_size = resp->body.n;
	}
	c->reply_status = status;
	access_log_request(c, status, resp->outcome, resp->reason, resp->identity);
}

static void
read_params(struct http_conn *c)
{
	for (size_t i = 0; i < c->param_count; i++) {
		struct bytes p = c->param[i];

		/* The last one usually ends where the path does, and there is a NUL. */
		c->req.param[i] =
			p.p[p.n] == '\0' ? (const char *)p.p : arena_string(c->req.arena, p);
	}
}

/* The one check that a handshake of an hour ago cannot have made. */
static const struct http_refusal *
check_requester(struct http_conn *c)
{
	const struct http_authenticator *clients = &c->server->config.authenticator;
	enum http_verdict v;

	if (c->tls == NULL)
		return NULL;
	(void)err_set(ERR_DENIED, "%s", "");
	v = c->req.requester != NULL && c->authenticated ? clients->request(clients->ctx, &c->req)
							 : HTTP_PEER_BAD;
	return v == HTTP_PEER_OK ? NULL : &unwelcome[v];
}

static bool
has_left(const struct http_conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* Nobody is served what nobody waits for any more; but who wants to revoke may leave. Looked at only
 * once there was a queue, so that who closes its half early is answered by a server that is not full. */
static const struct http_refusal *
check_wait(const struct http_conn *c)
{
	enum http_lane lane = c->req.route->lane;
	int64_t waited =
		c->req.route->run == HTTP_RUN_POOL ? clock_monotonic_us() - c->job.pushed_us : 0;

	if (waited < WAITED_US || lane == HTTP_LANE_URGENT)
		return NULL;
	if (lane == HTTP_LANE_BEGINS && waited > BEGIN_WITHIN_US)
		return &too_late;
	return has_left(c) ? &gone : NULL;
}

/* Fills resp, unless the handler said http_later(). */
static void
run_handler(struct http_conn *c, struct http_response *resp)
{
	const struct http_refusal *r, *late;
	const char *why;

	c->req.arena = thread_arena(&c->server->arenas);
	r = check_requester(c);
	if (c->req.route->run == HTTP_RUN_POOL)
		(void)conn_request_id(c);
	if (r == NULL && (late = check_wait(c)) != NULL) {
		write_refusal(c, late, resp);
		return;
	}
	if (r == NULL) {
		read_params(c);
		c->req.route->handler(&c->req, resp);
		return;
	}
	why = arena_strdup(c->req.arena, err_reason());
	write_refusal(c, r, resp);
	resp->reason = why[0] != '\0' ? why : resp->reason;
	resp->close = true;
}

static void
reply_to(struct http_conn *c, struct http_response *resp)
{
	if (resp->status == 0 && resp->prepared == NULL)
		write_refusal(c, &no_answer, resp);
	make_reply(c, resp);
}

void
run_inline(struct http_conn *c)
{
	struct http_response resp = {.status = 0};

	run_handler(c, &resp);
	reply_to(c, &resp);
	arena_reset(c->req.arena);
}

void
run_refusal(struct http_conn *c)
{
	struct http_response resp;

	c->req.arena = thread_arena(&c->server->arenas);
	write_refusal(c, c->refusal, &resp);
	make_reply(c, &resp);
	arena_reset(c->req.arena);
}

void
http_later(struct http_request *req, const struct http_response *resp, http_continuation *then,
	void *ctx)
{
	struct later *l = arena_alloc(req->arena, sizeof(*l));

	assert(req->route->run == HTTP_RUN_POOL && req->conn->later == NULL);
	l->then = then;
	l->ctx = ctx;
	l->resp = *resp;
	atomic_init(&l->arrived, 0);
	req->conn->later = l;
}

/* The second half. Once the connection is resumed c may be gone, and without its room the server.
 */
static void
go_on(struct http_conn *c)
{
	struct http_server *s = c->server;
	struct MHD_Connection *mhd = c->mhd;
	struct later *l = c->later;
	enum http_lane lane = c->req.route->lane;

	l->then(&c->req, &l->resp, l->ctx);
	reply_to(c, &l->resp);
	arenas_give(&s->arenas, c->req.arena);
	MHD_resume_connection(mhd);
	pool_release(&s->pool, lane);
}

static void
arrive_late(struct http_conn *c, enum later_party who)
{
	unsigned before = atomic_fetch_or_explicit(&c->later->arrived, who, memory_order_acq_rel);

	assert((before & who) == 0);
	if (before != 0)
		go_on(c);
}

void
http_finish(struct http_request *req)
{
	arrive_late(req->conn, LATER_RESULT);
}

enum pool_end
run_job(struct pool_job *job)
{
	struct http_conn *c =
		(struct http_conn *)(void *)((char *)job - offsetof(struct http_conn, job));
	struct MHD_Connection *mhd = c->mhd;
	struct http_response resp = {.status = 0};

	run_handler(c, &resp);
	if (c->later != NULL) {
		thread_arena_leave();
		arrive_late(c, LATER_HANDLER);
		return POOL_LATER;
	}
	reply_to(c, &resp);
	arena_reset(c->req.arena);
	MHD_resume_connection(mhd); /* c may be gone from here on */
	return POOL_DONE;
}
