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

#define READ(path, op)                                                                             \
	{                                                                                          \
		"/admin/v1/" path, HTTP_GET, handle, 0, NULL, HTTP_RUN_POOL, "admin." op           \
	}
#define CHANGE(path, op)                                                                           \
	{                                                                                          \
		"/admin/v1/" path, HTTP_POST, handle, BODY_MAX, json_only, HTTP_RUN_POOL,          \
			"admin." op                                                                \
	}

const struct http_route admin_routes[] = {
	READ("status", "status"),
	READ("issuers", "issuers"),
	READ("identities", "identities"),
	CHANGE("identities", "identity.add"),
	READ("identity", "identity.show"),
	CHANGE("identity/block", "identity.block"),
	CHANGE("identity/unblock", "identity.unblock"),
	CHANGE("identity/offboard", "identity.offboard"),
	READ("grants", "grants"),
	CHANGE("grants", "grant.add"),
	CHANGE("grants/remove", "grant.remove"),
	READ("certificates", "certificates"),
	READ("certificates/{}", "certificate.show"),
	CHANGE("certificates/{}/revoke", "certificate.revoke"),
	CHANGE("issue", "issue"),
	CHANGE("renew", "renew"),
	CHANGE("crl/publish", "crl.publish"),
	{NULL, 0, NULL, 0, NULL, HTTP_RUN_POOL, NULL},
};

static const char *const no_query[] = {NULL};
static const char *const page_query[] = {"after", "limit", NULL};
static const char *const name_query[] = {"name", NULL};
static const char *const grant_query[] = {"identity", "after", "limit", NULL};
static const char *const certificate_query[] = {"identity", "name", "all", "after", "limit", NULL};

/* What a route's operation does, which query parameters it knows, and what the audit calls it where
 * that is not its name without "admin.". */
static const struct operation {
	const char *name;
	enum err (*run)(struct api_call *c);
	const char *const *query;
	const char *audited_as;
} operations[] = {
	{"admin.status", api_status, no_query, NULL},
	{"admin.issuers", api_issuers, no_query, NULL},
	{"admin.identities", api_identities, page_query, NULL},
	{"admin.identity.add", api_identity_add, no_query, NULL},
	{"admin.identity.show", api_identity_show, name_query, NULL},
	{"admin.identity.block", api_identity_block, no_query, NULL},
	{"admin.identity.unblock", api_identity_unblock, no_query, NULL},
	{"admin.identity.offboard", api_identity_offboard, no_query, NULL},
	{"admin.grants", api_grants, grant_query, NULL},
	{"admin.grant.add", api_grant_add, no_query, NULL},
	{"admin.grant.remove", api_grant_remove, no_query, NULL},
	{"admin.certificates", api_certificates, certificate_query, NULL},
	{"admin.certificate.show", api_certificate_show, no_query, NULL},
	{"admin.certificate.revoke", api_certificate_revoke, no_query, NULL},
	{"admin.issue", api_issue, no_query, "certificate.request"},
	{"admin.renew", api_renew, no_query, "certificate.request"},
	{"admin.crl.publish", api_crl_publish, no_query, NULL},
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

static const struct operation *
find_operation(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(operations); i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	return NULL;
}

/* The only place that decides who may use the admin API. */
static enum err
check_role(const struct http_peer *peer)
{
	if (peer == NULL || peer->kind != IDENTITY_OPERATOR)
		return err_set_word(ERR_DENIED, "not-an-operator",
			"the admin API is for identities of kind operator");
	return ERR_OK;
}

static enum err
run_operation(struct api_call *c, const struct operation *op)
{
	AUTO(json_t) body = NULL;
	enum err e = check_role(c->req->peer);

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
		e = api_refused(c,
			op->audited_as != NULL ? op->audited_as : op->name + strlen("admin."), e);
	c->body = NULL;
	return e;
}

static enum err
run(struct api_call *c)
{
	const struct operation *op = find_operation(c->req->route->operation);

	if (op == NULL)
		return err_set(
			ERR_INTERNAL, "route \"%s\" has no operation", c->req->route->pattern);
	c->actor = c->req->peer != NULL ? c->req->peer->identity_name : NULL;
	return run_operation(c, op);
}

static void
handle(struct http_request *req, struct http_response *resp)
{
	struct api_call c = {.req = req, .g = req->app, .arena = req->arena};
	enum err e = run(&c);

	resp->identity = req->peer != NULL ? req->peer->identity_name : NULL;
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
