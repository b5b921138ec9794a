/*
 * The two lines of this layer: one per request, one per refused handshake. A flood of handshakes
 * must not become a flood of lines, so those are bounded per second and the dropped ones counted.
 */
#include "lib/http/conn.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

enum { PATH_MAX_LOGGED = 256, REFUSALS_PER_SECOND = 50 };

static const char *
outcome_of(unsigned status)
{
	static const char *const by_class[] = {
		"internal", "internal", "ok", "ok", "refused", "failed"};

	return status == 403 || status == 401
		? "denied"
		: by_class[status / 100 < ARRAY_LEN(by_class) ? status / 100 : 0];
}

static const char *
method_word(enum http_method m)
{
	static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (m == 1u << i)
			return names[i];
	return "other";
}

void
access_log_request(struct http_conn *c, unsigned status, const char *outcome, const char *reason,
	const char *identity)
{
	const struct http_request *r = &c->req;
	bool quiet = r->route != NULL && r->route->run == HTTP_RUN_INLINE && status < 400;
	enum log_level level = quiet		 ? LOG_DEBUG
		: status >= 500 && status != 503 ? LOG_ERROR
						 : LOG_INFO;
	char path[PATH_MAX_LOGGED + 1];

	if (!log_wanted(level))
		return;
	snprintf(path, sizeof(path), "%s", r->path != NULL ? r->path : "");
	log_event(level, "http.request",
		LOG_S("operation", r->route != NULL ? r->route->operation : NULL),
		LOG_S("listener", r->listener), LOG_S("method", method_word(r->method)),
		LOG_S("path", path), LOG_I("status", status), LOG_S("peer", r->peer_address),
		LOG_S("identity", identity),
		LOG_S("outcome", outcome != NULL ? outcome : outcome_of(status)),
		LOG_S("reason", reason), LOG_I("us", clock_monotonic_us() - r->started_us),
		LOG_S("id", conn_request_id(c)));
}

/* True when one more line fits into this second. */
static bool
admit_line(struct http_server *s, unsigned *dropped)
{
	long long now = clock_monotonic_us() / 1000000;

	if (atomic_exchange(&s->refusals_second, now) != now)
		atomic_store(&s->refusals_logged, 0);
	if (atomic_fetch_add(&s->refusals_logged, 1) >= REFUSALS_PER_SECOND) {
		atomic_fetch_add(&s->refusals_dropped, 1);
		return false;
	}
	*dropped = atomic_exchange(&s->refusals_dropped, 0);
	return true;
}

void
access_log_refused(struct http_conn *c, int alert, const char *reason, const char *subject)
{
	unsigned dropped = 0;

	c->refusal_logged = true;
	if (!admit_line(c->server, &dropped))
		return;
	log_event(LOG_WARNING, "tls.refused", LOG_S("listener", c->req.listener),
		LOG_S("peer", c->req.peer_address), LOG_I("alert", alert), LOG_S("reason", reason),
		LOG_S("subject", subject), LOG_I("lines_dropped", dropped));
}
