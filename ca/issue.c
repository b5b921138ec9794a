/*
 * From a front end's decision to a queued request and its answer. What is checked here is checked
 * again by the signer with its own facts; here it only earns the client a good error at once.
 */
#include "ca/issue.h"

#include "ca/advice.h"
#include "lib/base/clock.h"

static enum err
check_policy(struct ca_front *g, struct http_request *req, const struct ca_issue *i)
{
	struct ca_policy_request r = {
		.profile = i->profile,
		.protocol = i->protocol,
		.identity_name = i->identity_name,
		.kind = i->kind,
		.state = IDENTITY_ACTIVE, /* the insert itself refuses a blocked one */
		.spki = i->spki,
		.names = i->names,
		.not_before = i->not_before,
		.not_after = i->not_after,
		.now = clock_now(),
	};
	const struct ca_issuer *issuer;
	struct ca_validity validity;
	struct bytes subject;
	enum err e;

	TRY(ca_issuers_for(ca_front_issuers(g, req->arena), i->profile, &issuer));
	TRY(ca_authenticator_grants(
		g->clients, req->arena, i->identity, i->profile->name, &r.grants, &r.grant_count));
	if (i->acme_order != NULL) {
		/* Authorizations are the signer's to read; this check is about everything else. */
		const char **all = arena_array(req->arena, i->names->count, sizeof(*all));

		for (size_t n = 0; n < i->names->count; n++)
			all[n] = pki_san_text(req->arena, &i->names->item[n]);
		r.authorized = all;
		r.authorized_count = i->names->count;
	}
	e = ca_policy_check(&r, issuer->cert.not_after, &validity);
	if (e == ERR_DENIED)
		ca_advise(g, req->arena, i->identity, &r, issuer->cert.not_after);
	if (e != ERR_OK)
		return e;
	return ca_policy_subject(i->profile, i->identity_name, i->names, req->arena, &subject);
}

static struct store_request_new
new_request(struct http_request *req, const struct ca_issue *i)
{
	const char **names = arena_array(req->arena, i->names->count, sizeof(*names));

	for (size_t n = 0; n < i->names->count; n++)
		names[n] = pki_san_text(req->arena, &i->names->item[n]);
	return (struct store_request_new){
		.protocol = i->protocol,
		.request_id = req->id,
		.identity = i->identity,
		.profile = i->profile->name,
		.names = names,
		.name_count = i->names->count,
		.spki = i->spki->der,
		.not_before = i->not_before,
		.not_after = i->not_after,
		.acme_order = i->acme_order,
		.renewed_from = i->renewed_from,
		.repeat_window = i->repeat_window,
		.requester = i->requester->identity,
		.proof = i->requester->proof,
		.proof_serial = ca_requester_serial(i->requester),
	};
}

/* A refusal by the signer is an error like one of ours. */
static enum err
judge_result(const struct store_result *result)
{
	if (result->state == STORE_RESULT_REFUSED)
		return err_set_word(
			result->refusal_class, result->refusal_word, "%s", result->refusal);
	return ERR_OK;
}

enum err
ca_issue(struct ca_front *g, struct http_request *req, const struct ca_issue *i, int64_t *request,
	struct store_result *result)
{
	struct store_request_new r;
	int64_t id;

	TRY(check_policy(g, req, i));
	r = new_request(req, i);
	TRY(store_request_run(g->store, req->arena, &r, i->wait_ms, &id, result));
	*request = id;
	return judge_result(result);
}

/* A request on its way, in its arena: what was heard of it, for the continuation. */
struct under_way {
	struct http_request *req;
	ca_issued *then;
	enum err code;
	enum err_word word;
	const char *reason;
	struct store_result result;
};

static void
answer_request(struct http_request *req, struct http_response *resp, void *ctx)
{
	struct under_way *u = ctx;
	enum err e = u->code == ERR_OK ? judge_result(&u->result)
				       : err_set_word(u->code, u->word, "%s", u->reason);

	u->then(req, resp, e, &u->result);
}

/* The reason is this thread's, and the continuation may run on another. */
static void
hear_result(void *ctx, enum err code, int64_t id, const struct store_result *result)
{
	struct under_way *u = ctx;

	(void)id;
	u->code = code;
	u->result = *result;
	if (code != ERR_OK) {
		u->word = err_word();
		u->reason = arena_strdup(u->req->arena, err_reason());
	}
	http_finish(u->req);
}

enum err
ca_issue_later(struct ca_front *g, struct http_request *req, const struct http_response *resp,
	const struct ca_issue *i, ca_issued *then)
{
	struct under_way *u = arena_alloc(req->arena, sizeof(*u));
	struct store_request_new r;

	TRY(check_policy(g, req, i));
	r = new_request(req, i);
	u->req = req;
	u->then = then;
	http_later(req, resp, answer_request, u);
	store_request_start(g->store, req->arena, &r, i->wait_ms, hear_result, u);
	return ERR_OK;
}
