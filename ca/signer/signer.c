/*
 * Batches: up to config.signer.batch requests are claimed, decided and recorded in one transaction.
 * A dead signer's claims fall back to the queue by themselves: its locks vanish with its
 * connection.
 */
#include "ca/signer/signer.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ca/signer/crew.h"
#include "ca/signer/decide.h"
#include "ca/signer/signing.h"
#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/store/certificate.h"

/* From here on a signature is worth a thread of its own; and for about so long a batch may take, so
 * that other signers find something to do, and results are not kept for long. */
enum { SLOW_US = 1000, BATCH_US = 50000 };

enum { MONTH_S = 28 * 86400, MONTHS_SPARE = 2, MONTHS_MAX = 14 };

struct ca_signer {
	struct store *store;
	struct ca_token *token;
	const struct config *config;
	struct arena *batch; /* for one batch */
	struct ca_profiles *profiles;
	struct signing signing;
	struct crew *crew;
	int64_t quickest_us;  /* the quickest certificate of the last batch that had one */
	pthread_mutex_t lent; /* held by whoever changes the set of issuers or borrows one */
	size_t probed;	      /* keys so far */
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

enum err
ca_signer_reload(struct ca_signer *s)
{
	AUTO_STRUCT(ca_profiles) fresh = NULL;
	struct ca_profiles *old = s->profiles;

	TRY(ca_profiles_load(s->config->profiles, &fresh));
	s->profiles = fresh;
	fresh = old;
	return ERR_OK;
}

/* As far ahead as the longest profile reaches, and no further: a statement that joins certificates
 * by values it finds on the way opens every partition there is. What lives longer than MONTHS_MAX
 * is rare and lands in the default partition. */
enum err
ca_signer_partitions(struct ca_signer *s)
{
	int64_t months = 0;

	for (size_t i = 0; i < s->profiles->count; i++)
		if (s->profiles->item[i].max_lifetime / MONTH_S > months)
			months = s->profiles->item[i].max_lifetime / MONTH_S;
	months += MONTHS_SPARE;
	return store_partitions_ensure(s->store, months < MONTHS_MAX ? (int)months : MONTHS_MAX);
}

enum err
ca_signer_open(struct store *store, struct ca_token *token, const struct config *config,
	struct ca_signer **out)
{
	AUTO_STRUCT(ca_signer) s = mem_zalloc(1, sizeof(*s));

	s->store = store;
	s->token = token;
	s->config = config;
	s->batch = arena_new(0);
	s->crew = crew_new(ca_token_sessions(token));
	pthread_mutex_init(&s->lent, NULL);
	watch_hsm(config->log.format);
	ca_token_set_patience(token, CA_SIGNER_HSM_SECONDS);
	TRY(signing_open(&s->signing, store, token, config));
	TRY(ca_signer_reload(s));
	TRY(ca_signer_partitions(s));
	*out = s;
	s = NULL;
	return ERR_OK;
}

void
ca_signer_close(struct ca_signer *s)
{
	if (s == NULL)
		return;
	signing_clear(&s->signing);
	ca_profiles_release(s->profiles);
	crew_free(s->crew);
	arena_free(s->batch);
	pthread_mutex_destroy(&s->lent);
	free(s);
}

static const char *
outcome_reason(const struct store_outcome *o)
{
	if (o->kind == STORE_OUTCOME_HELD)
		return o->hold_reason;
	return o->kind == STORE_OUTCOME_CHANGED ? "what authorised it changed meanwhile"
						: o->refusal;
}

static void
log_outcome(const struct store_claim_item *r, const struct store_outcome *o, int64_t us)
{
	char serial[2 * STORE_SERIAL_SIZE + 1];
	static const char *const words[] = {[STORE_OUTCOME_ISSUED] = "ok",
		[STORE_OUTCOME_REFUSED] = "refused",
		[STORE_OUTCOME_HELD] = "held",
		[STORE_OUTCOME_CHANGED] = "again"};
	bool issued = o->kind == STORE_OUTCOME_ISSUED;

	hex_encode(bytes_of(o->serial, sizeof(o->serial)), serial);
	log_event(LOG_INFO, "certificate.issue", LOG_S("outcome", words[o->kind]),
		LOG_S("identity", r->identity_name), LOG_S("profile", r->profile),
		LOG_S("protocol", ca_protocol_name(r->protocol)),
		LOG_S("serial", issued ? serial : NULL),
		LOG_S("word",
			o->kind == STORE_OUTCOME_REFUSED ? err_word_text(o->refusal_word) : NULL),
		LOG_S("reason", outcome_reason(o)), LOG_S("request", r->request_id),
		LOG_I("row", r->id), LOG_I("us", us));
}

struct batch {
	const struct ca_signer *signer;
	int64_t now;
	const struct store_claim_item *item;
	struct store_outcome *outcome;
	int64_t *us;
};

static enum err
decide_one(void *ctx, size_t i, struct arena *a)
{
	struct batch *b = ctx;
	const struct ca_signer *s = b->signer;
	const struct decide d = {s->profiles, s->signing.issuers, s->signing.item, a, b->now};
	int64_t start = clock_monotonic_us();
	enum err e = decide(&d, &b->item[i], &b->outcome[i]);

	b->us[i] = clock_monotonic_us() - start;
	return e;
}

/* The quickest: a busy processor makes others late, and only the HSM all of them. */
static void
note_speed(struct ca_signer *s, const struct batch *b, size_t count)
{
	int64_t quickest = INT64_MAX;

	for (size_t i = 0; i < count; i++)
		if (b->outcome[i].kind == STORE_OUTCOME_ISSUED && b->us[i] < quickest)
			quickest = b->us[i];
	if (quickest < INT64_MAX)
		s->quickest_us = quickest;
}

static enum err
decide_all(struct ca_signer *s, struct batch *b, size_t count)
{
	unsigned hands = s->quickest_us < SLOW_US ? 1 : ca_token_sessions(s->token);

	TRY(crew_run(s->crew, hands, count, decide_one, b));
	note_speed(s, b, count);
	return ERR_OK;
}

static unsigned
limit_claim(const struct ca_signer *s)
{
	unsigned most = s->config->signer.batch, sessions = ca_token_sessions(s->token);
	int64_t rounds = s->quickest_us < SLOW_US ? most : BATCH_US / s->quickest_us + 1;

	return rounds * sessions < most ? (unsigned)rounds * sessions : most;
}

/* True when one must be decided anew. */
static bool
account_outcomes(struct ca_signer *s, const struct batch *b, size_t count)
{
	bool again = false;

	for (size_t i = 0; i < count; i++) {
		again = again || b->outcome[i].kind == STORE_OUTCOME_CHANGED;
		if (b->outcome[i].kind == STORE_OUTCOME_ISSUED)
			s->counts.issued++;
		else if (b->outcome[i].kind == STORE_OUTCOME_REFUSED)
			s->counts.refused++;
		log_outcome(&b->item[i], &b->outcome[i], b->us[i]);
	}
	return again;
}

_Static_assert((int)CONFIG_BATCH_MAX == (int)STORE_CLAIM_MAX, "a full batch is one claim");

enum err
ca_signer_work(struct ca_signer *s, bool *more)
{
	struct batch b = {.signer = s};
	const unsigned max = limit_claim(s);
	struct store_claim *claim;
	size_t count;
	enum err e;

	*more = false;
	arena_reset(s->batch);
	e = store_claim_open(s->store, max, s->batch, &claim, &b.item, &count);
	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	b.outcome = arena_array(s->batch, count, sizeof(*b.outcome));
	b.us = arena_array(s->batch, count, sizeof(*b.us));
	b.now = clock_now();
	if ((e = decide_all(s, &b, count)) != ERR_OK) {
		store_claim_abort(claim);
		return e;
	}
	TRY(store_claim_finish(claim, b.outcome));
	*more = account_outcomes(s, &b, count) || count == max;
	return ERR_OK;
}

enum err
ca_signer_follow(struct ca_signer *s)
{
	enum err e;

	if (pthread_mutex_trylock(&s->lent) != 0)
		return ERR_OK;
	e = signing_follow(&s->signing);
	pthread_mutex_unlock(&s->lent);
	return e;
}

enum err
ca_signer_borrow(struct ca_signer *s, int16_t issuer, const struct ca_signing_issuer **out)
{
	pthread_mutex_lock(&s->lent);
	for (size_t i = 0; i < s->signing.issuers->all_count; i++)
		if (s->signing.item[i].issuer->id == issuer && s->signing.item[i].signer != NULL) {
			*out = &s->signing.item[i];
			return ERR_OK;
		}
	pthread_mutex_unlock(&s->lent);
	return err_set(ERR_NOTFOUND, "nothing is signed here for issuer %d", issuer);
}

void
ca_signer_give_back(struct ca_signer *s)
{
	pthread_mutex_unlock(&s->lent);
}

const char *
ca_signer_trouble(const struct ca_signer *s, struct arena *a)
{
	return signing_trouble(&s->signing, a);
}

size_t
ca_signer_issuers(const struct ca_signer *s, const struct ca_signing_issuer **out)
{
	*out = s->signing.item;
	return s->signing.issuers->all_count;
}

enum err
ca_signer_probe(struct ca_signer *s)
{
	size_t count = s->signing.issuers->all_count;

	for (size_t i = 0; i < count; i++) {
		const struct ca_key *key = s->signing.item[s->probed++ % count].key;

		if (key != NULL)
			return ca_key_probe(key);
	}
	return ERR_OK;
}

struct ca_signer_counts
ca_signer_counts(const struct ca_signer *s)
{
	return s->counts;
}
