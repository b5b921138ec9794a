/*
 * The signer's side of the queue. A claim is an open transaction that holds row locks on its
 * requests (SKIP LOCKED keeps other signers off); if the signer dies, the locks vanish. What
 * becomes of them is recorded by record.c.
 */
#include "lib/store/queue/internal.h"

#include <stdlib.h>

#include "schema/statements/claim.h"

/* CLAIM_OCTETS_MAX: the grants of an identity come with each of its requests. */
enum { RELEASE_MAX = 500, CLAIM_OCTETS_MAX = 32 << 20 };

static enum err
read_claimed(struct arena *a, const PGresult *res, size_t row, struct store_claim_item *out)
{
	*out = (struct store_claim_item){
		.id = result_int(res, row, COL_CLAIM_TAKE_ID),
		.protocol = (enum ca_protocol)column_word(
			res, row, COL_CLAIM_TAKE_PROTOCOL, &ca_protocol_words),
		.request_id = result_text(a, res, row, COL_CLAIM_TAKE_REQUEST_ID),
		.profile = result_text(a, res, row, COL_CLAIM_TAKE_PROFILE),
		.identity = result_int(res, row, COL_CLAIM_TAKE_IDENTITY),
		.requester = result_int(res, row, COL_CLAIM_TAKE_REQUESTER),
		.spki = result_bytes(a, res, row, COL_CLAIM_TAKE_SPKI),
		.not_before = result_time(res, row, COL_CLAIM_TAKE_NOT_BEFORE),
		.not_after = result_time(res, row, COL_CLAIM_TAKE_NOT_AFTER),
		.created_at = result_time(res, row, COL_CLAIM_TAKE_CREATED_AT),
		.acme_order = result_text(a, res, row, COL_CLAIM_TAKE_ACME_ORDER),
		.has_renewed_from = !result_null(res, row, COL_CLAIM_TAKE_RENEWED_FROM),
		.issuer = result_text(a, res, row, COL_CLAIM_TAKE_ISSUER),
		.identity_name = result_text(a, res, row, COL_CLAIM_TAKE_IDENTITY_NAME),
		.identity_kind = (enum identity_kind)column_word(
			res, row, COL_CLAIM_TAKE_IDENTITY_KIND, &identity_kind_words),
		.identity_state = (enum identity_state)column_word(
			res, row, COL_CLAIM_TAKE_IDENTITY_STATE, &identity_state_words),
		.order_usable = result_bool(res, row, COL_CLAIM_TAKE_ORDER_USABLE),
		.renewed_from_live = result_bool(res, row, COL_CLAIM_TAKE_RENEWED_FROM_LIVE),
		.requester_active = result_null(res, row, COL_CLAIM_TAKE_REQUESTER_STATE) ||
			column_word(res, row, COL_CLAIM_TAKE_REQUESTER_STATE,
				&identity_state_words) == IDENTITY_ACTIVE,
		.shown_live = result_null(res, row, COL_CLAIM_TAKE_SHOWN_LIVE) ||
			result_bool(res, row, COL_CLAIM_TAKE_SHOWN_LIVE),
		.key_blocked = result_bool(res, row, COL_CLAIM_TAKE_KEY_BLOCKED),
		.epoch = result_int(res, row, COL_CLAIM_TAKE_EPOCH),
		.approvals = result_int(res, row, COL_CLAIM_TAKE_APPROVALS),
		.role = result_text(a, res, row, COL_CLAIM_TAKE_ROLE),
	};
	out->names = result_texts(a, res, row, COL_CLAIM_TAKE_NAMES, &out->name_count);
	out->grants = result_texts(a, res, row, COL_CLAIM_TAKE_GRANTS, &out->grant_count);
	out->authorized =
		result_texts(a, res, row, COL_CLAIM_TAKE_AUTHORIZED, &out->authorized_count);
	return result_octets(res, row, COL_CLAIM_TAKE_RENEWED_FROM, out->renewed_from,
		sizeof(out->renewed_from));
}

void
store_claim_abort(struct store_claim *claim)
{
	if (claim == NULL)
		return;
	if (db_conn_usable(claim->conn) && PQtransactionStatus(claim->conn->pg) != PQTRANS_IDLE &&
		db_conn_roll_back(claim->conn) != ERR_OK)
		db_conn_close(claim->conn);
	db_give(claim->store->db, DB_OWN, claim->conn);
	free(claim);
}

/* BEGIN and the claim in one round trip. */
static enum err
begin_and_take(struct db_conn *c, unsigned max, PGresult **out)
{
	AUTO_PARAMS(p);
	struct db_step steps[] = {{.st = &db_begin}, {.st = &sql_claim_take, .params = &p}};

	BIND(&p, claim_take, .most = max);
	enum err e = db_conn_pipeline(c, steps, ARRAY_LEN(steps));
	PQclear(steps[0].res);
	*out = steps[1].res;
	TRY(e);
	TRY(db_conn_judge(*out));
	return db_conn_bound(*out, CLAIM_OCTETS_MAX);
}

/* Fewer, where what comes with so many is more than is read at once: whoever has many grants and asks for
 * much must not keep everybody from being certified. */
static enum err
take_what_fits(struct db_conn *c, unsigned max, PGresult **out)
{
	enum err e = begin_and_take(c, max, out);

	while (e == ERR_LIMIT && max > 1) {
		PQclear(*out);
		*out = NULL;
		TRY(db_conn_roll_back(c));
		max = max > 8 ? max / 8 : 1;
		e = begin_and_take(c, max, out);
	}
	return e;
}

enum err
store_claim_open(struct store *s, unsigned max, struct arena *a, struct store_claim **out,
	const struct store_claim_item **items, size_t *count)
{
	AUTO(PGresult) res = NULL;
	struct db_conn *c;
	enum err e;

	TRY(db_take(s->db, DB_OWN, &c));
	struct store_claim *claim = mem_zalloc(1, sizeof(*claim));

	*claim = (struct store_claim){.store = s, .conn = c, .arena = a};
	e = take_what_fits(c, max < STORE_CLAIM_MAX ? max : STORE_CLAIM_MAX, &res);
	if (e == ERR_OK && result_rows(res) == 0)
		e = err_set(ERR_NOTFOUND, "no request is waiting");
	struct store_claim_item *list =
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

enum err
store_claim_release(struct store *s, bool *released)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, claim_release, .most = RELEASE_MAX);
	TRY(db_run(s->db, &sql_claim_release, &p, &res));
	*released = result_affected(res) > 0;
	return ERR_OK;
}
