/*
 * ACME objects. States are computed here from rows and the clock given, never stored (schema/0002).
 */
#ifndef CHANCERY_STORE_ACME_H
#define CHANCERY_STORE_ACME_H

#include "lib/store/queue/request.h"

/* Nonces: keys shared by all gateways, and the used set. */
struct store_nonce_key {
	int64_t id;
	uint8_t key[32];
	int64_t created_at;
};
/* The newest keys, newest first, at most max; makes one when there is none or the newest is older
 * than rotate_s. */
enum err store_nonce_keys(struct store *s, int64_t rotate_s, struct store_nonce_key *out,
	size_t max, size_t *count) MUST_CHECK;
/* What stands for a key in the row that uses a nonce: the first octets of its SHA-256. */
enum { STORE_NONCE_MARK_SIZE = 8 };
void store_nonce_mark(const uint8_t key[32], uint8_t mark[STORE_NONCE_MARK_SIZE]);
/* ERR_CONFLICT when it was used before, on whichever gateway; ERR_NOTFOUND when the key with this
 * mark is gone (after a crash the used nonces are gone with it): then the caller's keys are stale.
 * Group-committed. */
enum err store_nonce_use(struct store *s, const uint8_t mark[STORE_NONCE_MARK_SIZE],
	struct bytes nonce, int64_t expires) MUST_CHECK;
/* Forgets expired nonces and all but the newest keys. */
enum err store_nonce_sweep(struct store *s) MUST_CHECK;

enum acme_account_status { ACME_ACCOUNT_VALID, ACME_ACCOUNT_DEACTIVATED, ACME_ACCOUNT_REVOKED };
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
/* Feed for the accounts cache: ids changed since the cursor (0: none yet, only the cursor moves).
 * Ids may repeat. */
enum err store_account_changes(struct store *s, struct arena *a, uint64_t *cursor,
	const char ***ids, size_t *count) MUST_CHECK;

enum acme_order_status {
	ACME_ORDER_PENDING,
	ACME_ORDER_READY,
	ACME_ORDER_PROCESSING,
	ACME_ORDER_VALID,
	ACME_ORDER_INVALID
};
struct store_order {
	const char *id, *account, *profile;
	const char **identifiers; /* canonical texts */
	size_t identifier_count;
	const char **authorizations; /* ids */
	size_t authorization_count;
	bool granted;
	int64_t not_before, not_after; /* 0: not asked */
	int64_t expires, created_at;
	enum acme_order_status status; /* computed at clock_now() */
	int64_t request;	       /* 0: none */
	struct store_result result;    /* when request != 0; der filled when done */
	const char *error_json;	       /* problem of the failed challenge, NULL: none */
};
struct store_challenge {
	const char *id, *authorization, *type, *token, *error_json;
	enum acme_challenge_status {
		ACME_CHALLENGE_PENDING,
		ACME_CHALLENGE_PROCESSING,
		ACME_CHALLENGE_VALID,
		ACME_CHALLENGE_INVALID
	} status;
	int64_t validated_at;
};
enum acme_authorization_status {
	ACME_AUTHZ_PENDING,
	ACME_AUTHZ_VALID,
	ACME_AUTHZ_INVALID,
	ACME_AUTHZ_DEACTIVATED,
	ACME_AUTHZ_EXPIRED
};
struct store_authorization {
	const char *id, *account, *identifier; /* canonical text without "*." */
	bool wildcard;
	int64_t expires, deactivated_at;       /* deactivated_at 0: it was not */
	enum acme_authorization_status status; /* computed at clock_now() */
	struct store_challenge *challenges;
	size_t challenge_count;
};
/* How states follow from facts (RFC 8555 section 7.1.6). Pure. An order that is granted has no
 * authorizations here. */
enum acme_authorization_status
store_authorization_status(const struct store_authorization *z, int64_t now);
enum acme_order_status store_order_status(const struct store_order *o,
	const struct store_authorization *z, size_t count, int64_t now);

/* One statement, group-committed: the order with its authorizations and their challenges (ids and
 * tokens made by the caller). */
enum err store_order_add(struct store *s, const struct store_order *order,
	const struct store_authorization *authorizations, size_t count) MUST_CHECK;
enum err store_order_find(
	struct store *s, struct arena *a, const char *id, struct store_order *out) MUST_CHECK;
/* Not invalid ones of an account, oldest first after `after` (id or NULL). */
enum err store_order_list(struct store *s, struct arena *a, const char *account, const char *after,
	unsigned limit, const char ***ids, size_t *count) MUST_CHECK;
enum err store_authorization_find(struct store *s, struct arena *a, const char *id,
	struct store_authorization *out) MUST_CHECK;
/* ERR_CONFLICT when it is not pending or valid. */
enum err store_authorization_deactivate(struct store *s, const char *id) MUST_CHECK;
/* *authz is the challenge's authorization with all its challenges; *index tells which. */
enum err store_challenge_find(struct store *s, struct arena *a, const char *id,
	struct store_authorization *authz, size_t *index) MUST_CHECK;
/* challenge_answer() of schema/0003; *changed false when it was no longer pending. Rings CHALLENGE.
 */
enum err store_challenge_answer(
	struct store *s, const char *id, const uint8_t thumbprint[32], bool *changed) MUST_CHECK;
/* Does the account hold valid authorizations for every one of these names (revocation by another
 * account, acme/CHECKS.md 115)? */
enum err store_authorization_covers(struct store *s, const char *account, const char *const *names,
	size_t count, bool *all) MUST_CHECK;

/* Validator side. */
struct store_challenge_work {
	const char *id, *type, *token, *identifier;
	uint8_t thumbprint[32];
	int attempts; /* this one included */
	enum store_work {
		STORE_WORK_WANTED,
		STORE_WORK_MOOT
	} wanted; /* moot: account closed or authorization over */
};
/* Claims up to max due challenges for lease_s seconds (claimed_until), SKIP LOCKED. ERR_NOTFOUND:
 * none. */
enum err store_challenge_claim(struct store *s, struct arena *a, unsigned max, int64_t lease_s,
	struct store_challenge_work **out, size_t *count) MUST_CHECK;
/* From processing only. invalid with retry_at != 0: stays processing and is tried again then, error
 * kept. Audited when final. */
enum err store_challenge_finish(struct store *s, const char *id, enum acme_challenge_status to,
	const char *error_json, int64_t retry_at) MUST_CHECK;

#endif
