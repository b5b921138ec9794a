/* What waits for a second operator; the rules are functions in schema/0014_second.sql. */
#include "lib/store/proposal.h"

#include "lib/store/internal.h"
#include "schema/statements/proposal.h"

/* What the database answers when it was not done and does not wait. */
static const struct {
	const char *outcome;
	enum err class;
	enum err_word word;
	const char *reason;
} refusals[] = {
	{"identity-exists", ERR_CONFLICT, WORD_IDENTITY_EXISTS,
		"there is an identity of this name already"},
	{"identity-retired", ERR_CONFLICT, WORD_IDENTITY_RETIRED,
		"the identity is retired for good"},
	{"grant-exists", ERR_CONFLICT, WORD_GRANT_EXISTS, "the identity has this grant already"},
	{"unknown-identity", ERR_NOTFOUND, WORD_UNKNOWN_IDENTITY,
		"there is no such identity; `ca-admin identity list` shows those there are"},
	{"unknown-issuer", ERR_NOTFOUND, WORD_UNKNOWN_ISSUER, "there is no such issuing CA"},
	{"revoked", ERR_CONFLICT, WORD_CONFLICT,
		"the issuing CA is revoked on its root's CRL, which is for good"},
	{"own-identity", ERR_DENIED, WORD_OWN_IDENTITY,
		"nobody changes his own roles: let another administrator do it"},
	{"role-missing", ERR_DENIED, WORD_ROLE_MISSING,
		"only operators who could do it by themselves propose it, approve it or reject it"},
	{"limit", ERR_LIMIT, WORD_LIMIT,
		"100 proposals of yours wait; have them approved, or reject some"},
	{"none", ERR_NOTFOUND, WORD_NOTFOUND,
		"there is no such proposal; `ca-admin proposal list` has those that wait"},
	{"decided", ERR_CONFLICT, WORD_CONFLICT,
		"the proposal does not wait any more; `ca-admin proposal show` says what became of it"},
	{"own-proposal", ERR_DENIED, WORD_OWN_PROPOSAL,
		"nobody approves what he has proposed, or gets something by: let another operator do it"},
	{"proposer", ERR_CONFLICT, WORD_CONFLICT,
		"who proposed it may not do it any more: reject it, and propose it anew"},
};

static enum err
judge_outcome(struct store *s, const char *outcome, enum store_done *done)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (strcmp(outcome, refusals[i].outcome) == 0)
			return err_set_word(
				refusals[i].class, refusals[i].word, "%s", refusals[i].reason);
	*done = strcmp(outcome, "waits") == 0 ? STORE_WAITS
		: strcmp(outcome, "ok") == 0  ? STORE_DONE
					      : STORE_DONE_BEFORE;
	if (*done == STORE_DONE)
		store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}

static struct texts
role_names(struct arena *a, unsigned roles)
{
	const char **names = arena_array(a, OPERATOR_ROLE_COUNT, sizeof(*names));
	size_t n = 0;

	for (unsigned i = 0; i < OPERATOR_ROLE_COUNT; i++)
		if (roles & 1U << i)
			names[n++] = operator_role_name((enum operator_role)i);
	return texts_of(names, n);
}

enum err
store_proposal_add(struct store *s, struct arena *a, const struct store_proposed *wish,
	struct store_proposal *out, enum store_done *done)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, proposal_add, .operation = wish->operation, .object = wish->object,
		.arguments = wish->arguments, .roles = role_names(a, wish->roles),
		.seconds = wish->lifetime, .actor = wish->actor, .request_id = wish->request_id);
	TRY(db_run(s->db, &sql_proposal_add, &p, &res));
	TRY(judge_outcome(s, result_peek(res, 0, COL_PROPOSAL_ADD_OUTCOME), done));
	*out = (struct store_proposal){.id = result_int(res, 0, COL_PROPOSAL_ADD_PROPOSAL),
		.expires_at = result_time(res, 0, COL_PROPOSAL_ADD_EXPIRES)};
	out->able = result_texts(a, res, 0, COL_PROPOSAL_ADD_ABLE, &out->able_count);
	return ERR_OK;
}

enum err
store_proposal_approve(struct store *s, int64_t id, const char *actor, const char *request_id,
	enum store_done *done)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, proposal_approve, .id = id, .actor = actor, .request_id = request_id);
	TRY(db_run(s->db, &sql_proposal_approve, &p, &res));
	return judge_outcome(s, result_peek(res, 0, COL_PROPOSAL_APPROVE_OUTCOME), done);
}

enum err
store_proposal_reject(
	struct store *s, int64_t id, const char *reason, const char *actor, const char *request_id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum store_done done;

	BIND(&p, proposal_reject, .id = id, .reason = reason, .actor = actor,
		.request_id = request_id);
	TRY(db_run(s->db, &sql_proposal_reject, &p, &res));
	return judge_outcome(s, result_peek(res, 0, COL_PROPOSAL_REJECT_OUTCOME), &done);
}

static void
read_proposal(struct arena *a, const PGresult *res, size_t row, struct store_proposal *out)
{
	*out = (struct store_proposal){.id = result_int(res, row, COL_PROPOSAL_ID),
		.operation = result_text(a, res, row, COL_PROPOSAL_OPERATION),
		.object = result_text(a, res, row, COL_PROPOSAL_OBJECT),
		.proposer = result_text(a, res, row, COL_PROPOSAL_PROPOSER),
		.state = result_text(a, res, row, COL_PROPOSAL_STATE),
		.decided_by = result_text(a, res, row, COL_PROPOSAL_DECIDED_BY),
		.reason = result_text(a, res, row, COL_PROPOSAL_REASON),
		.created_at = result_time(res, row, COL_PROPOSAL_CREATED_AT),
		.expires_at = result_time(res, row, COL_PROPOSAL_EXPIRES_AT),
		.decided_at = result_time(res, row, COL_PROPOSAL_DECIDED_AT)};
	out->able = result_texts(a, res, row, COL_PROPOSAL_ABLE, &out->able_count);
}

enum err
store_proposal_list(struct store *s, struct arena *a, int64_t after, unsigned limit,
	struct store_proposal **out, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, proposal_list, .after = after, .page = limit);
	TRY(db_read(s->db, &sql_proposal_list, &p, &res));
	*count = result_rows(res);
	*out = arena_array(a, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count; i++)
		read_proposal(a, res, i, &(*out)[i]);
	return ERR_OK;
}

enum err
store_proposal_get(struct store *s, struct arena *a, int64_t id, struct store_proposal *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum store_done done;

	BIND(&p, proposal_find, .id = id);
	TRY(db_read(s->db, &sql_proposal_find, &p, &res));
	if (result_rows(res) == 0)
		return judge_outcome(s, "none", &done);
	read_proposal(a, res, 0, out);
	out->arguments_json = result_text(a, res, 0, COL_PROPOSAL_FIND_ARGUMENTS);
	return ERR_OK;
}

enum err
store_proposal_count(struct store *s, int64_t *out)
{
	AUTO(PGresult) res = NULL;

	TRY(db_read(s->db, &sql_proposal_count, NULL, &res));
	*out = result_int(res, 0, COL_PROPOSAL_COUNT_WAITING);
	return ERR_OK;
}
