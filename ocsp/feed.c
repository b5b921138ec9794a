/*
 * Keeping the table true: what was issued, then what was revoked since the last time, so that "good" is never fresher than
 * what we know of revocation.
 */
#include "ocsp/service.h"

#include "lib/base/clock.h"

enum { ISSUED_BATCH = 20000, CATCH_UP_MS = 20, CATCH_UPS_PER_SECOND = 20 };

static enum err
read_revoked(struct ocsp_service *o)
{
	AUTO_STRUCT(arena) a = arena_new((size_t)1 << 30);
	struct store_revoked *rows;
	size_t count;
	enum err e = store_revocation_changes(o->store, a, &o->revoked_cursor, &rows, &count);

	for (size_t i = 0; e == ERR_OK && i < count; i++)
		ocsp_table_revoked(o->table, rows[i].serial, rows[i].issuer, rows[i].not_after, rows[i].revoked_at,
			(enum pki_reason)rows[i].reason);
	return e;
}

static enum err
read_issued(struct ocsp_service *o)
{
	bool more = true;
	enum err e = ERR_OK;

	while (e == ERR_OK && more) {
		AUTO_STRUCT(arena) a = arena_new((size_t)64 << 20);
		struct store_issued *rows;
		size_t count;

		e = store_issued_changes(o->store, a, &o->issued_cursor, ISSUED_BATCH, &rows, &count, &more);
		for (size_t i = 0; e == ERR_OK && i < count; i++)
			ocsp_table_issued(o->table, rows[i].serial, rows[i].issuer, rows[i].not_after);
	}
	return e;
}

enum err
feed_read(void *ctx)
{
	struct ocsp_service *o = ctx;
	int64_t began = clock_now();
	enum err e = read_issued(o);

	if (e == ERR_OK)
		e = read_revoked(o);
	if (e == ERR_OK)
		atomic_store(&o->fed_at, began);
	return e;
}

void
feed_start(struct ocsp_service *o)
{
	o->feed = store_follow(o->store, 1u << STORE_BELL_STATE | 1u << STORE_BELL_ISSUED, "ocsp.feed", feed_read, o);
}

/* At most CATCH_UPS_PER_SECOND a second in all threads: random serials must not make us wait or ask the database. */
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
	if (may_catch_up(o) && store_healthy(o->store) && store_follower_now(o->feed, CATCH_UP_MS) != ERR_OK)
		log_event(LOG_DEBUG, "ocsp.feed", LOG_S("reason", err_reason()));
}
