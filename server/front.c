/*
 * The life of a front; see front.h. It holds no CA key and reaches no HSM: what it decides goes as
 * rows to the signer.
 *
 * Start: database, issuers, clients, then the front's own certificate through the queue; each step
 * waits for what it needs and says what is missing, so the programs of a site may start in any
 * order. Then it serves until told to stop.
 */
#include "server/front.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/retry.h"
#include "lib/store/issuer.h"
#include "server/front_tls.h"

enum {
	FIRST_RETRY_MS = 200,
	LAST_RETRY_MS = 5000,
	TICK_MS = 1000,
	OBTAIN_WAIT_MS = 1000,
	DRAIN_S = 20,
};

struct front;

typedef enum err step_fn(struct front *f);

/* A duty done every second or so. */
struct duty {
	step_fn *step;
	struct retry retry;
};

enum { DUTY_RENEW, DUTY_ISSUERS, DUTY_TLS, DUTY_PROFILES, DUTY_REFUSALS, DUTY_COUNT };

struct front {
	const struct front_program *program;
	const struct config_listener *settings;
	struct service service;
	struct ca_front app;
	struct store_issuer_place issuers_at;
	struct front_tls *tls;
	struct http_route *routes;
	struct http_server *server;
	struct program_node node;
	struct duty duty[DUTY_COUNT];
	bool renew_wanted;	       /* by SIGHUP */
	bool tls_stale;		       /* certificate or issuers are newer than what is served */
	_Atomic int64_t tls_not_after; /* for the node's row, which other threads write too */
	_Atomic bool tls_due, profiles_stale;
};

/* Reads the profiles; wrong ones change nothing. */
static enum err
load_profiles(struct front *f)
{
	AUTO_STRUCT(ca_profiles) read = NULL;
	const struct ca_profile *found;
	enum err e;

	TRY(ca_profiles_load(f->service.config->profiles, &read));
	e = ca_profiles_get(read, f->settings->profile, &found);
	if (e != ERR_OK)
		return err_context(e, "%s.profile", f->program->listener);
	if (f->program->check_profiles != NULL)
		TRY(f->program->check_profiles(f->service.config, read));
	counted_set(&f->app.profiles, &read->counted);
	read = NULL;
	return ERR_OK;
}

/* Another set than the present one becomes the present one. */
static enum err
read_issuers(struct front *f)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_STRUCT(ca_issuers) read = NULL;
	const struct ca_issuers *now = ca_front_issuers(&f->app, a);

	TRY(ca_issuers_load(f->app.store, f->service.config, &read));
	if (now != NULL && ca_issuers_equal(now, read))
		return ERR_OK;
	if (now == NULL)
		TRY(ca_issuers_require(read));
	for (size_t i = 0; i < read->missing_count; i++)
		log_event(LOG_WARNING, "front.issuers", LOG_S("issuer", read->missing[i]),
			LOG_S("word", "not-imported"), LOG_S("reason", CA_ISSUERS_MISSING));
	counted_set(&f->app.issuers, &read->counted);
	read = NULL;
	return ERR_OK;
}

/* Follows the issuers' feed; the table is read when it says so. */
static enum err
load_issuers(struct front *f)
{
	struct store_issuer_place next;
	bool changed;

	TRY(store_issuer_changes(f->app.store, &f->issuers_at, &next, &changed));
	if (changed)
		TRY(read_issuers(f));
	f->issuers_at = next;
	return ERR_OK;
}

static enum err
open_authenticator(struct front *f)
{
	return ca_authenticator_open(f->app.store, f->program->welcome, &f->app.clients);
}

static enum err
obtain_certificate(struct front *f)
{
	if (f->tls == NULL)
		f->tls = front_tls_new(f->app.store, f->service.config, f->program);
	return ca_own_obtain(front_tls_own(f->tls), OBTAIN_WAIT_MS);
}

/* Tries until it works or the program is told to stop. ERR_CONFLICT (another program's schema) and
 * ERR_INVALID do not mend themselves: the supervisor decides. */
static enum err
insist_on(struct front *f, const char *event, step_fn *step)
{
	struct retry retry = {.event = event, .first_ms = FIRST_RETRY_MS, .last_ms = LAST_RETRY_MS};

	for (;;) {
		enum err e = step(f);

		if (e == ERR_OK)
			return ERR_OK;
		if (e == ERR_CONFLICT || e == ERR_INVALID) {
			log_failure(event, e);
			return e;
		}
		TRY(program_wait(&f->service, &retry, e));
	}
}

static enum err
open_listener(struct front *f)
{
	const struct config_listener *c = f->settings;
	struct http_config h = {
		.name = f->program->listener,
		.address = c->address,
		.port = (uint16_t)c->port,
		.routes = f->routes,
		.refuse = f->program->refuse,
		.app = &f->app,
		.authenticator = ca_authenticator_http(f->app.clients),
		.workers = c->workers,
		.queue_max = c->queue,
		.connections_max = c->connections,
		.connections_per_address = c->connections_per_address,
		.request_deadline_s = (unsigned)c->request_deadline,
		.idle_timeout_s = (unsigned)c->idle_timeout,
	};
	AUTO_STRUCT(arena) a = arena_new(0);

	TRY(front_tls_credentials(f->tls, ca_front_issuers(&f->app, a), &h.tls));
	return http_server_open(&h, &f->server);
}

static enum err
open_protocols(struct front *f)
{
	return f->program->open(&f->app);
}

static const struct {
	const char *event;
	step_fn *step;
} start_steps[] = {
	{"front.issuers", load_issuers},
	{"front.clients", open_authenticator},
	{"front.certificate", obtain_certificate},
	{"front.protocols", open_protocols},
	{"front.listen", open_listener},
};

static enum err
start_front(struct front *f)
{
	enum err opened = program_open_store(&f->service, &f->program->store, &f->app.store);

	if (opened != ERR_OK && opened != ERR_STOPPED)
		log_failure("front.database", opened);
	if (opened != ERR_OK)
		return opened;
	for (size_t i = 0; i < ARRAY_LEN(start_steps); i++)
		TRY(insist_on(f, start_steps[i].event, start_steps[i].step));
	return ERR_OK;
}

/* New credentials for new connections: after a renewal, or when the issuers are others; until it has
 * worked. */
static enum err
reload_tls(struct front *f)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct http_tls *tls;

	if (!f->tls_stale)
		return ERR_OK;
	TRY(front_tls_credentials(f->tls, ca_front_issuers(&f->app, a), &tls));
	http_server_reload(f->server, tls);
	f->tls_stale = false;
	log_event(LOG_INFO, "front.reload",
		LOG_I("not_after", front_tls_own(f->tls)->cert.not_after));
	return ERR_OK;
}

static enum err
renew_certificate(struct front *f)
{
	if (!f->renew_wanted && !ca_own_due(front_tls_own(f->tls), clock_now()))
		return ERR_OK;
	TRY(ca_own_obtain(front_tls_own(f->tls), OBTAIN_WAIT_MS));
	f->renew_wanted = false;
	f->tls_stale = true;
	return ERR_OK;
}

static bool
is_own_issuer_revoked(struct front *f)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const struct ca_issuer *issuer =
		ca_issuers_find(ca_front_issuers(&f->app, a), front_tls_own(f->tls)->issuer);

	return issuer != NULL && issuer->state == ISSUER_REVOKED;
}

static enum err
follow_issuers(struct front *f)
{
	uint64_t before = f->app.issuers.generation;
	enum err e = load_issuers(f);

	if (f->app.issuers.generation == before)
		return e;
	f->tls_stale = true;
	f->renew_wanted = f->renew_wanted || is_own_issuer_revoked(f);
	return e;
}

static enum err
record_refusals(struct front *f)
{
	return ca_authenticator_record(f->app.clients);
}

static const char *
describe_node(void *ctx, struct arena *a, const char **detail_json)
{
	struct front *f = ctx;

	*detail_json = arena_printf(a,
		"{\"listener\":\"%s\",\"port\":%u,\"tls_not_after\":%lld,\"snapshot\":\"%s\"%s}",
		f->program->listener, http_server_port(f->server),
		(long long)atomic_load(&f->tls_not_after),
		ca_authenticator_snapshot(f->app.clients, a),
		atomic_load(&f->profiles_stale)
			? ",\"trouble\":\"the profiles were not taken, the old ones stay; the log says why\""
			: "");
	return atomic_load(&f->tls_due) || atomic_load(&f->profiles_stale) ? "degraded" : "ready";
}

/* By the thread that hears of changes: whoever made one may be waiting to hear that we know. */
static void
tell_node(void *ctx)
{
	struct front *f = ctx;

	program_node_tell(&f->node);
}

static void
perform_duty(struct front *f, struct duty *d)
{
	enum err e = d->step(f);

	if (e != ERR_OK)
		retry_failed(&d->retry, e);
	else
		(void)retry_succeeded(&d->retry);
}

static void
reload_profiles(struct front *f)
{
	struct duty *d = &f->duty[DUTY_PROFILES];

	retry_now(&d->retry);
	perform_duty(f, d);
	atomic_store(&f->profiles_stale, d->retry.told != ERR_OK);
	program_node_tell(&f->node);
}

static void
note_certificate(struct front *f)
{
	const struct ca_own *own = front_tls_own(f->tls);

	atomic_store(&f->tls_not_after, own->cert.not_after);
	atomic_store(&f->tls_due, ca_own_due(own, clock_now()));
}

static void
do_duties(struct front *f)
{
	perform_duty(f, &f->duty[DUTY_RENEW]);
	note_certificate(f);
	program_node_turn(&f->node);
	perform_duty(f, &f->duty[DUTY_ISSUERS]);
	perform_duty(f, &f->duty[DUTY_TLS]);
	perform_duty(f, &f->duty[DUTY_REFUSALS]);
}

static void
serve_until_stopped(struct front *f)
{
	static const struct duty duties[DUTY_COUNT] = {
		[DUTY_RENEW] = {renew_certificate, {.event = "front.renew"}},
		[DUTY_ISSUERS] = {follow_issuers, {.event = "front.issuers"}},
		[DUTY_TLS] = {reload_tls, {.event = "front.reload"}},
		[DUTY_PROFILES] = {load_profiles, {.event = "front.profiles"}},
		[DUTY_REFUSALS] = {record_refusals, {.event = "front.refusals"}},
	};

	memcpy(f->duty, duties, sizeof(duties));
	note_certificate(f);
	program_node_start(&f->node, f->app.store, describe_node, f);
	ca_authenticator_watch(f->app.clients, tell_node, f);
	service_ready(&f->service);
	log_event(LOG_INFO, "front.listening", LOG_S("address", f->settings->address),
		LOG_I("port", http_server_port(f->server)));
	do_duties(f);
	for (;;)
		switch (service_wait(&f->service, TICK_MS)) {
		case SERVICE_STOP:
			return;
		case SERVICE_RELOAD:
			f->renew_wanted = true; /* a new key and certificate, whatever made the
						   operator ask */
			reload_profiles(f);
			perform_duty(f, &f->duty[DUTY_ISSUERS]);
			perform_duty(f, &f->duty[DUTY_RENEW]);
			perform_duty(f, &f->duty[DUTY_TLS]);
			break;
		case SERVICE_TICK:
			do_duties(f);
			break;
		}
}

/* When requests are still under way, everything stays for them: the process ends. */
static void
stop_front(struct front *f)
{
	service_stopping(&f->service);
	if (f->app.store != NULL)
		db_stopping(store_db(f->app.store));
	program_node_stop(&f->node);
	if (f->server != NULL && http_server_close(f->server, DRAIN_S) == HTTP_ABANDONED)
		return;
	f->program->close(&f->app);
	front_tls_free(f->tls);
	ca_authenticator_close(f->app.clients);
	if (f->app.store != NULL)
		store_close(f->app.store);
	counted_slot_clear(&f->app.issuers);
	counted_slot_clear(&f->app.profiles);
	service_close(&f->service);
	free(f->routes);
	free(f);
}

/* Profiles first: a mistake in them ends the program, whatever else there is to wait for. */
static int
serve_front(struct front *f)
{
	enum err e = load_profiles(f);

	if (e != ERR_OK) {
		log_failure("front.profiles", e);
		return SERVICE_EXIT_CONFIG;
	}
	e = start_front(f);
	if (e == ERR_OK)
		serve_until_stopped(f);
	if (e == ERR_OK || e == ERR_STOPPED)
		return SERVICE_EXIT_OK;
	return e == ERR_INVALID ? SERVICE_EXIT_CONFIG : SERVICE_EXIT_FAILURE;
}

int
front_run(const struct front_program *program, int argc, char **argv)
{
	struct front *f = mem_zalloc(1, sizeof(*f));
	int code = service_start(&f->service, &program->service, argc, argv);

	if (code != SERVICE_GO_ON) {
		free(f);
		return code;
	}
	f->program = program;
	f->app.config = f->service.config;
	f->settings = program->settings(f->app.config);
	counted_slot_init(&f->app.issuers);
	counted_slot_init(&f->app.profiles);
	f->routes = program->routes();
	code = serve_front(f);
	stop_front(f);
	return code;
}
