/* Accounts (RFC 8555 section 7.3) as requests need them: key, state and owner, cached ready for
 * verification. */
#ifndef CHANCERY_ACME_ACCOUNT_H
#define CHANCERY_ACME_ACCOUNT_H

#include "acme/jwk.h"
#include "acme/state.h"
#include "lib/store/acme_account.h"

enum { ACCOUNT_ID_SIZE = 32, ACCOUNT_KEY_MAX = 512, ACCOUNT_EXPONENT_MAX = 32 };

struct account {
	struct cache_item item;
	char id[ACCOUNT_ID_SIZE];
	int64_t identity; /* TLS identity that created it */
	enum acme_account_status status;
	struct jwk jwk; /* views into the arrays below; canonical is NULL */
	EVP_PKEY *key;
	uint8_t material[ACCOUNT_KEY_MAX], exponent[ACCOUNT_EXPONENT_MAX];
};

/* From the cache or the database; a reference given back by account_release(). ERR_NOTFOUND. */
enum err
account_get(struct acme *acme, struct arena *a, const char *id, struct account **out) MUST_CHECK;
void account_release(struct account *account);
void account_free(struct cache_item *item);
/* May it be used over this connection? ERR_DENIED with words "account-closed" (section 7.3.6),
 * "other-identity". */
enum err account_check(const struct account *account, const struct ca_requester *who) MUST_CHECK;

struct call;
/* Refuses a key that was revoked as compromised; the word is that of bad keys. */
enum err account_check_key(struct call *c, const struct jwk *jwk) MUST_CHECK;
/* Answers 200 with the account object as the database has it. */
enum err account_put(struct call *c, const char *id) MUST_CHECK;

#endif
