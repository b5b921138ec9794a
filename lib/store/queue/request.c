/*
 * The front ends' side of the issuance queue: adding requests, many by one statement. What it checks
 * on the way stands in schema/statements/request.sql.
 */
#include "lib/store/queue/request.h"

#include <stdlib.h>

#include "lib/store/queue/internal.h"
#include "schema/statements/request.h"

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

/* The names of all rows one after the other, and where each row's first and last are, from 1. */
static const char **
join_names(const void *const *rows, size_t n, int64_t *first, int64_t *last)
{
	const struct store_request_new *r;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		r = rows[i];
		first[i] = (int64_t)count + 1;
		count += r->name_count;
		last[i] = (int64_t)count;
	}
	const char **all = mem_zalloc(count + 1, sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		r = rows[i];
		for (size_t k = 0; k < r->name_count; k++)
			all[(size_t)first[i] - 1 + k] = r->names[k];
	}
	return all;
}

static struct bytes
serial_or_null(const uint8_t *serial)
{
	return bytes_of(serial, serial != NULL ? STORE_SERIAL_SIZE : 0);
}

/* Both statements have the same parameters. */
static void
request_params(const void *const *rows, size_t n, struct params *p)
{
	const char *protocols[DB_BATCH_MAX], *ids[DB_BATCH_MAX], *profiles[DB_BATCH_MAX],
		*orders[DB_BATCH_MAX], *proofs[DB_BATCH_MAX];
	int64_t identities[DB_BATCH_MAX], first[DB_BATCH_MAX], last[DB_BATCH_MAX],
		from[DB_BATCH_MAX], to[DB_BATCH_MAX], windows[DB_BATCH_MAX],
		requesters[DB_BATCH_MAX];
	struct bytes keys[DB_BATCH_MAX], renewed[DB_BATCH_MAX], shown[DB_BATCH_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct store_request_new *r = rows[i];

		protocols[i] = ca_protocol_name(r->protocol);
		ids[i] = r->request_id;
		identities[i] = r->identity;
		profiles[i] = r->profile;
		keys[i] = r->spki;
		from[i] = r->not_before;
		to[i] = r->not_after;
		orders[i] = r->acme_order;
		renewed[i] = serial_or_null(r->renewed_from);
		windows[i] = r->repeat_window;
		requesters[i] = r->requester;
		proofs[i] = store_proof_name(r->proof);
		shown[i] = serial_or_null(r->proof_serial);
	}
	const char **names = join_names(rows, n, first, last);
	BIND(p, request_add, .names = texts_of(names, n > 0 ? (size_t)last[n - 1] : 0),
		.protocols = texts_of(protocols, n), .request_ids = texts_of(ids, n),
		.identities = ints_of(identities, n), .profiles = texts_of(profiles, n),
		.first_names = ints_of(first, n), .last_names = ints_of(last, n),
		.spkis = octets_of(keys, n), .not_before = ints_of(from, n),
		.not_after = ints_of(to, n), .acme_orders = texts_of(orders, n),
		.renewed_from = octets_of(renewed, n), .repeat_windows = ints_of(windows, n),
		.requesters = ints_of(requesters, n), .proofs = texts_of(proofs, n),
		.proof_serials = octets_of(shown, n));
	free(names);
}

static const struct bulk add = {&sql_request_add, request_params, same_key};
static const struct bulk add_for_order = {&sql_request_add_for_order, request_params, same_order};

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

enum err
request_read_added(const PGresult *res, size_t row, int64_t *id, bool *old)
{
	if (result_null(res, row, COL_ADDED_STATE))
		return err_set(ERR_NOTFOUND, "no such identity");
	if (column_word(res, row, COL_ADDED_STATE, &identity_state_words) != IDENTITY_ACTIVE)
		return err_set_word(ERR_DENIED, WORD_IDENTITY_BLOCKED, "the identity is %s",
			result_peek(res, row, COL_ADDED_STATE));
	if (result_bool(res, row, COL_ADDED_REVOKED))
		return err_set_word(ERR_DENIED, WORD_CERTIFICATE_REVOKED,
			"the certificate to renew is revoked");
	if (result_bool(res, row, COL_ADDED_BLOCKED))
		return err_set_word(ERR_DENIED, WORD_KEY_BLOCKED,
			"the key was revoked as compromised; make a new one");
	if (result_null(res, row, COL_ADDED_ID))
		return err_set(ERR_CONFLICT, "the order is expired or finalized already");
	*id = result_int(res, row, COL_ADDED_ID);
	*old = result_bool(res, row, COL_ADDED_OLD); /* may have its result already */
	return ERR_OK;
}

enum err
store_request_add(struct store *s, const struct store_request_new *r, int64_t *id)
{
	const void *row = r;
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	bool old = false;

	request_params(&row, 1, &p);
	enum err e = db_write(s->db, bulk_for(r)->st, &p, &res);
	if (e == ERR_OK)
		e = request_read_added(res, 0, id, &old);
	if (e != ERR_OK || old)
		return e;
	store_ring(s, STORE_BELL_REQUEST);
	return ERR_OK;
}

enum err
store_own_request(struct store *s, const struct store_own_request *r, int64_t *id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, own_request, .profile = r->profile, .names = texts_of(r->names, r->name_count),
		.issuer = r->issuer, .spki = r->spki, .request_id = r->request_id);
	TRY(db_run(s->db, &sql_own_request, &p, &res));
	const char *outcome = result_peek(res, 0, COL_OWN_REQUEST_OUTCOME);

	if (strcmp(outcome, "unknown") == 0)
		return err_set(ERR_NOTFOUND,
			"this program has no service identity yet; run `ca-admin init`");
	if (strcmp(outcome, "denied") == 0)
		return err_set_word(ERR_DENIED, WORD_NAME_NOT_ALLOWED,
			"this program's identity may not have these names under profile \"%s\"; run `ca-admin init`",
			r->profile);
	if (strcmp(outcome, "limit") == 0)
		return err_set(ERR_LIMIT,
			"this program's identity has too many certificates; wait until some have ended");
	*id = result_int(res, 0, COL_OWN_REQUEST_REQUEST);
	store_ring(s, STORE_BELL_REQUEST);
	return ERR_OK;
}
