#include "lib/pki/cert.h"

#include "tests/unit/unit.h"

enum { HOUR = 3600, DAY = 24 * HOUR, START = 1700000000 };

static void
test_certificate_is_due_after_three_fifths_of_its_life(void)
{
	static const struct {
		const char *name;
		int64_t since, not_after, now;
		bool due;
	} cases[] = {
		{"at its begin", START, START + DAY, START, false},
		{"before its begin", START, START + DAY, START - HOUR, false},
		{"a second before three fifths of a day", START, START + DAY,
			START + DAY * 3 / 5 - 1, false},
		{"three fifths of a day", START, START + DAY, START + DAY * 3 / 5, true},
		{"ended", START, START + DAY, START + DAY, true},
		{"long ended", START, START + DAY, START + 9 * DAY, true},
		{"ten seconds, half over", START, START + 10, START + 5, false},
		{"ten seconds, six over", START, START + 10, START + 6, true},
		{"one second", START, START + 1, START, true},
		{"over when it came", START + DAY, START, START + DAY, true},
		{"to the year 9999", START, INT64_C(253402300799), START + 20000 * INT64_C(86400),
			false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct pki_cert cert = {
			.not_before = START - HOUR, .not_after = cases[i].not_after};

		CHECK_CASE(pki_cert_due(&cert, cases[i].since, cases[i].now) == cases[i].due,
			cases[i].name);
	}
}

UNIT_MAIN("pki-renewal",
	{"test_certificate_is_due_after_three_fifths_of_its_life",
		test_certificate_is_due_after_three_fifths_of_its_life})
