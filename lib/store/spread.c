/*
 * Who has heard of a revocation. A status program writes into its node's detail the last snapshot
 * of the database whose revocations it has applied; a transaction's rows have reached it when that
 * transaction is visible in the snapshot. Times would not do: a feed may begin after a transaction
 * did and still not see it.
 */
#include <time.h>

#include "lib/base/clock.h"
#include "lib/store/certificate.h"
#include "lib/store/internal.h"
#include "schema/statements/revocation.h"

enum { FIRST_PAUSE_MS = 1, LAST_PAUSE_MS = 64 };

enum err
store_snapshot(struct store *s, struct arena *a, const char **out)
{
	AUTO(PGresult) res = NULL;
	enum err e = db_read(s->db, &sql_revocation_snapshot, NULL, &res);

	if (e == ERR_OK)
		*out = result_text(a, res, 0, COL_REVOCATION_SNAPSHOT_SNAPSHOT);
	return e;
}

static enum err
count_behind(struct store *s, const uint8_t *serial, const char *identity, unsigned *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, revocation_behind,
		.serial = bytes_of(serial, serial != NULL ? STORE_SERIAL_SIZE : 0),
		.identity = identity);
	enum err e = db_read(s->db, &sql_revocation_behind, &p, &res);
	if (e == ERR_OK)
		*out = (unsigned)result_int(res, 0, COL_REVOCATION_BEHIND_BEHIND);
	return e;
}

enum err
store_revocation_spread(struct store *s, const uint8_t *serial, const char *identity,
	int64_t wait_ms, unsigned *behind)
{
	int64_t deadline = clock_monotonic_us() + wait_ms * 1000;
	long pause_ms = FIRST_PAUSE_MS;
	enum err e = count_behind(s, serial, identity, behind);

	while (e == ERR_OK && *behind > 0 && clock_monotonic_us() < deadline) {
		const struct timespec pause = {.tv_nsec = pause_ms * 1000000L};

		nanosleep(&pause, NULL);
		pause_ms = pause_ms < LAST_PAUSE_MS ? pause_ms * 2 : LAST_PAUSE_MS;
		e = count_behind(s, serial, identity, behind);
	}
	return e;
}
