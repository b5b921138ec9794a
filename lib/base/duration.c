/* Durations; see duration.h. */
#include "lib/base/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct unit {
	int64_t seconds;
	char letter;
} units[] = {{DAY, 'd'}, {HOUR, 'h'}, {MINUTE, 'm'}, {1, 's'}};

enum err
duration_parse(const char *text, int64_t *seconds)
{
	enum { DIGITS_MAX = 9 };
	size_t digits = strspn(text, "0123456789");

	for (size_t i = 0; i < ARRAY_LEN(units) && digits > 0 && digits <= DIGITS_MAX; i++) {
		int64_t value;

		if (text[digits] != units[i].letter || text[digits + 1] != '\0')
			continue;
		value = strtoll(text, NULL, 10) * units[i].seconds;
		if (value > DURATION_MAX)
			return err_set(ERR_INVALID, "\"%s\" is longer than ten years", text);
		*seconds = value;
		return ERR_OK;
	}
	return err_set(ERR_INVALID, "\"%s\" is not a duration like 30s, 5m, 8h or 7d", text);
}

const char *
duration_text(int64_t seconds, char out[DURATION_SIZE])
{
	const struct unit *u = units;

	while (u->seconds > 1 && (seconds == 0 || seconds % u->seconds != 0))
		u++;
	snprintf(out, DURATION_SIZE, "%" PRId64 "%c", seconds / u->seconds, u->letter);
	return out;
}
