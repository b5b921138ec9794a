/* ACME authorizations and challenges as the gateway uses them (RFC 8555 section 7.5): it never
 * makes a challenge valid. */
#include "lib/base/clock.h"
#include "lib/store/acme_rows.h"
#include "lib/store/internal.h"

static const char *const challenge_words[] = {"pending", "processing", "valid", "invalid", NULL};

#define AUTHORIZATION_COLUMNS                                                                      \
	"z.id, z.account, z.identifier, z.wildcard, z.expires, z.deactivated_at, "                 \
	"c.id, c.type, c.token, c.status, c.validated_at, c.error::text "                          \
	"FROM acme_authorization z LEFT JOIN acme_challenge c ON c.\"authorization\" = z.id "

static const struct stmt by_ids = {"acme_authorization_by_ids",
	"SELECT " AUTHORIZATION_COLUMNS "WHERE z.id = ANY ($1::text[]) ORDER BY z.id, c.type", 1};
static const struct stmt by_challenge = {"acme_authorization_by_challenge",
	"SELECT " AUTHORIZATION_COLUMNS
	"WHERE z.id = (SELECT \"authorization\" FROM acme_challenge WHERE id = $1) "
	"ORDER BY z.id, c.type",
	1};
static const struct stmt deactivate = {"acme_authorization_deactivate",
	"UPDATE acme_authorization z SET deactivated_at = now() WHERE id = $1 AND deactivated_at IS NULL AND expires > now() "
	"AND NOT EXISTS (SELECT 1 FROM acme_challenge c WHERE c.\"authorization\" = z.id AND c.status = 'invalid')",
	1};
static const struct stmt answer = {"acme_challenge_answer", "SELECT challenge_answer($1, $2)", 2};
static const struct stmt covers = {"acme_authorization_covers",
	"SELECT NOT EXISTS (SELECT 1 FROM unnest($2::text[]) AS n (name) WHERE NOT EXISTS ("
	"SELECT 1 FROM acme_authorization z JOIN acme_challenge c ON c.\"authorization\" = z.id AND c.status = 'valid' "
	"WHERE z.account = $1 AND z.deactivated_at IS NULL AND z.expires > now() "
	"AND CASE WHEN z.wildcard THEN 'dns:*.' || substr(z.identifier, 5) ELSE z.identifier END = n.name))",
	2};

static enum err
read_challenge(struct arena *a, const PGresult *res, size_t row, struct store_challenge *out)
{
	int status = words_index(challenge_words, result_peek(res, row, 9));

	if (status < 0)
		return err_set(ERR_INTERNAL, "a challenge has an unknown status");
	*out = (struct store_challenge){
		.id = result_text(a, res, row, 6),
		.authorization = result_text(a, res, row, 0),
		.type = result_text(a, res, row, 7),
		.token = result_text(a, res, row, 8),
		.status = (enum acme_challenge_status)status,
		.validated_at = result_time(res, row, 10),
		.error_json = result_text(a, res, row, 11),
	};
	return ERR_OK;
}

static void
read_authorization(
	struct arena *a, const PGresult *res, size_t row, struct store_authorization *out)
{
	*out = (struct store_authorization){
		.id = result_text(a, res, row, 0),
		.account = result_text(a, res, row, 1),
		.identifier = result_text(a, res, row, 2),
		.wildcard = result_bool(res, row, 3),
		.expires = result_time(res, row, 4),
		.deactivated_at = result_time(res, row, 5),
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
		if (n == 0 || strcmp(list[n - 1].id, result_peek(res, row, 0)) != 0)
			read_authorization(a, res, row, &list[n++]);
		if (!result_null(res, row, 6)) {
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

	params_texts(&p, ids, id_count);
	e = db_read(s->db, &by_ids, &p, &res);
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

	params_text(&p, id);
	e = db_run(s->db, &deactivate, &p, &res);
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

	params_text(&p, id);
	e = db_read(s->db, &by_challenge, &p, &res);
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

	params_text(&p, id);
	params_bytes(&p, bytes_of(thumbprint, 32));
	e = db_write(s->db, &answer, &p, &res);
	if (e != ERR_OK)
		return e;
	*changed = result_rows(res) > 0 && result_bool(res, 0, 0);
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

	params_text(&p, account);
	params_texts(&p, names, count);
	e = db_read(s->db, &covers, &p, &res);
	if (e == ERR_OK)
		*all = count > 0 && result_bool(res, 0, 0);
	return e;
}
