/*
 * Times in DER (RFC 5280 section 4.1.2.5): UTCTime for 1950 to 2049, GeneralizedTime from 2050,
 * both to the second and in Zulu. Calendar arithmetic of our own: timegm() depends on locale data
 * and accepts 31 February.
 */
#include "lib/pki/der.h"

enum { UTC_SIZE = 13, GENERALIZED_SIZE = 15, DAY = 86400 };

struct civil {
	int year, month, day, hour, minute, second;
};

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day
 * is last. */
static int64_t
days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400,
		of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void
civil_of(int64_t t, struct civil *c)
{
	int64_t days = (t >= 0 ? t : t - (DAY - 1)) / DAY, rest = t - days * DAY, z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100),
		m = (5 * of_year + 2) / 153;

	c->day = (int)(of_year - (153 * m + 2) / 5 + 1);
	c->month = (int)(m < 10 ? m + 3 : m - 9);
	c->year = (int)(year + era * 400 + (c->month <= 2));
	c->hour = (int)(rest / 3600);
	c->minute = (int)(rest / 60 % 60);
	c->second = (int)(rest % 60);
}

static bool
two_digits(const uint8_t *p, int *out)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*out = (p[0] - '0') * 10 + (p[1] - '0');
	return true;
}

/* "MMDDHHMMSSZ" after the year. */
static bool
parse_rest(const uint8_t *p, struct civil *c)
{
	return two_digits(p, &c->month) && two_digits(p + 2, &c->day) &&
		two_digits(p + 4, &c->hour) && two_digits(p + 6, &c->minute) &&
		two_digits(p + 8, &c->second) && p[10] == 'Z' && c->month >= 1 && c->month <= 12 &&
		c->day >= 1 && c->day <= days_in_month(c->year, c->month) && c->hour <= 23 &&
		c->minute <= 59 && c->second <= 59;
}

static int64_t
seconds_of(const struct civil *c)
{
	return days_of(c->year, c->month, c->day) * DAY + c->hour * 3600 + c->minute * 60 +
		c->second;
}

static bool
parse_utc(struct bytes b, struct civil *c)
{
	if (b.n != UTC_SIZE || !two_digits(b.p, &c->year))
		return false;
	c->year += c->year >= 50 ? 1900 : 2000;
	return parse_rest(b.p + 2, c);
}

static bool
parse_generalized(struct bytes b, struct civil *c)
{
	int high, low;

	if (b.n != GENERALIZED_SIZE || !two_digits(b.p, &high) || !two_digits(b.p + 2, &low))
		return false;
	c->year = high * 100 + low;
	return parse_rest(b.p + 4, c);
}

enum err
der_get_time(struct der *d, const char *what, int64_t *out)
{
	struct der saved = *d;
	bool utc = der_peek(d) == DER_UTC_TIME, good;
	struct civil c;
	struct bytes b;

	TRY(der_get(d, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, what, &b));
	good = utc ? parse_utc(b, &c) : parse_generalized(b, &c) && c.year >= 2050;
	if (!good) {
		*d = saved;
		return err_set(ERR_INVALID,
			"\"%s\" is not a UTCTime YYMMDDHHMMSSZ, or GeneralizedTime "
			"YYYYMMDDHHMMSSZ from 2050 (RFC 5280 section 4.1.2.5)",
			what);
	}
	*out = seconds_of(&c);
	return ERR_OK;
}

static void
put_two(uint8_t *p, int v)
{
	p[0] = (uint8_t)('0' + v / 10);
	p[1] = (uint8_t)('0' + v % 10);
}

/* "YYYYMMDDHHMMSSZ"; false for years that four digits cannot hold. */
static bool
format_time(int64_t t, uint8_t out[GENERALIZED_SIZE], int *year)
{
	/* 0000-01-01 and 9999-12-31T23:59:59. */
	const int64_t first = INT64_C(-62167219200), last = INT64_C(253402300799);
	struct civil c;

	if (t < first || t > last)
		return false;
	civil_of(t, &c);
	put_two(out, c.year / 100);
	put_two(out + 2, c.year % 100);
	put_two(out + 4, c.month);
	put_two(out + 6, c.day);
	put_two(out + 8, c.hour);
	put_two(out + 10, c.minute);
	put_two(out + 12, c.second);
	out[14] = 'Z';
	*year = c.year;
	return true;
}

void
derw_time(struct derw *w, int64_t t)
{
	uint8_t text[GENERALIZED_SIZE];
	int year;

	/* Before 1950 neither form may be used; that is a caller's mistake, told by derw_done(). */
	if (!format_time(t, text, &year) || year < 1950)
		w->full = true;
	else if (year < 2050)
		derw_element(w, DER_UTC_TIME, bytes_of(text + 2, UTC_SIZE));
	else
		derw_element(w, DER_GENERALIZED_TIME, bytes_of(text, GENERALIZED_SIZE));
}

void
derw_generalized_time(struct derw *w, int64_t t)
{
	uint8_t text[GENERALIZED_SIZE];
	int year;

	if (!format_time(t, text, &year))
		w->full = true;
	else
		derw_element(w, DER_GENERALIZED_TIME, bytes_of(text, GENERALIZED_SIZE));
}
