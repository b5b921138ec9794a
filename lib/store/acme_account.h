/* ACME accounts (RFC 8555 section 7.1.2). */
#ifndef CHANCERY_STORE_ACME_ACCOUNT_H
#define CHANCERY_STORE_ACME_ACCOUNT_H

#include "lib/store/store.h"
#include "schema/words.h"

struct store_account {
	const char *id;
	int64_t identity;
	uint8_t thumbprint[32];
	const char *jwk_json;
	const char **contact;
	size_t contact_count;
	enum acme_account_status status;
	bool terms_agreed;
	int64_t created_at;
};
/* ERR_CONFLICT when the key has an account already (then *out_id is that account's id in the
 * arena). */
enum err store_account_add(struct store *s, struct arena *a, const struct store_account *account,
	const char **out_id) MUST_CHECK;
enum err store_account_find(
	struct store *s, struct arena *a, const char *id, struct store_account *out) MUST_CHECK;
enum err store_account_find_by_key(struct store *s, struct arena *a, const uint8_t thumbprint[32],
	struct store_account *out) MUST_CHECK;
enum err store_account_set_contact(
	struct store *s, const char *id, const char *const *contact, size_t count) MUST_CHECK;
/* ERR_CONFLICT unless the status is `from`. */
enum err store_account_move(struct store *s, const char *id, enum acme_account_status from,
	enum acme_account_status to) MUST_CHECK;
/* ERR_CONFLICT when another account holds the new key; when the old key is no longer current:
 * ERR_DENIED. */
enum err store_account_set_key(struct store *s, const char *id, const uint8_t old_thumbprint[32],
	const uint8_t new_thumbprint[32], const char *jwk_json) MUST_CHECK;
/* Feed for the accounts cache: calls fn for each changed since the cursor (0: none yet, only the cursor
 * moves). Ids may repeat. */
typedef void store_account_change_fn(void *ctx, const char *id);
enum err store_account_changes(
	struct store *s, uint64_t *cursor, store_account_change_fn *fn, void *ctx) MUST_CHECK;

#endif
