/* The two tables asked on every request. */
#include "ca/denylist.h"
#include "lib/base/clock.h"
#include "tests/unit/unit.h"

static void
serial_of(unsigned n, uint8_t out[STORE_SERIAL_SIZE])
{
	memset(out, 0x5a, STORE_SERIAL_SIZE);
	memcpy(out + 8, &n, sizeof(n));
}

static enum ca_denial
check(struct ca_denylist *b, unsigned serial, int64_t identity)
{
	uint8_t s[STORE_SERIAL_SIZE];

	serial_of(serial, s);
	return ca_denylist_check(b, s, identity, 1);
}

static void
revoke(struct ca_denylist *b, unsigned serial, int64_t not_after)
{
	uint8_t s[STORE_SERIAL_SIZE];

	serial_of(serial, s);
	ca_denylist_revoke(b, s, not_after);
}

static void
test_only_what_was_revoked_is_barred(void)
{
	AUTO_STRUCT(ca_denylist) b = ca_denylist_new();
	int64_t later = clock_now() + 3600;

	for (unsigned i = 0; i < 20000; i += 2)
		revoke(b, i, later);
	for (unsigned i = 0; i < 20000; i++)
		if (check(b, i, 7) != (i % 2 == 0 ? CA_DENIED_REVOKED : CA_DENIED_NONE)) {
			CHECK_CASE(false,
				i % 2 == 0 ? "lost a revoked serial" : "barred a live serial");
			break;
		}
	revoke(b, 4, later);
	CHECK(check(b, 4, 7) == CA_DENIED_REVOKED && check(b, 5, 7) == CA_DENIED_NONE);
}

static void
test_expired_serials_do_not_stay_for_ever(void)
{
	AUTO_STRUCT(ca_denylist) b = ca_denylist_new();

	clock_pin(1000000);
	for (unsigned i = 0; i < 400; i++)
		revoke(b, i, 1000000 + 10);
	revoke(b, 1000, 2000000);
	clock_pin(1000000 + 11);
	for (unsigned i = 2000; i < 2400; i++)
		revoke(b, i, 2000000);
	CHECK(check(b, 0, 7) == CA_DENIED_NONE);
	CHECK(check(b, 1000, 7) == CA_DENIED_REVOKED);
	CHECK(check(b, 2000, 7) == CA_DENIED_REVOKED);
	clock_unpin();
}

static void
test_identities_are_barred_and_come_back(void)
{
	AUTO_STRUCT(ca_denylist) b = ca_denylist_new();

	for (int64_t id = 1; id <= 5000; id++)
		ca_denylist_identity(b, id, id % 2 == 0 ? IDENTITY_BLOCKED : IDENTITY_ACTIVE);
	CHECK(check(b, 1, 1) == CA_DENIED_NONE);
	CHECK(check(b, 1, 2) == CA_DENIED_IDENTITY);
	CHECK(check(b, 1, 5000) == CA_DENIED_IDENTITY);
	CHECK(check(b, 1, 5002) == CA_DENIED_NONE);
	ca_denylist_identity(b, 2, IDENTITY_ACTIVE);
	CHECK(check(b, 1, 2) == CA_DENIED_NONE);
	ca_denylist_identity(b, 2, IDENTITY_RETIRED);
	CHECK(check(b, 1, 2) == CA_DENIED_IDENTITY);
}

static void
test_a_revoked_issuer_bars_all_it_certified(void)
{
	AUTO_STRUCT(ca_denylist) b = ca_denylist_new();

	CHECK(check(b, 1, 1) == CA_DENIED_NONE);
	ca_denylist_issuer(b, 2);
	CHECK(check(b, 1, 1) == CA_DENIED_NONE);
	ca_denylist_issuer(b, 1);
	CHECK(check(b, 1, 1) == CA_DENIED_ISSUER);
}

UNIT_MAIN("barred", {"test_only_what_was_revoked_is_barred", test_only_what_was_revoked_is_barred},
	{"test_expired_serials_do_not_stay_for_ever", test_expired_serials_do_not_stay_for_ever},
	{"test_identities_are_barred_and_come_back", test_identities_are_barred_and_come_back},
	{"test_a_revoked_issuer_bars_all_it_certified",
		test_a_revoked_issuer_bars_all_it_certified})
