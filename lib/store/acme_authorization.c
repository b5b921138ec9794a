/* ACME authorizations with their challenges (RFC 8555 section 7.5). */
#include "lib/store/acme_authorization.h"

#include "lib/store/internal.h"
#include "schema/statements/acme_authorization.h"

static enum err
read_challenge(struct arena *a, const PGresult *res, size_t row, struct store_challenge *out)
{
	unsigned status =
		column_word(res, row, COL_AUTHORIZATION_STATUS, &acme_challenge_status_words);

	if (status == ACME_CHALLENGE_STATUS_COUNT)
		return err_set(ERR_INTERNAL, "a challenge has an unknown status");
	*out = (struct store_challenge){
		.id = result_text(a, res, row, COL_AUTHORIZATION_CHALLENGE),
		.authorization = result_text(a, res, row, COL_AUTHORIZATION_ID),
		.type = (enum acme_challenge_type)column_word(
			res, row, COL_AUTHORIZATION_TYPE, &acme_challenge_type_words),
		.token = result_text(a, res, row, COL_AUTHORIZATION_TOKEN),
		.status = (enum acme_challenge_status)status,
		.validated_at = result_time(res, row, COL_AUTHORIZATION_VALIDATED_AT),
		.error_json = result_text(a, res, row, COL_AUTHORIZATION_ERROR),
	};
	return ERR_OK;
}

static enum err
read_authorization(struct arena *a, const PGresult *res, struct store_authorization *out)
{
	unsigned state =
		column_word(res, 0, COL_AUTHORIZATION_STATE, &acme_authorization_status_words);

	if (state == ACME_AUTHORIZATION_STATUS_COUNT)
		return err_set(ERR_INTERNAL, "an authorization has an unknown state");
	struct store_authorization z = {
		.id = result_text(a, res, 0, COL_AUTHORIZATION_ID),
		.account = result_text(a, res, 0, COL_AUTHORIZATION_ACCOUNT),
		.identifier = result_text(a, res, 0, COL_AUTHORIZATION_IDENTIFIER),
		.wildcard = result_bool(res, 0, COL_AUTHORIZATION_WILDCARD),
		.expires = result_time(res, 0, COL_AUTHORIZATION_EXPIRES),
		.status = (enum acme_authorization_status)state,
		.challenges = arena_array(a, result_rows(res), sizeof(struct store_challenge)),
	};

	for (size_t row = 0; row < result_rows(res); row++)
		if (!result_null(res, row, COL_AUTHORIZATION_CHALLENGE))
			TRY(read_challenge(a, res, row, &z.challenges[z.challenge_count++]));
	*out = z;
	return ERR_OK;
}

enum err
store_authorization_find(
	struct store *s, struct arena *a, const char *id, struct store_authorization *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, acme_authorization_find, .id = id);
	TRY(db_read(s->db, &sql_acme_authorization_find, &p, &res));
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no such authorization");
	return read_authorization(a, res, out);
}

enum err
store_authorization_deactivate(struct store *s, const char *id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, acme_authorization_deactivate, .id = id);
	TRY(db_run(s->db, &sql_acme_authorization_deactivate, &p, &res));
	if (result_affected(res) == 0)
		return err_set(ERR_CONFLICT,
			"the authorization is neither pending nor valid (RFC 8555 section 7.5.2)");
	return ERR_OK;
}

enum err
store_challenge_find(struct store *s, struct arena *a, const char *id,
	struct store_authorization *authz, size_t *index)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	struct store_authorization z;
	size_t i = 0;

	BIND(&p, acme_authorization_find_by_challenge, .challenge = id);
	TRY(db_read(s->db, &sql_acme_authorization_find_by_challenge, &p, &res));
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no such challenge");
	TRY(read_authorization(a, res, &z));
	while (i < z.challenge_count && strcmp(z.challenges[i].id, id) != 0)
		i++;
	*authz = z;
	*index = i;
	return ERR_OK;
}

enum err
store_authorization_covers(
	struct store *s, const char *account, const char *const *names, size_t count, bool *all)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, acme_authorization_covers, .account = account, .names = texts_of(names, count));
	TRY(db_read(s->db, &sql_acme_authorization_covers, &p, &res));
	*all = count > 0 && result_bool(res, 0, COL_ACME_AUTHORIZATION_COVERS_COVERS);
	return ERR_OK;
}
