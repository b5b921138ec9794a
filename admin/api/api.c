/*
 * The admin API's door: routes, the check of roles that stands before every operation, and the one form
 * of errors. An operation never sees a caller who is not an operator, and never formats an error
 * itself.
 */
#include "admin/api/api.h"

#include "admin/api/internal.h"

enum { BODY_MAX = 48 * 1024 };

#define RUN(id, function) [ADMIN_##id] = api_##function,
static enum err (*const runs[ADMIN_OPERATION_COUNT])(struct api_call *c) = {ADMIN_OPERATIONS(RUN)};

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
	if (e == ERR_UNAVAILABLE && err_word() != WORD_SIGNER_WAITING &&
		err_word() != WORD_APPROVAL_WAITING)
		return "the server cannot do this now; try again in a few seconds";
	return err_reason();
}

static void
write_failure(struct http_request *req, struct http_response *resp, enum err e)
{
	resp->reason = arena_strdup(req->arena, err_reason());
	resp->outcome = err_name(e);
	resp->no_event = true; /* refusals.c has decided about it */
	write_problem(req, resp, status_of[e], err_word_text(err_word()), public_reason(e));
}

/* The listener lets in nobody else; asked again here, where it counts. */
static enum err
check_operator(const struct ca_requester *who)
{
	if (who == NULL || who->kind != IDENTITY_OPERATOR)
		return err_set_word(ERR_DENIED, WORD_NOT_AN_OPERATOR,
			"the admin API is for identities of kind operator");
	return ERR_OK;
}

/* Wants one of the roles; 0: none is needed. */
static enum err
check_roles(const struct api_call *c, unsigned wanted)
{
	const char *list = "";

	if (wanted == 0 || c->roles & wanted)
		return ERR_OK;
	for (unsigned i = 0; i < OPERATOR_ROLE_COUNT; i++)
		if (wanted & 1U << i)
			list = arena_printf(c->arena, "%s%s%s", list, list[0] != '\0' ? ", " : "",
				operator_role_name((enum operator_role)i));
	return err_set_word(ERR_DENIED, WORD_ROLE_MISSING,
		"operator \"%s\" lacks the role for this; those who may: %s", c->actor, list);
}

enum err
api_check_over(struct api_call *c, enum identity_kind kind)
{
	const unsigned others = c->op->over_operators;

	/* An operator who leaves is locked out by whoever is there; a program that ends stops everybody. */
	c->may = others == 0 || (kind != IDENTITY_OPERATOR && kind != IDENTITY_SERVICE)
		? c->op->roles
		: kind == IDENTITY_SERVICE ? 1U << OPERATOR_ROLE_ADMINISTRATOR
					   : others;
	return check_roles(c, c->may);
}

enum err
api_run(struct api_call *c)
{
	c->may = c->op->roles;
	c->status = 200;
	TRY(check_roles(c, c->op->roles | c->op->over_operators));
	TRY(api_read(c));
	return runs[c->op - admin_operations](c);
}

/* Of a change everything that was not done is one, for whatever reason; of a look only want of right. */
static bool
is_refusal(const struct admin_operation *op, enum err e)
{
	if (op->effect == ADMIN_READS)
		return e == ERR_DENIED;
	return e != ERR_OK && e != ERR_UNAVAILABLE && e != ERR_INTERNAL;
}

static enum err
run_operation(struct api_call *c)
{
	enum err e = check_operator(c->requester);

	if (e == ERR_OK)
		e = store_operator_roles(c->g->store, c->requester->identity, &c->roles);
	if (e == ERR_OK)
		e = api_run(c);
	if (is_refusal(c->op, e) && c->requester != NULL)
		e = api_record_refusal(c, e);
	return e;
}

/* The route's argument is the operation. */
static void
handle_operation(struct http_request *req, struct http_response *resp)
{
	struct api_call c = {.op = req->route->arg,
		.req = req,
		.g = req->app,
		.arena = req->arena,
		.requester = ca_requester(req)};
	enum err e;

	c.actor = c.requester != NULL ? c.requester->identity_name : NULL;
	resp->identity = c.actor;
	e = run_operation(&c);
	if (e != ERR_OK) {
		write_failure(req, resp, e);
	} else {
		resp->status = c.status;
		resp->content_type = "application/json";
		resp->body = bytes_str(json_text(req->arena, c.answer));
		http_response_header(resp, "Cache-Control", "no-store");
	}
	json_decref(c.input);
	json_decref(c.answer);
}

/* Taking away never stands behind giving, and neither does looking what is wrong. */
static enum http_lane
lane_for(const struct admin_operation *op)
{
	switch (op - admin_operations) {
	case ADMIN_STATUS:
	case ADMIN_CERTIFICATE_REVOKE:
	case ADMIN_OFFBOARD:
	case ADMIN_IDENTITY_BLOCK:
	case ADMIN_GRANT_REMOVE:
	case ADMIN_ROLE_REMOVE:
	case ADMIN_ISSUER_RETIRE:
		return HTTP_LANE_URGENT;
	case ADMIN_ISSUE:
	case ADMIN_RENEW:
		return HTTP_LANE_BEGINS;
	default:
		return HTTP_LANE_CONTINUES;
	}
}

static struct http_route
make_route(const struct admin_operation *op, const char *path)
{
	static const char *const json_only[] = {"application/json", NULL};
	bool changes = op->effect == ADMIN_CHANGES;

	return (struct http_route){.pattern = path,
		.methods = changes ? HTTP_POST : HTTP_GET,
		.handler = handle_operation,
		.body_max = changes ? BODY_MAX : 0,
		.content_types = json_only,
		.run = HTTP_RUN_POOL,
		.lane = lane_for(op),
		.operation = op->name,
		.arg = op};
}

struct http_route *
admin_routes(void)
{
	/* one for the second path of the document, a zeroed one ends it */
	struct http_route *routes = mem_zalloc(ADMIN_OPERATION_COUNT + 2, sizeof(*routes));

	for (size_t i = 0; i < ADMIN_OPERATION_COUNT; i++)
		routes[i] = make_route(&admin_operations[i], admin_operations[i].path);
	routes[ADMIN_OPERATION_COUNT] =
		make_route(&admin_operations[ADMIN_OPENAPI], "/openapi.json");
	return routes;
}
