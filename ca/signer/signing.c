/*
 * See signing.h. A set is made whole in an arena of its own and takes over the keys that are open
 * already: a session that signs is never touched because another issuer came or went.
 *
 * A new issuer whose key or certificate must not be used is told once, shown in the node's detail,
 * and tried again in a while: the operator may correct the token or make the missing key.
 */
#include "ca/signer/signing.h"

#include "ca/signer/decide.h"
#include "lib/base/clock.h"

enum { RETRY_US = 5 * 1000 * 1000 };

static const char *
key_label(const struct config *config, const struct ca_issuer *issuer)
{
	for (uint32_t i = 0; i < config->issuers_count; i++)
		if (strcmp(config->issuers[i].name, issuer->name) == 0)
			return config->issuers[i].key;
	return issuer->key_label;
}

static enum err
open_key(const struct signing *s, const struct ca_issuer *issuer, struct ca_key **out)
{
	AUTO_STRUCT(ca_key) key = NULL;
	enum err e = ca_key_open(s->token, key_label(s->config, issuer), &key);

	if (e != ERR_OK)
		return err_context(e, "issuing CA \"%s\"", issuer->name);
	TRY(decide_issuer_usable(issuer, key, clock_now()));
	*out = key;
	key = NULL;
	return ERR_OK;
}

static enum err
open_unless_revoked(const struct signing *s, const struct ca_issuer *issuer, struct ca_key **out)
{
	if (issuer->state == ISSUER_REVOKED)
		return err_set_word(ERR_DENIED, WORD_BAD_ISSUER,
			"issuing CA \"%s\" is revoked on its root's CRL: nothing is signed with it; "
			"make a new one with ca-ceremony and put it in the configuration",
			issuer->name);
	return open_key(s, issuer, out);
}

/* Opens one that has no key yet; a failure is its trouble. */
static void
try_open(const struct signing *s, struct ca_signing_issuer *one)
{
	enum err e = open_unless_revoked(s, one->issuer, &one->key);

	if (e == ERR_OK) {
		one->signer = ca_key_signer(one->key);
		one->trouble = (struct ca_signing_trouble){.class = ERR_OK};
	} else if (one->trouble.class != e || strcmp(one->trouble.reason, err_reason()) != 0) {
		one->trouble = (struct ca_signing_trouble){.class = e,
			.word = err_word(),
			.reason = arena_strdup(s->issuers->arena, err_reason())};
	}
}

static enum err
fail_again(const struct ca_signing_trouble *t)
{
	return err_set_word(t->class, t->word, "%s", t->reason);
}

static void
tell_issuer(const struct signing *s, const struct ca_signing_issuer *one)
{
	if (one->trouble.class != ERR_OK)
		log_failure("signer.issuer", fail_again(&one->trouble));
	else
		log_event(LOG_INFO, "signer.issuer", LOG_S("issuer", one->issuer->name),
			LOG_S("token", ca_token_info(s->token)->label),
			LOG_S("key", ca_key_attributes(one->key)->label),
			LOG_S("type", pki_key_type_name(ca_key_attributes(one->key)->type)));
}

static void
tell_missing(const struct signing *s)
{
	for (size_t i = 0; i < s->issuers->missing_count; i++)
		log_event(LOG_WARNING, "signer.issuer", LOG_S("issuer", s->issuers->missing[i]),
			LOG_S("word", "not-imported"), LOG_S("reason", CA_ISSUERS_MISSING));
}

static bool
same_issuer(const struct ca_issuer *a, const struct ca_issuer *b)
{
	return a->id == b->id && b->state != ISSUER_REVOKED &&
		bytes_equal(a->cert.der, b->cert.der);
}

/* The state of the same issuer in the set before, its key included. False: it is new, or revoked now. */
static bool
take_over(struct signing *before, struct arena *a, struct ca_signing_issuer *one)
{
	for (size_t i = 0; i < before->issuers->all_count; i++) {
		struct ca_signing_issuer *old = &before->item[i];

		if (!same_issuer(old->issuer, one->issuer))
			continue;
		one->key = old->key;
		one->signer = old->signer;
		one->trouble = old->trouble;
		if (old->trouble.reason != NULL)
			one->trouble.reason = arena_strdup(a, old->trouble.reason);
		old->key = NULL;
		return true;
	}
	return false;
}

static enum err
load_issuers(const struct signing *s, struct signing *out)
{
	struct signing fresh = {.store = s->store, .token = s->token, .config = s->config};

	TRY(ca_issuers_load(s->store, s->config, &fresh.issuers));
	fresh.item = arena_array(
		fresh.issuers->arena, fresh.issuers->all_count + 1, sizeof(*fresh.item));
	for (size_t i = 0; i < fresh.issuers->all_count; i++)
		fresh.item[i].issuer = &fresh.issuers->item[i];
	*out = fresh;
	return ERR_OK;
}

void
signing_clear(struct signing *s)
{
	for (size_t i = 0; s->issuers != NULL && i < s->issuers->all_count; i++)
		ca_key_close(s->item[i].key);
	ca_issuers_release(s->issuers);
	*s = (struct signing){.issuers = NULL};
}

enum err
signing_open(
	struct signing *s, struct store *store, struct ca_token *token, const struct config *config)
{
	const struct signing empty = {.store = store, .token = token, .config = config};
	struct signing fresh;
	size_t usable = 0;
	enum err e;

	TRY(load_issuers(&empty, &fresh));
	for (size_t i = 0; i < fresh.issuers->all_count; i++) {
		try_open(&fresh, &fresh.item[i]);
		usable += fresh.item[i].signer != NULL &&
			(i < fresh.issuers->count || fresh.issuers->count == 0);
	}
	if (usable == 0) {
		e = fresh.issuers->count > 0 ? fail_again(&fresh.item[0].trouble)
					     : ca_issuers_require(fresh.issuers);
		signing_clear(&fresh);
		return e;
	}
	for (size_t i = 0; i < fresh.issuers->all_count; i++)
		tell_issuer(&fresh, &fresh.item[i]);
	tell_missing(&fresh);
	fresh.retry_at = clock_monotonic_us() + RETRY_US;
	*s = fresh;
	return ERR_OK;
}

/* Keys made or corrected since; told when that changes something. */
static void
retry_keys(struct signing *s)
{
	if (clock_monotonic_us() < s->retry_at)
		return;
	s->retry_at = clock_monotonic_us() + RETRY_US;
	for (size_t i = 0; i < s->issuers->all_count; i++) {
		struct ca_signing_issuer *one = &s->item[i];
		const char *before = one->trouble.reason;

		if (one->signer != NULL)
			continue;
		try_open(s, one);
		if (one->trouble.reason != before)
			tell_issuer(s, one);
	}
}

static void
replace_issuers(struct signing *s, struct signing *fresh)
{
	fresh->retry_at = s->retry_at;
	for (size_t i = 0; i < fresh->issuers->all_count; i++) {
		if (take_over(s, fresh->issuers->arena, &fresh->item[i]))
			continue;
		try_open(fresh, &fresh->item[i]);
		tell_issuer(fresh, &fresh->item[i]);
	}
	tell_missing(fresh);
	signing_clear(s);
	*s = *fresh;
}

static enum err
read_again(struct signing *s)
{
	struct signing fresh;

	TRY(load_issuers(s, &fresh));
	if (ca_issuers_equal(s->issuers, fresh.issuers))
		signing_clear(&fresh);
	else
		replace_issuers(s, &fresh);
	return ERR_OK;
}

enum err
signing_follow(struct signing *s)
{
	struct store_issuer_place next;
	bool changed;

	TRY(store_issuer_changes(s->store, &s->place, &next, &changed));
	if (changed)
		TRY(read_again(s));
	s->place = next;
	retry_keys(s);
	return ERR_OK;
}

/* Reasons of a broken HSM stay in the log. */
static const char *
public_trouble(const struct ca_signing_issuer *one, struct arena *a)
{
	if (one->trouble.class == ERR_UNAVAILABLE || one->trouble.class == ERR_INTERNAL)
		return arena_printf(a,
			"issuing CA \"%s\": its key cannot be opened; the signer's log says why",
			one->issuer->name);
	return one->trouble.reason;
}

const char *
signing_trouble(const struct signing *s, struct arena *a)
{
	const char *text = NULL;

	for (size_t i = 0; i < s->issuers->missing_count; i++)
		text = arena_printf(a, "%s%sissuing CA \"%s\" " CA_ISSUERS_MISSING,
			text != NULL ? text : "", text != NULL ? "; " : "", s->issuers->missing[i]);
	for (size_t i = 0; i < s->issuers->count; i++)
		if (s->item[i].trouble.class != ERR_OK)
			text = arena_printf(a, "%s%s%s", text != NULL ? text : "",
				text != NULL ? "; " : "", public_trouble(&s->item[i], a));
	return text;
}
