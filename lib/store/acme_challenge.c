/* ACME challenges: the gateway sets one to work; the validator claims what is due and records what it
 * found, which only its database role may. */
#include "lib/store/acme_challenge.h"
#include "lib/store/internal.h"
#include "schema/statements/acme_challenge.h"

enum err
store_challenge_answer(struct store *s, const char *id, const uint8_t thumbprint[32], bool *changed)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, acme_challenge_answer, .id = id, .thumbprint = bytes_of(thumbprint, 32));
	TRY(db_write(s->db, &sql_acme_challenge_answer, &p, &res));
	*changed = result_bool(res, 0, COL_ACME_CHALLENGE_ANSWER_CHANGED);
	if (*changed)
		store_ring(s, STORE_BELL_CHALLENGE);
	return ERR_OK;
}

enum err
store_challenge_take(struct store *s, struct arena *a, unsigned max, int64_t lease_s,
	struct store_challenge_work **out, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	struct store_challenge_work *work;

	BIND(&p, acme_challenge_claim, .most = max, .lease_s = lease_s);
	TRY(db_run(s->db, &sql_acme_challenge_claim, &p, &res));
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no challenge is due");
	work = arena_array(a, result_rows(res), sizeof(*work));
	for (size_t i = 0; i < result_rows(res); i++) {
		work[i].id = result_text(a, res, i, COL_ACME_CHALLENGE_CLAIM_ID);
		work[i].type = (enum acme_challenge_type)column_word(
			res, i, COL_ACME_CHALLENGE_CLAIM_TYPE, &acme_challenge_type_words);
		work[i].token = result_text(a, res, i, COL_ACME_CHALLENGE_CLAIM_TOKEN);
		work[i].identifier = result_text(a, res, i, COL_ACME_CHALLENGE_CLAIM_IDENTIFIER);
		work[i].attempts = (int)result_int(res, i, COL_ACME_CHALLENGE_CLAIM_ATTEMPTS);
		work[i].wanted = result_bool(res, i, COL_ACME_CHALLENGE_CLAIM_WANTED)
			? STORE_WORK_WANTED
			: STORE_WORK_MOOT;
		TRY(result_octets(res, i, COL_ACME_CHALLENGE_CLAIM_THUMBPRINT, work[i].thumbprint,
			sizeof(work[i].thumbprint)));
	}
	*out = work;
	*count = result_rows(res);
	return ERR_OK;
}

enum err
store_challenge_finish(struct store *s, const char *id, enum acme_challenge_status to,
	const char *error_json, int64_t retry_at)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	const struct stmt *st = &sql_acme_challenge_finish;

	if (to == ACME_CHALLENGE_INVALID && retry_at != 0) {
		st = &sql_acme_challenge_retry;
		BIND(&p, acme_challenge_retry, .id = id, .error = error_json, .retry_at = retry_at);
	} else {
		BIND(&p, acme_challenge_finish, .id = id, .status = acme_challenge_status_name(to),
			.error = error_json);
	}
	TRY(db_run(s->db, st, &p, &res));
	if (result_affected(res) == 0)
		return err_set(ERR_CONFLICT, "challenge \"%s\" is no longer being processed", id);
	return ERR_OK;
}
