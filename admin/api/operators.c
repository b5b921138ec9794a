/* What operators may do, and who may do and have what. The database decides whether a role may be given
 * (schema/0011_operators.sql). */
#include "admin/api/internal.h"

static json_t *
list_texts(const char *const *texts, size_t count)
{
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, json_string(texts[i]));
	return out;
}

/* Taking one is often urgent, and waits for nobody. */
static enum err
set_role(struct api_call *c, enum store_role_change change)
{
	const char *name = api_text(c, "name");
	enum operator_role role = (enum operator_role)api_value(c, "role")->number;
	enum api_way way;
	bool changed;

	TRY(api_ask_second(
		c, change == STORE_ROLE_GIVEN ? GUARDED_OPERATOR_ROLE : GUARDED_COUNT, name, &way));
	if (way == API_WAITS)
		return ERR_OK;
	changed = way == API_DONE;
	if (way == API_GO_ON)
		TRY(store_operator_role_set(
			c->g->store, name, role, change, c->actor, c->req->id, &changed));
	c->answer = json_pack("{s:s, s:s, s:b}", "name", name, "role", operator_role_name(role),
		"changed", changed);
	return ERR_OK;
}

enum err
api_role_add(struct api_call *c)
{
	return set_role(c, STORE_ROLE_GIVEN);
}

enum err
api_role_remove(struct api_call *c)
{
	return set_role(c, STORE_ROLE_TAKEN);
}

enum err
api_access(struct api_call *c)
{
	unsigned limit = (unsigned)api_value(c, "limit")->number;
	struct store_access *list;
	size_t count;
	json_t *out;

	TRY(store_access_list(c->g->store, c->arena, api_text(c, "after"), limit, &list, &count));
	out = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(out,
			json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "name", list[i].name, "kind",
				identity_kind_name(list[i].kind), "state",
				identity_state_name(list[i].state), "roles",
				list_texts(list[i].roles, list[i].role_count), "grants",
				list_texts(list[i].grants, list[i].grant_count), "proposals",
				list_texts(list[i].proposals, list[i].proposal_count)));
	api_answer_page(c, "access", out, count == limit ? list[count - 1].name : NULL);
	return ERR_OK;
}
