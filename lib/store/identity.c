/*
 * Identities and their name grants. What changes them is audited in the same statement or SQL
 * function, and rings STATE, so that gateways drop what they remember.
 */
#include "lib/store/identity.h"

#include "lib/store/internal.h"

enum { LIST_MAX = 1000 };

static const char *const kinds[] = {
	[IDENTITY_WORKLOAD] = "workload",
	[IDENTITY_DEVICE] = "device",
	[IDENTITY_USER] = "user",
	[IDENTITY_OPERATOR] = "operator",
	[IDENTITY_SERVICE] = "service",
	[IDENTITY_KIND_COUNT] = NULL,
};
static const char *const states[] = {
	[IDENTITY_ACTIVE] = "active",
	[IDENTITY_BLOCKED] = "blocked",
	[IDENTITY_RETIRED] = "retired",
	[IDENTITY_STATE_COUNT] = NULL,
};

const char *
identity_kind_name(enum identity_kind k)
{
	return k >= 0 && k < IDENTITY_KIND_COUNT ? kinds[k] : "unknown";
}

enum err
identity_kind_parse(const char *text, enum identity_kind *out)
{
	int i = words_index(kinds, text);

	if (i < 0)
		return err_set(ERR_INVALID,
			"identity kind \"%s\" is none of workload, device, user, operator, service",
			text != NULL ? text : "");
	*out = (enum identity_kind)i;
	return ERR_OK;
}

const char *
identity_state_name(enum identity_state s)
{
	return s >= 0 && s < IDENTITY_STATE_COUNT ? states[s] : "unknown";
}

enum identity_kind
column_identity_kind(const PGresult *res, size_t row, int col)
{
	int i = words_index(kinds, result_peek(res, row, col));

	return i >= 0 ? (enum identity_kind)i : IDENTITY_KIND_COUNT;
}

enum identity_state
column_identity_state(const PGresult *res, size_t row, int col)
{
	int i = words_index(states, result_peek(res, row, col));

	return i >= 0 ? (enum identity_state)i
		      : IDENTITY_RETIRED; /* unknown to us: trusted with nothing */
}

/* One statement: the identity, its grants and the audit event, or nothing when the name is taken.
 */
static const struct stmt add = {"identity_add",
	"WITH i AS (INSERT INTO identity (name, kind, owner) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING RETURNING id), "
	"g AS (INSERT INTO name_grant (identity, profile, pattern, created_by) "
	"SELECT i.id, u.profile, u.pattern, $6 FROM i, unnest($4::text[], $5::text[]) AS u (profile, pattern) "
	"ON CONFLICT DO NOTHING), "
	"a AS (INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail) "
	"SELECT $6, 'identity.add', $1, 'ok', $7, jsonb_build_object('kind', $2::text, 'owner', $3::text, 'grants', "
	"(SELECT coalesce(jsonb_agg(jsonb_build_array(u.profile, u.pattern)), '[]') "
	"FROM unnest($4::text[], $5::text[]) AS u (profile, pattern))) FROM i) "
	"SELECT id FROM i",
	7};

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
	params_text(&p, identity->name);
	params_text(&p, identity_kind_name(identity->kind));
	params_text(&p, identity->owner != NULL ? identity->owner : "");
	params_texts(&p, profiles, grant_count);
	params_texts(&p, patterns, grant_count);
	params_text(&p, actor);
	params_text(&p, request_id);
	enum err e = db_write(s->db, &add, &p, &res);
	if (e == ERR_INVALID)
		return err_set(ERR_INVALID,
			"identity name \"%s\" is not 1 to 100 letters, digits and ._@:- beginning with a letter "
			"or digit",
			identity->name);
	if (e != ERR_OK)
		return e;
	if (result_rows(res) == 0)
		return err_set(ERR_CONFLICT, "identity \"%s\" exists already", identity->name);
	*id = result_int(res, 0, 0);
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}

#define IDENTITY_COLUMNS                                                                           \
	"SELECT id, name, owner, kind, state, created_at, changed_at FROM identity "
static void
read_identity(struct arena *a, const PGresult *res, size_t row, struct store_identity *out)
{
	*out = (struct store_identity){
		.id = result_int(res, row, 0),
		.name = result_text(a, res, row, 1),
		.owner = result_text(a, res, row, 2),
		.kind = column_identity_kind(res, row, 3),
		.state = column_identity_state(res, row, 4),
		.created_at = result_time(res, row, 5),
		.changed_at = result_time(res, row, 6),
	};
}

enum err
store_identity_find(struct store *s, struct arena *a, const char *name, struct store_identity *out)
{
	static const struct stmt find = {"identity_find", IDENTITY_COLUMNS "WHERE name = $1", 1};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_text(&p, name);
	enum err e = db_read(s->db, &find, &p, &res);
	if (e != ERR_OK)
		return e;
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no identity \"%s\"", name);
	read_identity(a, res, 0, out);
	return ERR_OK;
}

enum err
store_identity_get(struct store *s, struct arena *a, int64_t id, struct store_identity *out)
{
	static const struct stmt get = {"identity_get", IDENTITY_COLUMNS "WHERE id = $1", 1};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_int(&p, id);
	enum err e = db_read(s->db, &get, &p, &res);
	if (e != ERR_OK)
		return e;
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no identity number %lld", (long long)id);
	read_identity(a, res, 0, out);
	return ERR_OK;
}

enum err
store_identity_list(struct store *s, struct arena *a, const char *after, unsigned limit,
	struct store_identity **out, size_t *count)
{
	static const struct stmt list = {
		"identity_list", IDENTITY_COLUMNS "WHERE name > $1 ORDER BY name LIMIT $2", 2};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_text(&p, after != NULL ? after : "");
	params_int(&p, limit < LIST_MAX ? limit : LIST_MAX);
	enum err e = db_read(s->db, &list, &p, &res);
	if (e != ERR_OK)
		return e;
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
	static const struct stmt set = {
		"identity_set_state", "SELECT identity_set_state($1, $2, $3, $4)", 4};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	if (to == IDENTITY_RETIRED)
		return err_set(ERR_INVALID, "an identity is blocked or unblocked, not retired");
	params_text(&p, name);
	params_text(&p, identity_state_name(to));
	params_text(&p, actor);
	params_text(&p, request_id);
	enum err e = db_run(s->db, &set, &p, &res);
	if (e != ERR_OK)
		return e;
	const char *outcome = result_peek(res, 0, 0);
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
	static const struct stmt offboard = {"identity_offboard",
		"SELECT outcome, revoked, accounts, requests FROM identity_offboard($1, $2, $3, $4)",
		4};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_text(&p, name);
	params_int_or_null(&p, reason, -1);
	params_text(&p, actor);
	params_text(&p, request_id);
	enum err e = db_run(s->db, &offboard, &p, &res);
	if (e != ERR_OK)
		return e;
	if (strcmp(result_peek(res, 0, 0), "ok") != 0)
		return err_set(ERR_NOTFOUND, "no identity \"%s\"", name);
	*out = (struct store_offboarded){
		result_int(res, 0, 1), result_int(res, 0, 2), result_int(res, 0, 3)};
	store_ring(s, STORE_BELL_STATE);
	store_ring(s, STORE_BELL_RESULT); /* its waiting requests were refused */
	return ERR_OK;
}

enum err
store_grant_list(
	struct store *s, struct arena *a, int64_t identity, struct store_grant **out, size_t *count)
{
	static const struct stmt list = {"grant_list",
		"SELECT id, profile, pattern, created_by FROM name_grant WHERE identity = $1 ORDER BY profile, pattern",
		1};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_int(&p, identity);
	enum err e = db_read(s->db, &list, &p, &res);
	if (e != ERR_OK)
		return e;
	*count = result_rows(res);
	*out = arena_array(a, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count; i++)
		(*out)[i] = (struct store_grant){
			.id = result_int(res, i, 0),
			.profile = result_text(a, res, i, 1),
			.pattern = result_text(a, res, i, 2),
			.created_by = result_text(a, res, i, 3),
		};
	return ERR_OK;
}

#define GRANT_AUDIT(operation)                                                                     \
	"a AS (INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail) "   \
	"SELECT $4, '" operation                                                                   \
	"', i.name, 'ok', $5, jsonb_build_object('profile', $2::text, 'pattern', $3::text) "       \
	"FROM g JOIN identity i ON i.id = g.identity) SELECT identity FROM g"

static const struct stmt grant_add = {"grant_add",
	"WITH g AS (INSERT INTO name_grant (identity, profile, pattern, created_by) VALUES ($1, $2, $3, $4) "
	"ON CONFLICT DO NOTHING RETURNING identity), " GRANT_AUDIT("grant.add"),
	5};
static const struct stmt grant_remove = {"grant_remove",
	"WITH g AS (DELETE FROM name_grant WHERE identity = $1 AND profile = $2 AND pattern = $3 RETURNING identity), " GRANT_AUDIT(
		"grant.remove"),
	5};

static enum err
change_grant(struct store *s, const struct stmt *st, int64_t identity, const char *profile,
	const char *pattern, const char *actor, const char *request_id, size_t *changed)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_int(&p, identity);
	params_text(&p, profile);
	params_text(&p, pattern);
	params_text(&p, actor);
	params_text(&p, request_id);
	enum err e = db_write(s->db, st, &p, &res);
	if (e == ERR_NOTFOUND)
		return err_set(ERR_NOTFOUND, "no identity number %lld", (long long)identity);
	if (e == ERR_OK)
		*changed = result_rows(res);
	if (e == ERR_OK && *changed > 0)
		store_ring(s, STORE_BELL_STATE);
	return e;
}

enum err
store_grant_add(struct store *s, int64_t identity, const char *profile, const char *pattern,
	const char *actor, const char *request_id)
{
	size_t changed = 0;
	enum err e = change_grant(
		s, &grant_add, identity, profile, pattern, actor, request_id, &changed);

	if (e == ERR_OK && changed == 0)
		return err_set(ERR_CONFLICT,
			"the identity has grant \"%s\" for profile \"%s\" already", pattern,
			profile);
	return e;
}

enum err
store_grant_remove(struct store *s, int64_t identity, const char *profile, const char *pattern,
	const char *actor, const char *request_id)
{
	size_t changed = 0;
	enum err e = change_grant(
		s, &grant_remove, identity, profile, pattern, actor, request_id, &changed);

	if (e == ERR_OK && changed == 0)
		return err_set(ERR_NOTFOUND, "the identity has no grant \"%s\" for profile \"%s\"",
			pattern, profile);
	return e;
}

enum err
store_identity_changes(struct store *s, struct arena *a, uint64_t *cursor,
	struct store_identity_change **out, size_t *count)
{
	static const struct stmt changes = {"identity_changes",
		FEED_SNAPSHOT "i.id, i.state FROM " FEED_FROM "LEFT JOIN identity i ON i.xid >= $1",
		1};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_int(&p, (int64_t)*cursor);
	enum err e = db_read(s->db, &changes, &p, &res);
	if (e != ERR_OK)
		return e;
	*count = 0;
	*out = arena_array(a, result_rows(res), sizeof(**out));
	for (size_t i = 0; i < result_rows(res); i++)
		if (!result_null(res, i, 1))
			(*out)[(*count)++] = (struct store_identity_change){
				result_int(res, i, 1), column_identity_state(res, i, 2)};
	*cursor = (uint64_t)result_int(res, 0, 0);
	return ERR_OK;
}
