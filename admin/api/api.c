/*
 * The admin API's door: routes, the role check that stands before every operation, and the one form
 * of errors. An operation never sees a caller who is not an operator, and never formats an error
 * itself.
 */
#include "admin/api/api.h"

#include "admin/api/internal.h"

enum { BODY_MAX = 48 * 1024 };

static http_handler handle;
static const char *const json_only[] = {"application/json", NULL};
static const char *const no_query[] = {NULL};
static const char *const page_query[] = {"after", "limit", NULL};
static const char *const name_query[] = {"name", NULL};
static const char *const grant_query[] = {"identity", "after", "limit", NULL};
static const char *const certificate_query[] = {"identity", "name", "all", "after", "limit", NULL};

/* A route's argument: what its operation does, which query parameters it knows, and what the audit
 * calls it. */
struct operation {
	enum err (*run)(struct api_call *c);
	const char *const *query;
	const char *audited_as;
};

#define OPERATION(f, q, a)                                                                         \
	.arg = &(const struct operation)                                                           \
	{                                                                                          \
		.run = (f), .query = (q), .audited_as = (a)                                        \
	}
#define READ(path, f, q, name)                                                                     \
	{                                                                                          \
		"/admin/v1/" path, HTTP_GET, handle, 0, NULL, HTTP_RUN_POOL, "admin." name,        \
			OPERATION(f, q, name)                                                      \
	}
#define CHANGE(path, f, name, audit)                                                               \
	{                                                                                          \
		"/admin/v1/" path, HTTP_POST, handle, BODY_MAX, json_only, HTTP_RUN_POOL,          \
			"admin." name, OPERATION(f, no_query, audit)                               \
	}

const struct http_route admin_routes[] = {
	READ("status", api_status, no_query, "status"),
	READ("issuers", api_issuers, no_query, "issuers"),
	READ("identities", api_identities, page_query, "identities"),
	CHANGE("identities", api_identity_add, "identity.add", "identity.add"),
	READ("identity", api_identity_show, name_query, "identity.show"),
	CHANGE("identity/block", api_identity_block, "identity.block", "identity.block"),
	CHANGE("identity/unblock", api_identity_unblock, "identity.unblock", "identity.unblock"),
	CHANGE("identity/offboard", api_identity_offboard, "identity.offboard",
		"identity.offboard"),
	READ("grants", api_grants, grant_query, "grants"),
	CHANGE("grants", api_grant_add, "grant.add", "grant.add"),
	CHANGE("grants/remove", api_grant_remove, "grant.remove", "grant.remove"),
	READ("certificates", api_certificates, certificate_query, "certificates"),
	READ("certificates/{}", api_certificate_show, no_query, "certificate.show"),
	CHANGE("certificates/{}/revoke", api_certificate_revoke, "certificate.revoke",
		"certificate.revoke"),
	CHANGE("issue", api_issue, "issue", "certificate.request"),
	CHANGE("renew", api_renew, "renew", "certificate.request"),
	CHANGE("crl/publish", api_crl_publish, "crl.publish", "crl.publish"),
	{.pattern = NULL},
};

static const unsigned status_of[ERR_COUNT] = {
	[ERR_OK] = 200,
	[ERR_INVALID] = 400,
	[ERR_DENIED] = 403,
	[ERR_NOTFOUND] = 404,
	[ERR_CONFLICT] = 409,
	[ERR_LIMIT] = 400,
	[ERR_UNAVAILABLE] = 503,
	[ERR_INTERNAL] = 500,
};

static void
write_problem(struct http_request *req, struct http_response *resp, unsigned status,
	const char *word, const char *reason)
{
	AUTO(json_t) problem = json_pack("{s:i, s:s, s:s, s:s}", "status", (int)status, "code",
		word, "reason", reason, "request_id", req->id);

	resp->status = status;
	resp->content_type = "application/problem+json";
	if (problem == NULL) /* a reason that is not UTF-8 */
		problem = json_pack("{s:i, s:s, s:s, s:s}", "status", (int)status, "code", word,
			"reason", "refused", "request_id", req->id);
	resp->body = bytes_str(json_text(req->arena, problem));
	http_response_header(resp, "Cache-Control", "no-store");
	if (status == 503)
		http_response_header(resp, "Retry-After", "5");
}

void
admin_refuse(struct http_request *req, struct http_response *resp, unsigned status,
	const char *word, const char *reason)
{
	write_problem(req, resp, status, word, reason);
}

/* Reasons of our own failures stay in the log; words of waiting are meant for the caller. */
static const char *
public_reason(enum err e)
{
	if (e == ERR_INTERNAL)
		return "an error of the server; its log has the reason under this request id";
	if (e == ERR_UNAVAILABLE && strcmp(err_word(), "signer-waiting") != 0)
		return "the server cannot do this now; try again in a few seconds";
	return err_reason();
}

static void
write_failure(struct http_request *req, struct http_response *resp, enum err e)
{
	resp->reason = arena_strdup(req->arena, err_reason());
	resp->outcome = err_name(e);
	write_problem(req, resp, status_of[e], err_word(), public_reason(e));
}

/* The only place that decides who may use the admin API. */
static enum err
check_role(const struct ca_requester *who)
{
	if (who == NULL || who->kind != IDENTITY_OPERATOR)
		return err_set_word(ERR_DENIED, "not-an-operator",
			"the admin API is for identities of kind operator");
	return ERR_OK;
}

static enum err
run_operation(struct api_call *c)
{
	const struct operation *op = c->req->route->arg;
	AUTO(json_t) body = NULL;
	enum err e = check_role(c->requester);

	if (e == ERR_OK)
		e = api_query_read(c, op->query);
	if (e == ERR_OK && c->req->method == HTTP_POST)
		e = json_parse(c->req->body, &body);
	if (e == ERR_OK && body != NULL && !json_is_object(body))
		e = err_set(ERR_INVALID, "the body must be a JSON object");
	c->body = body;
	if (e == ERR_OK)
		e = op->run(c);
	if (e == ERR_DENIED && c->actor != NULL)
		e = api_refused(c, op->audited_as, e);
	c->body = NULL;
	return e;
}

static void
handle(struct http_request *req, struct http_response *resp)
{
	struct api_call c = {
		.req = req, .g = req->app, .arena = req->arena, .requester = ca_requester(req)};
	enum err e;

	c.actor = c.requester != NULL ? c.requester->identity_name : NULL;
	resp->identity = c.actor;
	e = run_operation(&c);
	if (e != ERR_OK) {
		write_failure(req, resp, e);
	} else {
		resp->status = 200;
		resp->content_type = "application/json";
		resp->body = bytes_str(json_text(req->arena, c.answer));
		http_response_header(resp, "Cache-Control", "no-store");
	}
	json_decref(c.answer);
}
