/*
 * chancery-gateway: ACME, EST and the admin API behind mutual TLS. Holds no CA key and reaches no
 * HSM: what it decides goes as rows to the signer.
 *
 * Start: database, issuers, peers, then the gateway's own certificate through the queue; each step
 * waits for what it needs and says what is missing, so the programs of a site may start in any
 * order. Then it serves until told to stop.
 */
#include <stdio.h>
#include <stdlib.h>

#include "acme/acme.h"
#include "admin/api/api.h"
#include "est/est.h"
#include "lib/base/clock.h"
#include "lib/base/retry.h"
#include "lib/store/issuer.h"
#include "server/gateway_routes.h"
#include "server/front_tls.h"
#include "server/program.h"

enum {
	FIRST_RETRY_MS = 200,
	LAST_RETRY_MS = 5000,
	TICK_MS = 1000,
	OBTAIN_WAIT_MS = 1000,
	DRAIN_S = 20,
};

struct gateway;

typedef enum err step_fn(struct gateway *g);

/* A duty done every second or so. */
struct duty {
	step_fn *step;
	struct retry retry;
};

enum { DUTY_RENEW, DUTY_ISSUERS, DUTY_TLS, DUTY_PROFILES, DUTY_COUNT };

struct gateway {
	struct service service;
	struct ca_front app;
	struct store_issuer_place issuers_at;
	struct gateway_tls *tls;
	struct http_route *routes;
	struct http_server *server;
	struct duty duty[DUTY_COUNT];
	bool renew_wanted; /* by SIGHUP */
	bool tls_stale;	   /* certificate or issuers are newer than what is served */
};

static enum err
check_profiles(const struct config *c, const struct ca_profiles *profiles)
{
	const struct ca_profile *found;
	enum err e;

	if ((e = ca_profiles_get(profiles, c->enroll.profile, &found)) != ERR_OK)
		return err_context(e, "enroll.profile");
	if ((e = ca_profiles_get(profiles, c->acme.default_profile, &found)) != ERR_OK)
		return err_context(e, "acme.default_profile");
	return est_check_profiles(c, profiles);
}

/* Reads the profiles; wrong ones change nothing. */
static enum err
load_profiles(struct gateway *g)
{
	AUTO_STRUCT(ca_profiles) read = NULL;

	TRY(ca_profiles_load(g->service.config->profiles, &read));
	TRY(check_profiles(g->service.config, read));
	counted_set(&g->app.profiles, &read->counted);
	read = NULL;
	return ERR_OK;
}

/* Another set than the present one becomes the present one. */
static enum err
read_issuers(struct gateway *g)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_STRUCT(ca_issuers) read = NULL;
	const struct ca_issuers *now = ca_front_issuers(&g->app, a);
	enum err e = ca_issuers_load(g->app.store, g->service.config, &read);

	if (e != ERR_OK || (now != NULL && ca_issuers_equal(now, read)))
		return e;
	for (size_t i = 0; i < read->missing_count; i++)
		log_event(LOG_WARNING, "gateway.issuers", LOG_S("issuer", read->missing[i]),
			LOG_S("word", "not-imported"), LOG_S("reason", CA_ISSUERS_MISSING));
	counted_set(&g->app.issuers, &read->counted);
	read = NULL;
	return ERR_OK;
}

/* Follows the issuers' feed; the table is read when it says so. */
static enum err
load_issuers(struct gateway *g)
{
	struct store_issuer_place next;
	bool changed;

	TRY(store_issuer_changes(g->app.store, &g->issuers_at, &next, &changed));
	if (changed)
		TRY(read_issuers(g));
	g->issuers_at = next;
	return ERR_OK;
}

static enum err
open_authenticator(struct gateway *g)
{
	return ca_authenticator_open(g->app.store, &g->app.clients);
}

static enum err
obtain_certificate(struct gateway *g)
{
	if (g->tls == NULL)
		g->tls = gateway_tls_new(g->app.store, g->service.config);
	return ca_own_obtain(gateway_tls_own(g->tls), OBTAIN_WAIT_MS);
}

/* Tries until it works or the program is told to stop. ERR_CONFLICT (another program's schema) and
 * ERR_INVALID do not mend themselves: the supervisor decides. */
static enum err
insist_on(struct gateway *g, const char *event, step_fn *step)
{
	struct retry retry = {.event = event, .first_ms = FIRST_RETRY_MS, .last_ms = LAST_RETRY_MS};

	for (;;) {
		enum err e = step(g);

		if (e == ERR_OK)
			return ERR_OK;
		retry_failed(&retry, e);
		if (e == ERR_CONFLICT || e == ERR_INVALID)
			return e;
		if (service_wait(&g->service, retry_pause_ms(&retry)) == SERVICE_STOP)
			return err_set(ERR_STOPPED, "told to stop while starting");
	}
}

static enum err
open_listener(struct gateway *g)
{
	const struct config_enroll *c = &g->service.config->enroll;
	struct http_config h = {
		.name = "enroll",
		.address = c->address,
		.port = (uint16_t)c->port,
		.routes = g->routes,
		.refuse = gateway_refuse,
		.app = &g->app,
		.authenticator = ca_authenticator_http(g->app.clients),
		.workers = c->workers,
		.queue_max = c->queue,
		.connections_max = c->connections,
		.connections_per_address = c->connections_per_address,
		.request_deadline_s = (unsigned)c->request_deadline,
		.idle_timeout_s = (unsigned)c->idle_timeout,
	};
	AUTO_STRUCT(arena) a = arena_new(0);

	TRY(gateway_tls_credentials(g->tls, ca_front_issuers(&g->app, a), &h.tls));
	return http_server_open(&h, &g->server);
}

static enum err
open_protocols(struct gateway *g)
{
	enum err e = g->app.acme == NULL ? acme_open(&g->app) : ERR_OK;

	if (g->app.admin == NULL)
		admin_open(&g->app);
	if (g->app.est == NULL)
		est_open(&g->app);
	return e;
}

static void
close_protocols(struct gateway *g)
{
	est_close(&g->app);
	admin_close(&g->app);
	acme_close(&g->app);
}

static const struct {
	const char *event;
	step_fn *step;
} start_steps[] = {
	{"gateway.issuers", load_issuers},
	{"gateway.clients", open_authenticator},
	{"gateway.certificate", obtain_certificate},
	{"gateway.protocols", open_protocols},
	{"gateway.listen", open_listener},
};

static enum err
start_gateway(struct gateway *g)
{
	static const struct program_store role = {
		.role = "gateway", .readers = 4, .writer = DB_WITH_WRITER};
	enum err opened = program_open_store(&g->service, &role, &g->app.store);

	if (opened != ERR_OK && opened != ERR_STOPPED)
		log_failure("gateway.database", opened);
	if (opened != ERR_OK)
		return opened;
	for (size_t i = 0; i < ARRAY_LEN(start_steps); i++)
		TRY(insist_on(g, start_steps[i].event, start_steps[i].step));
	return ERR_OK;
}

/* New credentials for new connections: after a renewal, or when the issuers are others; until it has
 * worked. */
static enum err
reload_tls(struct gateway *g)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct http_tls *tls;

	if (!g->tls_stale)
		return ERR_OK;
	TRY(gateway_tls_credentials(g->tls, ca_front_issuers(&g->app, a), &tls));
	http_server_reload(g->server, tls);
	g->tls_stale = false;
	log_event(LOG_INFO, "gateway.reload",
		LOG_I("not_after", gateway_tls_own(g->tls)->cert.not_after));
	return ERR_OK;
}

static enum err
renew_certificate(struct gateway *g)
{
	if (!g->renew_wanted && !ca_own_due(gateway_tls_own(g->tls), clock_now()))
		return ERR_OK;
	TRY(ca_own_obtain(gateway_tls_own(g->tls), OBTAIN_WAIT_MS));
	g->renew_wanted = false;
	g->tls_stale = true;
	return ERR_OK;
}

static enum err
follow_issuers(struct gateway *g)
{
	uint64_t before = g->app.issuers.generation;
	enum err e = load_issuers(g);

	g->tls_stale = g->tls_stale || g->app.issuers.generation != before;
	return e;
}

static void
tell_node(struct gateway *g)
{
	char detail[128];

	snprintf(detail, sizeof(detail),
		"{\"listener\":\"enroll\",\"port\":%u,\"tls_not_after\":%lld}",
		http_server_port(g->server), (long long)gateway_tls_own(g->tls)->cert.not_after);
	program_seen(g->app.store,
		ca_own_due(gateway_tls_own(g->tls), clock_now()) ? "degraded" : "ready", detail);
}

static void
perform_duty(struct gateway *g, struct duty *d)
{
	enum err e = d->step(g);

	if (e != ERR_OK)
		retry_failed(&d->retry, e);
	else
		(void)retry_succeeded(&d->retry);
}

static void
do_duties(struct gateway *g)
{
	perform_duty(g, &g->duty[DUTY_RENEW]);
	tell_node(g);
	perform_duty(g, &g->duty[DUTY_ISSUERS]);
	perform_duty(g, &g->duty[DUTY_TLS]);
}

static void
serve_until_stopped(struct gateway *g)
{
	static const struct duty duties[DUTY_COUNT] = {
		[DUTY_RENEW] = {renew_certificate, {.event = "gateway.renew"}},
		[DUTY_ISSUERS] = {follow_issuers, {.event = "gateway.issuers"}},
		[DUTY_TLS] = {reload_tls, {.event = "gateway.reload"}},
		[DUTY_PROFILES] = {load_profiles, {.event = "gateway.profiles"}},
	};

	memcpy(g->duty, duties, sizeof(duties));
	service_ready(&g->service);
	log_event(LOG_INFO, "gateway.listening",
		LOG_S("address", g->service.config->enroll.address),
		LOG_I("port", http_server_port(g->server)));
	do_duties(g);
	for (;;)
		switch (service_wait(&g->service, TICK_MS)) {
		case SERVICE_STOP:
			return;
		case SERVICE_RELOAD:
			g->renew_wanted = true; /* a new key and certificate, whatever made the
						   operator ask */
			retry_now(&g->duty[DUTY_PROFILES].retry);
			perform_duty(g, &g->duty[DUTY_PROFILES]);
			perform_duty(g, &g->duty[DUTY_ISSUERS]);
			perform_duty(g, &g->duty[DUTY_RENEW]);
			perform_duty(g, &g->duty[DUTY_TLS]);
			break;
		case SERVICE_TICK:
			do_duties(g);
			break;
		}
}

/* When requests are still under way, everything stays for them: the process ends. */
static void
stop_gateway(struct gateway *g)
{
	service_stopping(&g->service);
	if (g->app.store != NULL)
		db_stopping(store_db(g->app.store));
	if (g->server != NULL && http_server_close(g->server, DRAIN_S) == HTTP_ABANDONED)
		return;
	close_protocols(g);
	gateway_tls_free(g->tls);
	ca_authenticator_close(g->app.clients);
	if (g->app.store != NULL)
		store_close(g->app.store);
	counted_slot_clear(&g->app.issuers);
	counted_slot_clear(&g->app.profiles);
	service_close(&g->service);
	free(g->routes);
	free(g);
}

int
main(int argc, char **argv)
{
	static const struct service_program program = {
		"chancery-gateway", "serves ACME, EST and administration over mutual TLS", NULL, 0};
	struct gateway *g = mem_zalloc(1, sizeof(*g));
	int code = service_start(&g->service, &program, argc, argv);
	enum err e;

	if (code != SERVICE_GO_ON) {
		free(g);
		return code;
	}
	g->app.config = g->service.config;
	counted_slot_init(&g->app.issuers);
	counted_slot_init(&g->app.profiles);
	g->routes = gateway_routes();
	e = load_profiles(g);
	if (e != ERR_OK)
		log_failure("gateway.profiles", e);
	code = e != ERR_OK ? SERVICE_EXIT_CONFIG : SERVICE_EXIT_OK;
	if (e == ERR_OK)
		e = start_gateway(g);
	if (e == ERR_OK)
		serve_until_stopped(g);
	else if (code == SERVICE_EXIT_OK && e != ERR_STOPPED)
		code = e == ERR_INVALID ? SERVICE_EXIT_CONFIG : SERVICE_EXIT_FAILURE;
	stop_gateway(g);
	return code;
}
