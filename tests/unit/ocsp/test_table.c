/* The table of live certificates: what it holds, what it must never give away. */
#include "ocsp/table.h"
#include "tests/unit/unit.h"

enum { NOW = 1000000 };

static void
make_serial(uint32_t n, uint8_t out[OCSP_SERIAL_SIZE])
{
	memset(out, 0, OCSP_SERIAL_SIZE);
	out[0] = 1;
	memcpy(out + 4, &n, sizeof(n));
	out[15] = (uint8_t)(n * 7);
}

static struct http_prepared *
make_answer(void)
{
	return http_prepared_new(200, "text/plain", BYTES_LIT("x"), NULL, 0);
}

static void
test_many_entries_are_found_and_strangers_are_not(void)
{
	struct ocsp_table *t = ocsp_table_new();
	struct ocsp_entry e;
	uint8_t serial[16];
	int missing = 0, strangers = 0;

	for (uint32_t i = 0; i < 50000; i++) {
		make_serial(i, serial);
		ocsp_table_issued(t, serial, (int16_t)(1 + i % 2), NOW + i);
	}
	CHECK(ocsp_table_count(t) == 50000);
	for (uint32_t i = 0; i < 50000; i++) {
		make_serial(i, serial);
		missing += !ocsp_table_find(t, serial, &e) || e.not_after != NOW + i ||
			e.issuer != (int16_t)(1 + i % 2);
		make_serial(i + 50000, serial);
		strangers += ocsp_table_find(t, serial, &e);
	}
	CHECK(missing == 0);
	CHECK(strangers == 0);
	ocsp_table_free(t);
}

static void
test_revocation_stays_whatever_order_the_feeds_have(void)
{
	struct ocsp_table *t = ocsp_table_new();
	struct ocsp_entry e;
	uint8_t serial[16];

	make_serial(1, serial);
	ocsp_table_revoked(t, serial, 1, NOW + 10, NOW - 1, PKI_REASON_SUPERSEDED);
	ocsp_table_issued(t, serial, 1, NOW + 10);
	CHECK(ocsp_table_find(t, serial, &e) && e.revoked_at == NOW - 1 &&
		e.reason == PKI_REASON_SUPERSEDED);
	CHECK(ocsp_table_count(t) == 1);
	ocsp_table_free(t);
}

static void
test_revocation_drops_the_ready_answer(void)
{
	struct ocsp_table *t = ocsp_table_new();
	struct http_prepared *answer = make_answer(), *got;
	struct ocsp_entry e;
	uint8_t serial[16];

	make_serial(1, serial);
	ocsp_table_issued(t, serial, 1, NOW + 1000);
	CHECK(ocsp_table_find(t, serial, &e));
	ocsp_table_keep(t, serial, OCSP_SHA1, &e, 3, NOW + 100, answer);
	got = ocsp_table_answer(t, serial, 1, OCSP_SHA1, 3, NOW);
	CHECK(got == answer);
	if (got != NULL)
		http_prepared_unref(got);
	ocsp_table_revoked(t, serial, 1, NOW + 1000, NOW, PKI_REASON_NONE);
	CHECK(ocsp_table_answer(t, serial, 1, OCSP_SHA1, 3, NOW) == NULL);
	http_prepared_unref(answer);
	ocsp_table_free(t);
}

static void
test_answer_signed_while_revoked_is_not_kept(void)
{
	struct ocsp_table *t = ocsp_table_new();
	struct http_prepared *answer = make_answer();
	struct ocsp_entry e;
	uint8_t serial[16];

	make_serial(1, serial);
	ocsp_table_issued(t, serial, 1, NOW + 1000);
	CHECK(ocsp_table_find(t, serial, &e));
	ocsp_table_revoked(t, serial, 1, NOW + 1000, NOW, PKI_REASON_NONE);
	ocsp_table_keep(t, serial, OCSP_SHA1, &e, 3, NOW + 100, answer);
	CHECK(ocsp_table_answer(t, serial, 1, OCSP_SHA1, 3, NOW) == NULL);
	http_prepared_unref(answer);
	ocsp_table_free(t);
}

static void
test_ready_answers_are_served_only_where_they_fit(void)
{
	static const struct {
		const char *name;
		int16_t issuer;
		enum ocsp_hash hash;
		uint32_t generation;
		int64_t now;
		bool served;
	} cases[] = {
		{"fits", 1, OCSP_SHA1, 3, NOW, true},
		{"another issuer", 2, OCSP_SHA1, 3, NOW, false},
		{"another hash", 1, OCSP_SHA256, 3, NOW, false},
		{"an older responder key", 1, OCSP_SHA1, 4, NOW, false},
		{"past its refresh time", 1, OCSP_SHA1, 3, NOW + 100, false},
		{"certificate expired", 1, OCSP_SHA1, 3, NOW + 1000, false},
	};
	struct ocsp_table *t = ocsp_table_new();
	struct http_prepared *answer = make_answer();
	struct ocsp_entry e;
	uint8_t serial[16];

	make_serial(1, serial);
	ocsp_table_issued(t, serial, 1, NOW + 1000);
	CHECK(ocsp_table_find(t, serial, &e));
	ocsp_table_keep(t, serial, OCSP_SHA1, &e, 3, NOW + 100, answer);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_prepared *got = ocsp_table_answer(t, serial, cases[i].issuer,
			cases[i].hash, cases[i].generation, cases[i].now);

		CHECK_CASE((got != NULL) == cases[i].served, cases[i].name);
		if (got != NULL)
			http_prepared_unref(got);
	}
	http_prepared_unref(answer);
	ocsp_table_free(t);
}

static void
test_only_what_is_new_counts_as_a_change(void)
{
	struct ocsp_table *t = ocsp_table_new();
	uint8_t serial[16];

	make_serial(1, serial);
	CHECK(ocsp_table_revoked(t, serial, 1, NOW + 1000, NOW - 5, PKI_REASON_KEY_COMPROMISE));
	CHECK(!ocsp_table_revoked(t, serial, 1, NOW + 1000, NOW - 5, PKI_REASON_KEY_COMPROMISE));
	ocsp_table_issued(t, serial, 1, NOW + 1000);
	CHECK(!ocsp_table_revoked(t, serial, 1, NOW + 1000, NOW - 5, PKI_REASON_KEY_COMPROMISE));
	make_serial(2, serial);
	ocsp_table_issued(t, serial, 1, NOW + 1000);
	CHECK(ocsp_table_revoked(t, serial, 1, NOW + 1000, NOW - 5, PKI_REASON_NONE));
	ocsp_table_free(t);
}

/* Arrays shrink when little is left; what is left must be found in them, its revocation and its
 * ready answer too. */
static void
test_what_survives_a_sweep_keeps_everything(void)
{
	struct ocsp_table *t = ocsp_table_new();
	struct http_prepared *answer = make_answer(), *got;
	struct ocsp_entry e;
	uint8_t serial[16];

	for (uint32_t i = 0; i < 100000; i++) {
		make_serial(i, serial);
		ocsp_table_issued(t, serial, 1, i % 1000 == 0 ? NOW + 1000 : NOW + 1);
	}
	make_serial(5000, serial);
	CHECK(ocsp_table_revoked(t, serial, 1, NOW + 1000, NOW - 5, PKI_REASON_SUPERSEDED));
	CHECK(ocsp_table_find(t, serial, &e));
	ocsp_table_keep(t, serial, OCSP_SHA256, &e, 1, NOW + 500, answer);
	ocsp_table_sweep(t, NOW + 100);
	CHECK(ocsp_table_count(t) == 100);
	for (uint32_t i = 0; i < 100000; i += 500) {
		make_serial(i, serial);
		CHECK(ocsp_table_find(t, serial, &e) == (i % 1000 == 0));
		CHECK(i % 1000 != 0 || (e.revoked_at != 0) == (i == 5000));
	}
	make_serial(5000, serial);
	got = ocsp_table_answer(t, serial, 1, OCSP_SHA256, 1, NOW + 100);
	CHECK(got == answer);
	http_prepared_unref(got);
	http_prepared_unref(answer);
	ocsp_table_free(t);
}

static void
test_sweep_drops_the_expired_only(void)
{
	struct ocsp_table *t = ocsp_table_new();
	struct ocsp_entry e;
	uint8_t serial[16];

	for (uint32_t i = 0; i < 1000; i++) {
		make_serial(i, serial);
		ocsp_table_issued(t, serial, 1, NOW + i);
	}
	ocsp_table_sweep(t, NOW + 500);
	CHECK(ocsp_table_count(t) == 500);
	make_serial(499, serial);
	CHECK(!ocsp_table_find(t, serial, &e));
	make_serial(500, serial);
	CHECK(ocsp_table_find(t, serial, &e));
	ocsp_table_free(t);
}

static void
test_what_ends_after_2106_is_held_as_ending_then(void)
{
	struct ocsp_table *t = ocsp_table_new();
	struct ocsp_entry e;
	uint8_t serial[16];

	make_serial(1, serial);
	ocsp_table_issued(t, serial, 1, 253402300799); /* 9999-12-31 */
	CHECK(ocsp_table_find(t, serial, &e) && e.not_after == UINT32_MAX);
	CHECK(!ocsp_table_revoked(t, serial, 1, 253402300799, 0, PKI_REASON_NONE));
	ocsp_table_free(t);
}

UNIT_MAIN("ocsp table",
	{"test_many_entries_are_found_and_strangers_are_not",
		test_many_entries_are_found_and_strangers_are_not},
	{"test_revocation_stays_whatever_order_the_feeds_have",
		test_revocation_stays_whatever_order_the_feeds_have},
	{"test_revocation_drops_the_ready_answer", test_revocation_drops_the_ready_answer},
	{"test_answer_signed_while_revoked_is_not_kept",
		test_answer_signed_while_revoked_is_not_kept},
	{"test_ready_answers_are_served_only_where_they_fit",
		test_ready_answers_are_served_only_where_they_fit},
	{"test_only_what_is_new_counts_as_a_change", test_only_what_is_new_counts_as_a_change},
	{"test_what_survives_a_sweep_keeps_everything",
		test_what_survives_a_sweep_keeps_everything},
	{"test_sweep_drops_the_expired_only", test_sweep_drops_the_expired_only},
	{"test_what_ends_after_2106_is_held_as_ending_then",
		test_what_ends_after_2106_is_held_as_ending_then})
