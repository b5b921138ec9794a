/*
 * keyChange (RFC 8555 section 7.3.5): a new key for an account. The outer JWS is by the old key,
 * its payload a JWS by the new one: both holders agree on the account. The unique index on
 * thumbprints settles races with newAccount.
 */
#include "acme/account.h"
#include "acme/problem.h"
#include "acme/resources.h"

#define breach(...) err_set(ERR_INVALID, __VA_ARGS__)

/* The inner JWS by itself: signed by the key it carries, for this URL. */
static enum err
verify_inner(struct call *c, const struct jws *inner, struct jwk *jwk)
{
	AUTO(EVP_PKEY) key = NULL;

	if (inner->jwk == NULL)
		return breach("the inner JWS wants \"jwk\", not \"kid\" (RFC 8555 section 7.3.5)");
	if (strcmp(inner->url, c->jws.url) != 0)
		return breach(
			"the inner JWS has another url than the outer one (RFC 8555 section 7.3.5)");
	TRY(jws_check_algorithm(inner));
	TRY(jwk_parse(inner->jwk, c->arena, jwk));
	TRY(jws_check_key(inner, jwk->type));
	TRY(jwk_pkey(jwk, &key));
	return jws_verify(inner, key);
}

static enum err
check_message(struct call *c, const struct jws *inner)
{
	AUTO(json_t) message = NULL;
	const char *account;
	struct jwk old;
	enum err e = json_parse(inner->payload, &message);

	if (e == ERR_OK)
		e = json_get_string(message, "account", &account);
	if (e != ERR_OK)
		return err_context(
			ERR_INVALID, "payload of the inner JWS (RFC 8555 section 7.3.5)");
	if (strcmp(account, c->jws.kid) != 0)
		return breach(
			"\"account\" is not the kid of the outer JWS (RFC 8555 section 7.3.5)");
	if (jwk_parse(json_object_get(message, "oldKey"), c->arena, &old) != ERR_OK ||
		memcmp(old.thumbprint, c->account->jwk.thumbprint, sizeof(old.thumbprint)) != 0)
		return breach("\"oldKey\" is not the account's key (RFC 8555 section 7.3.5)");
	return ERR_OK;
}

static enum err
refuse_used_key(struct call *c, const char *holder)
{
	c->conflict_location = call_url(c, "/acme/account/%s", holder);
	return err_set_word(ERR_CONFLICT, WORD_KEY_IN_USE,
		"the new key has an account already (RFC 8555 section 7.3.5)");
}

static enum err
change_key(struct call *c, const struct jwk *jwk)
{
	struct store *store = c->front->store;
	struct store_account holder;
	const char *id = c->account->id;
	enum err e = store_account_find_by_key(store, c->arena, jwk->thumbprint, &holder);

	if (e == ERR_OK)
		return refuse_used_key(c, holder.id);
	if (e != ERR_NOTFOUND)
		return e;
	e = store_account_set_key(
		store, id, c->account->jwk.thumbprint, jwk->thumbprint, jwk->canonical);
	cache_drop(c->acme->accounts, bytes_str(id));
	if (e == ERR_CONFLICT &&
		store_account_find_by_key(store, c->arena, jwk->thumbprint, &holder) == ERR_OK)
		return refuse_used_key(c, holder.id);
	return e;
}

static enum err
key_change(struct call *c)
{
	AUTO_JWS(inner);
	struct jwk jwk;

	TRY(jws_parse(c->jws.payload, JWS_INNER, c->arena, &inner));
	TRY(verify_inner(c, &inner, &jwk));
	TRY(check_message(c, &inner));
	TRY(account_check_key(c, &jwk));
	TRY(change_key(c, &jwk));
	return account_put(c, c->account->id);
}

const struct resource key_change_resource = {.key = CALL_KEY_ACCOUNT, .post = key_change};
