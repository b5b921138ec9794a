/* Distinguished names: built, checked, shown, compared. */
#include "tests/unit/pki/pki_test.h"

static void
test_a_dn_is_built_checked_and_shown(void)
{
	struct pki_name_parts parts = {.common_name = "a,b",
		.organization = "#Ex",
		.organizational_unit = "u ",
		.serial_number = "SN-1",
		.country = "DE"};
	struct bytes der = {0}, empty = {0};

	CHECK_OK(pki_name_build(&parts, A(), &der));
	CHECK_OK(pki_name_check(der));
	CHECK(strcmp(pki_name_text(A(), der), "CN=a\\,b,serialNumber=SN-1,OU=u\\ ,O=\\#Ex,C=DE") ==
		0);
	CHECK(strcmp(pki_name_common_name(A(), der), "a,b") == 0);
	CHECK_OK(pki_name_build(&(struct pki_name_parts){0}, A(), &empty));
	CHECK(pki_name_empty(empty) && !pki_name_empty(der));
	CHECK(strcmp(pki_name_text(A(), empty), "") == 0);
	CHECK(pki_name_common_name(A(), empty) == NULL);
}

static void
test_dn_parts_out_of_bounds_are_refused(void)
{
	static const struct pki_name_parts cases[] = {
		{.common_name = ""},
		{.common_name = "0123456789012345678901234567890123456789012345678901234567890123x"},
		{.common_name = "a\nb"},
		{.common_name = "a\xc0\x80"},
		{.common_name = "a\xe0\x80\xaf"},
		{.common_name = "a\xf0\x80\x80\xaf"},
		{.common_name = "a\xed\xa0\x80"},
		{.common_name = "a\xe2\x80\xae"
				"b"}, /* right-to-left override */
		{.common_name = "\xff"},
		{.country = "D"},
		{.country = "DEU"},
		{.country = "D*"},
		{.serial_number = "a_b"},
	};
	struct bytes der;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_ERR(pki_name_build(&cases[i], A(), &der), ERR_INVALID);
		CHECK(err_word() == WORD_BAD_NAME);
	}
}

static struct bytes
rdn(const char *oid_and_value)
{
	return TLV(DER_SET, SEQ(hex(oid_and_value)));
}

static void
test_bad_dns_are_refused(void)
{
	struct bytes long_dn = NOTHING, many = NOTHING;
	struct bytes a = SEQ(hex("0603550403 0c0161")), b = SEQ(hex("0603550403 0c0162"));

	for (int i = 0; i < 20; i++)
		long_dn = JOIN(long_dn,
			TLV(DER_SET,
				SEQ(hex("0603550403"),
					TLV(DER_UTF8_STRING,
						bytes_str(
							"012345678901234567890123456789012345678901234567890")))));
	for (int i = 0; i < 33; i++)
		many = JOIN(many, rdn("0603550403 0c0161"));
	struct {
		const char *name;
		struct bytes der;
	} cases[] = {
		{"nothing", NOTHING},
		{"a SET", hex("3100")},
		{"trailing octets", hex("300000")},
		{"empty RDN", SEQ(hex("3100"))},
		{"more than 1024 octets", SEQ(long_dn)},
		{"33 RDNs", SEQ(many)},
		{"TeletexString", SEQ(rdn("0603550403 140161"))},
		{"BMPString", SEQ(rdn("0603550403 1e020061"))},
		{"'*' in a PrintableString", SEQ(rdn("0603550403 13012a"))},
		{"8-bit IA5String", SEQ(rdn("0603550403 1601e9"))},
		{"NUL in UTF8String", SEQ(rdn("0603550403 0c03610062"))},
		{"empty value", SEQ(rdn("0603550403 0c00"))},
		{"UTF8String country", SEQ(rdn("0603550406 0c024445"))},
		{"third element", SEQ(rdn("0603550403 0c0161 0500"))},
		{"multi-valued out of order", SEQ(TLV(DER_SET, b, a))},
		{"multi-valued twice the same", SEQ(TLV(DER_SET, a, a))},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_CASE(pki_name_check(cases[i].der) == ERR_INVALID, cases[i].name);
		CHECK_CASE(strcmp(pki_name_text(A(), cases[i].der), "(malformed name)") == 0,
			cases[i].name);
		CHECK_CASE(pki_name_common_name(A(), cases[i].der) == NULL, cases[i].name);
	}
	CHECK_OK(pki_name_check(SEQ(TLV(DER_SET, a, b))));
	CHECK(strcmp(pki_name_text(A(), SEQ(TLV(DER_SET, a, b))), "CN=a+CN=b") == 0);
}

/* One RDN that is one commonName. */
static struct bytes
common_name(uint8_t tag, const char *text)
{
	return SEQ(TLV(DER_SET, SEQ(hex("0603550403"), TLV(tag, bytes_str(text)))));
}

/* RFC 5280 section 7.1. */
static void
test_names_are_equal_whatever_case_spaces_and_string_type(void)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{"web-1", "web-1", true}, {"web-1", "WEB-1", true}, {"Web  One", "web one", true},
		{" web one  ", "web one", true}, {"web one", "webone", false},
		{"web-1", "web-10", false}, {"web-1", "web-2", false}, {"  ", " ", true},
		{"  ", "a", false}, {"a ", "a b", false},
		{"@[`{", "`{@[", false}, /* beside the letters in ASCII */
	};
	static const uint8_t tags[] = {DER_UTF8_STRING, DER_PRINTABLE_STRING, DER_IA5_STRING};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t k = 0; k < ARRAY_LEN(tags) * ARRAY_LEN(tags); k++) {
			uint8_t one = tags[k % ARRAY_LEN(tags)], two = tags[k / ARRAY_LEN(tags)];

			if (strchr(cases[i].a, '@') != NULL &&
				(one == DER_PRINTABLE_STRING || two == DER_PRINTABLE_STRING))
				continue;
			CHECK_CASE(pki_name_equal(common_name(one, cases[i].a),
					   common_name(two, cases[i].b)) == cases[i].equal,
				cases[i].a);
		}
	CHECK(!pki_name_equal(common_name(DER_UTF8_STRING, "\xc3\x84"),
		common_name(DER_UTF8_STRING, "\xc3\xa4")));
}

static void
test_a_mail_address_in_a_name_has_case(void)
{
	struct bytes oid = hex("06092a864886f70d010901");
	struct bytes one = SEQ(
			     TLV(DER_SET, SEQ(oid, TLV(DER_IA5_STRING, BYTES_LIT("A@b.example"))))),
		     two = SEQ(
			     TLV(DER_SET, SEQ(oid, TLV(DER_IA5_STRING, BYTES_LIT("a@b.example")))));

	CHECK(pki_name_equal(one, one) && !pki_name_equal(one, two));
}

static void
test_parts_and_their_order_are_part_of_the_name(void)
{
	struct bytes a = SEQ(hex("0603550403 0c0161")), b = SEQ(hex("0603550403 0c0162"));
	struct bytes one = SEQ(TLV(DER_SET, a)), two = SEQ(TLV(DER_SET, a), TLV(DER_SET, b));
	struct bytes printable = SEQ(hex("0603550403 130162")), empty = SEQ(NOTHING);
	struct bytes both = SEQ(TLV(DER_SET, a, printable));

	CHECK(!pki_name_equal(one, two) && !pki_name_equal(two, one));
	CHECK(!pki_name_equal(two, SEQ(TLV(DER_SET, b), TLV(DER_SET, a))));
	CHECK(!pki_name_equal(one, empty) && !pki_name_equal(empty, one));
	CHECK(pki_name_equal(empty, empty));
	CHECK(pki_name_equal(two, SEQ(TLV(DER_SET, a), TLV(DER_SET, printable))));
	CHECK(pki_name_equal(SEQ(TLV(DER_SET, a, b)), both));
	CHECK(!pki_name_equal(two, both) && !pki_name_equal(both, two));
}

static void
test_broken_names_are_equal_to_nothing_but_their_octets(void)
{
	struct bytes good = common_name(DER_UTF8_STRING, "web-1");

	CHECK(!pki_name_equal(good, bytes_of(good.p, good.n - 1)));
	CHECK(!pki_name_equal(bytes_of(good.p, good.n - 1), good));
	CHECK(!pki_name_equal(good, BYTES_LIT("\x04\x01x")));
	CHECK(!pki_name_equal(BYTES_LIT(""), good));
}

static void
test_only_a_lone_common_name_is_one(void)
{
	struct bytes a = SEQ(hex("0603550403 0c0161")), b = SEQ(hex("0603550403 0c0162"));
	struct bytes text = NOTHING,
		     others[] = {NOTHING, SEQ(NOTHING), SEQ(hex("3100")),
			     SEQ(rdn("060355040a 0c0161")), SEQ(TLV(DER_SET, a), TLV(DER_SET, b)),
			     SEQ(TLV(DER_SET, a, b))};

	CHECK(pki_name_lone_common_name(common_name(DER_UTF8_STRING, "a"), &text));
	CHECK(bytes_equal(text, BYTES_LIT("a")));
	CHECK(pki_name_lone_common_name(common_name(DER_PRINTABLE_STRING, "b"), &text));
	CHECK(bytes_equal(text, BYTES_LIT("b")));
	CHECK(pki_name_lone_common_name(common_name(DER_IA5_STRING, "c"), &text));
	CHECK(bytes_equal(text, BYTES_LIT("c")));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		CHECK(!pki_name_lone_common_name(others[i], &text));
}

UNIT_MAIN("pki-dn", {"test_a_dn_is_built_checked_and_shown", test_a_dn_is_built_checked_and_shown},
	{"test_dn_parts_out_of_bounds_are_refused", test_dn_parts_out_of_bounds_are_refused},
	{"test_bad_dns_are_refused", test_bad_dns_are_refused},
	{"test_names_are_equal_whatever_case_spaces_and_string_type",
		test_names_are_equal_whatever_case_spaces_and_string_type},
	{"test_a_mail_address_in_a_name_has_case", test_a_mail_address_in_a_name_has_case},
	{"test_parts_and_their_order_are_part_of_the_name",
		test_parts_and_their_order_are_part_of_the_name},
	{"test_broken_names_are_equal_to_nothing_but_their_octets",
		test_broken_names_are_equal_to_nothing_but_their_octets},
	{"test_only_a_lone_common_name_is_one", test_only_a_lone_common_name_is_one})
