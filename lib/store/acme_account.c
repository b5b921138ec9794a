/* ACME accounts (RFC 8555 section 7.3): the unique index on the thumbprint is what makes one key
 * one account. */
#include "lib/store/acme.h"
#include "lib/store/internal.h"

static const char *const status_words[] = {"valid", "deactivated", "revoked", NULL};

#define ACCOUNT_COLUMNS                                                                            \
	"id, identity, thumbprint, jwk::text, contact, status, terms_agreed, created_at"
/* Who did it: the account's own identity. */
#define AUDIT_FROM(changed, operation)                                                             \
	"INSERT INTO audit_event (actor, operation, object, outcome) "                             \
	"SELECT i.name, '" operation "', c.id, 'ok' FROM " changed                                 \
	" c JOIN identity i ON i.id = c.identity"

static const struct stmt add = {"acme_account_add",
	"WITH made AS (INSERT INTO acme_account (id, identity, thumbprint, jwk, contact, terms_agreed) "
	"VALUES ($1, $2, $3, $4::jsonb, $5, $6) ON CONFLICT (thumbprint) DO NOTHING RETURNING id, identity) " AUDIT_FROM(
		"made", "acme.account.add"),
	6};
static const struct stmt find = {
	"acme_account_find", "SELECT " ACCOUNT_COLUMNS " FROM acme_account WHERE id = $1", 1};
static const struct stmt find_by_key = {"acme_account_find_by_key",
	"SELECT " ACCOUNT_COLUMNS " FROM acme_account WHERE thumbprint = $1", 1};
static const struct stmt set_contact = {"acme_account_set_contact",
	"UPDATE acme_account SET contact = $2, xid = pg_current_xact_id() WHERE id = $1 AND status = 'valid'",
	2};
static const struct stmt move = {"acme_account_move",
	"WITH moved AS (UPDATE acme_account SET status = $3, xid = pg_current_xact_id() "
	"WHERE id = $1 AND status = $2 RETURNING id, identity) " AUDIT_FROM(
		"moved", "acme.account.move"),
	3};
static const struct stmt set_key = {"acme_account_set_key",
	"WITH changed AS (UPDATE acme_account SET thumbprint = $3, jwk = $4::jsonb, xid = pg_current_xact_id() "
	"WHERE id = $1 AND thumbprint = $2 AND status = 'valid' RETURNING id, identity) " AUDIT_FROM(
		"changed", "acme.account.key-change"),
	4};
static const struct stmt cursor_only = {
	"acme_account_cursor", "SELECT pg_snapshot_xmin(pg_current_snapshot())", 0};
static const struct stmt changes = {"acme_account_changes",
	"SELECT pg_snapshot_xmin(pg_current_snapshot()), ARRAY(SELECT id FROM acme_account WHERE xid >= $1)",
	1};

static enum err
read_account(struct store *s, struct arena *a, const struct stmt *st, const struct params *p,
	struct store_account *out)
{
	AUTO(PGresult) res = NULL;
	struct store_account account = {.id = NULL};
	enum err e = db_read(s->db, st, p, &res);
	int status;

	if (e != ERR_OK)
		return e;
	if (result_rows(res) == 0)
		return err_set_word(ERR_NOTFOUND, "account-unknown", "no such account");
	status = words_index(status_words, result_peek(res, 0, 5));
	account.id = result_text(a, res, 0, 0);
	account.identity = result_int(res, 0, 1);
	account.jwk_json = result_text(a, res, 0, 3);
	account.contact = result_texts(a, res, 0, 4, &account.contact_count);
	account.terms_agreed = result_bool(res, 0, 6);
	account.created_at = result_time(res, 0, 7);
	e = result_octets(res, 0, 2, account.thumbprint, sizeof(account.thumbprint));
	if (e != ERR_OK)
		return e;
	if (status < 0)
		return err_set(ERR_INTERNAL, "account \"%s\" has an unknown status", account.id);
	account.status = (enum acme_account_status)status;
	*out = account;
	return ERR_OK;
}

enum err
store_account_find(struct store *s, struct arena *a, const char *id, struct store_account *out)
{
	AUTO_PARAMS(p);

	params_text(&p, id);
	return read_account(s, a, &find, &p, out);
}

enum err
store_account_find_by_key(
	struct store *s, struct arena *a, const uint8_t thumbprint[32], struct store_account *out)
{
	AUTO_PARAMS(p);

	params_bytes(&p, bytes_of(thumbprint, 32));
	return read_account(s, a, &find_by_key, &p, out);
}

enum err
store_account_add(
	struct store *s, struct arena *a, const struct store_account *account, const char **out_id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	struct store_account holder;
	enum err e;

	params_text(&p, account->id);
	params_int(&p, account->identity);
	params_bytes(&p, bytes_of(account->thumbprint, sizeof(account->thumbprint)));
	params_text(&p, account->jwk_json);
	params_texts(&p, (const char *const *)account->contact, account->contact_count);
	params_bool(&p, account->terms_agreed);
	e = db_write(s->db, &add, &p, &res);
	if (e != ERR_OK)
		return e;
	if (result_affected(res) > 0) {
		*out_id = account->id;
		return ERR_OK;
	}
	e = store_account_find_by_key(s, a, account->thumbprint, &holder);
	if (e != ERR_OK)
		return e;
	*out_id = holder.id;
	return err_set(ERR_CONFLICT, "the key has an account already");
}

/* A write that must change a row, and what it means when it did not. */
static enum err
change(struct store *s, const struct stmt *st, const struct params *p, enum err unchanged,
	const char *why)
{
	AUTO(PGresult) res = NULL;
	enum err e = db_run(s->db, st, p, &res);

	if (e != ERR_OK)
		return e;
	if (result_affected(res) == 0)
		return err_set(unchanged, "%s", why);
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}

enum err
store_account_set_contact(struct store *s, const char *id, const char *const *contact, size_t count)
{
	AUTO_PARAMS(p);

	params_text(&p, id);
	params_texts(&p, contact, count);
	return change(s, &set_contact, &p, ERR_CONFLICT, "the account is not valid");
}

enum err
store_account_move(
	struct store *s, const char *id, enum acme_account_status from, enum acme_account_status to)
{
	AUTO_PARAMS(p);

	params_text(&p, id);
	params_text(&p, status_words[from]);
	params_text(&p, status_words[to]);
	return change(s, &move, &p, ERR_CONFLICT, "the account changed its status meanwhile");
}

enum err
store_account_set_key(struct store *s, const char *id, const uint8_t old_thumbprint[32],
	const uint8_t new_thumbprint[32], const char *jwk_json)
{
	AUTO_PARAMS(p);

	params_text(&p, id);
	params_bytes(&p, bytes_of(old_thumbprint, 32));
	params_bytes(&p, bytes_of(new_thumbprint, 32));
	params_text(&p, jwk_json);
	return change(s, &set_key, &p, ERR_DENIED, "the old key is no longer the account's key");
}

enum err
store_account_changes(
	struct store *s, struct arena *a, uint64_t *cursor, const char ***ids, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum err e;

	if (*cursor != 0)
		params_int(&p, (int64_t)*cursor);
	e = db_read(s->db, *cursor != 0 ? &changes : &cursor_only, &p, &res);
	if (e != ERR_OK)
		return e;
	*ids = NULL;
	*count = 0;
	if (*cursor != 0)
		*ids = result_texts(a, res, 0, 1, count);
	*cursor = (uint64_t)result_int(res, 0, 0);
	return ERR_OK;
}
