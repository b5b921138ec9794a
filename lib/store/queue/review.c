/* Held requests and operators' decisions; the rules are functions in schema/0007_approval.sql. */
#include "lib/store/queue/review.h"

#include "lib/store/internal.h"
#include "schema/statements/review.h"

static enum err
read_reviewed(struct arena *a, const PGresult *res, size_t row, struct store_reviewed *out)
{
	*out = (struct store_reviewed){
		.id = result_int(res, row, COL_REVIEWED_ID),
		.state = result_text(a, res, row, COL_REVIEWED_STATE),
		.hold = result_text(a, res, row, COL_REVIEWED_HOLD),
		.hold_reason = result_text(a, res, row, COL_REVIEWED_HOLD_REASON),
		.hold_until = result_time(res, row, COL_REVIEWED_HOLD_UNTIL),
		.created_at = result_time(res, row, COL_REVIEWED_CREATED_AT),
		.identity = result_text(a, res, row, COL_REVIEWED_IDENTITY),
		.requester = result_text(a, res, row, COL_REVIEWED_REQUESTER),
		.proof = result_text(a, res, row, COL_REVIEWED_PROOF),
		.protocol = result_text(a, res, row, COL_REVIEWED_PROTOCOL),
		.profile = result_text(a, res, row, COL_REVIEWED_PROFILE),
		.spki = result_bytes(a, res, row, COL_REVIEWED_SPKI),
		.approvals = result_int(res, row, COL_REVIEWED_APPROVALS),
		.needed = result_int(res, row, COL_REVIEWED_NEEDED),
		.refusal_word = result_text(a, res, row, COL_REVIEWED_REFUSAL_WORD),
		.refusal = result_text(a, res, row, COL_REVIEWED_REFUSAL),
		.has_serial = !result_null(res, row, COL_REVIEWED_SERIAL),
	};
	out->names = result_texts(a, res, row, COL_REVIEWED_NAMES, &out->name_count);
	return result_octets(res, row, COL_REVIEWED_SERIAL, out->serial, sizeof(out->serial));
}

enum err
store_review_list(struct store *s, struct arena *a, int64_t after, unsigned limit,
	struct store_reviewed **out, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, review_list, .after = after, .limit = limit);
	TRY(db_read(s->db, &sql_review_list, &p, &res));
	*count = result_rows(res);
	*out = arena_array(a, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count; i++)
		TRY(read_reviewed(a, res, i, &(*out)[i]));
	return ERR_OK;
}

static enum err
refuse_unknown(int64_t id)
{
	return err_set(ERR_NOTFOUND,
		"there is no request %lld; `ca-admin request list` has those that wait",
		(long long)id);
}

enum err
store_review_find(struct store *s, struct arena *a, int64_t id, struct store_reviewed *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, review_find, .id = id);
	TRY(db_read(s->db, &sql_review_find, &p, &res));
	return result_rows(res) == 0 ? refuse_unknown(id) : read_reviewed(a, res, 0, out);
}

/* What the function answered, when it is not a yes. */
static enum err
judge_outcome(const char *outcome, int64_t id)
{
	if (strcmp(outcome, "unknown") == 0)
		return refuse_unknown(id);
	if (strcmp(outcome, "own") == 0)
		return err_set_word(ERR_DENIED, WORD_OWN_REQUEST,
			"request %lld is your own: another operator must approve it",
			(long long)id);
	if (strcmp(outcome, "role") == 0)
		return err_set_word(
			ERR_DENIED, WORD_ROLE_MISSING, "only an officer approves requests");
	if (strcmp(outcome, "not-held") == 0)
		return err_set(ERR_CONFLICT,
			"request %lld does not wait for operators (any more); `ca-admin request show %lld` says what became of it",
			(long long)id, (long long)id);
	return ERR_OK;
}

enum err
store_review_approve(struct store *s, int64_t id, int64_t operator, const char * actor,
	const char *request_id, struct store_approved *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, review_approve, .id = id, .operator= operator, .actor = actor,
		.request_id = request_id);
	TRY(db_run(s->db, &sql_review_approve, &p, &res));
	const char *outcome = result_peek(res, 0, COL_REVIEW_APPROVE_OUTCOME);

	TRY(judge_outcome(outcome, id));
	*out = (struct store_approved){.again = strcmp(outcome, "again") == 0,
		.approvals = result_int(res, 0, COL_REVIEW_APPROVE_APPROVALS),
		.needed = result_int(res, 0, COL_REVIEW_APPROVE_NEEDED)};
	store_ring(s, STORE_BELL_REQUEST);
	return ERR_OK;
}

enum err
store_review_reject(
	struct store *s, int64_t id, const char *reason, const char *actor, const char *request_id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, review_reject, .id = id, .reason = reason, .actor = actor,
		.request_id = request_id);
	TRY(db_run(s->db, &sql_review_reject, &p, &res));
	TRY(judge_outcome(result_peek(res, 0, COL_REVIEW_REJECT_OUTCOME), id));
	store_ring(s, STORE_BELL_RESULT);
	return ERR_OK;
}
