/* Identities: whoever may ask for certificates. */
#ifndef CHANCERY_STORE_IDENTITY_H
#define CHANCERY_STORE_IDENTITY_H

#include "lib/store/grant.h"
#include "schema/words.h"

struct store_identity {
	int64_t id;
	const char *name, *owner;
	enum identity_kind kind;
	enum identity_state state;
	int64_t created_at, changed_at;
};

/* ERR_CONFLICT when the name is taken. Adds grants with it in one transaction (both may be empty);
 * audited. */
enum err store_identity_add(struct store *s, const struct store_identity *identity,
	const struct store_grant *grants, size_t grant_count, const char *actor,
	const char *request_id, int64_t *id) MUST_CHECK;
enum err store_identity_find(
	struct store *s, struct arena *a, const char *name, struct store_identity *out) MUST_CHECK;
/* Names after `after` (keyset, NULL: from the start), at most limit. */
enum err store_identity_list(struct store *s, struct arena *a, const char *after, unsigned limit,
	struct store_identity **out, size_t *count) MUST_CHECK;
/* ERR_NOTFOUND, ERR_CONFLICT (retired). *changed false when it already was. Rings STATE. */
enum err store_identity_set_state(struct store *s, const char *name, enum identity_state to,
	const char *actor, const char *request_id, bool *changed) MUST_CHECK;

struct store_offboarded {
	int64_t revoked, accounts, requests;
};
/* identity_offboard() of schema/0003. reason: pki_reason number or -1. Rings STATE. */
enum err store_identity_offboard(struct store *s, const char *name, int reason, const char *actor,
	const char *request_id, struct store_offboarded *out) MUST_CHECK;

/* Feed of identity state changes (cursor 0: everything): fn for each since *cursor, which moves when all
 * of them have come; they may repeat, also after a failure. */
typedef void store_identity_change_fn(void *ctx, int64_t id, enum identity_state state);
enum err store_identity_changes(
	struct store *s, uint64_t *cursor, store_identity_change_fn *fn, void *ctx) MUST_CHECK;

#endif
