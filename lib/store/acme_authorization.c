/* ACME authorizations and challenges as the gateway uses them (RFC 8555 section 7.5): it never
 * makes a challenge valid. */
#include "lib/base/clock.h"
#include "lib/store/acme_order.h"
#include "lib/store/acme_internal.h"
#include "lib/store/internal.h"
#include "schema/statements/acme_authorization.h"
#include "schema/statements/acme_challenge.h"

static const char *const challenge_words[] = {"pending", "processing", "valid", "invalid", NULL};

static enum err
read_challenge(struct arena *a, const PGresult *res, size_t row, struct store_challenge *out)
{
	int status = words_index(challenge_words, result_peek(res, row, COL_AUTHORIZATION_STATUS));

	if (status < 0)
		return err_set(ERR_INTERNAL, "a challenge has an unknown status");
	*out = (struct store_challenge){
		.id = result_text(a, res, row, COL_AUTHORIZATION_CHALLENGE),
		.authorization = result_text(a, res, row, COL_AUTHORIZATION_ID),
		.type = result_text(a, res, row, COL_AUTHORIZATION_TYPE),
		.token = result_text(a, res, row, COL_AUTHORIZATION_TOKEN),
		.status = (enum acme_challenge_status)status,
		.validated_at = result_time(res, row, COL_AUTHORIZATION_VALIDATED_AT),
		.error_json = result_text(a, res, row, COL_AUTHORIZATION_ERROR),
	};
	return ERR_OK;
}

static void
read_authorization(
	struct arena *a, const PGresult *res, size_t row, struct store_authorization *out)
{
	*out = (struct store_authorization){
		.id = result_text(a, res, row, COL_AUTHORIZATION_ID),
		.account = result_text(a, res, row, COL_AUTHORIZATION_ACCOUNT),
		.identifier = result_text(a, res, row, COL_AUTHORIZATION_IDENTIFIER),
		.wildcard = result_bool(res, row, COL_AUTHORIZATION_WILDCARD),
		.expires = result_time(res, row, COL_AUTHORIZATION_EXPIRES),
		.deactivated_at = result_time(res, row, COL_AUTHORIZATION_DEACTIVATED_AT),
		.challenges = arena_array(a, result_rows(res), sizeof(struct store_challenge)),
	};
}

/* Rows are sorted by authorization: each begins a new one or adds a challenge to the last. */
static enum err
read_rows(struct arena *a, const PGresult *res, struct store_authorization **out, size_t *count)
{
	struct store_authorization *list = arena_array(a, result_rows(res), sizeof(*list));
	size_t n = 0;

	for (size_t row = 0; row < result_rows(res); row++) {
		if (n == 0 ||
			strcmp(list[n - 1].id, result_peek(res, row, COL_AUTHORIZATION_ID)) != 0)
			read_authorization(a, res, row, &list[n++]);
		if (!result_null(res, row, COL_AUTHORIZATION_CHALLENGE)) {
			struct store_authorization *z = &list[n - 1];
			enum err e =
				read_challenge(a, res, row, &z->challenges[z->challenge_count]);

			if (e != ERR_OK)
				return e;
			z->challenge_count++;
		}
	}
	for (size_t i = 0; i < n; i++)
		list[i].status = store_authorization_status(&list[i], clock_now());
	*out = list;
	*count = n;
	return ERR_OK;
}

enum err
acme_rows_authorizations(struct store *s, struct arena *a, const char *const *ids, size_t id_count,
	struct store_authorization **out, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum err e;

	BIND(&p, acme_authorization_by_ids, .ids = texts_of(ids, id_count));
	e = db_read(s->db, &sql_acme_authorization_by_ids, &p, &res);
	return e != ERR_OK ? e : read_rows(a, res, out, count);
}

enum err
store_authorization_find(
	struct store *s, struct arena *a, const char *id, struct store_authorization *out)
{
	struct store_authorization *list;
	size_t count;
	enum err e = acme_rows_authorizations(s, a, &id, 1, &list, &count);

	if (e != ERR_OK)
		return e;
	if (count == 0)
		return err_set(ERR_NOTFOUND, "no such authorization");
	*out = list[0];
	return ERR_OK;
}

enum err
store_authorization_deactivate(struct store *s, const char *id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum err e;

	BIND(&p, acme_authorization_deactivate, .id = id);
	e = db_run(s->db, &sql_acme_authorization_deactivate, &p, &res);
	if (e == ERR_OK && result_affected(res) == 0)
		return err_set(ERR_CONFLICT,
			"the authorization is neither pending nor valid (RFC 8555 section 7.5.2)");
	return e;
}

enum err
store_challenge_find(struct store *s, struct arena *a, const char *id,
	struct store_authorization *authz, size_t *index)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	struct store_authorization *list;
	size_t count, i = 0;
	enum err e;

	BIND(&p, acme_authorization_by_challenge, .challenge = id);
	e = db_read(s->db, &sql_acme_authorization_by_challenge, &p, &res);
	if (e == ERR_OK)
		e = read_rows(a, res, &list, &count);
	if (e != ERR_OK)
		return e;
	if (count == 0)
		return err_set(ERR_NOTFOUND, "no such challenge");
	while (i < list[0].challenge_count && strcmp(list[0].challenges[i].id, id) != 0)
		i++;
	*authz = list[0];
	*index = i;
	return ERR_OK;
}

enum err
store_challenge_answer(struct store *s, const char *id, const uint8_t thumbprint[32], bool *changed)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum err e;

	BIND(&p, acme_challenge_answer, .id = id, .thumbprint = bytes_of(thumbprint, 32));
	e = db_write(s->db, &sql_acme_challenge_answer, &p, &res);
	if (e != ERR_OK)
		return e;
	*changed = result_bool(res, 0, COL_ACME_CHALLENGE_ANSWER_CHANGED);
	if (*changed)
		store_ring(s, STORE_BELL_CHALLENGE);
	return ERR_OK;
}

enum err
store_authorization_covers(
	struct store *s, const char *account, const char *const *names, size_t count, bool *all)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum err e;

	BIND(&p, acme_authorization_covers, .account = account, .names = texts_of(names, count));
	e = db_read(s->db, &sql_acme_authorization_covers, &p, &res);
	if (e == ERR_OK)
		*all = count > 0 && result_bool(res, 0, COL_ACME_AUTHORIZATION_COVERS_COVERS);
	return e;
}
