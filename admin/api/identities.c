/*
 * Identities and their grants. Whoever loses something here has lost it when the answer is sent:
 * every living front judges by it then (ca_front_settle).
 */
#include "admin/api/internal.h"

#include "lib/base/clock.h"

enum { SHOWN_GRANTS = 100, SHOWN_CERTIFICATES = 20 };

void
api_put_time(json_t *object, const char *name, int64_t t)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_format_rfc3339(t, text);
	json_object_set_new(object, name, t != 0 ? json_string(text) : json_null());
}

/* e, in the words of a caller whose identity name a statement did not find. */
static enum err
explain_unknown_name(enum err e, const char *name)
{
	if (e != ERR_NOTFOUND)
		return e;
	return err_set_word(e, WORD_UNKNOWN_IDENTITY,
		"there is no identity \"%s\"; `ca-admin identity list` shows those there are",
		name);
}

enum err
api_find_identity(struct api_call *c, const char *name, struct store_identity *out)
{
	return explain_unknown_name(store_identity_find(c->g->store, c->arena, name, out), name);
}

static json_t *
identity_json(const struct store_identity *i)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "name", i->name, "kind",
		identity_kind_name(i->kind), "state", identity_state_name(i->state), "owner",
		i->owner);

	api_put_time(o, "created_at", i->created_at);
	api_put_time(o, "changed_at", i->changed_at);
	return o;
}

enum err
api_identities(struct api_call *c)
{
	unsigned limit = (unsigned)api_value(c, "limit")->number;
	struct store_identity *list = NULL;
	size_t count = 0;
	json_t *out;

	TRY(store_identity_list(c->g->store, c->arena, api_text(c, "after"), limit, &list, &count));
	out = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, identity_json(&list[i]));
	api_answer_page(c, "identities", out, count == limit ? list[count - 1].name : NULL);
	return ERR_OK;
}

/* The first that the configuration guards, so that none hides behind another. */
static enum config_guarded
guard_of_identity(
	const struct api_call *c, const struct store_identity *i, const struct api_value *grants)
{
	uint32_t wanted = c->g->config->second.guarded;

	if (i->kind == IDENTITY_OPERATOR && wanted & 1U << GUARDED_OPERATOR_ADD)
		return GUARDED_OPERATOR_ADD;
	for (int64_t n = 0; n < grants->number; n++) {
		enum config_guarded guard = api_guard_of_pattern(grants->grants[n].pattern);

		if (guard < GUARDED_COUNT && wanted & 1U << guard)
			return guard;
	}
	return GUARDED_COUNT;
}

static enum err
add_identity(struct api_call *c, struct store_identity *i, const struct api_value *grants)
{
	enum err e = store_identity_add(c->g->store, i, grants->grants, (size_t)grants->number,
		c->actor, c->req->id, &i->id);

	return e != ERR_CONFLICT ? e
				 : err_set_word(e, WORD_IDENTITY_EXISTS,
					   "there is an identity \"%s\" already", i->name);
}

enum err
api_identity_add(struct api_call *c)
{
	const struct api_value *grants = api_value(c, "grants");
	const char *owner = api_text(c, "owner");
	struct store_identity identity = {.name = api_text(c, "name"),
		.owner = owner != NULL ? owner : "",
		.kind = (enum identity_kind)api_value(c, "kind")->number,
		.state = IDENTITY_ACTIVE};
	enum api_way way;

	TRY(api_check_over(c, identity.kind));
	for (int64_t i = 0; i < grants->number; i++)
		TRY(api_check_grant(c, identity.kind, &grants->grants[i]));
	TRY(api_ask_second(c, guard_of_identity(c, &identity, grants), identity.name, &way));
	if (way == API_WAITS)
		return ERR_OK;
	if (way == API_GO_ON)
		TRY(add_identity(c, &identity, grants));
	c->answer = json_pack("{s:s, s:s, s:I}", "name", identity.name, "kind",
		identity_kind_name(identity.kind), "grants", (json_int_t)grants->number);
	return ERR_OK;
}

static enum err
put_certificates(struct api_call *c, const char *name)
{
	const struct store_certificate_filter filter = {
		.identity = name, .live = STORE_LIVE_ONLY, .limit = SHOWN_CERTIFICATES};
	struct store_certificate *list = NULL;
	size_t count = 0;
	json_t *out = json_array();
	enum err e = store_certificate_list(c->g->store, c->arena, &filter, &list, &count);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, api_certificate_json(c, &list[i]));
	json_object_set_new(c->answer, "certificates", out);
	return e;
}

static enum err
put_grants(struct api_call *c, int64_t identity)
{
	struct store_grant *list = NULL;
	size_t count = 0;
	json_t *out = json_array();
	enum err e = store_grant_list(c->g->store, c->arena, identity, &list, &count);

	for (size_t i = 0; i < count && i < SHOWN_GRANTS; i++)
		json_array_append_new(out, api_grant_json(&list[i]));
	json_object_set_new(c->answer, "grants", out);
	json_object_set_new(c->answer, "grant_count", json_integer((json_int_t)count));
	return e;
}

enum err
api_identity_show(struct api_call *c)
{
	struct store_identity identity;

	TRY(api_find_identity(c, api_text(c, "name"), &identity));
	c->answer = identity_json(&identity);
	TRY(put_grants(c, identity.id));
	return put_certificates(c, identity.name);
}

/* An operator who shuts out itself could not undo it; another one can do it. */
static enum err
refuse_oneself(const struct api_call *c, const char *name)
{
	if (strcmp(name, c->actor) == 0)
		return err_set_word(ERR_DENIED, WORD_OWN_IDENTITY,
			"operator \"%s\" cannot shut out itself: let another operator do it", name);
	return ERR_OK;
}

/* Letting an operator back in is like adding one. */
static enum config_guarded
guard_of_state(enum identity_kind kind, enum identity_state to)
{
	return kind == IDENTITY_OPERATOR && to == IDENTITY_ACTIVE ? GUARDED_OPERATOR_ADD
								  : GUARDED_COUNT;
}

static enum err
set_state(struct api_call *c, enum identity_state to)
{
	const char *name = api_text(c, "name");
	struct store_identity identity;
	enum api_way way;
	bool changed;
	enum err e = ERR_OK;

	if (to == IDENTITY_BLOCKED)
		TRY(refuse_oneself(c, name));
	TRY(api_find_identity(c, name, &identity));
	TRY(api_check_over(c, identity.kind));
	TRY(api_ask_second(c, guard_of_state(identity.kind, to), name, &way));
	if (way == API_WAITS)
		return ERR_OK;
	changed = way == API_DONE;
	if (way == API_GO_ON)
		e = store_identity_set_state(c->g->store, name, to, c->actor, c->req->id, &changed);
	if (e == ERR_CONFLICT)
		return err_set_word(
			e, WORD_IDENTITY_RETIRED, "identity \"%s\" is retired for good", name);
	if (e != ERR_OK)
		return explain_unknown_name(e, name);
	(void)ca_front_settle(c->g, NULL, name);
	c->answer = json_pack("{s:s, s:s, s:b}", "name", name, "state", identity_state_name(to),
		"changed", changed);
	return ERR_OK;
}

enum err
api_identity_block(struct api_call *c)
{
	return set_state(c, IDENTITY_BLOCKED);
}

enum err
api_identity_unblock(struct api_call *c)
{
	return set_state(c, IDENTITY_ACTIVE);
}

enum err
api_identity_offboard(struct api_call *c)
{
	const char *name = api_text(c, "name");
	struct store_offboarded done = {0};
	struct store_identity identity;
	enum err e = refuse_oneself(c, name);

	if (e == ERR_OK)
		e = api_find_identity(c, name, &identity);
	if (e == ERR_OK)
		e = api_check_over(c, identity.kind);
	if (e == ERR_OK)
		e = store_identity_offboard(c->g->store, name, (int)api_value(c, "reason")->number,
			c->actor, c->req->id, &done);
	if (e != ERR_OK)
		return explain_unknown_name(e, name);
	c->answer = json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", name, "revoked",
		(json_int_t)done.revoked, "accounts", (json_int_t)done.accounts, "requests",
		(json_int_t)done.requests, "programs_behind",
		(json_int_t)ca_front_settle(c->g, NULL, name));
	return ERR_OK;
}
