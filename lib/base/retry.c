/* Pauses and the telling of an outage; see retry.h. */
#include "lib/base/retry.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

enum { TELL_EVERY_US = 60 * 1000 * 1000 };

bool
retry_due(const struct retry *r)
{
	return clock_monotonic_us() >= r->next_us;
}

/* Another kind of failure is told at once. */
static bool
must_tell(const struct retry *r, enum err e, int64_t now)
{
	return r->event != NULL &&
		(r->told == ERR_OK || r->told != e || now - r->told_us >= TELL_EVERY_US);
}

void
retry_failed(struct retry *r, enum err e)
{
	int64_t now = clock_monotonic_us();

	if (must_tell(r, e, now)) {
		log_failure(r->event, e);
		r->told = e;
		r->told_us = now;
	}
	r->pause_ms = r->pause_ms == 0 ? r->first_ms : r->pause_ms * 2;
	if (r->pause_ms > r->last_ms)
		r->pause_ms = r->last_ms;
	r->next_us = now + r->pause_ms * 1000;
}

bool
retry_succeeded(struct retry *r)
{
	bool told = r->told != ERR_OK;

	r->told = ERR_OK;
	r->pause_ms = r->next_us = 0;
	return told;
}

int64_t
retry_pause_ms(const struct retry *r)
{
	int64_t left = r->next_us - clock_monotonic_us();

	return left > 0 ? (left + 999) / 1000 : 0;
}

void
retry_now(struct retry *r)
{
	r->told = ERR_OK;
	r->pause_ms = r->next_us = 0;
}
