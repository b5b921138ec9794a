/*
 * See publisher.h. Everything that can be put off until another signer, or this one started anew, does it: marks are
 * taken away by the transaction that records a CRL, and by nothing before.
 */
#include "server/publisher.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "crl/publish.h"
#include "lib/base/clock.h"
#include "lib/db/follow.h"
#include "server/program.h"

struct publisher {
	struct store *store;
	struct ca_signer *signer;
	const struct config_crl *policy;
	void (*on_hsm_error)(void *ctx);
	void *ctx;
	struct db_follower *follower;
	atomic_bool stopping;
	pthread_mutex_t lock; /* of trouble */
	char *trouble;
};

static enum err
check_stop(struct publisher *p)
{
	return atomic_load(&p->stopping)
		? err_set(ERR_STOPPED, "the program ends; the CRL is left undone")
		: ERR_OK;
}

static enum err
read_entries(struct publisher *p, struct crl_publication *crl)
{
	for (bool more = true; more;) {
		TRY(check_stop(p));
		TRY(crl_publish_read(crl, &more));
	}
	return ERR_OK;
}

static enum err
write_octets(struct publisher *p, struct crl_publication *crl)
{
	for (bool more = true; more;) {
		TRY(check_stop(p));
		TRY(crl_publish_write(crl, &more));
	}
	return ERR_OK;
}

static enum err
sign_crl(struct publisher *p, struct crl_publication *crl, int16_t issuer)
{
	const struct ca_signing_issuer *of;
	enum err e;

	TRY(check_stop(p));
	TRY(ca_signer_borrow(p->signer, issuer, &of));
	e = crl_publish_sign(crl, of->issuer, of->signer);
	ca_signer_give_back(p->signer);
	return e;
}

static enum err
publish_crl(struct publisher *p, const struct store_crl_state *last, const char *name)
{
	AUTO_STRUCT(crl_publication) crl = NULL;
	int64_t start = clock_monotonic_us();
	struct crl_published made;

	TRY(crl_publish_begin(p->store, last, p->policy, &crl));
	TRY(read_entries(p, crl));
	TRY(sign_crl(p, crl, last->issuer));
	TRY(write_octets(p, crl));
	TRY(crl_publish_record(crl, &made));
	log_event(LOG_INFO, "crl.publish", LOG_S("issuer", name), LOG_I("number", made.number),
		LOG_I("entries", made.entries), LOG_I("next_update", made.next_update),
		LOG_I("us", clock_monotonic_us() - start));
	return ERR_OK;
}

/* Only what this signer has a key for is begun. */
static enum err
find_name(struct publisher *p, int16_t issuer, struct arena *a, const char **name)
{
	const struct ca_signing_issuer *of;

	TRY(ca_signer_borrow(p->signer, issuer, &of));
	*name = arena_strdup(a, of->issuer->name);
	ca_signer_give_back(p->signer);
	return ERR_OK;
}

/* What is another signer's, or nobody's here, is no trouble. */
static enum err
publish_one(struct publisher *p, const struct store_crl_state *last)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const char *name;
	enum err e;

	if (!crl_is_due(p->policy, last, clock_now()) ||
		find_name(p, last->issuer, a, &name) != ERR_OK)
		return ERR_OK;
	e = publish_crl(p, last, name);
	if (e == ERR_CONFLICT || e == ERR_NOTFOUND || e == ERR_STOPPED)
		return ERR_OK;
	if (e == ERR_UNAVAILABLE && err_word() == WORD_HSM) {
		log_failure("crl.publish", e);
		p->on_hsm_error(p->ctx);
	}
	return e == ERR_OK ? ERR_OK : err_context(e, "the CRL of \"%s\" cannot be published", name);
}

static void
note_trouble(struct publisher *p, enum err e)
{
	char *now = e == ERR_OK ? NULL : mem_strdup(err_reason());

	pthread_mutex_lock(&p->lock);
	free(p->trouble);
	p->trouble = now;
	pthread_mutex_unlock(&p->lock);
}

/* One issuing CA whose CRL fails keeps none of the others from theirs. */
static enum err
publish_due(struct publisher *p)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_crl_state *states;
	size_t count, failed = 0;
	char why[512];
	enum err first = ERR_OK;

	TRY(store_crl_states(p->store, a, &states, &count));
	for (size_t i = 0; i < count && !atomic_load(&p->stopping); i++) {
		enum err e = publish_one(p, &states[i]);

		if (e != ERR_OK && failed++ == 0) {
			first = e;
			snprintf(why, sizeof(why), "%s", err_reason());
		}
	}
	return first == ERR_OK ? ERR_OK : err_set(first, "%s", why);
}

/* A clock that is ahead would make a list of the future, which nobody accepts. */
static enum err
publish_crls(void *ctx)
{
	struct publisher *p = ctx;
	enum program_clock clock = program_clock();
	enum err e;

	if (clock != PROGRAM_CLOCK_RIGHT && clock != PROGRAM_CLOCK_BEHIND)
		return ERR_OK;
	e = publish_due(p);
	note_trouble(p, e);
	return e;
}

struct publisher *
publisher_start(struct store *store, struct ca_signer *signer, const struct config_crl *policy,
	void (*on_hsm_error)(void *ctx), void *ctx)
{
	struct publisher *p = mem_zalloc(1, sizeof(*p));

	p->store = store;
	p->signer = signer;
	p->policy = policy;
	p->on_hsm_error = on_hsm_error;
	p->ctx = ctx;
	pthread_mutex_init(&p->lock, NULL);
	p->follower =
		db_follow(store_db(store), 1U << STORE_BELL_STATE, "crl.publish", publish_crls, p);
	return p;
}

void
publisher_stop(struct publisher *p)
{
	if (p == NULL)
		return;
	atomic_store(&p->stopping, true);
	db_follower_stop(p->follower);
	pthread_mutex_destroy(&p->lock);
	free(p->trouble);
	free(p);
}

const char *
publisher_trouble(struct publisher *p, struct arena *a)
{
	const char *text;

	pthread_mutex_lock(&p->lock);
	text = p->trouble != NULL ? arena_strdup(a, p->trouble) : NULL;
	pthread_mutex_unlock(&p->lock);
	return text;
}
