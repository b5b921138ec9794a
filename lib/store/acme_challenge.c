/* The validator's side of challenges: claim what is due, record what was found. Only its database
 * role may. */
#include "lib/store/acme.h"
#include "lib/store/internal.h"

/* SKIP LOCKED lets several validators share the queue; the lease gives the work of a dead one to
 * another. */
static const struct stmt claim = {"acme_challenge_claim",
	"UPDATE acme_challenge c SET claimed_until = now() + make_interval(secs => $2), attempts = c.attempts + 1 "
	"FROM (SELECT id FROM acme_challenge WHERE status = 'processing' AND retry_at <= now() "
	"AND (claimed_until IS NULL OR claimed_until < now()) ORDER BY retry_at LIMIT $1 FOR UPDATE SKIP LOCKED) due, "
	"acme_authorization z, acme_account o WHERE c.id = due.id AND z.id = c.\"authorization\" AND o.id = z.account "
	"RETURNING c.id, c.type, c.token, z.identifier, c.thumbprint, c.attempts, "
	"o.status = 'valid' AND z.expires > now() AND z.deactivated_at IS NULL",
	2};
static const struct stmt retry = {"acme_challenge_retry",
	"UPDATE acme_challenge SET error = $2::jsonb, retry_at = $3, claimed_until = NULL WHERE id = $1 AND status = 'processing'",
	3};
static const struct stmt finish = {"acme_challenge_finish",
	"WITH done AS (UPDATE acme_challenge SET status = $2, error = $3::jsonb, claimed_until = NULL, "
	"validated_at = CASE WHEN $2 = 'valid' THEN now() END WHERE id = $1 AND status = 'processing' "
	"RETURNING id, status, \"authorization\", attempts) "
	"INSERT INTO audit_event (actor, operation, object, outcome, detail) "
	"SELECT current_user, 'acme.challenge.validate', d.id, CASE d.status WHEN 'valid' THEN 'ok' ELSE 'refused' END, "
	"jsonb_build_object('identifier', z.identifier, 'account', z.account, 'attempts', d.attempts) "
	"FROM done d JOIN acme_authorization z ON z.id = d.\"authorization\"",
	3};

enum err
store_challenge_claim(struct store *s, struct arena *a, unsigned max, int64_t lease_s,
	struct store_challenge_work **out, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	struct store_challenge_work *work;
	enum err e;

	params_int(&p, max);
	params_int(&p, lease_s);
	e = db_run(s->db, &claim, &p, &res);
	if (e != ERR_OK)
		return e;
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no challenge is due");
	work = arena_array(a, result_rows(res), sizeof(*work));
	for (size_t i = 0; i < result_rows(res); i++) {
		work[i].id = result_text(a, res, i, 0);
		work[i].type = result_text(a, res, i, 1);
		work[i].token = result_text(a, res, i, 2);
		work[i].identifier = result_text(a, res, i, 3);
		work[i].attempts = (int)result_int(res, i, 5);
		work[i].wanted = result_bool(res, i, 6) ? STORE_WORK_WANTED : STORE_WORK_MOOT;
		e = result_octets(res, i, 4, work[i].thumbprint, sizeof(work[i].thumbprint));
		if (e != ERR_OK)
			return e;
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
	const struct stmt *st = &finish;
	enum err e;

	params_text(&p, id);
	if (to == ACME_CHALLENGE_INVALID && retry_at != 0) {
		st = &retry;
		params_text(&p, error_json);
		params_time(&p, retry_at);
	} else {
		params_text(&p, to == ACME_CHALLENGE_VALID ? "valid" : "invalid");
		params_text(&p, error_json);
	}
	e = db_run(s->db, st, &p, &res);
	if (e == ERR_OK && result_affected(res) == 0)
		return err_set(ERR_CONFLICT, "challenge \"%s\" is no longer being processed", id);
	return e;
}
