/*
 * What waits for a second operator. The configuration says which operations do (api_ask_second); whether
 * anybody could approve, and whether an approval counts, the database decides (schema/0014_second.sql).
 * An approval runs the operation anew, as if who approves had called it, so that every check of it is
 * made again; only the deed itself is the database's, in the proposer's name.
 */
#include <inttypes.h>

#include "admin/api/internal.h"
#include "lib/store/proposal.h"

static json_t *
able_json(const struct store_proposal *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->able_count; i++)
		json_array_append_new(list, json_string(p->able[i]));
	return list;
}

static json_t *
proposal_json(const struct store_proposal *p)
{
	json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s*, s:s*, s:o}", "id", (json_int_t)p->id,
		"operation", p->operation, "object", p->object, "proposer", p->proposer, "state",
		p->state, "decided_by", p->decided_by, "reason", p->reason, "able", able_json(p));

	api_put_time(o, "created_at", p->created_at);
	api_put_time(o, "expires_at", p->expires_at);
	api_put_time(o, "decided_at", p->decided_at);
	return o;
}

/* The name of the row, under which a proposal is kept. */
static const char *
operation_name(const struct admin_operation *op)
{
	return op->name + strlen("admin.");
}

static enum err
propose_call(struct api_call *c, const char *object, enum store_done *done)
{
	const struct store_proposed wish = {.operation = operation_name(c->op),
		.object = object,
		.arguments = json_text(c->arena, c->input),
		.roles = c->may,
		.lifetime = c->g->config->second.proposal_lifetime,
		.actor = c->actor,
		.request_id = c->req->id};
	struct store_proposal p;

	TRY(store_proposal_add(c->g->store, c->arena, &wish, &p, done));
	if (*done != STORE_WAITS)
		return ERR_OK;
	c->status = 202;
	c->answer = json_pack("{s:I, s:o}", "proposal", (json_int_t)p.id, "able", able_json(&p));
	api_put_time(c->answer, "expires_at", p.expires_at);
	return ERR_OK;
}

enum err
api_ask_second(struct api_call *c, enum config_guarded what, const char *object, enum api_way *way)
{
	bool guarded = what < GUARDED_COUNT && c->g->config->second.guarded & 1U << what;
	enum store_done done;

	*way = API_GO_ON;
	if (!guarded && c->proposal == 0)
		return ERR_OK;
	if (c->proposal != 0)
		TRY(store_proposal_approve(c->g->store, c->proposal, c->actor, c->req->id, &done));
	else
		TRY(propose_call(c, object, &done));
	*way = done == STORE_WAITS ? API_WAITS : done == STORE_DONE ? API_DONE : API_DONE_BEFORE;
	return ERR_OK;
}

enum err
api_proposals(struct api_call *c)
{
	unsigned limit = (unsigned)api_value(c, "limit")->number;
	struct store_proposal *list;
	size_t count = 0;
	int64_t after;
	json_t *out;

	TRY(api_read_after(c, &after));
	TRY(store_proposal_list(c->g->store, c->arena, after, limit, &list, &count));
	out = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, proposal_json(&list[i]));
	api_answer_numbered(c, "proposals", out, count == limit ? list[count - 1].id : 0);
	return ERR_OK;
}

/* The proposal that the call names, and what its operation takes as a new reference. */
static enum err
find_proposal(struct api_call *c, struct store_proposal *p, json_t **arguments)
{
	TRY(store_proposal_get(c->g->store, c->arena, api_value(c, "id")->number, p));
	return json_parse(bytes_str(p->arguments_json), arguments);
}

enum err
api_proposal_show(struct api_call *c)
{
	struct store_proposal p;
	json_t *arguments;

	TRY(find_proposal(c, &p, &arguments));
	c->answer = proposal_json(&p);
	json_object_set_new(c->answer, "arguments", arguments);
	return ERR_OK;
}

/* p's operation, called by who approves. */
static enum err
run_proposed(struct api_call *c, const struct store_proposal *p, json_t *arguments)
{
	struct api_call again = {.op = admin_operation_find(p->operation),
		.req = c->req,
		.g = c->g,
		.arena = c->arena,
		.requester = c->requester,
		.roles = c->roles,
		.actor = c->actor,
		.input = arguments,
		.proposal = p->id};
	enum err e;

	if (again.op == NULL)
		return err_set(ERR_CONFLICT, "there is no operation \"%s\" any more: reject it",
			p->operation);
	e = api_run(&again);
	if (e == ERR_OK)
		c->answer = json_pack("{s:I, s:s, s:s, s:s, s:O}", "id", (json_int_t)p->id,
			"operation", p->operation, "object", p->object, "proposer", p->proposer,
			"answer", again.answer);
	json_decref(again.answer);
	return e;
}

enum err
api_proposal_approve(struct api_call *c)
{
	AUTO(json_t) arguments = NULL;
	struct store_proposal p;

	TRY(find_proposal(c, &p, &arguments));
	if (strcmp(p.state, proposal_state_name(PROPOSAL_PENDING)) != 0)
		return err_set(ERR_CONFLICT, "proposal %" PRId64 " is %s", p.id, p.state);
	return run_proposed(c, &p, arguments);
}

enum err
api_proposal_reject(struct api_call *c)
{
	int64_t id = api_value(c, "id")->number;

	TRY(store_proposal_reject(c->g->store, id, api_text(c, "reason"), c->actor, c->req->id));
	c->answer = json_pack("{s:I, s:s}", "id", (json_int_t)id, "state",
		proposal_state_name(PROPOSAL_REJECTED));
	return ERR_OK;
}
