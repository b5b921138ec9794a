/*
 * Trying again what failed: after pauses that double, told at once and then once a minute, so that
 * neither the log nor whoever is asked is flooded by an outage. One thread.
 */
#ifndef CHANCERY_BASE_RETRY_H
#define CHANCERY_BASE_RETRY_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

struct retry {
	const char *event; /* under which failures are logged; NULL: not at all */
	int64_t first_ms, last_ms;
	/* retry.c's own */
	int64_t pause_ms, next_us, told_us;
	enum err told;
};

/* Is it time for a try? Always, until one has failed. */
bool retry_due(const struct retry *r);
/* Failed with this (and its reason, for the log): plans the next try. */
void retry_failed(struct retry *r, enum err e);
/* Worked. True when the failures before it had been told. */
bool retry_succeeded(struct retry *r);
/* How long to sleep until the next try is due. */
int64_t retry_pause_ms(const struct retry *r);
/* The next try is due now and a failure is told anew: somebody asked for it. */
void retry_now(struct retry *r);

#endif
