/*
 * newAccount, the account resource and its list of orders (RFC 8555
 * sections 7.3, 7.3.1, 7.3.2, 7.3.6, 7.1.2.1). An account belongs to the TLS identity that created
 * it; its key opens nothing for another identity, not even its URL.
 */
#include "acme/account.h"

#include <openssl/x509.h>

#include "acme/resources.h"
#include "lib/base/random.h"
#include "lib/store/acme_order.h"
#include "lib/store/revocation.h"

enum { CONTACTS_MAX = 10, CONTACT_SIZE_MAX = 256, ORDERS_PAGE = 50 };

static enum err
put_account(struct call *c, unsigned status, const struct store_account *account)
{
	const char *url = call_url(c, "/acme/account/%s", account->id);
	json_t *o = json_object(), *contact = json_array();

	for (size_t i = 0; i < account->contact_count; i++)
		json_array_append_new(contact, json_string(account->contact[i]));
	json_object_set_new(o, "status", json_string(acme_account_status_name(account->status)));
	json_object_set_new(o, "contact", contact);
	json_object_set_new(
		o, "orders", json_string(call_url(c, "/acme/account/%s/orders", account->id)));
	call_header(c, "Location", url);
	call_json(c, status, o);
	return ERR_OK;
}

static enum err
check_contact(const char *contact)
{
	const char *address = contact + strlen("mailto:"), *at;

	if (strncmp(contact, "mailto:", strlen("mailto:")) != 0)
		return err_set_word(ERR_INVALID,
			strchr(contact, ':') != NULL ? WORD_UNSUPPORTED_CONTACT : WORD_BAD_CONTACT,
			"contacts are mailto: URLs here (RFC 8555 section 7.3)");
	at = strchr(address, '@');
	if (strlen(contact) > CONTACT_SIZE_MAX || strpbrk(address, "?,; \t<>\"%") != NULL ||
		at == NULL || at == address || at[1] == '\0' || strchr(at + 1, '@') != NULL)
		return err_set_word(ERR_INVALID, WORD_BAD_CONTACT,
			"a contact is one mail address without header fields (RFC 8555 section 7.3)");
	for (const char *p = address; *p != '\0'; p++)
		if ((unsigned char)*p < 0x21 || (unsigned char)*p > 0x7e)
			return err_set_word(ERR_INVALID, WORD_BAD_CONTACT,
				"a contact address is printable ASCII");
	return ERR_OK;
}

static enum err
read_contacts(struct call *c, const char ***contacts, size_t *count)
{
	enum err e = json_find_strings(c->arena, c->payload, "contact", contacts, count);

	if (e != ERR_OK)
		return err_set_word(ERR_INVALID, WORD_BAD_CONTACT,
			"\"contact\" is not an array of strings (RFC 8555 section 7.1.2)");
	if (*count > CONTACTS_MAX)
		return err_set_word(ERR_INVALID, WORD_BAD_CONTACT, "at most %d contacts are kept",
			CONTACTS_MAX);
	for (size_t i = 0; i < *count; i++)
		TRY(check_contact((*contacts)[i]));
	return ERR_OK;
}

/* The key has an account: the object as it is, whatever else was asked (section 7.3.1). */
static enum err
answer_existing(struct call *c, const struct store_account *account)
{
	if (account->identity != c->requester->identity)
		return err_set_word(ERR_DENIED, WORD_OTHER_IDENTITY,
			"the account with this key belongs to another TLS identity than the client certificate's");
	if (account->status != ACME_ACCOUNT_VALID)
		return err_set_word(ERR_DENIED, WORD_ACCOUNT_CLOSED,
			"the account with this key is deactivated or revoked (RFC 8555 section 7.3.6)");
	return put_account(c, 200, account);
}

enum err
account_check_key(struct call *c, const struct jwk *jwk)
{
	AUTO(EVP_PKEY) key = NULL;
	uint8_t *spki = NULL;
	bool blocked;
	enum err e;
	int n;

	TRY(jwk_pkey(jwk, &key));
	n = i2d_PUBKEY(key, &spki);
	if (n <= 0)
		return err_openssl(ERR_INTERNAL, "cannot encode the key");
	e = store_key_blocked(c->front->store, bytes_of(spki, (size_t)n), &blocked);
	OPENSSL_free(spki);
	TRY(e);
	if (blocked)
		return err_set_word(ERR_DENIED, WORD_BAD_PUBLIC_KEY,
			"the key was revoked as compromised with a certificate; make a new one (RFC 8555 section 6.7)");
	return ERR_OK;
}

static enum err
create_account(struct call *c)
{
	struct store_account account = {
		.id = random_id(c->arena),
		.identity = c->requester->identity,
		.jwk_json = c->jwk.canonical,
	};
	const char *id;
	enum err e;

	TRY(account_check_key(c, &c->jwk));
	TRY(read_contacts(c, &account.contact, &account.contact_count));
	TRY(json_find_bool(c->payload, "termsOfServiceAgreed", &account.terms_agreed));
	memcpy(account.thumbprint, c->jwk.thumbprint, sizeof(account.thumbprint));
	e = store_account_add(c->front->store, c->arena, &account, &id);
	if (e == ERR_CONFLICT) { /* made meanwhile, by a parallel request */
		e = store_account_find(c->front->store, c->arena, id, &account);
		return e != ERR_OK ? e : answer_existing(c, &account);
	}
	return e != ERR_OK ? e : put_account(c, 201, &account);
}

static enum err
new_account(struct call *c)
{
	struct store_account account;
	bool only_existing = false;
	enum err e;

	TRY(json_find_bool(c->payload, "onlyReturnExisting", &only_existing));
	e = store_account_find_by_key(c->front->store, c->arena, c->jwk.thumbprint, &account);
	if (e == ERR_OK)
		return answer_existing(c, &account);
	if (e != ERR_NOTFOUND)
		return e;
	if (only_existing)
		return err_set_word(ERR_INVALID, WORD_ACCOUNT_UNKNOWN,
			"this key has no account (RFC 8555 section 7.3.1)");
	return create_account(c);
}

/* An account sees only itself. */
static enum err
check_own(struct call *c)
{
	if (strcmp(call_id(c), c->account->id) != 0)
		return err_set_word(ERR_DENIED, WORD_NOT_YOURS,
			"this is not the account that signed the request");
	return ERR_OK;
}

enum err
account_put(struct call *c, const char *id)
{
	struct store_account account;

	TRY(store_account_find(c->front->store, c->arena, id, &account));
	return put_account(c, 200, &account);
}

static enum err
fetch_account(struct call *c)
{
	TRY(check_own(c));
	return account_put(c, call_id(c));
}

static enum err
deactivate_account(struct call *c)
{
	enum err e = store_account_move(
		c->front->store, call_id(c), ACME_ACCOUNT_VALID, ACME_ACCOUNT_DEACTIVATED);

	cache_drop(c->acme->accounts, bytes_str(call_id(c)));
	if (e == ERR_CONFLICT)
		return err_set_word(
			ERR_DENIED, WORD_ACCOUNT_CLOSED, "the account is closed already");
	return e != ERR_OK ? e : account_put(c, call_id(c));
}

static enum err
update_account(struct call *c)
{
	const char *status, **contacts;
	size_t count;

	TRY(check_own(c));
	TRY(json_find_string(c->payload, "status", &status));
	if (status != NULL && strcmp(status, "deactivated") == 0)
		return deactivate_account(c);
	if (json_object_get(c->payload, "contact") != NULL) {
		TRY(read_contacts(c, &contacts, &count));
		TRY(store_account_set_contact(c->front->store, call_id(c), contacts, count));
	}
	return fetch_account(c);
}

static enum err
fetch_orders(struct call *c)
{
	const char *after = c->req->param[1], **ids;
	size_t count;
	json_t *list;

	TRY(check_own(c));
	TRY(store_order_list(
		c->front->store, c->arena, call_id(c), after, ORDERS_PAGE + 1, &ids, &count));
	list = json_array();
	for (size_t i = 0; i < count && i < ORDERS_PAGE; i++)
		json_array_append_new(list, json_string(call_url(c, "/acme/order/%s", ids[i])));
	if (count > ORDERS_PAGE)
		call_link(c,
			call_url(c, "/acme/account/%s/orders/%s", call_id(c), ids[ORDERS_PAGE - 1]),
			"next");
	call_json(c, 200, json_pack("{s:o}", "orders", list));
	return ERR_OK;
}

const struct resource account_new_resource = {.key = CALL_KEY_GIVEN, .post = new_account};
const struct resource account_resource = {
	.key = CALL_KEY_ACCOUNT, .fetch = fetch_account, .post = update_account};
const struct resource account_orders_resource = {.key = CALL_KEY_ACCOUNT, .fetch = fetch_orders};
