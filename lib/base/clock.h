/*
 * The only source of time. Wall time is seconds (or microseconds) since 1970 UTC; tests may pin it.
 */
#ifndef CHANCERY_BASE_CLOCK_H
#define CHANCERY_BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

int64_t clock_now(void);
int64_t clock_now_us(void);
/* Never jumps; for deadlines and durations only. Not affected by clock_pin(). */
int64_t clock_monotonic_us(void);

/* Tests only: every clock_now() answers t (seconds) until clock_unpin(). */
void clock_pin(int64_t t);
void clock_unpin(void);

enum { CLOCK_RFC3339_SIZE = 32, CLOCK_IMF_SIZE = 32 };
/* "2026-11-21T12:00:00Z" (RFC 3339) and "Sat, 21 Nov 2026 12:00:00 GMT" (RFC 9110 section 5.6.7).
 */
void clock_format_rfc3339(int64_t t, char out[CLOCK_RFC3339_SIZE]);
void clock_format_imf(int64_t t, char out[CLOCK_IMF_SIZE]);
/* Strict RFC 3339 with any offset; fractions of a second are dropped. ERR_INVALID otherwise. */
enum err clock_parse_rfc3339(struct bytes text, int64_t *out) MUST_CHECK;
/* IMF-fixdate only (If-Modified-Since). */
enum err clock_parse_imf(struct bytes text, int64_t *out) MUST_CHECK;

/* Condition variables on the monotonic clock, so that a jump of the wall clock ends no wait. */
void clock_cond_init(pthread_cond_t *c);
/* One wait, which may end early. False: the deadline (clock_monotonic_us()) has passed. */
bool clock_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline_us);

#endif
