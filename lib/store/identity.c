/*
 * Identities. What changes them is audited in the same statement or SQL function, and rings STATE, so
 * that gateways drop what they remember.
 */
#include "lib/store/identity.h"

#include <endian.h>

#include "lib/store/internal.h"
#include "schema/statements/identity.h"

enum { LIST_MAX = 1000 };

enum err
store_identity_add(struct store *s, const struct store_identity *identity,
	const struct store_grant *grants, size_t grant_count, const char *actor,
	const char *request_id, int64_t *id)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	const char **profiles = arena_array(a, grant_count + 1, sizeof(*profiles));
	const char **patterns = arena_array(a, grant_count + 1, sizeof(*patterns));

	for (size_t i = 0; i < grant_count; i++) {
		profiles[i] = grants[i].profile;
		patterns[i] = grants[i].pattern;
	}
	BIND(&p, identity_add, .name = identity->name, .kind = identity_kind_name(identity->kind),
		.owner = identity->owner != NULL ? identity->owner : "",
		.profiles = texts_of(profiles, grant_count),
		.patterns = texts_of(patterns, grant_count), .actor = actor,
		.request_id = request_id);
	enum err e = db_write(s->db, &sql_identity_add, &p, &res);
	if (e == ERR_INVALID)
		return err_set(ERR_INVALID,
			"identity name \"%s\" is not 1 to 100 letters, digits and ._@:- beginning with a letter "
			"or digit",
			identity->name);
	if (e != ERR_OK)
		return e;
	if (result_null(res, 0, COL_IDENTITY_ADD_ID))
		return err_set(ERR_CONFLICT, "identity \"%s\" exists already", identity->name);
	*id = result_int(res, 0, COL_IDENTITY_ADD_ID);
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}

static void
read_identity(struct arena *a, const PGresult *res, size_t row, struct store_identity *out)
{
	*out = (struct store_identity){
		.id = result_int(res, row, COL_IDENTITY_ID),
		.name = result_text(a, res, row, COL_IDENTITY_NAME),
		.owner = result_text(a, res, row, COL_IDENTITY_OWNER),
		.kind = (enum identity_kind)column_word(
			res, row, COL_IDENTITY_KIND, &identity_kind_words),
		.state = (enum identity_state)column_word(
			res, row, COL_IDENTITY_STATE, &identity_state_words),
		.created_at = result_time(res, row, COL_IDENTITY_CREATED_AT),
		.changed_at = result_time(res, row, COL_IDENTITY_CHANGED_AT),
	};
}

enum err
store_identity_find(struct store *s, struct arena *a, const char *name, struct store_identity *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, identity_find, .name = name);
	TRY(db_read(s->db, &sql_identity_find, &p, &res));
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no identity \"%s\"", name);
	read_identity(a, res, 0, out);
	return ERR_OK;
}

enum err
store_identity_list(struct store *s, struct arena *a, const char *after, unsigned limit,
	struct store_identity **out, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, identity_list, .after = after != NULL ? after : "",
		.page = limit < LIST_MAX ? limit : LIST_MAX);
	TRY(db_read(s->db, &sql_identity_list, &p, &res));
	*count = result_rows(res);
	*out = arena_array(a, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count; i++)
		read_identity(a, res, i, &(*out)[i]);
	return ERR_OK;
}

enum err
store_identity_set_state(struct store *s, const char *name, enum identity_state to,
	const char *actor, const char *request_id, bool *changed)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	if (to == IDENTITY_RETIRED)
		return err_set(ERR_INVALID, "an identity is blocked or unblocked, not retired");
	BIND(&p, identity_set_state, .name = name, .state = identity_state_name(to), .actor = actor,
		.request_id = request_id);
	TRY(db_run(s->db, &sql_identity_set_state, &p, &res));
	const char *outcome = result_peek(res, 0, COL_IDENTITY_SET_STATE_OUTCOME);

	if (strcmp(outcome, "unknown") == 0)
		return err_set(ERR_NOTFOUND, "no identity \"%s\"", name);
	if (strcmp(outcome, "retired") == 0)
		return err_set(ERR_CONFLICT, "identity \"%s\" is retired", name);
	*changed = strcmp(outcome, "ok") == 0;
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}

enum err
store_identity_offboard(struct store *s, const char *name, int reason, const char *actor,
	const char *request_id, struct store_offboarded *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, identity_offboard, .name = name, .reason = reason, .actor = actor,
		.request_id = request_id);
	TRY(db_run(s->db, &sql_identity_offboard, &p, &res));
	if (strcmp(result_peek(res, 0, COL_IDENTITY_OFFBOARD_OUTCOME), "ok") != 0)
		return err_set(ERR_NOTFOUND, "no identity \"%s\"", name);
	*out = (struct store_offboarded){result_int(res, 0, COL_IDENTITY_OFFBOARD_REVOKED),
		result_int(res, 0, COL_IDENTITY_OFFBOARD_ACCOUNTS),
		result_int(res, 0, COL_IDENTITY_OFFBOARD_REQUESTS)};
	store_ring(s, STORE_BELL_STATE);
	store_ring(s, STORE_BELL_RESULT); /* its waiting requests were refused */
	return ERR_OK;
}

struct change_reader {
	store_identity_change_fn *fn;
	void *ctx;
};

static void
bind_changes(struct params *p, const struct feed_place *after, int64_t page)
{
	uint64_t id = 0; /* ids begin at 1 */

	if (after->key.n == sizeof(id))
		memcpy(&id, after->key.p, sizeof(id));
	BIND(p, identity_changes, .cursor = (int64_t)after->xid, .after = (int64_t)be64toh(id),
		.page = page);
}

static enum err
apply_change(void *ctx, const PGresult *res, size_t row)
{
	const struct change_reader *r = ctx;

	r->fn(r->ctx, result_int(res, row, COL_IDENTITY_CHANGES_ID),
		(enum identity_state)column_word(
			res, row, COL_IDENTITY_CHANGES_STATE, &identity_state_words));
	return ERR_OK;
}

enum err
store_identity_changes(struct store *s, uint64_t *cursor, store_identity_change_fn *fn, void *ctx)
{
	static const struct feed feed = {&sql_identity_changes, bind_changes,
		COL_IDENTITY_CHANGES_ID, COL_IDENTITY_CHANGES_XID, COL_IDENTITY_CHANGES_OLDEST,
		apply_change};
	struct change_reader r = {fn, ctx};

	return feed_look(s, &feed, cursor, &r);
}
