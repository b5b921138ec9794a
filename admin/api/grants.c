/* Grants: what identities may have. Whoever loses one has lost it when the answer is sent, as in
 * identities.c. */
#include "admin/api/internal.h"

#include <stdlib.h>

json_t *
api_grant_json(const struct store_grant *g)
{
	return json_pack("{s:s, s:s, s:s}", "profile", g->profile, "pattern", g->pattern,
		"created_by", g->created_by);
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
	return err_set_word(e, WORD_REQUESTER_NOT_ALLOWED,
		"profile \"%s\" is not for identities of kind \"%s\", so no certificate could use this grant; profiles for this kind: %s",
		p->name, identity_kind_name(kind), profiles_for(c, profiles, kind));
}

/* A grant is refused when no certificate could ever use it: unknown profile, a profile that is not
 * for this kind of identity, or a pattern that means nothing. */
enum err
api_check_grant(struct api_call *c, enum identity_kind kind, const struct store_grant *grant)
{
	const struct ca_profiles *profiles = ca_front_profiles(c->g, c->arena);
	const struct ca_profile *p;

	TRY(ca_profiles_get(profiles, grant->profile, &p));
	TRY(check_requester(c, profiles, p, kind));
	return pki_pattern_check(bytes_str(grant->pattern));
}

/* What a grant reaches beyond a name. */
enum config_guarded
api_guard_of_pattern(const char *pattern)
{
	static const enum config_guarded guards[] = {[PKI_REACH_NAME] = GUARDED_COUNT,
		[PKI_REACH_WILDCARD] = GUARDED_GRANT_WILDCARD,
		[PKI_REACH_DOMAIN] = GUARDED_GRANT_DOMAIN};

	return guards[pki_pattern_reach(bytes_str(pattern))];
}

static int
by_id(const void *left, const void *right)
{
	const struct store_grant *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

/* Grants after the id in the parameter after, in the order of their making: ids neither move nor
 * come again when others are added or removed. The list of one identity is short enough to be read
 * whole. */
enum err
api_grants(struct api_call *c)
{
	int64_t after, next = 0, limit = api_value(c, "limit")->number;
	struct store_identity identity;
	struct store_grant *list = NULL;
	size_t count = 0;
	json_t *out;

	TRY(api_read_after(c, &after));
	TRY(api_find_identity(c, api_text(c, "identity"), &identity));
	TRY(store_grant_list(c->g->store, c->arena, identity.id, &list, &count));
	if (count > 0)
		qsort(list, count, sizeof(*list), by_id);
	out = json_array();
	for (size_t i = 0; i < count && next == 0; i++) {
		if (list[i].id <= after)
			continue;
		json_array_append_new(out, api_grant_json(&list[i]));
		if (json_array_size(out) == (size_t)limit && i + 1 < count)
			next = list[i].id;
	}
	api_answer_numbered(c, "grants", out, next);
	return ERR_OK;
}

static void
answer_grant(struct api_call *c)
{
	c->answer = json_pack("{s:s, s:s, s:s}", "identity", api_text(c, "identity"), "profile",
		api_text(c, "profile"), "pattern", api_text(c, "pattern"));
}

enum err
api_grant_add(struct api_call *c)
{
	const char *name = api_text(c, "identity");
	struct store_grant grant = {
		.profile = api_text(c, "profile"), .pattern = api_text(c, "pattern")};
	struct store_identity identity;
	enum api_way way;
	enum err e = ERR_OK;

	TRY(api_find_identity(c, name, &identity));
	TRY(api_check_over(c, identity.kind));
	TRY(api_check_grant(c, identity.kind, &grant));
	TRY(api_ask_second(c, api_guard_of_pattern(grant.pattern), name, &way));
	if (way == API_WAITS)
		return ERR_OK;
	if (way == API_GO_ON)
		e = store_grant_add(c->g->store, identity.id, grant.profile, grant.pattern,
			c->actor, c->req->id);
	if (e == ERR_CONFLICT)
		return err_set_word(e, WORD_GRANT_EXISTS,
			"\"%s\" has \"%s\" under profile \"%s\" already", name, grant.pattern,
			grant.profile);
	if (e != ERR_OK)
		return e;
	(void)ca_front_settle(c->g, NULL, name);
	answer_grant(c);
	return ERR_OK;
}

enum err
api_grant_remove(struct api_call *c)
{
	const char *name = api_text(c, "identity"), *profile = api_text(c, "profile"),
		   *pattern = api_text(c, "pattern");
	struct store_identity identity;
	enum err e;

	TRY(api_find_identity(c, name, &identity));
	TRY(api_check_over(c, identity.kind));
	e = store_grant_remove(c->g->store, identity.id, profile, pattern, c->actor, c->req->id);
	if (e == ERR_NOTFOUND)
		return err_set_word(e, WORD_UNKNOWN_GRANT,
			"\"%s\" has no \"%s\" under profile \"%s\"", name, pattern, profile);
	if (e != ERR_OK)
		return e;
	(void)ca_front_settle(c->g, NULL, name);
	answer_grant(c);
	return ERR_OK;
}
