/*
 * Identities and their grants. Whoever loses something here has lost it when the answer is sent:
 * the gateway's own memory is refreshed before answering.
 */
#include "admin/api/internal.h"

#include <inttypes.h>
#include <stdlib.h>

enum { GRANTS_PER_CALL = 100, SHOWN_GRANTS = 100, SHOWN_CERTIFICATES = 20 };

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

json_t *
api_grant_json(const struct store_grant *g)
{
	return json_pack("{s:s, s:s, s:s}", "profile", g->profile, "pattern", g->pattern,
		"created_by", g->created_by);
}

enum err
api_identities(struct api_call *c)
{
	struct store_identity *list = NULL;
	size_t count = 0;
	unsigned limit;
	json_t *out;
	enum err e = api_query_limit(c, &limit);

	if (e == ERR_OK)
		e = store_identity_list(
			c->g->store, c->arena, api_query_find(c, "after"), limit, &list, &count);
	if (e != ERR_OK)
		return e;
	out = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, identity_json(&list[i]));
	c->answer = json_pack("{s:o, s:s*}", "identities", out, "next",
		count == limit ? list[count - 1].name : NULL);
	return ERR_OK;
}

/* "a", "b": the profiles that identities of this kind may ask for. */
static const char *
profiles_for(struct api_call *c, const struct ca_profiles *profiles, enum identity_kind kind)
{
	const char *list = "";

	for (size_t i = 0; i < profiles->count; i++)
		if (ca_policy_requester(&profiles->item[i], kind) == ERR_OK)
			list = arena_printf(c->arena, "%s%s\"%s\"", list,
				list[0] != '\0' ? ", " : "", profiles->item[i].name);
	return list[0] != '\0' ? list : "none";
}

static enum err
check_requester(struct api_call *c, const struct ca_profiles *profiles, const struct ca_profile *p,
	enum identity_kind kind)
{
	enum err e = ca_policy_requester(p, kind);

	if (e != ERR_DENIED)
		return e;
	return err_set_word(e, "requester-not-allowed",
		"profile \"%s\" is not for identities of kind \"%s\", so no certificate could use this grant; profiles for this kind: %s",
		p->name, identity_kind_name(kind), profiles_for(c, profiles, kind));
}

/* A grant is refused when no certificate could ever use it: unknown profile, a profile that is not
 * for this kind of identity, or a pattern that means nothing. */
static enum err
check_grant(struct api_call *c, enum identity_kind kind, const struct store_grant *grant)
{
	const struct ca_profiles *profiles = ca_front_profiles(c->g, c->arena);
	const struct ca_profile *p;
	enum err e = ca_profiles_get(profiles, grant->profile, &p);

	if (e == ERR_OK)
		e = check_requester(c, profiles, p, kind);
	return e == ERR_OK ? pki_pattern_check(bytes_str(grant->pattern)) : e;
}

static enum err
read_grant(struct api_call *c, enum identity_kind kind, const json_t *from, struct store_grant *out)
{
	static const char *const members[] = {"profile", "pattern", NULL};
	enum err e = json_is_object(from) ? json_only_members(from, members)
					  : err_set(ERR_INVALID, "each grant must be an object");

	if (e == ERR_OK)
		e = json_get_string(from, "profile", &out->profile);
	if (e == ERR_OK)
		e = json_get_string(from, "pattern", &out->pattern);
	if (e != ERR_OK)
		return e;
	out->created_by = c->actor;
	return check_grant(c, kind, out);
}

static enum err
read_grants(struct api_call *c, enum identity_kind kind, struct store_grant **out, size_t *count)
{
	const json_t *list = json_object_get(c->body, "grants");
	size_t n = json_array_size(list);
	struct store_grant *grants = arena_array(c->arena, n + 1, sizeof(*grants));
	enum err e = ERR_OK;

	if (list != NULL && !json_is_array(list))
		return err_set(ERR_INVALID, "\"grants\" must be a list");
	if (n > GRANTS_PER_CALL)
		return err_set(ERR_LIMIT, "at most %d grants at once", GRANTS_PER_CALL);
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = read_grant(c, kind, json_array_get(list, i), &grants[i]);
	*out = grants;
	*count = n;
	return e;
}

/* Letters, digits and "._@:-": what rows, logs, URLs and certificates carry without escaping
 * (schema/0001). */
static enum err
check_name(const char *name)
{
	const char *allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@:-";
	size_t n = strlen(name);

	if (n < 1 || n > 100 || strspn(name, allowed) != n || strchr("._@:-", name[0]) != NULL)
		return err_set(ERR_INVALID,
			"\"%.120s\" is no identity name; allowed: 1 to 100 letters, digits and \"._@:-\", beginning with "
			"a letter or digit",
			name);
	return ERR_OK;
}

enum err
api_identity_add(struct api_call *c)
{
	static const char *const members[] = {"name", "kind", "owner", "grants", NULL};
	struct store_identity identity = {.state = IDENTITY_ACTIVE, .owner = ""};
	const char *kind = NULL, *owner = NULL;
	struct store_grant *grants = NULL;
	size_t count = 0;
	enum err e = json_only_members(c->body, members);

	if (e == ERR_OK)
		e = json_get_string(c->body, "name", &identity.name);
	if (e == ERR_OK)
		e = json_get_string(c->body, "kind", &kind);
	if (e == ERR_OK)
		e = json_find_string(c->body, "owner", &owner);
	if (e == ERR_OK)
		e = check_name(identity.name);
	if (e == ERR_OK)
		e = identity_kind_parse(kind, &identity.kind);
	if (e == ERR_OK && owner != NULL && strlen(owner) > 200)
		e = err_set(ERR_LIMIT, "the owner's text is longer than 200 octets");
	if (e == ERR_OK)
		e = read_grants(c, identity.kind, &grants, &count);
	if (e != ERR_OK)
		return e;
	identity.owner = owner != NULL ? owner : "";
	e = store_identity_add(
		c->g->store, &identity, grants, count, c->actor, c->req->id, &identity.id);
	if (e == ERR_CONFLICT)
		return err_set_word(
			e, "identity-exists", "there is an identity \"%s\" already", identity.name);
	if (e == ERR_OK)
		c->answer = json_pack("{s:s, s:s, s:I}", "name", identity.name, "kind", kind,
			"grants", (json_int_t)count);
	return e;
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
	const char *name = api_query_find(c, "name");
	struct store_identity identity;
	enum err e;

	if (name == NULL)
		return err_set(ERR_INVALID, "query parameter \"name\" is missing");
	e = api_identity(c, name, &identity);
	if (e != ERR_OK)
		return e;
	c->answer = identity_json(&identity);
	e = put_grants(c, identity.id);
	return e == ERR_OK ? put_certificates(c, name) : e;
}

/* An operator who shuts out itself could not undo it; another one can do it. */
static enum err
not_oneself(const struct api_call *c, const char *name)
{
	if (strcmp(name, c->actor) == 0)
		return err_set_word(ERR_DENIED, "own-identity",
			"operator \"%s\" cannot shut out itself: let another operator do it", name);
	return ERR_OK;
}

static enum err
set_state(struct api_call *c, enum identity_state to)
{
	static const char *const members[] = {"name", NULL};
	const char *name = NULL;
	bool changed = false;
	enum err e = json_only_members(c->body, members);

	if (e == ERR_OK)
		e = json_get_string(c->body, "name", &name);
	if (e == ERR_OK && to == IDENTITY_BLOCKED)
		e = not_oneself(c, name);
	if (e == ERR_OK)
		e = store_identity_set_state(c->g->store, name, to, c->actor, c->req->id, &changed);
	if (e == ERR_NOTFOUND)
		return err_set_word(e, "unknown-identity",
			"there is no identity \"%s\"; `ca-admin identity list` shows those there are",
			name);
	if (e == ERR_CONFLICT)
		return err_set_word(
			e, "identity-retired", "identity \"%s\" is retired for good", name);
	if (e != ERR_OK)
		return e;
	ca_authenticator_refresh(c->g->clients);
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
	static const char *const members[] = {"name", "reason", NULL};
	struct store_offboarded done = {0};
	const char *name = NULL;
	int reason;
	enum err e = json_only_members(c->body, members);

	if (e == ERR_OK)
		e = json_get_string(c->body, "name", &name);
	if (e == ERR_OK)
		e = api_reason(c, "privilegeWithdrawn", &reason);
	if (e == ERR_OK)
		e = not_oneself(c, name);
	if (e == ERR_OK)
		e = store_identity_offboard(c->g->store, name, reason, c->actor, c->req->id, &done);
	if (e == ERR_NOTFOUND)
		return err_set_word(e, "unknown-identity",
			"there is no identity \"%s\"; `ca-admin identity list` shows those there are",
			name);
	if (e != ERR_OK)
		return e;
	c->answer = json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", name, "revoked",
		(json_int_t)done.revoked, "accounts", (json_int_t)done.accounts, "requests",
		(json_int_t)done.requests, "status_programs_behind",
		(json_int_t)ca_front_settle(c->g, NULL, name));
	return ERR_OK;
}

/* Grants after the id in the parameter after; the list of one identity is short enough to be read
 * whole. */
enum err
api_grants(struct api_call *c)
{
	const char *name = api_query_find(c, "identity"), *after = api_query_find(c, "after"),
		   *next = NULL;
	int64_t from = after != NULL ? strtoll(after, NULL, 10) : 0;
	struct store_identity identity;
	struct store_grant *list = NULL;
	size_t count = 0;
	unsigned limit;
	json_t *out;
	enum err e = name != NULL ? api_query_limit(c, &limit)
				  : err_set(ERR_INVALID, "query parameter \"identity\" is missing");

	if (e == ERR_OK)
		e = api_identity(c, name, &identity);
	if (e == ERR_OK)
		e = store_grant_list(c->g->store, c->arena, identity.id, &list, &count);
	if (e != ERR_OK)
		return e;
	out = json_array();
	for (size_t i = 0; i < count && next == NULL; i++) {
		if (list[i].id <= from)
			continue;
		json_array_append_new(out, api_grant_json(&list[i]));
		if (json_array_size(out) == limit && i + 1 < count)
			next = arena_printf(c->arena, "%" PRId64, list[i].id);
	}
	c->answer = json_pack("{s:o, s:s*}", "grants", out, "next", next);
	return ERR_OK;
}

struct grant_change {
	const char *name;
	struct store_identity identity;
	struct store_grant grant;
};

static enum err
read_grant_change(struct api_call *c, struct grant_change *out)
{
	static const char *const members[] = {"identity", "profile", "pattern", NULL};
	enum err e = json_only_members(c->body, members);

	if (e == ERR_OK)
		e = json_get_string(c->body, "identity", &out->name);
	if (e == ERR_OK)
		e = json_get_string(c->body, "profile", &out->grant.profile);
	if (e == ERR_OK)
		e = json_get_string(c->body, "pattern", &out->grant.pattern);
	return e == ERR_OK ? api_identity(c, out->name, &out->identity) : e;
}

static json_t *
grant_answer(const struct grant_change *g)
{
	return json_pack("{s:s, s:s, s:s}", "identity", g->name, "profile", g->grant.profile,
		"pattern", g->grant.pattern);
}

enum err
api_grant_add(struct api_call *c)
{
	struct grant_change g;
	enum err e = read_grant_change(c, &g);

	if (e == ERR_OK)
		e = check_grant(c, g.identity.kind, &g.grant);
	if (e == ERR_OK)
		e = store_grant_add(c->g->store, g.identity.id, g.grant.profile, g.grant.pattern,
			c->actor, c->req->id);
	if (e == ERR_CONFLICT)
		return err_set_word(e, "grant-exists",
			"\"%s\" has \"%s\" under profile \"%s\" already", g.name, g.grant.pattern,
			g.grant.profile);
	if (e != ERR_OK)
		return e;
	ca_authenticator_refresh(c->g->clients);
	c->answer = grant_answer(&g);
	return ERR_OK;
}

enum err
api_grant_remove(struct api_call *c)
{
	struct grant_change g;
	enum err e = read_grant_change(c, &g);

	if (e != ERR_OK)
		return e;
	e = store_grant_remove(
		c->g->store, g.identity.id, g.grant.profile, g.grant.pattern, c->actor, c->req->id);
	if (e == ERR_NOTFOUND)
		return err_set_word(e, "unknown-grant", "\"%s\" has no \"%s\" under profile \"%s\"",
			g.name, g.grant.pattern, g.grant.profile);
	if (e != ERR_OK)
		return e;
	ca_authenticator_refresh(c->g->clients);
	c->answer = grant_answer(&g);
	return ERR_OK;
}
