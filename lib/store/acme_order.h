/* ACME orders (RFC 8555 section 7.1.3). */
#ifndef CHANCERY_STORE_ACME_ORDER_H
#define CHANCERY_STORE_ACME_ORDER_H

#include "lib/store/acme_authorization.h"
#include "lib/store/queue/request.h"

struct store_order {
	const char *id, *account, *profile;
	const char **identifiers; /* canonical texts */
	size_t identifier_count;
	const char **authorizations, **proofs; /* ids; which identifier each proves */
	size_t authorization_count;
	bool granted;
	int64_t not_before, not_after; /* 0: not asked */
	int64_t expires, created_at;
	enum acme_order_status status; /* as schema/0005 computes it */
	int64_t request;	       /* 0: none */
	struct store_result result;    /* when request != 0; der filled when done */
	const char *error_json;	       /* problem of the failed challenge, NULL: none */
};

/* One statement, group-committed: the order with its authorizations and their challenges (ids and
 * tokens made by the caller). */
enum err store_order_add(struct store *s, const struct store_order *order,
	const struct store_authorization *authorizations, size_t count) MUST_CHECK;
enum err store_order_find(
	struct store *s, struct arena *a, const char *id, struct store_order *out) MUST_CHECK;
/* Not invalid ones of an account, oldest first after `after` (id or NULL). */
enum err store_order_list(struct store *s, struct arena *a, const char *account, const char *after,
	unsigned limit, const char ***ids, size_t *count) MUST_CHECK;

#endif
