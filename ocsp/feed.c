/*
 * Keeping the table true: what was issued, then what was revoked since the last time, so that
 * "good" is never fresher than what we know of revocation. After new revocations it says up to
 * which snapshot of the database it is true, so that whoever revoked can know that every responder
 * says so.
 */
#include "lib/store/certificate.h"
#include "lib/store/revocation.h"
#include "ocsp/service.h"

#include <stdlib.h>

#include "lib/base/clock.h"

enum { READS_MAX = 3, CATCH_UP_MS = 20, CATCH_UPS_PER_SECOND = 20 };

/* Whether what was read may have holes. Transaction numbers go back when the database was restored
 * or replaced, and a little after a crash: then everything is read again. */
static bool
must_read_again(struct ocsp_service *o, struct ocsp_place *place, uint64_t before)
{
	bool doubtful = db_feed_doubtful(store_db(o->store), &place->connections_seen);

	if (place->cursor < before) {
		log_event(LOG_WARNING, "ocsp.feed",
			LOG_S("reason",
				"the database crashed, or is an older or another one; reading all of it again"));
		place->cursor = 0;
		return true;
	}
	if (doubtful)
		place->cursor = db_feed_back(place->cursor);
	return doubtful;
}

static void
apply_revoked(void *ctx, const struct store_revoked *r)
{
	struct ocsp_service *o = ctx;

	if (ocsp_table_revoked(o->table, r->serial, r->issuer, r->not_after, r->revoked_at,
		    (enum pki_reason)r->reason))
		o->untold = true;
}

static void
apply_issued(void *ctx, const struct store_issued *c)
{
	struct ocsp_service *o = ctx;

	ocsp_table_issued(o->table, c->serial, c->issuer, c->not_after);
}

static enum err
read_revoked(struct ocsp_service *o)
{
	uint64_t before;

	do {
		before = o->revoked.cursor;
		TRY(store_revocation_changes(o->store, &o->revoked.cursor, apply_revoked, o));
	} while (must_read_again(o, &o->revoked, before));
	return ERR_OK;
}

static enum err
read_issued(struct ocsp_service *o)
{
	uint64_t before;

	do {
		before = o->issued.cursor;
		TRY(store_issued_changes(o->store, &o->issued.cursor, apply_issued, o));
	} while (must_read_again(o, &o->issued, before));
	return ERR_OK;
}

/* Reads revocations until a snapshot, taken before a read that brought nothing new, covers all that
 * was applied. Costs nothing more than the one read while nobody revokes. */
static enum err
read_and_tell(struct ocsp_service *o)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const char *snapshot = NULL;
	enum err e;

	o->untold = o->untold || o->snapshot.text == NULL;
	e = read_revoked(o);
	for (int i = 0; e == ERR_OK && o->untold && i < READS_MAX; i++) {
		TRY(store_snapshot(o->store, a, &snapshot));
		o->untold = false;
		e = read_revoked(o);
		o->untold = o->untold || e != ERR_OK;
	}
	if (e == ERR_OK && snapshot != NULL)
		told_set(&o->snapshot, snapshot);
	return e;
}

enum err
feed_read(void *ctx)
{
	struct ocsp_service *o = ctx;
	int64_t began = clock_now();

	TRY(read_issued(o));
	TRY(read_and_tell(o));
	atomic_store(&o->fed_at, began);
	return ERR_OK;
}

void
feed_start(struct ocsp_service *o)
{
	o->feed = db_follow(store_db(o->store), 1u << STORE_BELL_STATE | 1u << STORE_BELL_ISSUED,
		"ocsp.feed", feed_read, o);
}

/* At most CATCH_UPS_PER_SECOND a second in all threads: random serials must not make us wait or ask
 * the database. */
static bool
may_catch_up(struct ocsp_service *o)
{
	int64_t now = clock_now();

	if (atomic_exchange(&o->miss_second, now) != now)
		atomic_store(&o->misses, 0);
	return atomic_fetch_add(&o->misses, 1) < CATCH_UPS_PER_SECOND;
}

void
feed_catch_up(struct ocsp_service *o)
{
	if (may_catch_up(o) && db_healthy(store_db(o->store)) &&
		db_follower_now(o->feed, CATCH_UP_MS) != ERR_OK)
		log_event(LOG_DEBUG, "ocsp.feed", LOG_S("reason", err_reason()));
}
