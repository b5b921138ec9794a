/*
 * chancery-status: OCSP, CRLs, CA certificates and bundles for relying parties over plain HTTP, and
 * what a monitor asks. It only reads the database; it goes on answering from memory while database
 * and HSM are away.
 */
#include <stdlib.h>

#include "ca/crl_late.h"
#include "ca/issuers.h"
#include "ca/public.h"
#include "crl/serve.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/metrics.h"
#include "lib/base/retry.h"
#include "lib/http/server.h"
#include "ocsp/ocsp.h"
#include "server/program.h"

enum { ALARM_EVERY_S = 3600, DRAIN_S = 5, TICK_MS = 500, FED_LATE_S = 15 };

struct status {
	struct ca_public public; /* first: handlers of ocsp/ and crl/ see this part */
	struct service service;
	struct store *store;
	struct http_server *server, *metrics;
	struct http_route *routes;
	int64_t alarmed_at;
	struct program_node node;
};

static struct status status; /* one a process; handlers get it as app */

static void
answer_text(struct http_request *req, struct http_response *resp, unsigned code, const char *type,
	const char *text)
{
	resp->status = code;
	resp->content_type = type;
	resp->body = bytes_str(arena_strdup(req->arena, text));
	http_response_header(resp, "Cache-Control", "no-store");
}

/* For a person with a browser: what is here. */
static void
handle_index(struct http_request *req, struct http_response *resp)
{
	const struct status *s = req->app;
	struct crl_state *crl;
	size_t count;
	char *text = arena_printf(req->arena,
		"Chancery %s, instance %s\n\n/ocsp\n/ca/bundle.pem\n/crl/bundle.pem\n",
		CHANCERY_VERSION, s->service.config->instance);

	crl_serve_states(s->public.crl, req->arena, &crl, &count);
	for (size_t i = 0; i < count; i++)
		text = arena_printf(req->arena,
			"%s/ca/%s.cer\n/ca/%s.pem\n/crl/%s.crl\n/crl/%s.pem\n", text, crl[i].issuer,
			crl[i].issuer, crl[i].issuer, crl[i].issuer);
	answer_text(req, resp, 200, "text/plain", text);
}

/* Why this program should not get traffic, or NULL. */
static const char *
find_trouble(const struct status *s, struct arena *a)
{
	struct ocsp_state ocsp = ocsp_state(s->public.ocsp);
	struct crl_state *crl;
	size_t count;
	int64_t now = clock_now();

	if (ocsp.missing != NULL)
		return arena_printf(a, "issuing CA \"%s\" " CA_ISSUERS_MISSING, ocsp.missing);
	if (ocsp.responder_not_after <= now)
		return arena_printf(a, "the OCSP responder of \"%s\" has no certificate; %s",
			ocsp.responder_of, "is chancery-signer running, was ca-admin init run?");
	if (ocsp.fed_at + FED_LATE_S < now)
		return arena_printf(a, "the database was last read %lld seconds ago",
			(long long)(now - ocsp.fed_at));
	crl_serve_states(s->public.crl, a, &crl, &count);
	for (size_t i = 0; i < count; i++)
		if (crl[i].next_update <= now && (crl[i].expected || crl[i].next_update != 0))
			return arena_printf(a, "there is no current CRL of \"%s\"; %s",
				crl[i].issuer,
				"is chancery-signer running? (an offline CA's: ca-ceremony crl, then ca-admin issuer import)");
	for (size_t i = 0; i < count; i++)
		if (crl[i].this_update > now)
			return arena_printf(a,
				"the CRL of \"%s\" is of the future; are the clocks right?",
				crl[i].issuer);
	return NULL;
}

/* What an operator must mend although this program serves what there is, or NULL. */
static const char *
find_late(const struct status *s, struct arena *a)
{
	const char *late = NULL;
	struct crl_state *crl;
	size_t count;

	crl_serve_states(s->public.crl, a, &crl, &count);
	for (size_t i = 0; i < count && late == NULL; i++) {
		const struct ca_crl_age age = {
			crl[i].this_update, crl[i].next_update, crl[i].build_ms, crl[i].waiting_ms};

		if (crl[i].refused != 0)
			late = arena_printf(a,
				"CRL %lld of \"%s\" is not fit to be served, and an older one is; the log says why",
				(long long)crl[i].refused, crl[i].issuer);
		else if (crl[i].published_here)
			late = ca_crl_late(
				a, crl[i].issuer, &s->service.config->crl, &age, clock_now());
	}
	return late;
}

/* Times in answers are this machine's, so a wrong clock makes them wrong or of the future. Whoever reads
 * the node's row sees the clock beside the trouble. */
static const char *
find_unready(const struct status *s, struct arena *a)
{
	enum program_clock clock = program_clock();

	if (clock == PROGRAM_CLOCK_AHEAD || clock == PROGRAM_CLOCK_BEHIND)
		return arena_printf(a, "this machine's clock is %lld s %s the database's; set it",
			llabs((long long)program_clock_ahead()),
			clock == PROGRAM_CLOCK_AHEAD ? "ahead of" : "behind");
	return find_trouble(s, a);
}

static void
handle_health(struct http_request *req, struct http_response *resp)
{
	answer_text(req, resp, 200, "text/plain", "ok\n");
}

/* A late CRL is nothing that another status program would have: it keeps no traffic away. */
static void
handle_ready(struct http_request *req, struct http_response *resp)
{
	const char *trouble = find_unready(req->app, req->arena);
	const char *late = trouble == NULL ? find_late(req->app, req->arena) : NULL;

	if (trouble == NULL)
		answer_text(req, resp, 200, "text/plain",
			late == NULL ? "ready\n"
				     : arena_printf(req->arena, "ready\nwarning: %s\n", late));
	else
		answer_text(req, resp, 503, "text/plain",
			arena_printf(req->arena, "unavailable: %s\n", trouble));
}

static const struct http_route public_routes[] = {
	{.pattern = "/", .methods = HTTP_GET, .handler = handle_index, .operation = "status.index"},
	{.pattern = "/health",
		.methods = HTTP_GET,
		.handler = handle_health,
		.run = HTTP_RUN_INLINE,
		.operation = "status.health"},
	{.pattern = "/ready",
		.methods = HTTP_GET,
		.handler = handle_ready,
		.operation = "status.ready"},
	{.pattern = NULL},
};

enum { OCSP_CERTIFICATES, OCSP_RESPONDER_SECONDS, OCSP_FEED_AGE, CLOCK_AHEAD, METRIC_COUNT };
static const struct metric metric_table[METRIC_COUNT] = {
	[OCSP_CERTIFICATES] = {"chancery_ocsp_certificates", NULL, METRIC_GAUGE,
		"Certificates the responder can answer for."},
	[OCSP_RESPONDER_SECONDS] = {"chancery_ocsp_responder_seconds", NULL, METRIC_GAUGE,
		"Seconds the responder certificate is still valid."},
	[OCSP_FEED_AGE] = {"chancery_ocsp_feed_age_seconds", NULL, METRIC_GAUGE,
		"Seconds since the database was last read."},
	[CLOCK_AHEAD] = {"chancery_clock_ahead_seconds", NULL, METRIC_GAUGE,
		"Seconds this machine's clock is ahead of the database's."},
};
METRICS_GROUP(status_metrics, metric_table);

/* One for each state, so that an alert can name the one it is about. */
static enum err
render_states(const struct crl_state *crl, size_t count, struct buf *out)
{
	if (count > 0)
		TRY(buf_printf(out,
			"# HELP chancery_issuer_state 1 for the state an issuer is in.\n"
			"# TYPE chancery_issuer_state gauge\n"));
	for (size_t i = 0; i < count; i++)
		for (unsigned state = 0; state < ISSUER_STATE_COUNT; state++)
			TRY(buf_printf(out,
				"chancery_issuer_state{issuer=\"%s\",state=\"%s\"} %d\n",
				crl[i].issuer, issuer_state_name((enum issuer_state)state),
				crl[i].state == state));
	return ERR_OK;
}

/* These gauges have a label for each issuer, which only the database knows. */
static enum err
render_issuers(const struct status *s, struct arena *a, struct buf *out)
{
	struct crl_state *crl;
	size_t count;

	crl_serve_states(s->public.crl, a, &crl, &count);
	TRY(render_states(crl, count, out));
	if (count > 0)
		TRY(buf_printf(out,
			"# HELP chancery_crl_next_update_seconds Seconds until the CRL being served expires.\n"
			"# TYPE chancery_crl_next_update_seconds gauge\n"));
	for (size_t i = 0; i < count; i++)
		TRY(buf_printf(out, "chancery_crl_next_update_seconds{issuer=\"%s\"} %lld\n",
			crl[i].issuer,
			(long long)(crl[i].next_update == 0 ? -1
							    : crl[i].next_update - clock_now())));
	if (count > 0)
		TRY(buf_printf(out,
			"# HELP chancery_crl_waiting_seconds Seconds that revocations have waited for the next CRL.\n"
			"# TYPE chancery_crl_waiting_seconds gauge\n"));
	for (size_t i = 0; i < count; i++)
		TRY(buf_printf(out, "chancery_crl_waiting_seconds{issuer=\"%s\"} %lld\n",
			crl[i].issuer,
			(long long)(crl[i].waiting_ms < 0 ? 0 : crl[i].waiting_ms / 1000)));
	return ERR_OK;
}

static void
handle_metrics(struct http_request *req, struct http_response *resp)
{
	const struct metrics_group *groups[] = {&status_metrics};
	const struct status *s = req->app;
	struct ocsp_state ocsp = ocsp_state(s->public.ocsp);
	AUTO_BUF(text, 256 * 1024);
	enum err e;

	metrics_set(&status_metrics, OCSP_CERTIFICATES, (int64_t)ocsp.certificates);
	metrics_set(&status_metrics, OCSP_RESPONDER_SECONDS,
		ocsp.responder_not_after == 0 ? 0 : ocsp.responder_not_after - clock_now());
	metrics_set(&status_metrics, OCSP_FEED_AGE, clock_now() - ocsp.fed_at);
	metrics_set(&status_metrics, CLOCK_AHEAD, program_clock_ahead());
	e = metrics_render(groups, ARRAY_LEN(groups), &text);
	if (e == ERR_OK)
		e = render_issuers(s, req->arena, &text);
	resp->status = e == ERR_OK ? 200 : 500;
	resp->content_type = METRICS_CONTENT_TYPE;
	resp->body = arena_bytes(req->arena, buf_bytes(&text));
}

static const struct http_route metrics_routes[] = {
	{.pattern = "/metrics",
		.methods = HTTP_GET,
		.handler = handle_metrics,
		.operation = "status.metrics"},
	{.pattern = "/health",
		.methods = HTTP_GET,
		.handler = handle_health,
		.operation = "status.health"},
	{.pattern = "/ready",
		.methods = HTTP_GET,
		.handler = handle_ready,
		.operation = "status.ready"},
	{.pattern = NULL},
};

static enum err
open_listeners(struct status *s)
{
	const struct http_route *const tables[] = {ocsp_routes, crl_routes, public_routes};
	const struct config *c = s->service.config;
	struct http_config public = {.name = "public",
		.address = c->public.address,
		.port = (uint16_t)c->public.port,
		.app = s,
		.workers = 4,
		.connections_max = c->public.connections,
		.connections_per_address = c->public.connections_per_address};
	struct http_config metrics = {.name = "metrics",
		.address = c->metrics.address,
		.port = (uint16_t)c->metrics.port,
		.routes = metrics_routes,
		.app = s,
		.network_threads = 1,
		.workers = 1,
		.connections_max = 64};

	public.routes = s->routes = http_routes_join(tables, ARRAY_LEN(tables));
	TRY(http_server_open(&public, &s->server));
	if (c->metrics.port != 0)
		TRY(http_server_open(&metrics, &s->metrics));
	return ERR_OK;
}

/* Database first, then everything that must be complete before the first answer; waits as long as
 * it takes. */
static enum err
open_services(struct status *s)
{
	static const struct program_store how = {"status", 2, DB_WITHOUT_WRITER};
	struct retry retry = {.event = "status.open", .first_ms = 1000, .last_ms = 1000};
	enum err e = program_open_store(&s->service, &how, &s->store);

	while (e == ERR_OK || e == ERR_UNAVAILABLE) {
		e = s->public.ocsp == NULL ? ocsp_open(s->store, s->service.config, &s->public.ocsp)
					   : ERR_OK;
		if (e == ERR_OK)
			e = crl_serve_open(s->store, s->service.config, &s->public.crl);
		if (e != ERR_UNAVAILABLE)
			return e;
		TRY(program_wait(&s->service, &retry, e));
	}
	return e;
}

/* A CRL that nobody renews locks out everybody when it ends (ocsp/CHECKS.md 83): say so long
 * before, again and again. */
static void
alarm_crls(struct status *s)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct crl_state *crl;
	int64_t now = clock_now();
	size_t count;

	if (now < s->alarmed_at + ALARM_EVERY_S)
		return;
	s->alarmed_at = now;
	crl_serve_states(s->public.crl, a, &crl, &count);
	for (size_t i = 0; i < count; i++)
		if (crl[i].next_update != 0 &&
			now > crl[i].next_update - (crl[i].next_update - crl[i].this_update) / 2)
			log_event(LOG_WARNING, "crl.expiring", LOG_S("issuer", crl[i].issuer),
				LOG_I("seconds", crl[i].next_update - now),
				LOG_S("remedy",
					"check chancery-signer; for an offline CA run ca-ceremony crl and ca-admin issuer import"));
}

static const char *
describe_node(void *ctx, struct arena *a, const char **detail_json)
{
	const struct status *s = ctx;
	struct ocsp_state ocsp = ocsp_state(s->public.ocsp);
	const char *unfit = find_trouble(s, a), *trouble = unfit != NULL ? unfit : find_late(s, a);
	AUTO(json_t) detail = json_pack("{s:I, s:I, s:I, s:s*, s:s}", "certificates",
		(json_int_t)ocsp.certificates, "responder_not_after",
		(json_int_t)ocsp.responder_not_after, "fed_at", (json_int_t)ocsp.fed_at, "trouble",
		trouble, "snapshot", ocsp_snapshot(s->public.ocsp, a));

	*detail_json = json_text(a, detail);
	return trouble == NULL ? "ready" : "degraded";
}

/* Also by the responder's feed, at once after a revocation: whoever revoked may be waiting to hear
 * that we know. */
static void
tell_node(void *ctx)
{
	struct status *s = ctx;

	program_node_tell(&s->node);
}

static void
run_status(struct status *s)
{
	enum service_wish wish = SERVICE_TICK;

	program_node_start(&s->node, s->store, describe_node, s);
	ocsp_watch(s->public.ocsp, tell_node, s);
	service_ready(&s->service);
	while (wish != SERVICE_STOP) {
		ocsp_tick(s->public.ocsp);
		alarm_crls(s);
		program_node_turn(&s->node);
		wish = service_wait(&s->service, TICK_MS);
	}
	service_stopping(&s->service);
	db_stopping(store_db(s->store));
	program_node_stop(&s->node);
}

static void
close_all(struct status *s)
{
	if (s->metrics != NULL)
		http_server_close(s->metrics, DRAIN_S);
	if (s->server != NULL)
		http_server_close(s->server, DRAIN_S);
	free(s->routes);
	crl_serve_close(s->public.crl);
	ocsp_close(s->public.ocsp);
	store_close(s->store);
	service_close(&s->service);
}

int
main(int argc, char **argv)
{
	static const struct service_program program = {
		"chancery-status", "answers OCSP and publishes CRLs and CA certificates", NULL, 0};
	int code = service_start(&status.service, &program, argc, argv);
	enum err e;

	if (code != SERVICE_GO_ON)
		return code;
	e = open_services(&status);
	code = e == ERR_OK || e == ERR_STOPPED ? SERVICE_EXIT_OK : SERVICE_EXIT_FAILURE;
	if (e == ERR_OK && (e = open_listeners(&status)) != ERR_OK)
		code = e == ERR_INVALID ? SERVICE_EXIT_CONFIG : SERVICE_EXIT_FAILURE;
	if (e == ERR_OK)
		run_status(&status);
	else
		log_failure("status.start", e);
	close_all(&status);
	return code;
}
