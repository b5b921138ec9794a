/*
 * Records everything of one claim in one transaction. Certificates, names, results and audit events
 * are written by one statement over arrays, and only for requests that are still pending, so
 * recording the same outcomes twice is harmless: after a COMMIT without an answer the requests are
 * locked again on a new connection, which waits for the old transaction if it still runs, and what
 * is still pending is recorded from the outcomes at hand. Nothing is ever signed twice for that.
 */
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/store/queue/internal.h"
#include "schema/statements/claim.h"
#include "schema/statements/request.h"

enum record_as {
	RECORD_NOT,
	RECORD_ISSUED,
	RECORD_REFUSED,
	RECORD_HELD,
	RECORD_CHANGED,
	RECORD_BROKEN
};

/* What one transaction records: parallel to the claim's items, `on` tells which. */
struct record {
	const struct store_claim *claim;
	struct store_outcome *outcomes; /* in the end: what the rows say */
	bool *on;
	enum record_as *as;
};

static const enum record_as as_of[] = {
	[STORE_OUTCOME_ISSUED] = RECORD_ISSUED,
	[STORE_OUTCOME_REFUSED] = RECORD_REFUSED,
	[STORE_OUTCOME_HELD] = RECORD_HELD,
	[STORE_OUTCOME_CHANGED] = RECORD_NOT,
};

static void
begin_recording(struct record *r)
{
	for (size_t i = 0; i < r->claim->count; i++)
		r->as[i] = !r->on[i]		    ? RECORD_NOT
			: r->as[i] == RECORD_BROKEN ? RECORD_BROKEN
						    : as_of[r->outcomes[i].kind];
}

static size_t
issue_params(const struct record *r, struct params *p)
{
	int64_t ids[STORE_CLAIM_MAX], from[STORE_CLAIM_MAX], to[STORE_CLAIM_MAX],
		epochs[STORE_CLAIM_MAX], holders[2 * STORE_CLAIM_MAX];
	int16_t issuers[STORE_CLAIM_MAX];
	struct bytes serials[STORE_CLAIM_MAX], ders[STORE_CLAIM_MAX], hashes[STORE_CLAIM_MAX];
	const char *actors[STORE_CLAIM_MAX];
	size_t n = 0;

	for (size_t i = 0; i < r->claim->count; i++) {
		const struct store_outcome *o = &r->outcomes[i];

		if (r->as[i] != RECORD_ISSUED)
			continue;
		ids[n] = r->claim->items[i].id;
		issuers[n] = o->issuer;
		serials[n] = bytes_of(o->serial, sizeof(o->serial));
		from[n] = o->not_before;
		to[n] = o->not_after;
		ders[n] = o->der;
		hashes[n] = o->spki_hash;
		epochs[n] = r->claim->items[i].epoch;
		holders[2 * n] = r->claim->items[i].identity;
		holders[2 * n + 1] = r->claim->items[i].requester;
		actors[n++] = r->claim->items[i].identity_name;
	}
	BIND(p, claim_issue, .ids = ints_of(ids, n), .issuers = shorts_of(issuers, n),
		.serials = octets_of(serials, n), .not_before = ints_of(from, n),
		.not_after = ints_of(to, n), .ders = octets_of(ders, n),
		.spki_hashes = octets_of(hashes, n), .actors = texts_of(actors, n),
		.epochs = ints_of(epochs, n), .holders = ints_of(holders, 2 * n));
	return n;
}

/* What cannot be recorded as it is. */
static const struct store_outcome broken = {.kind = STORE_OUTCOME_REFUSED,
	.refusal_class = ERR_INTERNAL,
	.refusal_word = WORD_INTERNAL,
	.refusal = "the certificate could not be recorded"};

static size_t
refuse_params(const struct record *r, struct params *p)
{
	int64_t ids[STORE_CLAIM_MAX];
	const char *classes[STORE_CLAIM_MAX], *words[STORE_CLAIM_MAX], *reasons[STORE_CLAIM_MAX],
		*actors[STORE_CLAIM_MAX];
	size_t n = 0;

	for (size_t i = 0; i < r->claim->count; i++) {
		const struct store_outcome *o =
			r->as[i] == RECORD_BROKEN ? &broken : &r->outcomes[i];

		if (r->as[i] != RECORD_REFUSED && r->as[i] != RECORD_BROKEN)
			continue;
		ids[n] = r->claim->items[i].id;
		classes[n] = err_name(o->refusal_class);
		words[n] = err_word_text(o->refusal_word);
		reasons[n] = o->refusal;
		actors[n++] = r->claim->items[i].identity_name;
	}
	BIND(p, claim_refuse, .ids = ints_of(ids, n), .classes = texts_of(classes, n),
		.words = texts_of(words, n), .reasons = texts_of(reasons, n),
		.actors = texts_of(actors, n));
	return n;
}

static enum err
roll_back(struct db_conn *c)
{
	return PQtransactionStatus(c->pg) != PQTRANS_IDLE ? db_conn_roll_back(c) : ERR_OK;
}

/* After a pipeline whose results are there: why it was not committed. */
static enum err
judge_all(struct db_conn *c, const struct db_step *steps, size_t count)
{
	enum err e = ERR_OK;
	char why[200];

	for (size_t i = 0; i < count && e == ERR_OK; i++)
		e = db_conn_judge(steps[i].res);
	if (e == ERR_OK)
		return ERR_OK;
	snprintf(why, sizeof(why), "%s", err_reason());
	if (db_conn_usable(c) && db_conn_roll_back(c) == ERR_OK)
		return err_set(e, "%s", why); /* alive and rolled back: certainly not recorded */
	db_conn_close(c);
	return err_set(ERR_UNAVAILABLE, "%s", why);
}

static size_t
hold_params(const struct record *r, struct params *p)
{
	int64_t ids[STORE_CLAIM_MAX], until[STORE_CLAIM_MAX], needed[STORE_CLAIM_MAX];
	const char *holds[STORE_CLAIM_MAX], *reasons[STORE_CLAIM_MAX], *actors[STORE_CLAIM_MAX];
	size_t n = 0;

	for (size_t i = 0; i < r->claim->count; i++) {
		const struct store_outcome *o = &r->outcomes[i];

		if (r->as[i] != RECORD_HELD)
			continue;
		ids[n] = r->claim->items[i].id;
		holds[n] = store_hold_name(o->hold);
		until[n] = o->until;
		reasons[n] = o->hold_reason;
		needed[n] = o->approvals_needed;
		actors[n++] = r->claim->items[i].identity_name;
	}
	BIND(p, claim_hold, .ids = ints_of(ids, n), .holds = texts_of(holds, n),
		.until = ints_of(until, n), .reasons = texts_of(reasons, n),
		.needed = ints_of(needed, n), .actors = texts_of(actors, n));
	return n;
}

static bool
has_row_of(const PGresult *res, int64_t id)
{
	for (size_t row = 0; row < result_rows(res); row++)
		if (result_int(res, row, COL_CLAIM_ISSUE_REQUEST) == id)
			return true;
	return false;
}

/* Was it still authorised by what it was decided by? Otherwise it is decided anew. */
static void
read_recorded(struct record *r, const PGresult *res)
{
	for (size_t i = 0; i < r->claim->count; i++)
		if (r->as[i] == RECORD_ISSUED && !has_row_of(res, r->claim->items[i].id))
			r->as[i] = RECORD_CHANGED;
}

/* Locks what authorises, writes and commits in one round trip. ERR_UNAVAILABLE: perhaps it was
 * committed. */
static enum err
write_all(struct db_conn *c, struct record *r)
{
	AUTO_PARAMS(issued);
	AUTO_PARAMS(refused);
	AUTO_PARAMS(held);
	struct db_step steps[4];
	size_t n = 0;
	bool issues = issue_params(r, &issued) > 0;

	if (issues)
		steps[n++] = (struct db_step){.st = &sql_claim_issue, .params = &issued};
	if (refuse_params(r, &refused) > 0)
		steps[n++] = (struct db_step){.st = &sql_claim_refuse, .params = &refused};
	if (hold_params(r, &held) > 0)
		steps[n++] = (struct db_step){.st = &sql_claim_hold, .params = &held};
	steps[n++] = (struct db_step){.st = &db_commit};
	enum err e = db_conn_pipeline(c, steps, n);
	if (e == ERR_OK)
		e = judge_all(c, steps, n);
	if (e == ERR_OK && issues)
		read_recorded(r, steps[0].res);
	for (size_t i = 0; i < n; i++)
		PQclear(steps[i].res);
	return e;
}

/* What was not recorded as it was decided is told so. */
static void
take_own_outcomes(struct record *r)
{
	for (size_t i = 0; i < r->claim->count; i++)
		if (r->as[i] == RECORD_BROKEN)
			r->outcomes[i] = broken;
		else if (r->as[i] == RECORD_CHANGED)
			r->outcomes[i] = (struct store_outcome){.kind = STORE_OUTCOME_CHANGED};
}

static enum err
record_all(struct db_conn *c, struct record *r)
{
	begin_recording(r);
	TRY(write_all(c, r));
	take_own_outcomes(r);
	return ERR_OK;
}

/* Whoever waits sees it as pending; whoever records must not touch what another signer has held. */
static bool
is_held(const PGresult *res, size_t row)
{
	return strcmp(result_peek(res, row, COL_RESULT_STATE), "held") == 0;
}

static void
take_recorded(const struct store_result *row, struct store_outcome *out)
{
	if (row->state == STORE_RESULT_DONE)
		memcpy(out->serial, row->serial, sizeof(out->serial));
	else if (row->state != STORE_RESULT_REFUSED)
		*out = (struct store_outcome){
			.kind = STORE_OUTCOME_HELD, .hold_reason = "another signer holds it"};
	else
		*out = (struct store_outcome){.kind = STORE_OUTCOME_REFUSED,
			.refusal_class = row->refusal_class,
			.refusal_word = row->refusal_word,
			.refusal = row->refusal};
}

/* Requests that are answered already, by our COMMIT whose answer was lost or by another signer that
 * took them up since: nothing is left to do but to tell what they got. */
static enum err
read_answered(struct record *r, const PGresult *res)
{
	for (size_t n = 0; n < result_rows(res); n++) {
		struct store_result row;

		TRY(wait_read_result(r->claim->arena, res, n, &row));
		for (size_t i = 0; i < r->claim->count; i++)
			if (r->claim->items[i].id == result_int(res, n, COL_RESULT_REQUEST) &&
				(row.state != STORE_RESULT_PENDING || is_held(res, n))) {
				take_recorded(&row, &r->outcomes[i]);
				r->on[i] = false;
			}
	}
	return ERR_OK;
}

/* On another transaction: locks the requests again, which waits for whoever has them, and records
 * what is pending. */
static enum err
record_again(struct db_conn *c, struct record *r)
{
	int64_t ids[STORE_CLAIM_MAX];
	size_t n = 0;

	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	for (size_t i = 0; i < r->claim->count; i++)
		if (r->on[i])
			ids[n++] = r->claim->items[i].id;
	BIND(&p, claim_relock, .ids = ints_of(ids, n));
	TRY(db_conn_begin(c));
	TRY(db_conn_run(c, &sql_claim_relock, &p, &res));
	TRY(read_answered(r, res));
	return record_all(c, r);
}

/* This item alone; one that cannot be recorded as it is becomes a refusal, or it would come back for
 * ever. */
static enum err
record_one(struct db_conn *c, struct record *r, size_t i)
{
	enum err e = record_again(c, r);

	if (e == ERR_OK || e == ERR_UNAVAILABLE || !db_conn_usable(c))
		return e;
	r->as[i] = RECORD_BROKEN;
	TRY(roll_back(c));
	return record_again(c, r);
}

/* A statement failed for the batch: one by one. Not even the refusal of one may be recordable; then
 * the others are, and the first such failure is told. */
static enum err
record_singly(struct db_conn *c, struct record *r)
{
	bool *all = r->on, one[STORE_CLAIM_MAX] = {false};
	enum err e = ERR_OK, first = ERR_OK;
	const char *why = NULL;

	r->on = one;
	for (size_t i = 0; i < r->claim->count && e == ERR_OK; i++) {
		one[i] = all[i];
		e = one[i] ? record_one(c, r, i) : ERR_OK;
		one[i] = false;
		if (e == ERR_OK || e == ERR_UNAVAILABLE || !db_conn_usable(c))
			continue;
		if (first == ERR_OK)
			why = arena_strdup(r->claim->arena, err_reason());
		first = first == ERR_OK ? e : first;
		e = roll_back(c);
	}
	r->on = all;
	return e != ERR_OK || first == ERR_OK ? e : err_set(first, "%s", why);
}

static enum err
finish_all(struct store_claim *claim, struct store_outcome *outcomes)
{
	bool on[STORE_CLAIM_MAX];
	enum record_as as[STORE_CLAIM_MAX] = {RECORD_NOT};
	struct record r = {claim, outcomes, on, as};
	int64_t deadline = clock_monotonic_us() + DB_PATIENCE_US;

	for (size_t i = 0; i < claim->count; i++)
		on[i] = true;
	enum err e = record_all(claim->conn, &r);
	while (e != ERR_OK) {
		if (e != ERR_UNAVAILABLE && db_conn_usable(claim->conn)) {
			e = roll_back(claim->conn);
			if (e == ERR_OK)
				e = record_singly(claim->conn, &r);
		}
		if (e != ERR_UNAVAILABLE || db_late(claim->store->db, deadline))
			return e;
		/* Broken before or during COMMIT: the same outcomes again, where they are still
		 * wanted. */
		db_conn_close(claim->conn);
		e = db_connect(claim->store->db, claim->conn, DB_CONN_CONNECT_US);
		if (e == ERR_OK)
			e = record_again(claim->conn, &r);
	}
	return ERR_OK;
}

/* Those programs whose requests these are. */
static void
ring_asking(struct store *s, const struct store_claim_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t first = 0;

		while (strcmp(items[first].role, items[i].role) != 0)
			first++;
		if (first == i)
			db_ring_role(s->db, STORE_BELL_RESULT, items[i].role);
	}
}

enum err
store_claim_finish(struct store_claim *claim, struct store_outcome *outcomes)
{
	struct store *s = claim->store;
	enum err e = finish_all(claim, outcomes);
	const struct store_claim_item *items = claim->items;
	size_t count = claim->count;

	store_claim_abort(claim);
	ring_asking(s, items, count);
	/* Also after a failure: of some it may be recorded what became of them. */
	db_ring_later(s->db, STORE_BELL_ISSUED);
	return e;
}
