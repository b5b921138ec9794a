/*
 * chancery-signer: the only program that reaches the HSM. It listens on nothing; it takes decisions
 * from the queue, checks them again, signs and records, with one thread, or with one for each session while the HSM takes its time;
 * run several processes for more.
 * Another thread publishes CRLs (publisher.h).
 *
 * Any error of the HSM ends the process with CA_SIGNER_EXIT_HSM, and it is started again with
 * back-off: libp11 0.4.12 does not recover sessions, and requests wait safely in their rows. What
 * no restart can mend (wrong PIN, wrong key, self-signed issuer) ends with SERVICE_EXIT_CONFIG,
 * which is not restarted: a wrong PIN tried again and again would lock the token.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ca/signer/signer.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/retry.h"
#include "lib/store/queue/claim.h"
#include "server/program.h"
#include "server/publisher.h"

enum {
	RELEASE_EVERY_S = 1,
	IDLE_MS = 1000,
	SECOND_US = 1000000,
	PROBE_EVERY_S = 5,
	PARTITIONS_EVERY_S = 86400
};

struct signer {
	struct service service;
	struct store *store;
	struct ca_token *token;
	struct ca_signer *signer;
	struct publisher *publisher;
	int bell_fd;						 /* eventfd: something rang */
	atomic_bool state_rang;					 /* issuers may be others */
	atomic_bool hsm_failed;					 /* in the publisher's hands */
	int64_t issuers_at, probe_at, partitions_at, release_at; /* monotonic us of the next look */
	bool database_failed;					 /* said so already */
	char *stale_profiles; /* why the last reload failed; NULL: it did not */
};

static void
on_bell(void *ctx, unsigned bell)
{
	struct signer *s = ctx;
	uint64_t one = 1;

	if (bell == STORE_BELL_STATE)
		atomic_store(&s->state_rang, true);
	while (write(s->bell_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void
on_hsm_error(void *ctx)
{
	struct signer *s = ctx;

	atomic_store(&s->hsm_failed, true);
	on_bell(s, DB_TICK);
}

static bool
is_hsm_error(enum err e)
{
	return e == ERR_UNAVAILABLE && err_word() == WORD_HSM;
}

/* What is missing is for the operator to know, also without the log. */
static void
tell_waiting(struct signer *s, enum err e)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO(json_t) detail =
		e == ERR_NOTFOUND ? json_pack("{s:s}", "trouble", err_reason()) : NULL;

	program_seen(s->store, "degraded", detail != NULL ? json_text(a, detail) : NULL);
}

/* Waits for what an operator or the database will still bring: an import, a reachable server. */
static enum err
open_signer(struct signer *s)
{
	struct retry retry = {.event = "signer.waits", .first_ms = IDLE_MS, .last_ms = IDLE_MS};
	enum err e;

	while ((e = ca_signer_open(s->store, s->token, s->service.config, &s->signer)) != ERR_OK) {
		if (is_hsm_error(e) || (e != ERR_UNAVAILABLE && e != ERR_NOTFOUND))
			return e;
		tell_waiting(s, e);
		TRY(program_wait(&s->service, &retry, e));
	}
	return ERR_OK;
}

static enum err
open_all(struct signer *s)
{
	static const struct program_store how = {"signer", 1, DB_WITHOUT_WRITER};
	/* The token first: it may set an environment variable, which must happen before threads
	 * start. */
	TRY(ca_token_open_configured(&s->service.config->hsm, &s->token));
	s->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->bell_fd < 0)
		return err_errno(ERR_INTERNAL, "eventfd");
	TRY(program_open_store(&s->service, &how, &s->store));
	db_listen(
		store_db(s->store), 1u << STORE_BELL_REQUEST | 1u << STORE_BELL_STATE, on_bell, s);
	return open_signer(s);
}

static void
wait_for_bell(struct signer *s, int timeout_ms)
{
	struct pollfd fds[] = {{.fd = s->service.signal_fd, .events = POLLIN},
		{.fd = s->bell_fd, .events = POLLIN}};
	uint64_t rung;

	if (poll(fds, ARRAY_LEN(fds), timeout_ms) > 0 && (fds[1].revents & POLLIN) != 0)
		while (read(s->bell_fd, &rung, sizeof(rung)) < 0 && errno == EINTR)
			;
}

/* The database may be away for a while: said once, and once again when it is back. Only an HSM
 * error is passed up. */
static enum err
tolerate_outage(struct signer *s, const char *event, enum err e)
{
	if (is_hsm_error(e))
		return e;
	if (e != ERR_OK && !s->database_failed)
		log_failure(event, e);
	else if (e == ERR_OK && s->database_failed)
		log_event(LOG_INFO, "database.back", LOG_I("number", s->service.number));
	s->database_failed = e != ERR_OK;
	return ERR_OK;
}

/* The issuing CAs whose key is here: for these, CRLs and responders go on. */
static json_t *
list_signed_for(struct signer *s)
{
	const struct ca_signing_issuer *issuer;
	size_t count = ca_signer_issuers(s->signer, &issuer);
	json_t *names = json_array();

	for (size_t i = 0; i < count; i++)
		if (issuer[i].signer != NULL)
			json_array_append_new(names, json_string(issuer[i].issuer->name));
	return names;
}

static const char *
find_trouble(const struct signer *s, struct arena *a)
{
	const char *own = ca_signer_trouble(s->signer, a);
	const char *issuers = own == NULL ? publisher_trouble(s->publisher, a) : own;

	if (s->stale_profiles == NULL)
		return issuers;
	return arena_printf(a, "%s%sthe profiles were not taken, the old ones stay: %s",
		issuers != NULL ? issuers : "", issuers != NULL ? "; " : "", s->stale_profiles);
}

static void
tell_node(struct signer *s)
{
	AUTO_STRUCT(arena) a = arena_new(64 * 1024);
	const struct ca_token_info *t = ca_token_info(s->token);
	struct ca_signer_counts n = ca_signer_counts(s->signer);
	const char *trouble = find_trouble(s, a);
	AUTO(json_t) detail = json_pack("{s:{s:s, s:s, s:s, s:s}, s:I, s:I, s:o, s:s*}", "hsm",
		"token", t->label, "serial", t->serial, "model", t->model, "module", t->module_path,
		"issued", (json_int_t)n.issued, "refused", (json_int_t)n.refused, "signs_for",
		list_signed_for(s), "trouble", trouble);

	program_seen(s->store, trouble == NULL ? "ready" : "degraded",
		detail != NULL ? json_text(a, detail) : NULL);
}

static bool
is_due(int64_t *next, int64_t every_s)
{
	int64_t now = clock_monotonic_us();

	if (now < *next)
		return false;
	*next = now + every_s * SECOND_US;
	return true;
}

/* What was held until now is for the next claim. */
static enum err
release_held(struct signer *s)
{
	bool released = false;
	enum err e = tolerate_outage(s, "signer.release", store_claim_release(s->store, &released));

	if (released)
		store_ring(s->store, STORE_BELL_REQUEST);
	return e;
}

/* What happens beside issuing; never starved by a full queue, because it is asked between batches.
 */
static enum err
do_chores(struct signer *s)
{
	bool rang = atomic_exchange(&s->state_rang, false);
	enum err e = ERR_OK;

	if (rang || is_due(&s->issuers_at, 1))
		e = tolerate_outage(s, "signer.issuers", ca_signer_follow(s->signer));
	if (e == ERR_OK && is_due(&s->release_at, RELEASE_EVERY_S))
		e = release_held(s);
	if (e == ERR_OK && is_due(&s->probe_at, PROBE_EVERY_S))
		e = ca_signer_probe(s->signer);
	if (e == ERR_OK && is_due(&s->partitions_at, PARTITIONS_EVERY_S))
		e = tolerate_outage(s, "signer.partitions", ca_signer_partitions(s->signer));
	tell_node(s);
	return e;
}

static void
reload_profiles(struct signer *s)
{
	enum err e = ca_signer_reload(s->signer);

	free(s->stale_profiles);
	s->stale_profiles = e != ERR_OK ? mem_strdup(err_reason()) : NULL;
	if (e != ERR_OK) {
		log_failure("signer.reload", e); /* the old profiles stay */
		return;
	}
	log_event(LOG_INFO, "signer.reload", LOG_S("outcome", "ok"));
	s->partitions_at = 0; /* a profile may reach further now */
}

static enum err
run_signer(struct signer *s)
{
	enum service_wish wish = SERVICE_TICK;
	bool more = true;
	enum err e = ERR_OK;

	s->publisher =
		publisher_start(s->store, s->signer, &s->service.config->crl, on_hsm_error, s);
	tell_node(s); /* and hear what the clock is worth, before the first CRL */
	service_ready(&s->service);
	while (e == ERR_OK) {
		/* What came after the claim has rung or will: looking without a ring finds nothing,
		 * and takes from the next batch what would come together. */
		wait_for_bell(s, more ? 0 : IDLE_MS);
		wish = service_wait(&s->service, 0);
		if (wish == SERVICE_STOP)
			break;
		if (wish == SERVICE_RELOAD)
			reload_profiles(s);
		db_busy(store_db(s->store), STORE_BELL_REQUEST, true);
		e = tolerate_outage(s, "signer.work", ca_signer_work(s->signer, &more));
		db_busy(store_db(s->store), STORE_BELL_REQUEST, false);
		if (e == ERR_OK)
			e = do_chores(s);
		if (e == ERR_OK && atomic_load(&s->hsm_failed))
			e = err_set_word(ERR_UNAVAILABLE, WORD_HSM,
				"hsm: the token failed while a CRL was signed");
	}
	service_stopping(&s->service);
	db_stopping(store_db(s->store));
	program_seen(s->store, "stopping", NULL);
	return e;
}

static int
exit_code(enum err e)
{
	if (e == ERR_OK || e == ERR_STOPPED)
		return SERVICE_EXIT_OK;
	if (e == ERR_UNAVAILABLE)
		return CA_SIGNER_EXIT_HSM;
	return e == ERR_DENIED || e == ERR_INVALID || e == ERR_CONFLICT ? SERVICE_EXIT_CONFIG
									: SERVICE_EXIT_FAILURE;
}

static void
close_all(struct signer *s)
{
	publisher_stop(s->publisher);
	ca_signer_close(s->signer);
	free(s->stale_profiles);
	if (s->store != NULL)
		db_unlisten(store_db(s->store), s);
	store_close(s->store);
	ca_token_close(s->token);
	if (s->bell_fd >= 0)
		close(s->bell_fd);
	service_close(&s->service);
}

int
main(int argc, char **argv)
{
	static const struct service_program program = {
		"chancery-signer", "signs what was decided, with the key in the HSM", NULL, 0};
	struct signer s = {.bell_fd = -1};
	int code = service_start(&s.service, &program, argc, argv);
	enum err e;

	if (code != SERVICE_GO_ON)
		return code;
	e = open_all(&s);
	if (e == ERR_OK)
		e = run_signer(&s);
	if (e != ERR_OK && e != ERR_STOPPED)
		log_failure("signer.ends", e);
	code = exit_code(e);
	if (code == CA_SIGNER_EXIT_HSM) {
		service_waiting(); /* for the HSM, by being started again */
		/* A broken module may never return from being closed; the kernel ends the
		 * connections. */
		service_close(&s.service);
		_exit(code);
	}
	close_all(&s);
	return code;
}
