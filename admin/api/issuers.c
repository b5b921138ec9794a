/*
 * Issuers: those there are, how old their CRLs are and how long they last, for status; and a CRL that
 * is published now.
 */
#include "admin/api/internal.h"

#include "ca/crl_late.h"
#include "lib/base/clock.h"
#include "lib/store/audit.h"
#include "lib/store/crl.h"
#include "lib/store/issuer.h"

enum { ISSUER_SOON_S = 30 * 86400 };

static const struct store_crl_state *
crl_of(const struct store_crl_state *list, size_t count, int16_t issuer)
{
	static const struct store_crl_state none = {.number = 0};

	for (size_t i = 0; i < count; i++)
		if (list[i].issuer == issuer)
			return &list[i];
	return &none; /* the issuer has come since */
}

static json_t *
issuer_json(struct api_call *c, const struct store_issuer *i)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s?}", "name", i->name, "kind",
		issuer_kind_name(i->kind), "state", issuer_state_name(i->state), "key_label",
		i->key_label);

	if (i->profile_count > 0) {
		json_t *profiles = json_array();

		for (size_t n = 0; n < i->profile_count; n++)
			json_array_append_new(profiles, json_string(i->profiles[n]));
		json_object_set_new(o, "profiles", profiles);
	}
	json_object_set_new(o, "subject", json_string(pki_name_text(c->arena, i->subject)));
	api_put_time(o, "not_after", i->not_after);
	return o;
}

static void
put_crl(json_t *o, const struct store_crl_state *crl, int64_t now)
{
	json_object_set_new(o, "crl_number", json_integer(crl->number));
	json_object_set_new(o, "crl_entries", json_integer(crl->entries));
	json_object_set_new(o, "crl_age", json_integer(now - crl->this_update));
	api_put_time(o, "crl_this_update", crl->this_update);
	api_put_time(o, "crl_next_update", crl->next_update);
}

/* A problem of this issuer, in words that follow its name. */
static void
blame_issuer(struct api_call *c, const struct store_issuer *i, const char *what)
{
	api_add_problem(c, arena_printf(c->arena, "issuer \"%s\" %s", i->name, what));
}

static bool
is_configured(const struct api_call *c, const char *name)
{
	for (uint32_t i = 0; i < c->g->config->issuers_count; i++)
		if (strcmp(c->g->config->issuers[i].name, name) == 0)
			return true;
	return false;
}

/* Told long before the end: at half of the time a list is good for beyond its next regular one; an
 * offline CA has no regular one. */
static void
judge_crl(struct api_call *c, const struct store_issuer *i, const struct store_crl_state *crl,
	int64_t now)
{
	const struct config_crl *policy = &c->g->config->crl;
	int64_t regular = i->kind == ISSUER_ISSUING ? policy->refresh : 0;
	int64_t window = crl->next_update - crl->this_update - regular;

	const struct ca_crl_age age = {.build_ms = crl->build_ms, .waiting_ms = crl->waiting_ms};
	const char *late = ca_crl_late(c->arena, i->name, policy, &age, now);

	if (late != NULL)
		api_add_problem(c, late);
	if (crl->number == 0)
		blame_issuer(c, i, "has no CRL");
	else if (crl->next_update <= now)
		blame_issuer(c, i, "has no CRL that is current: the last one has ended");
	else if (crl->this_update > now)
		blame_issuer(c, i,
			"has a CRL of the future; are the clocks of signer and database right?");
	else if (crl->next_update - now < window / 2)
		blame_issuer(c, i,
			arena_printf(c->arena, "has a CRL that ends in %lld hours; %s",
				(long long)(crl->next_update - now) / 3600,
				i->kind == ISSUER_ISSUING
					? "is chancery-signer running?"
					: "make the next one with ca-ceremony crl, then run `ca-admin issuer import`"));
}

/* Its own certificate. */
static void
judge_end(struct api_call *c, const struct store_issuer *i, int64_t now)
{
	if (i->not_after <= now)
		blame_issuer(c, i, "has expired");
	else if (i->not_after - now < ISSUER_SOON_S)
		blame_issuer(c, i, "expires within 30 days");
}

/* Revoked, or retired and expired, it is nobody's trouble unless the configuration wants it. */
static void
judge_issuer(struct api_call *c, const struct store_issuer *i, const struct store_crl_state *crl,
	const json_t *signed_for, int64_t now)
{
	bool wanted = i->kind == ISSUER_ROOT || is_configured(c, i->name);

	if (i->state == ISSUER_REVOKED && wanted)
		blame_issuer(c, i,
			"is revoked on its root's CRL and stands in the configuration: put a new one there");
	if (i->state == ISSUER_REVOKED || (i->not_after <= now && !wanted))
		return;
	if (i->state == ISSUER_ACTIVE && wanted)
		judge_end(c, i, now);
	judge_crl(c, i, crl, now);
	if (i->kind == ISSUER_ISSUING && json_object_size(signed_for) > 0 &&
		json_object_get(signed_for, i->name) == NULL)
		blame_issuer(c, i, API_NO_KEY);
}

/* Those this program's configuration names and it does not have, or not yet. A revoked one is told
 * apart: there is no import that helps. */
static void
judge_missing(struct api_call *c, const struct store_issuer *list, size_t count)
{
	const struct ca_issuers *issuers = ca_front_issuers(c->g, c->arena);

	for (size_t i = 0; i < issuers->missing_count; i++) {
		bool revoked = false;

		for (size_t n = 0; n < count; n++)
			revoked = revoked ||
				(list[n].state == ISSUER_REVOKED &&
					strcmp(list[n].name, issuers->missing[i]) == 0);
		if (!revoked)
			api_add_problem(c,
				arena_printf(c->arena, "issuer \"%s\" " CA_ISSUERS_MISSING,
					issuers->missing[i]));
	}
}

enum err
api_put_issuers(struct api_call *c, int64_t now)
{
	struct store_issuer *list = NULL;
	struct store_crl_state *crls = NULL;
	size_t count = 0, crl_count = 0;
	json_t *out = json_array();
	AUTO(json_t) signed_for = NULL;

	json_object_set_new(c->answer, "issuers", out);
	TRY(store_issuer_list(c->g->store, c->arena, &list, &count));
	TRY(store_crl_states(c->g->store, c->arena, &crls, &crl_count));
	TRY(api_find_signed_for(c, &signed_for));
	judge_missing(c, list, count);
	for (size_t i = 0; i < count; i++) {
		const struct store_crl_state *crl = crl_of(crls, crl_count, list[i].id);
		json_t *o = issuer_json(c, &list[i]);

		json_object_set_new(
			o, "days_left", json_integer((list[i].not_after - now) / 86400));
		if (crl->number != 0)
			put_crl(o, crl, now);
		json_array_append_new(out, o);
		judge_issuer(c, &list[i], crl, signed_for, now);
	}
	return ERR_OK;
}

enum err
api_issuers(struct api_call *c)
{
	struct store_issuer *list = NULL;
	size_t count = 0;
	json_t *out = json_array();
	enum err e = store_issuer_list(c->g->store, c->arena, &list, &count);

	for (size_t i = 0; e == ERR_OK && i < count; i++)
		json_array_append_new(out, issuer_json(c, &list[i]));
	c->answer = json_pack("{s:o}", "issuers", out);
	return e;
}

static enum err
move_issuer(struct api_call *c, enum issuer_state to)
{
	const char *name = api_text(c, "name");
	enum api_way way;
	bool changed;

	TRY(api_ask_second(c, GUARDED_ISSUER_CHANGE, name, &way));
	if (way == API_WAITS)
		return ERR_OK;
	changed = way == API_DONE;
	if (way == API_GO_ON)
		TRY(store_issuer_move(c->g->store, name, to, c->actor, c->req->id, &changed));
	c->answer = json_pack("{s:s, s:s, s:b}", "name", name, "state", issuer_state_name(to),
		"changed", changed);
	return ERR_OK;
}

enum err
api_issuer_retire(struct api_call *c)
{
	return move_issuer(c, ISSUER_RETIRED);
}

enum err
api_issuer_activate(struct api_call *c)
{
	return move_issuer(c, ISSUER_ACTIVE);
}

/* Marks issuing CAs so that a signer publishes now; a root's CRL comes from its ceremony only. */
enum err
api_crl_publish(struct api_call *c)
{
	const char *wanted = api_text(c, "issuer");
	struct store_issuer *list = NULL;
	size_t count = 0;
	json_t *out = json_array();
	enum err e = store_issuer_list(c->g->store, c->arena, &list, &count);

	c->answer = json_pack("{s:o}", "issuers", out);
	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		const struct store_audit event = {.actor = c->actor,
			.operation = api_audit_name(c->op),
			.object = list[i].name,
			.outcome = "ok",
			.request_id = c->req->id};

		if (list[i].kind != ISSUER_ISSUING ||
			(wanted != NULL && strcmp(wanted, list[i].name) != 0))
			continue;
		e = store_audit_add(c->g->store, &event);
		if (e == ERR_OK)
			e = store_crl_mark(c->g->store, list[i].id);
		json_array_append_new(out, json_string(list[i].name));
	}
	if (e == ERR_OK && json_array_size(out) == 0)
		e = err_set_word(ERR_NOTFOUND, WORD_UNKNOWN_ISSUER, "there is no issuing CA \"%s\"",
			wanted != NULL ? wanted : "at all");
	return e;
}
