/* The CRL that is published, built with a key in memory: numbers, times, entries, and that a bad
 * signature never goes out. */
#include <stdlib.h>

#include "crl/publish.h"
#include "lib/pki/crl.h"
#include "tests/unit/unit.h"

enum { NOW = 1800000000, DAY = 86400 };
static const int64_t now_us = (int64_t)NOW * 1000000 + 250000;
static const int64_t now_ns = (int64_t)NOW * 1000000000 + 250000000;

static struct arena *arena;
static EVP_PKEY *key, *other;
static struct ca_issuer issuer = {.id = 2, .name = "issuing-1"};
static const struct config_crl policy = {.lifetime = DAY, .refresh = 3600, .backdate = 300};

static void
make(void)
{
	const struct pki_name_parts parts = {.common_name = "Issuing"};
	uint8_t *key_id;
	struct bytes spki;

	arena = arena_new(0);
	key_id = arena_alloc(arena, 20);
	CHECK_OK(pki_key_generate_p256(&key));
	CHECK_OK(pki_key_generate_p256(&other));
	CHECK_OK(pki_spki_from_pkey(key, arena, &spki));
	CHECK_OK(pki_spki_parse(spki, &issuer.cert.spki));
	pki_spki_key_id(&issuer.cert.spki, key_id);
	issuer.cert.subject_key_id = bytes_of(key_id, 20);
	CHECK_OK(pki_name_build(&parts, arena, &issuer.cert.subject));
}

static void
clear(void)
{
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	arena_free(arena);
}

/* What is revoked, after a CRL with this number. */
struct work {
	int64_t last_number;
	const struct store_revoked *revoked;
	size_t count;
};

static enum err
build(EVP_PKEY *with, const struct work *work, struct buf *der, struct crl_published *out)
{
	struct pki_signer signer;
	struct crl_draft draft;
	enum err e;

	pki_signer_software(with, PKI_KEY_P256, &signer);
	crl_draft_init(&draft, &policy, work->last_number, now_us);
	e = crl_draft_add(&draft, work->revoked, work->count);
	if (e == ERR_OK)
		e = crl_build(&issuer, &signer, &draft, der);
	buf_clear(&draft.entries);
	if (e == ERR_OK)
		*out = draft.head;
	return e;
}

static void
test_first_crl_has_times_number_and_no_list(void)
{
	const struct work work = {.last_number = 0};
	struct crl_published made = {0};
	struct pki_crl crl;
	AUTO_BUF(der, 8192);

	make();
	CHECK_OK(build(key, &work, &der, &made));
	CHECK_OK(pki_crl_parse(buf_bytes(&der), &crl));
	CHECK(crl.this_update == NOW - 300 && crl.next_update == NOW - 300 + DAY - 1);
	CHECK(crl.number == (uint64_t)now_ns && made.number == now_ns && made.entries == 0);
	CHECK(made.this_update == crl.this_update && made.next_update == crl.next_update);
	CHECK(crl.entries.n == 0);
	CHECK(bytes_equal(crl.issuer, issuer.cert.subject) &&
		bytes_equal(crl.authority_key_id, issuer.cert.subject_key_id));
	clear();
}

static void
test_number_rises_although_the_clock_fell_back(void)
{
	const struct work work = {.last_number = now_ns + 5};
	struct crl_published made = {0};
	AUTO_BUF(der, 8192);

	make();
	CHECK_OK(build(key, &work, &der, &made));
	CHECK(made.number == now_ns + 6);
	clear();
}

static void
test_entries_keep_serial_reason_and_a_date_not_after_this_update(void)
{
	static const struct store_revoked revoked[] = {
		{.serial = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
			.revoked_at = NOW - DAY,
			.reason = 1},
		{.serial = {0x7f, 2}, .revoked_at = NOW - 1, .reason = -1},
	};
	const struct work work = {.revoked = revoked, .count = 2};
	struct crl_published made = {0};
	struct pki_crl crl;
	AUTO_BUF(der, 8192);

	make();
	CHECK_OK(build(key, &work, &der, &made));
	CHECK_OK(pki_crl_parse(buf_bytes(&der), &crl));
	CHECK(made.entries == 2);
	struct der at = der_open(crl.entries);
	for (size_t i = 0; i < 2; i++) {
		struct bytes serial;
		int64_t at_time;
		enum pki_reason reason;

		CHECK_OK(pki_crl_entry_next(&at, &serial, &at_time, &reason));
		CHECK(bytes_equal(serial, bytes_of(revoked[i].serial, 16)));
		CHECK(reason == (enum pki_reason)revoked[i].reason);
		CHECK(at_time == (i == 0 ? NOW - DAY : NOW - 300));
	}
	CHECK(der_at_end(&at));
	clear();
}

static void
test_many_entries_fit(void)
{
	enum { MANY = 20000 };
	struct store_revoked *revoked = mem_zalloc(MANY, sizeof(*revoked));
	const struct work work = {.revoked = revoked, .count = MANY};
	struct crl_published made = {0};
	AUTO_BUF(der, MANY * 64 + 4096);

	for (size_t i = 0; i < MANY; i++) {
		revoked[i] = (struct store_revoked){.revoked_at = (int64_t)3000000000, .reason = 5};
		revoked[i].serial[0] = 0x7f;
		revoked[i].serial[14] = (uint8_t)(i >> 8);
		revoked[i].serial[15] = (uint8_t)i;
	}
	make();
	CHECK_OK(build(key, &work, &der, &made));
	CHECK(made.entries == MANY && der.len > MANY * 40);
	clear();
	free(revoked);
}

static void
test_signature_of_another_key_never_goes_out(void)
{
	const struct work work = {.last_number = 0};
	struct crl_published made = {.number = 42};
	AUTO_BUF(der, 8192);

	make();
	CHECK_ERR(build(other, &work, &der, &made), ERR_INVALID);
	CHECK(made.number == 42);
	clear();
}

static void
test_reason_that_does_not_exist_is_refused(void)
{
	static const struct store_revoked revoked = {
		.serial = {1}, .revoked_at = NOW - DAY, .reason = 7};
	const struct work work = {.revoked = &revoked, .count = 1};
	struct crl_published made = {0};
	AUTO_BUF(der, 8192);

	make();
	CHECK(build(key, &work, &der, &made) != ERR_OK);
	clear();
}

static void
test_crl_is_due_by_time_and_after_a_pause_by_revocations(void)
{
	enum { FRESH = NOW - 600, LONG = 1 << 30 };
	static const struct config_crl hourly = {.lifetime = DAY, .refresh = 3600, .backdate = 300};
	static const struct {
		const char *name;
		struct store_crl_state last;
		bool due;
	} cases[] = {
		{"none yet", {.waiting_ms = STORE_CRL_NONE_WAIT}, true},
		{"fresh",
			{.number = 1,
				.this_update = FRESH,
				.age_ms = LONG,
				.waiting_ms = STORE_CRL_NONE_WAIT},
			false},
		{"of the future",
			{.number = 1, .this_update = NOW + 1, .waiting_ms = STORE_CRL_NONE_WAIT},
			true},
		{"a second before its time",
			{.number = 1, .this_update = NOW - 3899, .waiting_ms = STORE_CRL_NONE_WAIT},
			false},
		{"at its time, in the pause",
			{.number = 1,
				.this_update = NOW - 3900,
				.build_ms = 60000,
				.waiting_ms = STORE_CRL_NONE_WAIT},
			true},
		{"revoked after the pause",
			{.number = 1, .this_update = FRESH, .build_ms = 20, .age_ms = 200}, true},
		{"revoked in the pause",
			{.number = 1, .this_update = FRESH, .build_ms = 20, .age_ms = 199}, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_CASE(crl_is_due(&hourly, &cases[i].last, NOW) == cases[i].due, cases[i].name);
}

UNIT_MAIN("publish",
	{"test_first_crl_has_times_number_and_no_list",
		test_first_crl_has_times_number_and_no_list},
	{"test_number_rises_although_the_clock_fell_back",
		test_number_rises_although_the_clock_fell_back},
	{"test_entries_keep_serial_reason_and_a_date_not_after_this_update",
		test_entries_keep_serial_reason_and_a_date_not_after_this_update},
	{"test_many_entries_fit", test_many_entries_fit},
	{"test_signature_of_another_key_never_goes_out",
		test_signature_of_another_key_never_goes_out},
	{"test_reason_that_does_not_exist_is_refused", test_reason_that_does_not_exist_is_refused},
	{"test_crl_is_due_by_time_and_after_a_pause_by_revocations",
		test_crl_is_due_by_time_and_after_a_pause_by_revocations})
