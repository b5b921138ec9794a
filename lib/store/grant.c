/*
 * Name grants. Changes are audited with them and ring STATE, so that fronts drop what they
 * remember.
 */
#include "lib/store/grant.h"

#include "lib/store/internal.h"
#include "schema/statements/grant.h"

enum err
store_grant_list(
	struct store *s, struct arena *a, int64_t identity, struct store_grant **out, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, grant_list, .identity = identity);
	TRY(db_read(s->db, &sql_grant_list, &p, &res));
	*count = result_rows(res);
	*out = arena_array(a, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count; i++)
		(*out)[i] = (struct store_grant){
			.id = result_int(res, i, COL_GRANT_LIST_ID),
			.profile = result_text(a, res, i, COL_GRANT_LIST_PROFILE),
			.pattern = result_text(a, res, i, COL_GRANT_LIST_PATTERN),
			.created_by = result_text(a, res, i, COL_GRANT_LIST_CREATED_BY),
		};
	return ERR_OK;
}

enum err
store_grant_add(struct store *s, int64_t identity, const char *profile, const char *pattern,
	const char *actor, const char *request_id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, grant_add, .identity = identity, .profile = profile, .pattern = pattern,
		.actor = actor, .request_id = request_id);
	TRY(db_write(s->db, &sql_grant_add, &p, &res));
	if (result_null(res, 0, COL_GRANT_ADD_CHANGED))
		return err_set(ERR_NOTFOUND, "no identity number %lld", (long long)identity);
	if (!result_bool(res, 0, COL_GRANT_ADD_CHANGED))
		return err_set(ERR_CONFLICT,
			"the identity has grant \"%s\" for profile \"%s\" already", pattern,
			profile);
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}

enum err
store_grant_remove(struct store *s, int64_t identity, const char *profile, const char *pattern,
	const char *actor, const char *request_id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, grant_remove, .identity = identity, .profile = profile, .pattern = pattern,
		.actor = actor, .request_id = request_id);
	TRY(db_run(s->db, &sql_grant_remove, &p, &res));
	if (!result_bool(res, 0, COL_GRANT_REMOVE_CHANGED))
		return err_set(ERR_NOTFOUND, "the identity has no grant \"%s\" for profile \"%s\"",
			pattern, profile);
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}
