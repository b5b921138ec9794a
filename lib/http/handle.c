/*
 * One request on its network thread: the head is judged when it is complete, the body collected
 * within its bound, then the request is run here (inline routes) or handed to the pool while the
 * connection is suspended.
 *
 * An answer is queued in MHD's last call for the request, never in the first: queued early it
 * closes the connection. That is used on purpose where the rest of the request is not wanted.
 */
#include "lib/http/conn.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/http/target.h"

enum {
	SLOWEST_READER = 8192, /* octets a second a client must take of an answer */
};

static const struct http_refusal
	not_found = {404, "not-found", "there is nothing at this path"},
	wrong_method = {405, "method-not-allowed", "this path does not serve this method"},
	too_large = {413, "too-large", "the request body is larger than this resource accepts"},
	busy = {503, "busy", "as many requests as this server takes are under way, try again"},
	closing = {503, "closing", "this server is shutting down, try again"};

static const char *const nothing_accepted[] = {NULL};

static void
reset_request(struct http_conn *c)
{
	c->stage = STAGE_HEAD;
	c->refusal = NULL;
	c->answered = false;
	c->allowed = 0;
	c->param_count = 0;
	c->later = NULL;
	c->req.id[0] = '\0';
	c->req.method = 0;
	c->req.path = c->req.query = c->req.host = NULL;
	c->req.body = (struct bytes){NULL, 0};
	c->req.http10 = false;
	c->req.route = NULL;
	memset(c->req.param, 0, sizeof(c->req.param));
}

/* The request line has been read; MHD has not taken it apart yet. */
void *
handle_begin(void *server, const char *uri, struct MHD_Connection *mhd)
{
	struct http_server *s = server;
	struct http_conn *c = conn_of(mhd);
	const char *query = uri != NULL ? strchr(uri, '?') : NULL;

	reset_request(c);
	c->req.started_us = clock_monotonic_us();
	conn_enter(c, CONN_READING, c->req.started_us, s->config.request_deadline_s);
	c->raw_target = uri;
	c->raw_target_len = uri != NULL ? strlen(uri) : 0;
	c->query = query != NULL ? mem_strdup(query + 1) : NULL;
	return c;
}

static const struct http_refusal *
check_body(const struct http_conn *c, const struct http_route *route, const struct gate *g)
{
	const char *const *types = route->content_types;

	if (g->length > route->body_max)
		return &too_large;
	if (types == NULL || !(c->req.method & (HTTP_POST | HTTP_PUT)))
		return NULL;
	return gate_media_type(g->single[GATE_CONTENT_TYPE],
		g->single[GATE_CONTENT_TYPE].p != NULL ? types : nothing_accepted);
}

static const struct http_refusal *
find_route(struct http_conn *c, const struct gate *g)
{
	struct router_match m;

	router_find(c->server->router, bytes_str(c->req.path), c->req.method, &m);
	c->allowed = m.allowed;
	if (m.route == NULL)
		return m.allowed != 0 ? &wrong_method : &not_found;
	c->req.route = m.route;
	memcpy(c->param, m.param, sizeof(c->param));
	c->param_count = m.count;
	return check_body(c, m.route, g);
}

static enum MHD_Result
send_reply(struct http_conn *c)
{
	enum MHD_Result rc = MHD_NO;
	int64_t now = clock_monotonic_us();

	if (c->reply != NULL)
		rc = MHD_queue_response(c->mhd, c->reply_status, c->reply);
	if (rc != MHD_YES)
		log_event(LOG_ERROR, "http.reply", LOG_S("listener", c->req.listener),
			LOG_S("reason", "the answer could not be queued"),
			LOG_S("id", conn_request_id(c)));
	c->answered = true;
	conn_enter(c, CONN_REPLYING, now,
		c->server->config.request_deadline_s + (unsigned)(c->reply_size / SLOWEST_READER));
	return rc;
}

/* Path and host as the target says; a host there stands before the Host field (RFC 9112 section
 * 3.2.2). */
static const struct http_refusal *
read_target(struct http_conn *c, const char *url)
{
	bool plain = url[0] == '/' && strchr(url, '%') == NULL;
	struct target t = {.host = NULL, .path = url};

	if (!plain) {
		c->target = mem_alloc(strlen(url) + 2);
		t = target_read(url, c->target);
	}
	c->req.path = t.path;
	if (t.host == NULL)
		return NULL;
	c->req.host = t.host;
	return gate_host(bytes_str(t.host));
}

static enum MHD_Result
admit_head(struct http_conn *c, const char *url, const char *method, const char *version)
{
	struct gate g = {.length = 0};
	const struct http_refusal *unreadable;

	c->req.http10 = strcmp(version, "HTTP/1.0") == 0;
	c->req.method = router_method(method);
	c->req.path = url;
	c->req.query = c->query;
	unreadable = layout_check(c, url, method, version, &g);
	c->req.host = (const char *)g.single[GATE_HOST].p;
	if (unreadable == NULL)
		unreadable = read_target(c, url);
	c->refusal = unreadable != NULL ? unreadable : find_route(c, &g);
	c->stage = STAGE_BODY;
	if (c->refusal == NULL || (unreadable == NULL && g.length == 0))
		return MHD_YES;
	c->linger = true; /* what the client is still sending must not reset our answer away */
	run_refusal(c);
	return send_reply(c);
}

/* Its length was within the route's bound before the first octet. */
static enum MHD_Result
take_body(struct http_conn *c, const char *data, size_t *n)
{
	size_t more = *n;

	*n = 0;
	c->body.max = c->req.route->body_max;
	return buf_append(&c->body, data, more) == ERR_OK ? MHD_YES : MHD_NO;
}

static enum MHD_Result
dispatch_request(struct http_conn *c)
{
	struct http_server *s = c->server;

	conn_enter(c, CONN_RUNNING, 0, 0);
	c->req.body = buf_bytes(&c->body);
	if (c->refusal == NULL && c->req.route->run == HTTP_RUN_INLINE) {
		run_inline(c);
		return send_reply(c);
	}
	if (c->refusal == NULL && !pool_reserve(&s->pool, c->req.route->lane))
		c->refusal = server_draining(s) ? &closing : &busy;
	if (c->refusal != NULL) {
		run_refusal(c);
		return send_reply(c);
	}
	c->stage = STAGE_REPLY;
	MHD_suspend_connection(c->mhd); /* before anybody can resume it */
	c->job.lane = c->req.route->lane;
	pool_push(&s->pool, &c->job);
	return MHD_YES;
}

enum MHD_Result
handle_step(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
	const char *version, const char *upload, size_t *upload_size, void **context)
{
	struct http_conn *c = *context;

	(void)server;
	(void)mhd;
	switch (c->stage) {
	case STAGE_HEAD:
		return admit_head(c, url, method, version);
	case STAGE_BODY:
		return *upload_size > 0 ? take_body(c, upload, upload_size) : dispatch_request(c);
	case STAGE_REPLY:
		return send_reply(c);
	}
	return MHD_NO;
}

/* Requests that never got an answer of ours: cut off, timed out, or answered 4xx by MHD's own
 * parser. */
static void
log_unanswered(struct http_conn *c)
{
	if (atomic_load(&c->expired))
		access_log_request(c, 0, "timeout", "the request was not complete in time", NULL);
	else
		access_log_request(c, 0, "aborted",
			"the client left before its request was complete, or the parser refused it",
			NULL);
}

void
handle_completed(void *server, struct MHD_Connection *mhd, void **context,
	enum MHD_RequestTerminationCode why)
{
	struct http_conn *c = *context;

	(void)server;
	(void)mhd;
	(void)why;
	if (c == NULL)
		return;
	if (!c->answered)
		log_unanswered(c);
	if (c->reply_prepared != NULL)
		http_prepared_unref(c->reply_prepared);
	else if (c->reply != NULL)
		MHD_destroy_response(c->reply);
	c->reply_prepared = NULL;
	c->reply = NULL;
	buf_clear(&c->body);
	free(c->query);
	free(c->target);
	c->query = c->target = NULL;
	conn_enter(c, CONN_IDLE, clock_monotonic_us(), c->server->config.idle_timeout_s);
}
