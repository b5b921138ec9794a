/*
 * The front ends' side of the issuance queue. Adding checks in the same statement that the identity
 * is active and the certificate being renewed is not revoked; the signer checks both again under a
 * lock before it records anything.
 */
#include "lib/store/queue/request.h"

#include <stdlib.h>

#include "lib/store/internal.h"
#include "lib/store/queue/wait.h"

/* Row by row what was asked for, and what decides about it. Names come as one array for all rows,
 * with the places of each row's first and last, because arrays of arrays must not be ragged. */
#define REQUEST_ROWS                                                                                              \
	"FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::bytea[], " \
	"$9::timestamptz[], $10::timestamptz[], $11::text[], $12::bytea[], $13::bigint[]) WITH ORDINALITY "       \
	"AS q (protocol, request_id, identity, profile, first_name, last_name, spki, not_before, not_after, "     \
	"acme_order, renewed_from, repeat_window, place) LEFT JOIN identity i ON i.id = q.identity), "
#define REQUEST_FACTS                                                                              \
	"q.*, ($1::text[])[q.first_name:q.last_name] AS names, i.state, "                          \
	"EXISTS (SELECT 1 FROM revocation v WHERE v.serial = q.renewed_from) AS revoked"
#define REQUEST_INSERT                                                                                                                          \
	"INSERT INTO issuance_request (protocol, request_id, identity, profile, names, spki, not_before, not_after, acme_order, renewed_from) " \
	"SELECT protocol, request_id, identity, profile, names, spki, not_before, not_after, acme_order, renewed_from FROM r "

static bool
same_key(const void *a, const void *b)
{
	const struct store_request_new *one = a, *other = b;

	return bytes_equal(one->spki, other->spki);
}

static bool
same_order(const void *a, const void *b)
{
	const struct store_request_new *one = a, *other = b;

	return strcmp(one->acme_order, other->acme_order) == 0;
}

static void
name_params(struct params *p, const void *const *rows, size_t n, int64_t *first, int64_t *last)
{
	const struct store_request_new *r;
	const char **all;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		r = rows[i];
		first[i] = (int64_t)count + 1;
		count += r->name_count;
		last[i] = (int64_t)count;
	}
	all = mem_zalloc(count + 1, sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		r = rows[i];
		for (size_t k = 0; k < r->name_count; k++)
			all[(size_t)first[i] - 1 + k] = r->names[k];
	}
	params_texts(p, all, count);
	free(all);
}

static void
request_params(const void *const *rows, size_t n, struct params *p)
{
	const char *protocols[DB_BATCH_MAX], *ids[DB_BATCH_MAX], *profiles[DB_BATCH_MAX],
		*orders[DB_BATCH_MAX];
	int64_t identities[DB_BATCH_MAX], first[DB_BATCH_MAX], last[DB_BATCH_MAX],
		from[DB_BATCH_MAX], to[DB_BATCH_MAX], windows[DB_BATCH_MAX];
	struct bytes keys[DB_BATCH_MAX], renewed[DB_BATCH_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct store_request_new *r = rows[i];

		protocols[i] = r->protocol;
		ids[i] = r->request_id;
		identities[i] = r->identity;
		profiles[i] = r->profile;
		keys[i] = r->spki;
		from[i] = r->not_before;
		to[i] = r->not_after;
		orders[i] = r->acme_order;
		renewed[i] =
			bytes_of(r->renewed_from, r->renewed_from != NULL ? STORE_SERIAL_SIZE : 0);
		windows[i] = r->repeat_window;
	}
	name_params(p, rows, n, first, last);
	params_texts(p, protocols, n);
	params_texts(p, ids, n);
	params_ints(p, identities, n);
	params_texts(p, profiles, n);
	params_ints(p, first, n);
	params_ints(p, last, n);
	params_bytes_array(p, keys, n);
	params_times(p, from, n);
	params_times(p, to, n);
	params_texts(p, orders, n);
	params_bytes_array(p, renewed, n);
	params_ints(p, windows, n);
}

/* The same wish within repeat_window seconds that waits or has a live certificate (but not the very
 * one to be replaced) is the same request. One row always: the new id or null, then why not. */
static const struct bulk add = {
	{"request_add",
		"WITH r AS MATERIALIZED (SELECT " REQUEST_FACTS ", "
		"(SELECT o.id FROM issuance_request o WHERE q.repeat_window > 0 AND o.spki = q.spki AND o.identity = q.identity "
		"AND o.profile = q.profile AND o.names = ($1::text[])[q.first_name:q.last_name] "
		"AND o.created_at > now() - q.repeat_window * interval '1 second' "
		"AND (q.renewed_from IS NULL OR o.serial IS DISTINCT FROM q.renewed_from) "
		"AND (o.state = 'pending' OR (o.state = 'done' AND o.cert_not_after > now() "
		"AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = o.serial))) ORDER BY o.id DESC LIMIT 1) AS same " REQUEST_ROWS
		"n AS (" REQUEST_INSERT
		"WHERE state = 'active' AND NOT revoked AND same IS NULL ORDER BY place RETURNING id, spki) "
		"SELECT coalesce(r.same, n.id), r.state, r.revoked, r.same IS NOT NULL "
		"FROM r LEFT JOIN n ON n.spki = r.spki ORDER BY r.place",
		13},
	request_params, same_key};
/* The order is locked while its state is looked at, so that of two gateways finalizing it one finds
 * its request set. */
static const struct bulk add_for_order = {
	{"request_add_for_order",
		"WITH r AS MATERIALIZED (SELECT " REQUEST_FACTS " " REQUEST_ROWS
		"o AS MATERIALIZED (SELECT id AS usable FROM acme_order WHERE id = ANY ($11::text[]) AND request IS NULL "
		"AND expires > now() ORDER BY id FOR UPDATE), "
		"n AS (" REQUEST_INSERT "JOIN o ON o.usable = r.acme_order "
		"WHERE state = 'active' AND NOT revoked ORDER BY place RETURNING id, acme_order), "
		"u AS (UPDATE acme_order SET request = n.id FROM n WHERE acme_order.id = n.acme_order) "
		"SELECT n.id, r.state, r.revoked, false "
		"FROM r LEFT JOIN n ON n.acme_order = r.acme_order ORDER BY r.place",
		13},
	request_params, same_order};

static const struct bulk *
bulk_for(const struct store_request_new *r)
{
	return r->acme_order != NULL ? &add_for_order : &add;
}

void
request_submit(struct store *s, const struct store_request_new *r, db_done_fn *done, void *ctx)
{
	db_submit(s->db, bulk_for(r), r, done, ctx);
}

/* A row of either statement. */
enum err
request_read_added(const PGresult *res, size_t row, int64_t *id, bool *old)
{
	if (result_null(res, row, 1))
		return err_set(ERR_NOTFOUND, "no such identity");
	if (column_identity_state(res, row, 1) != IDENTITY_ACTIVE)
		return err_set_word(ERR_DENIED, "identity-blocked", "the identity is %s",
			result_peek(res, row, 1));
	if (result_bool(res, row, 2))
		return err_set_word(
			ERR_DENIED, "certificate-revoked", "the certificate to renew is revoked");
	if (result_null(res, row, 0))
		return err_set(ERR_CONFLICT, "the order is expired or finalized already");
	*id = result_int(res, row, 0);
	*old = result_bool(res, row, 3); /* an old one may have its result already */
	return ERR_OK;
}

enum err
store_request_add(struct store *s, const struct store_request_new *r, int64_t *id)
{
	uint64_t bells = wait_bells(s);
	const void *row = r;
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	bool old = false;

	request_params(&row, 1, &p);
	enum err e = db_write(s->db, &bulk_for(r)->st, &p, &res);
	if (e == ERR_OK)
		e = request_read_added(res, 0, id, &old);
	if (e != ERR_OK || old)
		return e;
	wait_added(s, *id, bells);
	store_ring(s, STORE_BELL_REQUEST);
	return ERR_OK;
}

enum err
store_responder_request(struct store *s, const char *identity, const char *profile,
	const char *issuer, struct bytes spki, const char *request_id, int64_t *id)
{
	static const struct stmt request = {
		"responder_request", "SELECT responder_request($1, $2, $3, $4, $5)", 5};
	uint64_t bells = wait_bells(s);
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_text(&p, identity);
	params_text(&p, profile);
	params_text(&p, issuer);
	params_bytes(&p, spki);
	params_text(&p, request_id);
	enum err e = db_write(s->db, &request, &p, &res);
	if (e != ERR_OK)
		return e;
	if (result_null(res, 0, 0))
		return err_set(ERR_NOTFOUND, "no service identity \"%s\"", identity);
	*id = result_int(res, 0, 0);
	wait_added(s, *id, bells);
	store_ring(s, STORE_BELL_REQUEST);
	return ERR_OK;
}

enum err
store_profile_publish(struct store *s, const struct store_profile *profiles, size_t count)
{
	static const struct stmt publish = {"profile_publish",
		"WITH gone AS (DELETE FROM profile WHERE name <> ALL ($1::text[])) "
		"INSERT INTO profile (name, definition) SELECT p.name, p.definition::jsonb "
		"FROM unnest($1::text[], $2::text[]) AS p (name, definition) "
		"ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, published_at = now()",
		2};
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_PARAMS(p);
	const char **names = arena_array(a, count + 1, sizeof(*names));
	const char **definitions = arena_array(a, count + 1, sizeof(*definitions));

	for (size_t i = 0; i < count; i++) {
		names[i] = profiles[i].name;
		definitions[i] = profiles[i].definition_json;
	}
	params_texts(&p, names, count);
	params_texts(&p, definitions, count);
	return db_run(s->db, &publish, &p, NULL);
}

enum err
store_partitions_ensure(struct store *s, int months)
{
	static const struct stmt ensure = {
		"partitions_ensure", "SELECT certificate_partitions($1)", 1};
	AUTO_PARAMS(p);

	params_int(&p, months);
	return db_run(s->db, &ensure, &p, NULL);
}
