/*
 * Accounts in memory: a request finds its account's key as a ready EVP_PKEY, because making one
 * costs more than some signatures. Whatever changes an account moves its row's xid, and the
 * follower (state.c) drops it here.
 */
#include <stdlib.h>

#include "acme/account.h"

void
account_free(struct cache_item *item)
{
	struct account *account = (struct account *)item;

	EVP_PKEY_free(account->key);
	free(account);
}

void
account_release(struct account *account)
{
	cache_release(&account->item);
}

static enum err
make_account(const struct store_account *row, struct arena *a, struct account **out)
{
	AUTO(json_t) object = NULL;
	struct jwk jwk;
	EVP_PKEY *key = NULL;
	struct account *account;
	enum err e = json_parse(bytes_str(row->jwk_json), &object);

	if (e == ERR_OK)
		e = jwk_parse(object, a, &jwk);
	if (e != ERR_OK)
		return err_set(
			ERR_INTERNAL, "account \"%s\" has a broken key in the database", row->id);
	e = jwk_pkey(&jwk, &key);
	if (e != ERR_OK)
		return err_context(e, "the account's key is not accepted any more");
	account = mem_zalloc(1, sizeof(*account));
	snprintf(account->id, sizeof(account->id), "%s", row->id);
	account->identity = row->identity;
	account->status = row->status;
	account->key = key;
	memcpy(account->material, jwk.material.p, jwk.material.n);
	if (jwk.exponent.n > 0)
		memcpy(account->exponent, jwk.exponent.p, jwk.exponent.n);
	account->jwk = jwk;
	account->jwk.canonical = NULL;
	account->jwk.material = bytes_of(account->material, jwk.material.n);
	account->jwk.exponent = bytes_of(account->exponent, jwk.exponent.n);
	*out = account;
	return ERR_OK;
}

enum err
account_get(struct acme *acme, struct arena *a, const char *id, struct account **out)
{
	uint64_t generation = cache_generation(acme->accounts);
	struct cache_item *item = cache_get(acme->accounts, bytes_str(id));
	struct store_account row;

	if (item != NULL) {
		*out = (struct account *)item;
		return ERR_OK;
	}
	TRY(store_account_find(acme->front->store, a, id, &row));
	TRY(make_account(&row, a, out));
	cache_put(acme->accounts, bytes_str(id), &(*out)->item, generation);
	return ERR_OK;
}

enum err
account_check(const struct account *account, const struct ca_requester *who)
{
	if (account->status != ACME_ACCOUNT_VALID)
		return err_set_word(ERR_DENIED, WORD_ACCOUNT_CLOSED,
			"the account is deactivated or revoked (RFC 8555 section 7.3.6)");
	if (account->identity != who->identity)
		return err_set_word(ERR_DENIED, WORD_OTHER_IDENTITY,
			"the account belongs to another TLS identity than the client certificate's");
	return ERR_OK;
}
