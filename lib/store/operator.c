/* Operators' roles. Fronts ask for them with each call, so a role that is taken is gone at once. */
#include "lib/store/operator.h"

#include "lib/store/internal.h"
#include "schema/statements/operator.h"

enum err
store_operator_roles(struct store *s, int64_t identity, unsigned *out)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	const char **roles;
	unsigned mask = 0;
	size_t n;

	BIND(&p, operator_roles, .identity = identity);
	TRY(db_read(s->db, &sql_operator_roles, &p, &res));
	roles = result_texts(a, res, 0, COL_OPERATOR_ROLES_ROLES, &n);
	for (size_t i = 0; i < n; i++) {
		enum operator_role role;

		TRY(operator_role_parse(roles[i], &role));
		mask |= 1U << role;
	}
	*out = mask;
	return ERR_OK;
}

enum err
store_operator_role_set(struct store *s, const char *name, enum operator_role role,
	enum store_role_change change, const char *actor, const char *request_id, bool *changed)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, operator_role_set, .name = name, .role = operator_role_name(role),
		.has = change == STORE_ROLE_GIVEN, .actor = actor, .request_id = request_id);
	TRY(db_run(s->db, &sql_operator_role_set, &p, &res));
	const char *outcome = result_peek(res, 0, COL_OPERATOR_ROLE_SET_OUTCOME);

	if (strcmp(outcome, "unknown") == 0)
		return err_set_word(ERR_NOTFOUND, WORD_UNKNOWN_IDENTITY,
			"there is no operator \"%s\"; `ca-admin access` shows those there are",
			name);
	if (strcmp(outcome, "own") == 0)
		return err_set_word(ERR_DENIED, WORD_OWN_IDENTITY,
			"nobody changes his own roles: let another administrator do it");
	if (strcmp(outcome, "denied") == 0)
		return err_set_word(
			ERR_DENIED, WORD_ROLE_MISSING, "\"%s\" is no administrator", actor);
	*changed = strcmp(outcome, "ok") == 0;
	return ERR_OK;
}

enum err
store_access_list(struct store *s, struct arena *a, const char *after, unsigned limit,
	struct store_access **out, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, access_list, .after = after != NULL ? after : "", .page = limit);
	TRY(db_read(s->db, &sql_access_list, &p, &res));
	*count = result_rows(res);
	*out = arena_array(a, *count, sizeof(**out));
	for (size_t i = 0; i < *count; i++) {
		struct store_access *to = &(*out)[i];

		*to = (struct store_access){.name = result_text(a, res, i, COL_ACCESS_LIST_NAME),
			.kind = (enum identity_kind)column_word(
				res, i, COL_ACCESS_LIST_KIND, &identity_kind_words),
			.state = (enum identity_state)column_word(
				res, i, COL_ACCESS_LIST_STATE, &identity_state_words)};
		to->roles = result_texts(a, res, i, COL_ACCESS_LIST_ROLES, &to->role_count);
		to->grants = result_texts(a, res, i, COL_ACCESS_LIST_GRANTS, &to->grant_count);
		to->proposals =
			result_texts(a, res, i, COL_ACCESS_LIST_PROPOSALS, &to->proposal_count);
	}
	return ERR_OK;
}
