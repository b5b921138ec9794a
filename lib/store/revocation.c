/*
 * Revoking, and who has heard of it. Status programs and fronts write into their node's detail the last
 * snapshot of the database whose revocations (fronts: and identities) they have applied; a transaction's rows have reached it when that
 * transaction is visible in the snapshot. Times would not do: a feed may begin after a transaction
 * did and still not see it.
 */
#include "lib/store/revocation.h"

#include <time.h>

#include "lib/base/clock.h"
#include "lib/store/internal.h"
#include "schema/statements/revocation.h"

enum { FIRST_PAUSE_MS = 1, LAST_PAUSE_MS = 64 };

static enum err
run_revoke(struct store *s, const struct store_revoke *r, PGresult **out)
{
	struct bytes serial = bytes_of(r->serial, STORE_SERIAL_SIZE);
	AUTO_PARAMS(p);

	if (r->scope == STORE_REVOKE_LINE) {
		BIND(&p, certificate_revoke_line, .serial = serial, .reason = r->reason,
			.actor = r->actor, .request_id = r->request_id);
		return db_run(s->db, &sql_certificate_revoke_line, &p, out);
	}
	if (r->scope == STORE_REVOKE_ACME) {
		BIND(&p, acme_revoke, .serial = serial, .reason = r->reason, .account = r->account,
			.actor = r->actor, .request_id = r->request_id);
		return db_run(s->db, &sql_acme_revoke, &p, out);
	}
	BIND(&p, certificate_revoke, .serial = serial, .reason = r->reason, .actor = r->actor,
		.request_id = r->request_id);
	return db_run(s->db, &sql_certificate_revoke, &p, out);
}

enum err
store_certificate_revoke(struct store *s, struct arena *a, const struct store_revoke *r,
	struct store_revoke_done *out)
{
	AUTO(PGresult) res = NULL;

	TRY(run_revoke(s, r, &res));
	const char *outcome = result_peek(res, 0, COL_REVOKE_DONE_OUTCOME);

	if (strcmp(outcome, "unknown") == 0)
		return err_set(ERR_NOTFOUND, "no certificate with this serial");
	if (strcmp(outcome, "denied") == 0)
		return err_set_word(ERR_DENIED, WORD_NOT_YOURS,
			"ACME revokes what came through ACME, for those who may have its names (RFC 8555 section 7.6)");
	store_ring(s, STORE_BELL_STATE);
	if (strcmp(outcome, "already") == 0)
		return err_set_word(
			ERR_CONFLICT, WORD_ALREADY_REVOKED, "the certificate is revoked already");
	out->others = result_texts(a, res, 0, COL_REVOKE_DONE_OTHERS, &out->count);
	return ERR_OK;
}

enum err
store_certificate_successors(struct store *s, const uint8_t *serial, int64_t *live)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, certificate_successors, .serial = bytes_of(serial, STORE_SERIAL_SIZE));
	TRY(db_read(s->db, &sql_certificate_successors, &p, &res));
	*live = result_int(res, 0, COL_CERTIFICATE_SUCCESSORS_LIVE);
	return ERR_OK;
}

enum err
store_key_blocked(struct store *s, struct bytes spki, bool *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, key_blocked, .spki = spki);
	TRY(db_read(s->db, &sql_key_blocked, &p, &res));
	*out = result_bool(res, 0, COL_KEY_BLOCKED_BLOCKED);
	return ERR_OK;
}

struct revoked_reader {
	store_revoked_fn *fn;
	void *ctx;
	int64_t now;
};

static void
bind_changes(struct params *p, const struct feed_place *after, int64_t page)
{
	BIND(p, revocation_changes, .cursor = (int64_t)after->xid, .after = after->key,
		.page = page);
}

static enum err
apply_change(void *ctx, const PGresult *res, size_t row)
{
	const struct revoked_reader *r = ctx;
	struct store_revoked revoked;

	TRY(row_revoked(res, row, &revoked));
	if (revoked.not_after >= r->now)
		r->fn(r->ctx, &revoked);
	return ERR_OK;
}

enum err
store_revocation_changes(struct store *s, uint64_t *cursor, store_revoked_fn *fn, void *ctx)
{
	static const struct feed feed = {&sql_revocation_changes, bind_changes, COL_REVOKED_SERIAL,
		COL_REVOCATION_CHANGES_XID, COL_REVOCATION_CHANGES_OLDEST, apply_change};
	struct revoked_reader r = {fn, ctx, clock_now()};

	return feed_look(s, &feed, cursor, &r);
}

enum err
row_revoked(const PGresult *res, size_t row, struct store_revoked *out)
{
	*out = (struct store_revoked){
		.issuer = (int16_t)result_int(res, row, COL_REVOKED_ISSUER),
		.revoked_at = result_time(res, row, COL_REVOKED_REVOKED_AT),
		.not_after = result_time(res, row, COL_REVOKED_NOT_AFTER),
		.reason = result_null(res, row, COL_REVOKED_REASON)
			? -1
			: (int)result_int(res, row, COL_REVOKED_REASON),
	};
	return result_octets(res, row, COL_REVOKED_SERIAL, out->serial, sizeof(out->serial));
}

enum err
store_snapshot(struct store *s, struct arena *a, const char **out)
{
	AUTO(PGresult) res = NULL;

	TRY(db_read(s->db, &sql_revocation_snapshot, NULL, &res));
	*out = result_text(a, res, 0, COL_REVOCATION_SNAPSHOT_SNAPSHOT);
	return ERR_OK;
}

static enum err
count_behind(struct store *s, const uint8_t *serial, const char *identity, unsigned *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, revocation_behind,
		.serial = bytes_of(serial, serial != NULL ? STORE_SERIAL_SIZE : 0),
		.identity = identity);
	TRY(db_read(s->db, &sql_revocation_behind, &p, &res));
	*out = (unsigned)result_int(res, 0, COL_REVOCATION_BEHIND_BEHIND);
	return ERR_OK;
}

enum err
store_revocation_settle(struct store *s, const uint8_t *serial, const char *identity,
	int64_t wait_ms, unsigned *behind)
{
	int64_t deadline = clock_monotonic_us() + wait_ms * 1000;
	long pause_ms = FIRST_PAUSE_MS;

	TRY(count_behind(s, serial, identity, behind));
	while (*behind > 0 && clock_monotonic_us() < deadline) {
		const struct timespec pause = {.tv_nsec = pause_ms * 1000000L};

		nanosleep(&pause, NULL);
		pause_ms = pause_ms < LAST_PAUSE_MS ? pause_ms * 2 : LAST_PAUSE_MS;
		TRY(count_behind(s, serial, identity, behind));
	}
	return ERR_OK;
}
