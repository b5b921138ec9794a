/* Shared inside admin/api: one call of an operation, and how operations read and answer. */
#ifndef CHANCERY_ADMIN_API_INTERNAL_H
#define CHANCERY_ADMIN_API_INTERNAL_H

#include "admin/operations.h"
#include "ca/issue.h"
#include "lib/base/config.h"
#include "lib/base/json.h"
#include "lib/pki/crl.h"
#include "lib/pki/csr.h"
#include "lib/store/operator.h"

enum { API_PAGE_OCTETS = 40 * 1024, API_INPUTS_MAX = 8 };

/* One input as its type reads it; what does not belong to the type is zero. Texts and the rest live
 * as long as the call. */
struct api_value {
	bool given;	  /* by the caller; else the rest is the row's fallback */
	const char *text; /* of a SAN: canonical */
	int64_t number;	  /* also enum identity_kind, enum pki_reason (never UNSPECIFIED: NONE),
			   * the count of grants */
	uint8_t serial[STORE_SERIAL_SIZE];
	struct pki_csr csr;
	const struct store_grant *grants;
};

struct api_call {
	const struct admin_operation *op;
	struct http_request *req;
	struct ca_front *g;
	struct arena *arena;		      /* the request's */
	const struct ca_requester *requester; /* never NULL when an operation runs */
	unsigned roles;			      /* of the caller, 1U << enum operator_role */
	const char *actor;		      /* the caller, for the audit; NULL: nobody known */
	unsigned may;	  /* 1U << enum operator_role of those who may do just this */
	json_t *input;	  /* what was given, by name; one reference */
	int64_t proposal; /* that is approved by this call; 0: it is the caller's own */
	struct api_value value[API_INPUTS_MAX];
	json_t *answer;	 /* set by the operation, one reference */
	unsigned status; /* 200, or 202 when the answer is that it waits */
};

/* api.c: checks the roles, reads what is given (or c->input, where it is there already) and does it. */
enum err api_run(struct api_call *c) MUST_CHECK;

/*
 * proposals.c: before the deed, when all has been checked: does the configuration want a second operator
 * for it? GUARDED_COUNT: there is nothing to guard. GO_ON: the caller does it; WAITS: nothing has
 * happened, the answer says so; otherwise it was done by the database just now, or was so before.
 * object: name of the identity or issuing CA it is about.
 */
enum api_way { API_GO_ON, API_DONE, API_DONE_BEFORE, API_WAITS };
enum err api_ask_second(struct api_call *c, enum config_guarded what, const char *object,
	enum api_way *way) MUST_CHECK;

/* read.c: query, body and path into c->input and c->value. ERR_INVALID or ERR_LIMIT name what is
 * wrong and what is allowed. */
enum err api_read(struct api_call *c) MUST_CHECK;
/* Where a page begins: the number that the one before gave as next, as "after"; 0 without. */
enum err api_read_after(const struct api_call *c, int64_t *out) MUST_CHECK;
/* One page of a list, its items taken over; next is the "after" of the one behind it. NULL and 0:
 * this is the last. */
void api_answer_page(struct api_call *c, const char *member, json_t *items, const char *next);
void api_answer_numbered(struct api_call *c, const char *member, json_t *items, int64_t next);
/* The input of this name, which the operation's row must have. */
const struct api_value *api_value(const struct api_call *c, const char *name);
static inline const char *
api_text(const struct api_call *c, const char *name)
{
	return api_value(c, name)->text;
}
/* What the audit calls it. */
static inline const char *
api_audit_name(const struct admin_operation *op)
{
	return op->audited_as != NULL ? op->audited_as : op->name + strlen("admin.");
}
/* May a certificate of an end entity be revoked for this reason? */
bool api_reason_applies(enum pki_reason reason);

/* Whether the caller may do this to an identity of this kind. ERR_DENIED names the roles that may. */
enum err api_check_over(struct api_call *c, enum identity_kind kind) MUST_CHECK;
/* Puts a time as RFC 3339 text, or null for 0. */
void api_put_time(json_t *object, const char *name, int64_t t);
/* The identity with this name; ERR_NOTFOUND names it. */
enum err
api_find_identity(struct api_call *c, const char *name, struct store_identity *out) MUST_CHECK;
/* grants.c: one as JSON (new reference); ERR_INVALID or ERR_DENIED when no certificate could use it; what
 * a second operator may be wanted for. */
json_t *api_grant_json(const struct store_grant *g);
enum err api_check_grant(
	struct api_call *c, enum identity_kind kind, const struct store_grant *grant) MUST_CHECK;
enum config_guarded api_guard_of_pattern(const char *pattern);
/* Certificate and its names as JSON (new reference). */
json_t *api_certificate_json(struct api_call *c, const struct store_certificate *cert);
/* status.c: something an operator should know, in words. */
void api_add_problem(struct api_call *c, const char *text);
/* status.c: an object with a member for each issuing CA that a living signer has the key of (a new
 * reference). */
enum err api_find_signed_for(struct api_call *c, json_t **out) MUST_CHECK;
/* After an issuer's name, where not. */
#define API_NO_KEY                                                                                 \
	"cannot publish: no running signer has its key; see the signer's log, or `ca-admin status`"
/* issuers.c: issuers and their CRLs for status, and what is wrong with them. */
enum err api_put_issuers(struct api_call *c, int64_t now) MUST_CHECK;
/* openapi.c: the document that describes all operations (OpenAPI 3.1), a new reference. */
json_t *api_openapi_document(struct arena *a);

/* refusals.c: records, within bounds, that the caller (there is one) was refused its operation, with
 * the word and reason set. Returns refusal with the same word and reason. */
enum err api_record_refusal(struct api_call *c, enum err refusal) MUST_CHECK;

/* What the operations do: each fills c->answer as its row says. */
#define API_OPERATION(id, function) enum err api_##function(struct api_call *c);
ADMIN_OPERATIONS(API_OPERATION)

#endif
