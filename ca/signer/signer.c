/*
 * Keys and issuers at start, then batches: up to config.signer.batch requests are claimed, decided
 * and recorded in one transaction. A dead signer's claims fall back to the queue by themselves: its
 * locks vanish with its connection.
 */
#include "ca/signer/signer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ca/signer/decide.h"
#include "lib/base/clock.h"
#include "lib/base/hex.h"

/* libp11 0.4.12 can wait for ever on a broken session (it never gets one from an empty pool); no
 * signature takes this long. */
enum { HSM_SECONDS = 15, PARTITION_MONTHS = 3 };

struct ca_signer {
	struct store *store;
	struct ca_token *token;
	const struct config *config;
	struct arena *arena, *batch; /* for its life; for one batch */
	struct ca_profiles *profiles;
	struct ca_issuers issuers;
	struct ca_signing_issuer *signing;
	struct ca_signer_counts counts;
};

static char late_line[256]; /* prepared at start: nothing can be formatted in a signal handler */

static void
on_late_hsm(int number)
{
	ssize_t n = write(STDERR_FILENO, late_line, strlen(late_line));

	(void)n; /* the exit code says it too */
	(void)number;
	_exit(CA_SIGNER_EXIT_HSM);
}

static void
watch_hsm(enum log_format format)
{
	const struct sigaction act = {.sa_handler = on_late_hsm};
	static const char why[] = "hsm: no answer in time";

	snprintf(late_line, sizeof(late_line),
		format == LOG_FORMAT_JSON
			? "{\"level\":\"error\",\"program\":\"chancery-signer\",\"event\":\"signer.ends\",\"word\":\"hsm\",\"reason\":\"%s\"}\n"
			: "level=error program=chancery-signer event=signer.ends word=hsm reason=\"%s\"\n",
		why);
	sigaction(SIGALRM, &act, NULL);
}

/* The key's own signer, with a deadline. */
static enum err
sign_in_time(void *ctx, struct bytes data, struct buf *signature)
{
	const struct pki_signer *key = ctx;
	enum err e;

	alarm(HSM_SECONDS);
	e = key->sign(key->ctx, data, signature);
	alarm(0);
	return e;
}

static const char *
key_label(const struct config *config, const char *issuer)
{
	for (uint32_t i = 0; i < config->issuers_count; i++)
		if (strcmp(config->issuers[i].name, issuer) == 0)
			return config->issuers[i].key;
	return "";
}

static const struct pki_signer *
guard(struct arena *a, const struct pki_signer *key)
{
	struct pki_signer *s = arena_alloc(a, sizeof(*s));

	*s = (struct pki_signer){
		.alg = key->alg, .ctx = (void *)(uintptr_t)key, .sign = sign_in_time};
	return s;
}

static enum err
open_issuers(struct ca_signer *s)
{
	enum err e = ca_issuers_load(s->store, s->config, s->arena, &s->issuers);

	if (e != ERR_OK)
		return e;
	s->signing = arena_array(s->arena, s->issuers.count, sizeof(*s->signing));
	for (size_t i = 0; i < s->issuers.count; i++) {
		struct ca_signing_issuer *one = &s->signing[i];

		one->issuer = &s->issuers.item[i];
		if ((e = ca_key_open(s->token, key_label(s->config, one->issuer->name),
			     &one->key)) != ERR_OK)
			return err_context(e, "issuing CA \"%s\"", one->issuer->name);
		if ((e = decide_issuer_usable(one->issuer, one->key, clock_now())) != ERR_OK)
			return e;
		one->signer = guard(s->arena, ca_key_signer(one->key));
		log_event(LOG_INFO, "signer.issuer", LOG_S("issuer", one->issuer->name),
			LOG_S("token", ca_token_info(s->token)->label),
			LOG_S("key", ca_key_attributes(one->key)->label),
			LOG_S("type", pki_key_type_name(ca_key_attributes(one->key)->type)));
	}
	return ERR_OK;
}

static enum err
publish_profiles(struct store *store, const struct ca_profiles *profiles)
{
	struct store_profile *rows = mem_zalloc(profiles->count, sizeof(*rows));
	enum err e;

	for (size_t i = 0; i < profiles->count; i++)
		rows[i] = (struct store_profile){profiles->item[i].name, profiles->item[i].json};
	e = store_profile_publish(store, rows, profiles->count);
	free(rows);
	return e;
}

enum err
ca_signer_reload(struct ca_signer *s)
{
	AUTO_STRUCT(ca_profiles) fresh = NULL;
	struct ca_profiles *old = s->profiles;
	enum err e = ca_profiles_load(s->config->profiles, &fresh);

	if (e != ERR_OK || (e = publish_profiles(s->store, fresh)) != ERR_OK)
		return e;
	s->profiles = fresh;
	fresh = old;
	return ERR_OK;
}

enum err
ca_signer_partitions(struct ca_signer *s)
{
	return store_partitions_ensure(s->store, PARTITION_MONTHS);
}

enum err
ca_signer_open(struct store *store, struct ca_token *token, const struct config *config,
	struct ca_signer **out)
{
	AUTO_STRUCT(ca_signer) s = mem_zalloc(1, sizeof(*s));
	enum err e;

	s->store = store;
	s->token = token;
	s->config = config;
	s->arena = arena_new(0);
	s->batch = arena_new(0);
	watch_hsm(config->log.format);
	if ((e = open_issuers(s)) != ERR_OK || (e = ca_signer_reload(s)) != ERR_OK ||
		(e = ca_signer_partitions(s)) != ERR_OK)
		return e;
	*out = s;
	s = NULL;
	return ERR_OK;
}

void
ca_signer_close(struct ca_signer *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; s->signing != NULL && i < s->issuers.count; i++)
		ca_key_close(s->signing[i].key);
	ca_profiles_free(s->profiles);
	arena_free(s->batch);
	arena_free(s->arena);
	free(s);
}

static void
log_outcome(const struct store_claimed *r, const struct store_outcome *o, int64_t us)
{
	char serial[2 * STORE_SERIAL_SIZE + 1];
	bool issued = o->kind == STORE_OUTCOME_ISSUED;

	hex_encode(bytes_of(o->serial, sizeof(o->serial)), serial);
	log_event(LOG_INFO, "certificate.issue", LOG_S("outcome", issued ? "ok" : "refused"),
		LOG_S("identity", r->identity_name), LOG_S("profile", r->profile),
		LOG_S("protocol", r->protocol), LOG_S("serial", issued ? serial : NULL),
		LOG_S("word", issued ? NULL : o->refusal_word),
		LOG_S("reason", issued ? NULL : o->refusal), LOG_S("request", r->request_id),
		LOG_I("row", r->id), LOG_I("us", us));
}

static enum err
decide_all(struct ca_signer *s, const struct store_claimed *items, size_t count,
	struct store_outcome *outcomes, int64_t *us)
{
	const struct decide d = {s->profiles, &s->issuers, s->signing, s->batch};
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		int64_t start = clock_monotonic_us();

		e = decide(&d, &items[i], &outcomes[i]);
		us[i] = clock_monotonic_us() - start;
	}
	return e;
}

static void
account(struct ca_signer *s, const struct store_claimed *items,
	const struct store_outcome *outcomes, const int64_t *us, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (outcomes[i].kind == STORE_OUTCOME_ISSUED)
			s->counts.issued++;
		else
			s->counts.refused++;
		log_outcome(&items[i], &outcomes[i], us[i]);
	}
}

enum err
ca_signer_work(struct ca_signer *s, size_t *done)
{
	const struct store_claimed *items;
	struct store_outcome *outcomes;
	struct store_claim *claim;
	int64_t *us;
	size_t count;
	enum err e;

	arena_reset(s->batch);
	e = store_claim_open(s->store, s->config->signer.batch, s->batch, &claim, &items, &count);
	if (e == ERR_NOTFOUND) {
		*done = 0;
		return ERR_OK;
	}
	if (e != ERR_OK)
		return e;
	outcomes = arena_array(s->batch, count, sizeof(*outcomes));
	us = arena_array(s->batch, count, sizeof(*us));
	if ((e = decide_all(s, items, count, outcomes, us)) != ERR_OK) {
		store_claim_abort(claim);
		return e;
	}
	if ((e = store_claim_finish(claim, outcomes)) != ERR_OK)
		return e;
	account(s, items, outcomes, us, count);
	*done = count;
	return ERR_OK;
}

size_t
ca_signer_issuers(const struct ca_signer *s, const struct ca_signing_issuer **out)
{
	*out = s->signing;
	return s->issuers.count;
}

enum err
ca_signer_probe(const struct ca_signer *s)
{
	enum err e = ERR_OK;

	alarm(HSM_SECONDS);
	for (size_t i = 0; e == ERR_OK && i < s->issuers.count; i++)
		e = ca_key_probe(s->signing[i].key);
	alarm(0);
	return e;
}

struct ca_signer_counts
ca_signer_counts(const struct ca_signer *s)
{
	return s->counts;
}
