/* Wall and monotonic time, and the two textual forms the protocols use; see clock.h. */
#include "lib/base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic(int64_t) pinned_time;
static atomic_bool pinned;

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int64_t
read_clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts); /* cannot fail for these two clocks */
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_now_us(void)
{
	if (atomic_load_explicit(&pinned, memory_order_acquire))
		return atomic_load(&pinned_time) * 1000000;
	return read_clock_us(CLOCK_REALTIME);
}

int64_t
clock_now(void)
{
	return clock_now_us() / 1000000;
}

int64_t
clock_monotonic_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

void
clock_pin(int64_t t)
{
	atomic_store(&pinned_time, t);
	atomic_store_explicit(&pinned, true, memory_order_release);
}

void
clock_unpin(void)
{
	atomic_store(&pinned, false);
}

/* Years outside 0000 to 9999 have no form in either text; such a time is a bug or damage, shown as
 * the limit. */
static struct tm
split_time(int64_t t)
{
	enum { EARLIEST = 0, LATEST = 1 };
	static const int64_t limit[] = {[EARLIEST] = -62167219200, [LATEST] = 253402300799};
	time_t clamped = (time_t)(t < limit[EARLIEST] ? limit[EARLIEST]
			: t > limit[LATEST]	      ? limit[LATEST]
						      : t);
	struct tm tm;

	gmtime_r(&clamped, &tm);
	return tm;
}

void
clock_format_rfc3339(int64_t t, char out[CLOCK_RFC3339_SIZE])
{
	struct tm tm = split_time(t);

	/* Not strftime: its %Y has no leading zeros. */
	snprintf(out, CLOCK_RFC3339_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ",
		(tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100, tm.tm_mday % 100,
		tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
}

void
clock_format_imf(int64_t t, char out[CLOCK_IMF_SIZE])
{
	struct tm tm = split_time(t);

	/* Not strftime: its names follow the locale. */
	snprintf(out, CLOCK_IMF_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT",
		day_names[tm.tm_wday % 7], tm.tm_mday % 100, month_names[tm.tm_mon % 12],
		(tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
}

/* Exactly count digits at the head of the view, which moves past them; -1 when they are not there.
 */
static int
take_number(struct bytes *text, size_t count)
{
	int n = 0;

	if (text->n < count)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (text->p[i] < '0' || text->p[i] > '9')
			return -1;
		n = n * 10 + (text->p[i] - '0');
	}
	*text = bytes_of(text->p + count, text->n - count);
	return n;
}

/* One of the given characters at the head of the view, which moves past it; NUL when it is not
 * there. */
static char
take_char(struct bytes *text, const char *allowed)
{
	char c;

	if (text->n == 0 || text->p[0] == '\0' || strchr(allowed, text->p[0]) == NULL)
		return '\0';
	c = (char)text->p[0];
	*text = bytes_of(text->p + 1, text->n - 1);
	return c;
}

static bool
take_word(struct bytes *text, const char *word)
{
	size_t n = strlen(word);

	if (text->n < n || memcmp(text->p, word, n) != 0)
		return false;
	*text = bytes_of(text->p + n, text->n - n);
	return true;
}

/* Index of the three-letter name at the head of the view, or -1. */
static int
take_name(struct bytes *text, const char names[][4], int count)
{
	for (int i = 0; i < count; i++) {
		if (take_word(text, names[i]))
			return i;
	}
	return -1;
}

static bool
take_time_of_day(struct bytes *text, struct tm *tm)
{
	tm->tm_hour = take_number(text, 2);
	if (take_char(text, ":") == '\0')
		return false;
	tm->tm_min = take_number(text, 2);
	if (take_char(text, ":") == '\0')
		return false;
	tm->tm_sec = take_number(text, 2);
	/* A leap second is no moment that time_t can tell; nobody sends one on purpose. */
	return tm->tm_hour >= 0 && tm->tm_hour < 24 && tm->tm_min >= 0 && tm->tm_min < 60 &&
		tm->tm_sec >= 0 && tm->tm_sec < 60;
}

/* A calendar date that exists: timegm() would silently turn 31 February into March. */
static bool
join_time(const struct tm *tm, int64_t *out)
{
	struct tm copy = *tm;
	int64_t t;

	if (tm->tm_year < -1900 || tm->tm_mon < 0 || tm->tm_mon > 11 || tm->tm_mday < 1 ||
		tm->tm_mday > 31)
		return false;
	t = timegm(&copy);
	if (copy.tm_mday != tm->tm_mday)
		return false;
	*out = t;
	return true;
}

/* "Z" or "+HH:MM" / "-HH:MM"; seconds to take off for UTC. */
static bool
take_offset(struct bytes *text, int64_t *seconds)
{
	char sign = take_char(text, "Zz+-");
	int hours, minutes;

	*seconds = 0;
	if (sign == 'Z' || sign == 'z')
		return true;
	if (sign == '\0')
		return false;
	hours = take_number(text, 2);
	if (take_char(text, ":") == '\0')
		return false;
	minutes = take_number(text, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*seconds = (int64_t)(hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
	return true;
}

static bool
take_fraction(struct bytes *text)
{
	if (take_char(text, ".") == '\0')
		return true;
	if (take_number(text, 1) < 0)
		return false;
	while (take_number(text, 1) >= 0)
		;
	return true;
}

static bool
take_date(struct bytes *text, struct tm *tm)
{
	tm->tm_year = take_number(text, 4) - 1900;
	if (take_char(text, "-") == '\0')
		return false;
	tm->tm_mon = take_number(text, 2) - 1;
	if (take_char(text, "-") == '\0')
		return false;
	tm->tm_mday = take_number(text, 2);
	return take_char(text, "Tt") != '\0';
}

enum err
clock_parse_rfc3339(struct bytes text, int64_t *out)
{
	struct bytes rest = text;
	struct tm tm = {0};
	int64_t offset, t;

	if (text.n > 64)
		return err_set(
			ERR_INVALID, "a time of %zu characters is not an RFC 3339 time", text.n);
	if (!take_date(&rest, &tm) || !take_time_of_day(&rest, &tm) || !take_fraction(&rest) ||
		!take_offset(&rest, &offset) || rest.n > 0 || !join_time(&tm, &t))
		return err_set(ERR_INVALID,
			"\"%.*s\" is not an RFC 3339 time like 2026-11-21T12:00:00Z", (int)text.n,
			(const char *)text.p);
	*out = t - offset;
	return ERR_OK;
}

static bool
parse_imf(struct bytes *rest, struct tm *tm, int64_t *out)
{
	tm->tm_wday = take_name(rest, day_names, 7);
	if (tm->tm_wday < 0 || !take_word(rest, ", "))
		return false;
	tm->tm_mday = take_number(rest, 2);
	if (!take_word(rest, " "))
		return false;
	tm->tm_mon = take_name(rest, month_names, 12);
	if (!take_word(rest, " "))
		return false;
	tm->tm_year = take_number(rest, 4) - 1900;
	return take_word(rest, " ") && take_time_of_day(rest, tm) && take_word(rest, " GMT") &&
		rest->n == 0 && join_time(tm, out);
}

enum err
clock_parse_imf(struct bytes text, int64_t *out)
{
	struct bytes rest = text;
	struct tm tm = {0};
	int64_t t;

	/* The name of the day is redundant; a wrong one means a broken sender (RFC 9110
	 * section 5.6.7). */
	if (text.n != 29 || !parse_imf(&rest, &tm, &t) || split_time(t).tm_wday != tm.tm_wday)
		return err_set(ERR_INVALID, "not an IMF-fixdate time (RFC 9110 section 5.6.7)");
	*out = t;
	return ERR_OK;
}

void
clock_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

bool
clock_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline_us)
{
	struct timespec t = {
		.tv_sec = deadline_us / 1000000, .tv_nsec = deadline_us % 1000000 * 1000};

	return pthread_cond_timedwait(c, m, &t) == 0;
}
