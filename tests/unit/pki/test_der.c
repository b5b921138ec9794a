/* The DER reader and writer: every BER liberty is refused, every accepted value is written back the
 * same. */
#include "tests/unit/pki/pki_test.h"

static void
test_elements_are_read_in_order(void)
{
	struct der d = der_open(hex("020101 3003 0101ff 0500")), inner;
	struct bytes c;
	bool v = false;

	CHECK_OK(der_get_integer(&d, "n", &c));
	CHECK(c.n == 1 && c.p[0] == 1);
	CHECK(der_peek(&d) == DER_SEQUENCE);
	CHECK_OK(der_enter(&d, DER_SEQUENCE, "s", &inner));
	CHECK_OK(der_get_boolean(&inner, "v", &v));
	CHECK(v);
	CHECK_OK(der_finish(&inner, "s"));
	CHECK_REASON(der_finish(&d, "all"), ERR_INVALID, "2 octets too many");
	CHECK_OK(der_get(&d, DER_NULL, "null", NULL));
	CHECK_OK(der_finish(&d, "all"));
	CHECK(der_peek(&d) == -1);
	CHECK_REASON(der_get(&d, DER_NULL, "null", NULL), ERR_INVALID, "\"null\" is missing");
}

static void
test_what_is_not_der_is_refused(void)
{
	static const struct {
		const char *name, *der, *reason;
	} cases[] = {
		{"indefinite length", "3080 0000", "indefinite"},
		{"long form of a short length", "0481 01 00", "not minimal"},
		{"leading zero in the length", "0482 0080 00", "not minimal"},
		{"five length octets", "0485 0100000000", "too long"},
		{"reserved length ff", "04ff", "too long"},
		{"length octets cut off", "0482 01", "too long or cut off"},
		{"no length", "04", "missing"},
		{"content cut off", "0403 0000", "beyond the end"},
		{"length near the address space's end", "0484 ffffffff 00", "beyond the end"},
		{"tag of two octets", "1f2000", "more than one octet"},
		{"context tag of two octets", "bf2000", "more than one octet"},
		{"end of contents", "0000", "does not exist in DER"},
		{"constructed OCTET STRING", "2400", "does not exist in DER"},
		{"primitive SEQUENCE", "1000", "does not exist in DER"},
		{"nothing", "", "ends where"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct der d = der_open(hex(cases[i].der));
		const uint8_t *before = d.p;
		struct bytes c;
		uint8_t tag;

		CHECK_CASE(der_get_any(&d, &tag, &c, NULL) == ERR_INVALID, cases[i].name);
		CHECK_CASE(strstr(err_reason(), cases[i].reason) != NULL, cases[i].name);
		CHECK_CASE(d.p == before, cases[i].name);
	}
}

static enum err
get_integer(struct der *d)
{
	struct bytes c;

	return der_get_integer(d, "x", &c);
}

static enum err
get_uint(struct der *d)
{
	uint32_t v;

	return der_get_uint(d, "x", &v);
}

static enum err
get_boolean(struct der *d)
{
	bool v;

	return der_get_boolean(d, "x", &v);
}

static enum err
get_bits(struct der *d)
{
	struct bytes c;

	return der_get_bits(d, "x", &c);
}

static enum err
get_named_bits(struct der *d)
{
	uint32_t v;

	return der_get_named_bits(d, "x", &v);
}

static enum err
get_oid(struct der *d)
{
	struct bytes c;

	return der_get_oid(d, "x", &c);
}

static enum err
get_time(struct der *d)
{
	int64_t t;

	return der_get_time(d, "x", &t);
}

static void
test_values_are_minimal_or_refused(void)
{
	static const struct {
		const char *der;
		enum err (*get)(struct der *d);
		enum err expected;
	} cases[] = {
		{"0200", get_integer, ERR_INVALID}, {"02020001", get_integer, ERR_INVALID},
		{"0202ff80", get_integer, ERR_INVALID}, {"02020080", get_integer, ERR_OK},
		{"0201ff", get_integer, ERR_OK}, {"0201ff", get_uint, ERR_INVALID},
		{"02047fffffff", get_uint, ERR_OK}, {"02050080000000", get_uint, ERR_INVALID},
		{"010101", get_boolean, ERR_INVALID}, {"0100", get_boolean, ERR_INVALID},
		{"01020000", get_boolean, ERR_INVALID}, {"010100", get_boolean, ERR_OK},
		{"0300", get_bits, ERR_INVALID}, {"030107", get_bits, ERR_INVALID},
		{"03020180", get_bits, ERR_INVALID}, {"030200ff", get_bits, ERR_OK},
		{"030100", get_named_bits, ERR_OK}, {"030101", get_named_bits, ERR_INVALID},
		{"03020780", get_named_bits, ERR_OK}, {"03020680", get_named_bits, ERR_INVALID},
		{"03020781", get_named_bits, ERR_INVALID},
		{"0303078000", get_named_bits, ERR_INVALID},
		{"03020880", get_named_bits, ERR_INVALID},
		{"0306000000000001", get_named_bits, ERR_INVALID}, {"0600", get_oid, ERR_INVALID},
		{"060180", get_oid, ERR_INVALID}, {"06028001", get_oid, ERR_INVALID},
		{"06032a8001", get_oid, ERR_INVALID}, {"06022a86", get_oid, ERR_INVALID},
		{"06032a8648", get_oid, ERR_OK},
		{"170d3236303130313030303030305a", get_time, ERR_OK},
		{"170d3236303133323030303030305a", get_time, ERR_INVALID}, /* 32 January */
		{"170d3235303232393030303030305a", get_time, ERR_INVALID}, /* 29 February 2025 */
		{"170d3234303232393030303030305a", get_time, ERR_OK},	   /* 29 February 2024 */
		{"170d3236303130313234303030305a", get_time, ERR_INVALID}, /* hour 24 */
		{"170d3236303130313030303036305a", get_time, ERR_INVALID}, /* leap second */
		{"170d32363030303130303030303030", get_time, ERR_INVALID}, /* no Z */
		{"170b323630313031303030305a", get_time, ERR_INVALID},	   /* no seconds */
		{"1711323630313031303030303030 2b30313030", get_time, ERR_INVALID}, /* offset */
		{"180f32303439313233313233353935395a", get_time,
			ERR_INVALID}, /* GeneralizedTime before 2050 */
		{"180f32303530303130313030303030305a", get_time, ERR_OK},
		{"181132303530303130313030303030302e355a", get_time, ERR_INVALID}, /* fraction */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct der d = der_open(hex(cases[i].der));
		const uint8_t *before = d.p;

		CHECK_CASE(cases[i].get(&d) == cases[i].expected, cases[i].der);
		CHECK_CASE((d.p == before) == (cases[i].expected != ERR_OK), cases[i].der);
	}
}

static void
test_times_come_out_as_they_went_in(void)
{
	static const int64_t times[] = {-631152000, -1, 0, 951782399, 951782400, 1800000000,
		INT64_C(2524607999), INT64_C(2524608000), INT64_C(4107542400),
		INT64_C(253402300799)};

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		uint8_t room[32];
		struct bytes der;
		struct derw w;
		struct der d;
		int64_t t = 0;

		derw_init(&w, room, sizeof(room));
		derw_time(&w, times[i]);
		CHECK_OK(derw_done(&w, &der));
		CHECK(der.p[0] ==
			(times[i] < INT64_C(2524608000) ? DER_UTC_TIME : DER_GENERALIZED_TIME));
		d = der_open(der);
		CHECK_OK(der_get_time(&d, "t", &t));
		CHECK(t == times[i]);
	}
}

static void
test_times_no_form_can_hold_are_refused(void)
{
	static const int64_t times[] = {-631152001, INT64_C(253402300800), INT64_MIN, INT64_MAX};

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		uint8_t room[32];
		struct bytes der;
		struct derw w;

		derw_init(&w, room, sizeof(room));
		derw_time(&w, times[i]);
		CHECK_ERR(derw_done(&w, &der), ERR_LIMIT);
	}
}

static void
test_the_writer_is_minimal(void)
{
	uint8_t room[256];
	struct bytes out = {0};
	struct derw w;

	derw_init(&w, room, sizeof(room));
	derw_named_bits(&w, 1u << 8);
	derw_named_bits(&w, 0);
	derw_named_bits(&w, (1u << 0) | (1u << 5));
	derw_bits(&w, hex("abcd"));
	derw_integer(&w, NOTHING);
	derw_integer(&w, hex("000080"));
	derw_uint(&w, 127);
	derw_uint(&w, UINT64_MAX);
	derw_boolean(&w, false);
	derw_null(&w);
	derw_wrap(&w, DER_SEQUENCE, 0);
	CHECK_OK(derw_done(&w, &out));
	CHECK(bytes_equal(out,
		hex("302b 0500 010100 020900ffffffffffffffff 02017f 02020080 020100 030300abcd "
		    "03020284 030100 0303070080")));
}

static void
test_lengths_have_the_shortest_form(void)
{
	static const struct {
		size_t n;
		const char *header;
	} cases[] = {{0, "0400"}, {127, "047f"}, {128, "048180"}, {255, "0481ff"},
		{256, "04820100"}, {65535, "0482ffff"}, {65536, "0483010000"}};
	static uint8_t zeros[65536];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes der = tlv_of(DER_OCTET_STRING, bytes_of(zeros, cases[i].n)), c,
			     want = hex(cases[i].header);
		struct der d = der_open(der);

		CHECK_CASE(der.n == want.n + cases[i].n && memcmp(der.p, want.p, want.n) == 0,
			cases[i].header);
		CHECK_OK(der_get(&d, DER_OCTET_STRING, "x", &c));
		CHECK(c.n == cases[i].n);
	}
}

static void
test_a_full_room_is_told_once_and_not_overrun(void)
{
	uint8_t room[8] = {0}, guard[4] = {1, 2, 3, 4};
	struct bytes out;
	struct derw w;

	derw_init(&w, room + 4, 4);
	derw_raw(&w, bytes_of(guard, 4));
	derw_wrap(&w, DER_SEQUENCE, 0);
	derw_uint(&w, 1);
	CHECK_ERR(derw_done(&w, &out), ERR_LIMIT);
	CHECK(memcmp(room, "\0\0\0\0", 4) == 0);
}

static void
test_a_word_is_given_to_plain_refusals_only(void)
{
	struct der d = der_open(NOTHING);

	CHECK_ERR(der_reword(der_get(&d, DER_NULL, "x", NULL), WORD_BAD_CSR), ERR_INVALID);
	CHECK(err_word() == WORD_BAD_CSR && strstr(err_reason(), "\"x\" is missing") != NULL);
	CHECK_ERR(der_reword(err_set_word(ERR_INVALID, WORD_BAD_KEY, "no"), WORD_BAD_CSR),
		ERR_INVALID);
	CHECK(err_word() == WORD_BAD_KEY);
}

UNIT_MAIN("pki-der", {"test_elements_are_read_in_order", test_elements_are_read_in_order},
	{"test_what_is_not_der_is_refused", test_what_is_not_der_is_refused},
	{"test_values_are_minimal_or_refused", test_values_are_minimal_or_refused},
	{"test_times_come_out_as_they_went_in", test_times_come_out_as_they_went_in},
	{"test_times_no_form_can_hold_are_refused", test_times_no_form_can_hold_are_refused},
	{"test_the_writer_is_minimal", test_the_writer_is_minimal},
	{"test_lengths_have_the_shortest_form", test_lengths_have_the_shortest_form},
	{"test_a_full_room_is_told_once_and_not_overrun",
		test_a_full_room_is_told_once_and_not_overrun},
	{"test_a_word_is_given_to_plain_refusals_only",
		test_a_word_is_given_to_plain_refusals_only})
