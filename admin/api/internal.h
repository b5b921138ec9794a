/* Shared inside admin/api: one call of an operation, and how operations read and answer. */
#ifndef CHANCERY_ADMIN_API_INTERNAL_H
#define CHANCERY_ADMIN_API_INTERNAL_H

#include "ca/issue.h"
#include "lib/base/config.h"
#include "lib/base/json.h"

enum { API_PAGE_MAX = 100, API_PAGE_OCTETS = 40 * 1024, API_QUERY_MAX = 8 };

struct api_pair {
	const char *name, *value;
};

struct api_call {
	struct http_request *req;
	struct ca_front *g;
	const struct ca_requester *requester; /* NULL: nobody known */
	struct arena *arena;		      /* the request's */
	const char *actor;		      /* the caller, for the audit; NULL: nobody known */
	const json_t *body;		      /* of a POST: an object; else NULL */
	struct api_pair query[API_QUERY_MAX];
	size_t query_count;
	json_t *answer; /* set by the operation, one reference */
};

/* api_query.c: the query string, decoded. Unknown or doubled names are ERR_INVALID. allowed ends
 * with NULL. */
enum err api_query_read(struct api_call *c, const char *const *allowed) MUST_CHECK;
const char *api_query_find(const struct api_call *c, const char *name);
/* The parameter limit: 1 to API_PAGE_MAX, which is also the default. */
enum err api_query_limit(const struct api_call *c, unsigned *out) MUST_CHECK;

/* Puts a time as RFC 3339 text, or null for 0. */
void api_put_time(json_t *object, const char *name, int64_t t);
/* The identity with this name, for a member or parameter; ERR_NOTFOUND names it. */
enum err api_identity(struct api_call *c, const char *name, struct store_identity *out) MUST_CHECK;
/* body.reason as CRLReason, fallback when it is absent; -1 for "unspecified" (RFC 5280
 * section 5.3.1). */
enum err api_reason(struct api_call *c, const char *fallback, int *out) MUST_CHECK;
/* Certificate and its names as JSON (new reference). */
json_t *api_certificate_json(struct api_call *c, const struct store_certificate *cert);
/* After a revocation: waits, within bounds, until every status program answers "revoked", and adds
 * to the answer how many do not yet (status_programs_behind). serial or identity is NULL. */
json_t *api_grant_json(const struct store_grant *grant);

/* refusals.c: records, within bounds, that the caller (there is one) was refused this operation for
 * lack of right, with the word and reason set. Returns refusal with the same word and reason. */
enum err api_refused(struct api_call *c, const char *operation, enum err refusal) MUST_CHECK;

#define API_OPERATION(name) enum err name(struct api_call *c)
API_OPERATION(api_status);
API_OPERATION(api_issuers);
API_OPERATION(api_identities);
API_OPERATION(api_identity_add);
API_OPERATION(api_identity_show);
API_OPERATION(api_identity_block);
API_OPERATION(api_identity_unblock);
API_OPERATION(api_identity_offboard);
API_OPERATION(api_grants);
API_OPERATION(api_grant_add);
API_OPERATION(api_grant_remove);
API_OPERATION(api_certificates);
API_OPERATION(api_certificate_show);
API_OPERATION(api_certificate_revoke);
API_OPERATION(api_issue);
API_OPERATION(api_renew);
API_OPERATION(api_crl_publish);

#endif
