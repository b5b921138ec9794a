/*
 * ACME orders (RFC 8555 section 7.4). A row is written once at newOrder; finalize adds the
 * reference to the issuance request, and everything else about an order is read from there and from
 * its authorizations.
 */
#include "lib/base/clock.h"
#include "lib/store/acme_rows.h"
#include "lib/store/internal.h"

/* The hot one: an order born ready is a single row. */
static const struct stmt add_granted = {"acme_order_add_granted",
	"INSERT INTO acme_order (id, account, profile, identifiers, granted, authorizations, not_before, not_after, expires) "
	"VALUES ($1, $2, $3, $4, true, '{}', $5, $6, $7)",
	7};
/* References among the three tables are checked when the whole statement is done. */
static const struct stmt add = {"acme_order_add",
	"WITH o AS (INSERT INTO acme_order (id, account, profile, identifiers, granted, authorizations, not_before, not_after, expires) "
	"VALUES ($1, $2, $3, $4, false, $5, $6, $7, $8)), "
	"z AS (INSERT INTO acme_authorization (id, account, identifier, wildcard, expires) "
	"SELECT t.id, $2, t.identifier, t.wildcard <> 0, t.expires "
	"FROM unnest($9::text[], $10::text[], $11::smallint[], $12::timestamptz[]) AS t (id, identifier, wildcard, expires)) "
	"INSERT INTO acme_challenge (id, \"authorization\", type, token) "
	"SELECT * FROM unnest($13::text[], $14::text[], $15::text[], $16::text[])",
	16};
static const struct stmt find = {"acme_order_find",
	"SELECT o.id, o.account, o.profile, o.identifiers, o.granted, o.authorizations, o.not_before, o.not_after, o.expires, "
	"o.created_at, o.request, r.state, r.serial, r.refusal_class, r.refusal_word, r.refusal, c.issuer, c.der "
	"FROM acme_order o LEFT JOIN issuance_request r ON r.id = o.request "
	"LEFT JOIN certificate c ON c.serial = r.serial AND c.not_after = r.cert_not_after WHERE o.id = $1",
	1};
/* Section 7.1.2.1 wants invalid orders left out. */
static const struct stmt list = {"acme_order_list",
	"SELECT o.id FROM acme_order o LEFT JOIN issuance_request r ON r.id = o.request WHERE o.account = $1 "
	"AND ($2::text IS NULL OR (o.created_at, o.id) > "
	"(SELECT p.created_at, p.id FROM acme_order p WHERE p.id = $2 AND p.account = $1)) "
	"AND (r.state IN ('pending', 'done') OR (o.request IS NULL AND o.expires > now() AND NOT EXISTS ("
	"SELECT 1 FROM acme_authorization z LEFT JOIN acme_challenge c ON c.\"authorization\" = z.id "
	"WHERE z.id = ANY (o.authorizations) AND (z.deactivated_at IS NOT NULL OR z.expires <= now() OR c.status = 'invalid')))) "
	"ORDER BY o.created_at, o.id LIMIT $3",
	3};

static const char *const request_words[] = {"pending", "done", "refused", NULL};

static void
put_order(struct params *p, const struct store_order *o)
{
	params_text(p, o->id);
	params_text(p, o->account);
	params_text(p, o->profile);
	params_texts(p, o->identifiers, o->identifier_count);
	if (!o->granted)
		params_texts(p, o->authorizations, o->authorization_count);
	params_time(p, o->not_before);
	params_time(p, o->not_after);
	params_time(p, o->expires);
}

static void
put_authorizations(
	struct params *p, struct arena *a, const struct store_authorization *z, size_t count)
{
	const char **ids = arena_array(a, count, sizeof(*ids));
	const char **identifiers = arena_array(a, count, sizeof(*identifiers));
	int16_t *wildcards = arena_array(a, count, sizeof(*wildcards));
	int64_t *expires = arena_array(a, count, sizeof(*expires));

	for (size_t i = 0; i < count; i++) {
		ids[i] = z[i].id;
		identifiers[i] = z[i].identifier;
		wildcards[i] = z[i].wildcard;
		expires[i] = z[i].expires;
	}
	params_texts(p, ids, count);
	params_texts(p, identifiers, count);
	params_shorts(p, wildcards, count);
	params_times(p, expires, count);
}

static void
put_challenges(struct params *p, struct arena *a, const struct store_authorization *z, size_t count)
{
	size_t total = 0, n = 0;
	const char **column[4];

	for (size_t i = 0; i < count; i++)
		total += z[i].challenge_count;
	for (size_t i = 0; i < ARRAY_LEN(column); i++)
		column[i] = arena_array(a, total, sizeof(*column[i]));
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < z[i].challenge_count; k++, n++) {
			column[0][n] = z[i].challenges[k].id;
			column[1][n] = z[i].id;
			column[2][n] = z[i].challenges[k].type;
			column[3][n] = z[i].challenges[k].token;
		}
	for (size_t i = 0; i < ARRAY_LEN(column); i++)
		params_texts(p, column[i], total);
}

enum err
store_order_add(struct store *s, const struct store_order *order,
	const struct store_authorization *authorizations, size_t count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	AUTO_STRUCT(arena) a = NULL;

	put_order(&p, order);
	if (order->granted)
		return db_write(s->db, &add_granted, &p, &res);
	a = arena_new(0);
	put_authorizations(&p, a, authorizations, count);
	put_challenges(&p, a, authorizations, count);
	return db_write(s->db, &add, &p, &res);
}

static enum err
class_of(const char *name)
{
	for (int e = ERR_INVALID; e < ERR_COUNT; e++)
		if (name != NULL && strcmp(err_name((enum err)e), name) == 0)
			return (enum err)e;
	return ERR_INTERNAL;
}

static enum err
read_result(struct arena *a, const PGresult *res, struct store_result *out)
{
	int state = words_index(request_words, result_peek(res, 0, 11));

	if (state < 0)
		return err_set(ERR_INTERNAL, "an order's request has an unknown state");
	out->state = (enum store_result_state)state;
	out->refusal_class = class_of(result_peek(res, 0, 13));
	out->refusal_word = result_text(a, res, 0, 14);
	out->refusal = result_text(a, res, 0, 15);
	out->issuer = (int16_t)result_int(res, 0, 16);
	out->der = result_bytes(a, res, 0, 17);
	return result_octets(res, 0, 12, out->serial, sizeof(out->serial));
}

static enum err
read_order(struct arena *a, const PGresult *res, struct store_order *out)
{
	*out = (struct store_order){
		.id = result_text(a, res, 0, 0),
		.account = result_text(a, res, 0, 1),
		.profile = result_text(a, res, 0, 2),
		.granted = result_bool(res, 0, 4),
		.not_before = result_time(res, 0, 6),
		.not_after = result_time(res, 0, 7),
		.expires = result_time(res, 0, 8),
		.created_at = result_time(res, 0, 9),
		.request = result_int(res, 0, 10),
	};
	out->identifiers = result_texts(a, res, 0, 3, &out->identifier_count);
	out->authorizations = result_texts(a, res, 0, 5, &out->authorization_count);
	return out->request != 0 ? read_result(a, res, &out->result) : ERR_OK;
}

static const char *
first_error(const struct store_authorization *z, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < z[i].challenge_count; k++)
			if (z[i].challenges[k].status == ACME_CHALLENGE_INVALID)
				return z[i].challenges[k].error_json;
	return NULL;
}

enum err
store_order_find(struct store *s, struct arena *a, const char *id, struct store_order *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	struct store_order order;
	struct store_authorization *z = NULL;
	size_t count = 0;
	enum err e;

	params_text(&p, id);
	e = db_read(s->db, &find, &p, &res);
	if (e != ERR_OK)
		return e;
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no such order");
	e = read_order(a, res, &order);
	if (e == ERR_OK && !order.granted && order.request == 0)
		e = acme_rows_authorizations(
			s, a, order.authorizations, order.authorization_count, &z, &count);
	if (e != ERR_OK)
		return e;
	order.status = store_order_status(&order, z, count, clock_now());
	order.error_json = first_error(z, count);
	*out = order;
	return ERR_OK;
}

enum err
store_order_list(struct store *s, struct arena *a, const char *account, const char *after,
	unsigned limit, const char ***ids, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	enum err e;

	params_text(&p, account);
	params_text(&p, after);
	params_int(&p, limit);
	e = db_read(s->db, &list, &p, &res);
	if (e != ERR_OK)
		return e;
	*ids = arena_array(a, result_rows(res), sizeof(**ids));
	*count = result_rows(res);
	for (size_t i = 0; i < *count; i++)
		(*ids)[i] = result_text(a, res, i, 0);
	return ERR_OK;
}
