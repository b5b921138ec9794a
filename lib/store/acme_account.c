/* ACME accounts (RFC 8555 section 7.3). */
#include "lib/store/acme_account.h"
#include "lib/store/internal.h"
#include "schema/statements/acme_account.h"

static enum err
read_account(struct store *s, struct arena *a, const struct stmt *st, const struct params *p,
	struct store_account *out)
{
	AUTO(PGresult) res = NULL;
	struct store_account account = {.id = NULL};
	enum err e = db_read(s->db, st, p, &res);
	unsigned status;

	if (e != ERR_OK)
		return e;
	if (result_rows(res) == 0)
		return err_set_word(ERR_NOTFOUND, WORD_ACCOUNT_UNKNOWN, "no such account");
	status = column_word(res, 0, COL_ACCOUNT_STATUS, &acme_account_status_words);
	account.id = result_text(a, res, 0, COL_ACCOUNT_ID);
	account.identity = result_int(res, 0, COL_ACCOUNT_IDENTITY);
	account.jwk_json = result_text(a, res, 0, COL_ACCOUNT_JWK);
	account.contact = result_texts(a, res, 0, COL_ACCOUNT_CONTACT, &account.contact_count);
	account.terms_agreed = result_bool(res, 0, COL_ACCOUNT_TERMS_AGREED);
	account.created_at = result_time(res, 0, COL_ACCOUNT_CREATED_AT);
	TRY(result_octets(
		res, 0, COL_ACCOUNT_THUMBPRINT, account.thumbprint, sizeof(account.thumbprint)));
	if (status == ACME_ACCOUNT_STATUS_COUNT)
		return err_set(ERR_INTERNAL, "account \"%s\" has an unknown status", account.id);
	account.status = (enum acme_account_status)status;
	*out = account;
	return ERR_OK;
}

enum err
store_account_find(struct store *s, struct arena *a, const char *id, struct store_account *out)
{
	AUTO_PARAMS(p);

	BIND(&p, acme_account_find, .id = id);
	return read_account(s, a, &sql_acme_account_find, &p, out);
}

enum err
store_account_find_by_key(
	struct store *s, struct arena *a, const uint8_t thumbprint[32], struct store_account *out)
{
	AUTO_PARAMS(p);

	BIND(&p, acme_account_find_by_key, .thumbprint = bytes_of(thumbprint, 32));
	return read_account(s, a, &sql_acme_account_find_by_key, &p, out);
}

enum err
store_account_add(
	struct store *s, struct arena *a, const struct store_account *account, const char **out_id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	struct store_account holder;

	BIND(&p, acme_account_add, .id = account->id, .identity = account->identity,
		.thumbprint = bytes_of(account->thumbprint, sizeof(account->thumbprint)),
		.jwk = account->jwk_json,
		.contact = texts_of((const char *const *)account->contact, account->contact_count),
		.terms_agreed = account->terms_agreed);
	TRY(db_write(s->db, &sql_acme_account_add, &p, &res));
	if (result_affected(res) > 0) {
		*out_id = account->id;
		return ERR_OK;
	}
	TRY(store_account_find_by_key(s, a, account->thumbprint, &holder));
	*out_id = holder.id;
	return err_set(ERR_CONFLICT, "the key has an account already");
}

/* A write that must change a row, and what it means when it did not. */
static enum err
change_account(struct store *s, const struct stmt *st, const struct params *p, enum err unchanged,
	const char *why)
{
	AUTO(PGresult) res = NULL;

	TRY(db_run(s->db, st, p, &res));
	if (result_affected(res) == 0)
		return err_set(unchanged, "%s", why);
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}

enum err
store_account_set_contact(struct store *s, const char *id, const char *const *contact, size_t count)
{
	AUTO_PARAMS(p);

	BIND(&p, acme_account_set_contact, .id = id, .contact = texts_of(contact, count));
	return change_account(
		s, &sql_acme_account_set_contact, &p, ERR_CONFLICT, "the account is not valid");
}

enum err
store_account_move(
	struct store *s, const char *id, enum acme_account_status from, enum acme_account_status to)
{
	AUTO_PARAMS(p);

	BIND(&p, acme_account_move, .id = id, .seen = acme_account_status_name(from),
		.status = acme_account_status_name(to));
	return change_account(s, &sql_acme_account_move, &p, ERR_CONFLICT,
		"the account changed its status meanwhile");
}

enum err
store_account_set_key(struct store *s, const char *id, const uint8_t old_thumbprint[32],
	const uint8_t new_thumbprint[32], const char *jwk_json)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, acme_account_set_key, .id = id, .old_thumbprint = bytes_of(old_thumbprint, 32),
		.thumbprint = bytes_of(new_thumbprint, 32), .jwk = jwk_json);
	TRY(db_run(s->db, &sql_acme_account_set_key, &p, &res));
	const char *outcome = result_peek(res, 0, COL_ACME_ACCOUNT_SET_KEY_OUTCOME);

	if (strcmp(outcome, "used") == 0)
		return err_set(ERR_CONFLICT, "the new key has an account already");
	if (strcmp(outcome, "old") == 0)
		return err_set(ERR_DENIED, "the old key is no longer the account's key");
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}

/* libpq ends every value with a NUL. */
static void
bind_changes(struct params *p, const struct feed_place *after, int64_t page)
{
	BIND(p, acme_account_changes, .cursor = (int64_t)after->xid,
		.after = (const char *)after->key.p, .page = page);
}

struct change_reader {
	store_account_change_fn *fn;
	void *ctx;
};

static enum err
apply_change(void *ctx, const PGresult *res, size_t row)
{
	const struct change_reader *r = ctx;

	r->fn(r->ctx, result_peek(res, row, COL_ACME_ACCOUNT_CHANGES_ID));
	return ERR_OK;
}

enum err
store_account_changes(struct store *s, uint64_t *cursor, store_account_change_fn *fn, void *ctx)
{
	static const struct feed feed = {&sql_acme_account_changes, bind_changes,
		COL_ACME_ACCOUNT_CHANGES_ID, COL_ACME_ACCOUNT_CHANGES_XID,
		COL_ACME_ACCOUNT_CHANGES_OLDEST, apply_change};
	struct change_reader r = {fn, ctx};

	return feed_look(s, &feed, cursor, &r);
}
