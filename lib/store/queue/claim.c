/*
 * The signer's side of the queue. A claim is an open transaction that holds row locks on its
 * requests (SKIP LOCKED keeps other signers off); if the signer dies, the locks vanish. What
 * becomes of them is recorded by record.c.
 */
#include "lib/store/queue/claim.h"

#include <stdlib.h>

#include "lib/store/internal.h"

/*
 * What decides about a request, read after it was locked. Orders are looked at only where there is
 * one. Whether the certificate being renewed lives is asked of its request (see certificate.c). A
 * wildcard's authorization names the domain without "*.".
 */
static const struct stmt take = {"claim_take",
	"WITH q AS MATERIALIZED (SELECT id, protocol, request_id, profile, identity, names, spki, not_before, not_after, created_at, "
	"acme_order, renewed_from, issuer FROM issuance_request WHERE state = 'pending' ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) "
	"SELECT q.*, i.name, i.kind, i.state, "
	"ARRAY (SELECT pattern FROM name_grant g WHERE g.identity = q.identity AND g.profile = q.profile), "
	"CASE WHEN q.acme_order IS NOT NULL THEN ARRAY (SELECT CASE WHEN z.wildcard THEN 'dns:*.' || substr(z.identifier, 5) "
	"ELSE z.identifier END FROM acme_order o JOIN acme_authorization z ON z.id = ANY (o.authorizations) AND z.account = o.account "
	"WHERE o.id = q.acme_order AND z.deactivated_at IS NULL AND z.expires > now() "
	"AND EXISTS (SELECT 1 FROM acme_challenge c WHERE c.\"authorization\" = z.id AND c.status = 'valid')) END, "
	"CASE WHEN q.acme_order IS NOT NULL THEN EXISTS (SELECT 1 FROM acme_order o JOIN acme_account a ON a.id = o.account "
	"WHERE o.id = q.acme_order AND o.request = q.id AND o.profile = q.profile AND a.identity = q.identity "
	"AND a.status = 'valid' AND o.identifiers @> q.names AND o.identifiers <@ q.names) END, "
	"CASE WHEN q.renewed_from IS NOT NULL THEN EXISTS (SELECT 1 FROM issuance_request p WHERE p.serial = q.renewed_from "
	"AND p.identity = q.identity) AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = q.renewed_from) END "
	"FROM q JOIN identity i ON i.id = q.identity ORDER BY q.id",
	1};

static enum err
read_claimed(struct arena *a, const PGresult *res, size_t row, struct store_claimed *out)
{
	*out = (struct store_claimed){
		.id = result_int(res, row, 0),
		.protocol = result_text(a, res, row, 1),
		.request_id = result_text(a, res, row, 2),
		.profile = result_text(a, res, row, 3),
		.identity = result_int(res, row, 4),
		.spki = result_bytes(a, res, row, 6),
		.not_before = result_time(res, row, 7),
		.not_after = result_time(res, row, 8),
		.created_at = result_time(res, row, 9),
		.acme_order = result_text(a, res, row, 10),
		.has_renewed_from = !result_null(res, row, 11),
		.issuer = result_text(a, res, row, 12),
		.identity_name = result_text(a, res, row, 13),
		.identity_kind = column_identity_kind(res, row, 14),
		.identity_state = column_identity_state(res, row, 15),
		.order_usable = result_bool(res, row, 18),
		.renewed_from_live = result_bool(res, row, 19),
	};
	out->names = result_texts(a, res, row, 5, &out->name_count);
	out->grants = result_texts(a, res, row, 16, &out->grant_count);
	out->authorized = result_texts(a, res, row, 17, &out->authorized_count);
	return result_octets(res, row, 11, out->renewed_from, sizeof(out->renewed_from));
}

void
store_claim_abort(struct store_claim *claim)
{
	if (claim == NULL)
		return;
	if (db_conn_usable(claim->conn) && PQtransactionStatus(claim->conn->pg) != PQTRANS_IDLE &&
		db_conn_command(claim->conn, "ROLLBACK") != ERR_OK)
		db_conn_close(claim->conn);
	db_give(claim->store->db, DB_OWN, claim->conn);
	free(claim);
}

/* BEGIN and the claim in one round trip. */
static enum err
begin_and_take(struct db_conn *c, unsigned max, PGresult **out)
{
	static const struct stmt begin = {"claim_begin", "BEGIN", 0};
	AUTO_PARAMS(p);
	AUTO(PGresult) begun = NULL;
	AUTO(PGresult) res = NULL;
	enum err e = db_conn_prepare(c, &begin);

	params_int(&p, max);
	if (e == ERR_OK)
		e = db_conn_prepare(c, &take);
	if (e == ERR_OK && PQenterPipelineMode(c->pg) == 0)
		return err_set(ERR_UNAVAILABLE, "database: connection lost");
	if (e == ERR_OK)
		e = db_conn_queue(c, &begin, NULL);
	if (e == ERR_OK)
		e = db_conn_queue(c, &take, &p);
	if (e == ERR_OK)
		e = db_conn_sync(c);
	if (e == ERR_OK)
		e = db_conn_fetch(c, &begun);
	if (e == ERR_OK)
		e = db_conn_fetch(c, &res);
	if (e == ERR_OK)
		e = db_conn_fetch_sync(c);
	if (e == ERR_OK && PQexitPipelineMode(c->pg) == 0)
		db_conn_close(c);
	if (e == ERR_OK)
		e = db_conn_judge(res);
	if (e == ERR_OK) {
		*out = res;
		res = NULL;
	}
	return e;
}

enum err
store_claim_open(struct store *s, unsigned max, struct arena *a, struct store_claim **out,
	const struct store_claimed **items, size_t *count)
{
	AUTO(PGresult) res = NULL;
	struct db_conn *c;
	enum err e = db_take(s->db, DB_OWN, &c);

	if (e != ERR_OK)
		return e;
	struct store_claim *claim = mem_zalloc(1, sizeof(*claim));
	*claim = (struct store_claim){.store = s, .conn = c, .arena = a};
	e = begin_and_take(c, max < STORE_CLAIM_MAX ? max : STORE_CLAIM_MAX, &res);
	if (e == ERR_OK && result_rows(res) == 0)
		e = err_set(ERR_NOTFOUND, "no request is waiting");
	struct store_claimed *list =
		e == ERR_OK ? arena_array(a, result_rows(res), sizeof(*list)) : NULL;
	for (size_t i = 0; e == ERR_OK && i < result_rows(res); i++)
		e = read_claimed(a, res, i, &list[i]);
	if (e != ERR_OK) {
		store_claim_abort(claim);
		return e;
	}
	claim->items = list;
	claim->count = result_rows(res);
	*out = claim;
	*items = list;
	*count = claim->count;
	return ERR_OK;
}
