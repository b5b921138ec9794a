/*
 * The front ends' side of the issuance queue. Adding checks in the same statement that the identity
 * is active and the certificate being renewed is not revoked; the signer checks both again under a
 * lock before it records anything.
 */
#include "lib/store/request.h"

#include "lib/store/parts.h"
#include "lib/store/wait.h"

#define REQUEST_COLUMNS                                                                                                  \
	"(protocol, request_id, node, identity, profile, names, spki, not_before, not_after, acme_order, renewed_from) " \
	"SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM who"
/* One row always: the new id or null, then why not. */
#define REQUEST_WHO                                                                                \
	"WITH who AS (SELECT state, EXISTS (SELECT 1 FROM revocation WHERE serial = $11) AS revoked FROM identity WHERE id = $4), "
#define REQUEST_ANSWER                                                                                                     \
	"SELECT coalesce((SELECT id FROM same), (SELECT id FROM n)), (SELECT state FROM who), (SELECT revoked FROM who), " \
	"EXISTS (SELECT 1 FROM same)"

/* The same wish within $12 seconds that waits or has a live certificate (but not the very one to be
 * replaced) is the same request. */
static const struct stmt add = {"request_add",
	REQUEST_WHO
	"same AS (SELECT r.id FROM issuance_request r WHERE $12::bigint > 0 AND r.spki = $7 AND r.identity = $4 AND r.profile = $5 "
	"AND r.names = $6 AND r.created_at > now() - $12 * interval '1 second' AND ($11::bytea IS NULL OR r.serial IS DISTINCT FROM $11) "
	"AND (r.state = 'pending' OR (r.state = 'done' AND r.cert_not_after > now() "
	"AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = r.serial))) ORDER BY r.id DESC LIMIT 1), "
	"n AS (INSERT INTO issuance_request " REQUEST_COLUMNS
	" WHERE state = 'active' AND NOT revoked AND NOT EXISTS (SELECT 1 FROM same) RETURNING id) " REQUEST_ANSWER,
	12};
/* The order is locked while its state is looked at, so that of two gateways finalizing it one finds
 * its request set. */
static const struct stmt add_for_order = {"request_add_for_order",
	REQUEST_WHO
	"same AS (SELECT NULL::bigint AS id WHERE $12::bigint IS NULL), "
	"o AS (SELECT id FROM acme_order WHERE id = $10 AND request IS NULL AND expires > now() FOR UPDATE), "
	"n AS (INSERT INTO issuance_request " REQUEST_COLUMNS
	", o WHERE state = 'active' AND NOT revoked RETURNING id), "
	"u AS (UPDATE acme_order SET request = n.id FROM n WHERE acme_order.id = $10) " REQUEST_ANSWER,
	12};

const struct stmt *
request_params(struct store *s, const struct store_request_new *r, struct params *p)
{
	params_text(p, r->protocol);
	params_text(p, r->request_id);
	params_text(p, store_node(s));
	params_int(p, r->identity);
	params_text(p, r->profile);
	params_texts(p, r->names, r->name_count);
	params_bytes(p, r->spki);
	params_time(p, r->not_before);
	params_time(p, r->not_after);
	params_text(p, r->acme_order);
	params_bytes(p, bytes_of(r->renewed_from, r->renewed_from != NULL ? STORE_SERIAL_SIZE : 0));
	params_int(p, r->repeat_window);
	return r->acme_order != NULL ? &add_for_order : &add;
}

/* The one row of both statements. */
enum err
request_read_added(const PGresult *res, int64_t *id, bool *old)
{
	if (result_null(res, 0, 1))
		return err_set(ERR_NOTFOUND, "no such identity");
	if (column_identity_state(res, 0, 1) != IDENTITY_ACTIVE)
		return err_set_word(ERR_DENIED, "identity-blocked", "the identity is %s",
			result_peek(res, 0, 1));
	if (result_bool(res, 0, 2))
		return err_set_word(
			ERR_DENIED, "certificate-revoked", "the certificate to renew is revoked");
	if (result_null(res, 0, 0))
		return err_set(ERR_CONFLICT, "the order is expired or finalized already");
	*id = result_int(res, 0, 0);
	*old = result_bool(res, 0, 3); /* an old one may have its result already */
	return ERR_OK;
}

enum err
store_request_add(struct store *s, const struct store_request_new *r, int64_t *id)
{
	uint64_t bells = wait_bells(s);
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	const struct stmt *st = request_params(s, r, &p);
	bool old = false;
	enum err e = writer_run(s, st, &p, &res);

	if (e == ERR_OK)
		e = request_read_added(res, id, &old);
	if (e != ERR_OK || old)
		return e;
	wait_added(s, *id, bells);
	store_ring(s, STORE_BELL_REQUEST);
	return ERR_OK;
}

enum err
store_request_run(struct store *s, struct arena *a, const struct store_request_new *r,
	int64_t wait_ms, int64_t *id, struct store_result *out)
{
	enum err e;

	if (s->writer != NULL && wait_ms > 0)
		return wait_run(s, a, r, wait_ms, id, out);
	e = store_request_add(s, r, id);
	return e == ERR_OK ? store_request_wait(s, a, *id, wait_ms, out) : e;
}

enum err
store_responder_request(struct store *s, const char *identity, const char *profile,
	const char *issuer, struct bytes spki, const char *request_id, int64_t *id)
{
	static const struct stmt request = {
		"responder_request", "SELECT responder_request($1, $2, $3, $4, $5, $6)", 6};
	uint64_t bells = wait_bells(s);
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_text(&p, identity);
	params_text(&p, profile);
	params_text(&p, issuer);
	params_bytes(&p, spki);
	params_text(&p, store_node(s));
	params_text(&p, request_id);
	enum err e = writer_run(s, &request, &p, &res);
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
	return pool_run(s, &publish, &p, NULL);
}

enum err
store_partitions_ensure(struct store *s, int months)
{
	static const struct stmt ensure = {
		"partitions_ensure", "SELECT certificate_partitions($1)", 1};
	AUTO_PARAMS(p);

	params_int(&p, months);
	return pool_run(s, &ensure, &p, NULL);
}
