/* Durations as files and command lines write them: a plain decimal number and a unit, "30s", "5m",
 * "8h", "7d". */
#ifndef CHANCERY_BASE_DURATION_H
#define CHANCERY_BASE_DURATION_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, YEAR = 365 * DAY };
enum { DURATION_MAX = 3660 * DAY, DURATION_SIZE = 24 };

/* At most DURATION_MAX, ten years. ERR_INVALID for anything else. */
enum err duration_parse(const char *text, int64_t *seconds) MUST_CHECK;
/* In the largest unit that divides it; returns out. */
const char *duration_text(int64_t seconds, char out[DURATION_SIZE]);

#endif
