/* CA certificates. */
#include "lib/store/issuer.h"

#include "lib/db/follow.h"
#include "lib/store/internal.h"
#include "schema/statements/issuer.h"

enum err
store_issuer_list(struct store *s, struct arena *a, struct store_issuer **out, size_t *count)
{
	AUTO(PGresult) res = NULL;

	TRY(db_read(s->db, &sql_issuer_list, NULL, &res));
	*count = result_rows(res);
	*out = arena_array(a, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count; i++) {
		(*out)[i] = (struct store_issuer){
			.id = (int16_t)result_int(res, i, COL_ISSUER_LIST_ID),
			.parent = (int16_t)result_int(res, i, COL_ISSUER_LIST_PARENT),
			.name = result_text(a, res, i, COL_ISSUER_LIST_NAME),
			.kind = (enum issuer_kind)column_word(
				res, i, COL_ISSUER_LIST_KIND, &issuer_kind_words),
			.state = (enum issuer_state)column_word(
				res, i, COL_ISSUER_LIST_STATE, &issuer_state_words),
			.key_label = result_text(a, res, i, COL_ISSUER_LIST_KEY_LABEL),
			.der = result_bytes(a, res, i, COL_ISSUER_LIST_DER),
			.subject = result_bytes(a, res, i, COL_ISSUER_LIST_SUBJECT),
			.key_id = result_bytes(a, res, i, COL_ISSUER_LIST_KEY_ID),
			.spki_hash = result_bytes(a, res, i, COL_ISSUER_LIST_SPKI_HASH),
			.not_after = result_time(res, i, COL_ISSUER_LIST_NOT_AFTER),
		};
		(*out)[i].profiles =
			result_texts(a, res, i, COL_ISSUER_LIST_PROFILES, &(*out)[i].profile_count);
	}
	return ERR_OK;
}

enum err
store_issuer_changes(struct store *s, const struct store_issuer_place *place,
	struct store_issuer_place *next, bool *changed)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, issuer_changes, .cursor = (int64_t)place->cursor);
	TRY(db_read(s->db, &sql_issuer_changes, &p, &res));
	*next = *place;
	next->cursor = (uint64_t)result_int(res, 0, COL_ISSUER_CHANGES_NEXT);
	*changed = db_feed_doubtful(s->db, &next->connections_seen) ||
		next->cursor < place->cursor || result_bool(res, 0, COL_ISSUER_CHANGES_CHANGED);
	return ERR_OK;
}

/* Which issuer stands in the way of importing this one; the same certificate under the same name
 * does not. */
static enum err
find_issuer(struct store *s, const struct store_issuer *issuer, int16_t *id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, issuer_find, .name = issuer->name, .spki_hash = issuer->spki_hash);
	TRY(db_read(s->db, &sql_issuer_find, &p, &res));
	for (size_t i = 0; i < result_rows(res); i++)
		if (strcmp(result_peek(res, i, COL_ISSUER_FIND_NAME), issuer->name) != 0 ||
			!bytes_equal(result_view(res, i, COL_ISSUER_FIND_DER), issuer->der))
			return err_set(ERR_CONFLICT,
				"issuer \"%s\" has that %s with another certificate",
				result_peek(res, i, COL_ISSUER_FIND_NAME),
				strcmp(result_peek(res, i, COL_ISSUER_FIND_NAME), issuer->name) == 0
					? "name"
					: "key");
	if (result_rows(res) == 0)
		return err_set(ERR_UNAVAILABLE, "issuer \"%s\" vanished while it was imported",
			issuer->name);
	*id = (int16_t)result_int(res, 0, COL_ISSUER_FIND_ID);
	return ERR_OK;
}

enum err
store_issuer_add(struct store *s, const struct store_issuer *issuer, int16_t *id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, issuer_add, .name = issuer->name, .kind = issuer_kind_name(issuer->kind),
		.parent = issuer->parent, .der = issuer->der, .subject = issuer->subject,
		.key_id = issuer->key_id, .spki_hash = issuer->spki_hash,
		.key_label = issuer->key_label, .not_after = issuer->not_after,
		.profiles = texts_of(issuer->profiles, issuer->profile_count));
	TRY(db_run(s->db, &sql_issuer_add, &p, &res));
	if (result_rows(res) == 0)
		return find_issuer(s, issuer, id);
	*id = (int16_t)result_int(res, 0, COL_ISSUER_ADD_ID);
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}

/* In a transaction that has begun. */
static enum err
remove_unused(struct db_conn *c, const char *name, const char *actor)
{
	AUTO_PARAMS(waiting);
	AUTO_PARAMS(lock);
	AUTO_PARAMS(p);
	AUTO(PGresult) refused = NULL;
	AUTO(PGresult) found = NULL;
	AUTO(PGresult) res = NULL;

	BIND(&waiting, issuer_refuse_requests, .name = name);
	TRY(db_conn_run(c, &sql_issuer_refuse_requests, &waiting, &refused));
	BIND(&lock, issuer_lock, .name = name);
	TRY(db_conn_run(c, &sql_issuer_lock, &lock, &found));
	if (result_rows(found) == 0)
		return err_set(ERR_NOTFOUND, "there is no issuer \"%s\"", name);
	BIND(&p, issuer_remove, .id = (int16_t)result_int(found, 0, COL_ISSUER_LOCK_ID),
		.actor = actor);
	TRY(db_conn_run(c, &sql_issuer_remove, &p, &res));
	return result_null(res, 0, COL_ISSUER_REMOVE_USED_BY)
		? db_conn_commit(c)
		: err_set(ERR_CONFLICT, "%s refers to issuer \"%s\": it stays",
			  result_peek(res, 0, COL_ISSUER_REMOVE_USED_BY), name);
}

enum err
store_issuer_remove(struct store *s, const char *name, const char *actor)
{
	struct db_conn *c;
	enum err e;

	TRY(db_take(s->db, DB_OWN, &c));
	e = db_conn_begin(c);
	if (e == ERR_OK)
		e = remove_unused(c, name, actor);
	if (e != ERR_OK)
		db_conn_close(c); /* and with it the transaction */
	db_give(s->db, DB_OWN, c);
	if (e == ERR_OK)
		store_ring(s, STORE_BELL_STATE);
	return e;
}

enum err
store_issuer_move(struct store *s, const char *name, enum issuer_state state, const char *actor,
	const char *request_id, bool *changed)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, issuer_move, .name = name, .state = issuer_state_name(state), .actor = actor,
		.request_id = request_id);
	TRY(db_run(s->db, &sql_issuer_move, &p, &res));
	const char *outcome = result_peek(res, 0, COL_ISSUER_MOVE_OUTCOME);

	if (strcmp(outcome, "unknown") == 0)
		return err_set_word(
			ERR_NOTFOUND, WORD_UNKNOWN_ISSUER, "there is no issuing CA \"%s\"", name);
	if (strcmp(outcome, "denied") == 0)
		return err_set_word(
			ERR_DENIED, WORD_ROLE_MISSING, "\"%s\" is no administrator", actor);
	if (strcmp(outcome, "revoked") == 0)
		return err_set(ERR_CONFLICT,
			"issuing CA \"%s\" is revoked on its root's CRL, which is for good", name);
	*changed = strcmp(outcome, "ok") == 0;
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}
