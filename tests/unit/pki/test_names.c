/* Subject alternative names, their canonical text, grant patterns and distinguished names. */
#include "tests/unit/pki/pki_test.h"

static struct bytes
general_name(uint8_t tag, const char *value)
{
	return TLV(tag, bytes_str(value));
}

static void
test_canonical_text_is_its_own_canonical_text(void)
{
	static const char *const texts[] = {
		"dns:a.example",
		"dns:a",
		"dns:*.a.example",
		"dns:xn--bcher-kva.example",
		"dns:*.xn--strae-oqa.example",
		"dns:xn--r8jz45g.xn--mgbh0fb",
		"dns:xn--ll-0ea.example",
		"dns:xn--11b2ezcw70k.example",
		"dns:1.2.3.a",
		"dns:a--b.c",
		"ip:10.0.0.1",
		"ip:255.255.255.255",
		"ip:2001:db8::1",
		"ip:::",
		"ip:::1",
		"ip:2001:db8:0:1:1:1:1:1",
		"ip:::ffff:10.0.0.1",
		"uri:spiffe://x/y",
		"uri:urn:uuid:1",
		"uri:https://a.example/%20?q#f",
		"uri:file:///a",
		"email:a@example.org",
		"email:a.b+c@example.org",
		"email:A@example.org",
		"other:1.3.6.1.4.1.311.20.2.3:0c0161",
		"other:2.999.3:0500",
		"other:1.2.9223372036854775807:0500",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct pki_san san = {0}, again = {0};
		uint8_t room[512];
		struct pki_sans list = {&san, 1}, read = {0};
		struct bytes der;
		struct derw w;

		CHECK_CASE(pki_san_from_text(bytes_str(texts[i]), A(), &san) == ERR_OK, texts[i]);
		if (san.value.n == 0)
			continue;
		CHECK_CASE(strcmp(pki_san_text(A(), &san), texts[i]) == 0, texts[i]);
		derw_init(&w, room, sizeof(room));
		pki_sans_put(&w, &list);
		CHECK_OK(derw_done(&w, &der));
		CHECK_CASE(pki_sans_parse(der, A(), &read) == ERR_OK && read.count == 1, texts[i]);
		again = read.item[0];
		CHECK_CASE(strcmp(pki_san_text(A(), &again), texts[i]) == 0, texts[i]);
	}
}

static void
test_other_texts_are_refused(void)
{
	static const char *const texts[] = {
		"",
		"dns",
		"dns:",
		"DNS:a.example",
		"host:a",
		"a.example",
		" dns:a.example",
		/* names no certificate may have */
		"dns:a..b",
		"dns:.a",
		"dns:a.",
		"dns:-a.b",
		"dns:a-.b",
		"dns:a_b.c",
		"dns:a b",
		"dns:a.*",
		"dns:*",
		"dns:*.",
		"dns:**.a",
		"dns:a*.b",
		"dns:*.*.a",
		"dns:10.0.0.1",
		"dns:a.1",
		"dns:1",
		"dns:ab--c.d",
		"dns:xn--.a",
		"dns:xn--a.b",
		"dns:xn--99999999.b",
		"dns:xn--bcher-kv!.a",
		"dns:xn--abc-.a",
		"dns:xn--ls8h.a",      /* U+1F4A9, disallowed */
		"dns:xn--a-pib.a",     /* U+0378, unassigned */
		"dns:xn--bcher-2pa.a", /* capital letters */
		"dns:xn--mi7c.a",      /* U+FF41, a full-width letter */
		"dns:xn--62g.a",       /* U+212A, the sign of Kelvin */
		"dns:xn--e-xbb.a",     /* not in NFC */
		"dns:xn--a-wbb.a",     /* begins with a combining mark */
		"dns:xn--ab-m1t.a",    /* ZERO WIDTH JOINER where nothing joins */
		"dns:xn--ab-0ea.a",    /* a middle dot between other letters than l */
		"dns:xn--a-zhc.a",     /* both directions (RFC 5893) */
		"dns:a.xn--ls8h",
		"dns:*.xn--ls8h.a",
		"dns:b\xc3\xbc.a",
		"dns:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b",
		/* one spelling of an address */
		"ip:",
		"ip:010.0.0.1",
		"ip:10.0.0",
		"ip:10.0.0.1/8",
		"ip:10.0.0.256",
		"ip:2001:DB8::1",
		"ip:2001:db8:0:0:0:0:0:1",
		"ip:2001:db8::0001",
		"ip:fe80::1%eth0",
		"ip:0:0:0:0:0:0:0:1",
		/* URIs that somebody normalises */
		"uri:",
		"uri:a",
		"uri:/a",
		"uri://a/b",
		"uri:HTTP://a/",
		"uri:http:",
		"uri:http://",
		"uri:http:///a",
		"uri:http://a/../b",
		"uri:http://a/b/..",
		"uri:http://a/./b",
		"uri:http://a/.?x",
		"uri:http://a/%2e%2e/b",
		"uri:http://a/%61",
		"uri:http://a/%2f%zz",
		"uri:http://a/%",
		"uri:http://a/%00",
		"uri:http://a/%c3%bc",
		"uri:http://a/b c",
		"uri:http://a/\xc3\xbc",
		"uri:http://a/\\b",
		"uri:1a:b",
		"email:",
		"email:a",
		"email:@b",
		"email:a@",
		"email:a@b@c",
		"email:.a@b",
		"email:a.@b",
		"email:a..b@c",
		"email:\"a b\"@c",
		"email:a b@c",
		"email:a@-b",
		"email:a@*.b",
		"email:a@10.0.0.1",
		"email:a@xn--ls8h.a",
		"email:\xc3\xbc@b",
		"other:",
		"other:1",
		"other:1.2.3",
		"other:1.2.3:",
		"other:1.2.3:0c",
		"other:1.2.3:0c01",
		"other:1.2.3:0C0161",
		"other:1.2.3:0c016100",
		"other:3.1:0500",
		"other:1.40:0500",
		"other:1.02.3:0500",
		"other:1..3:0500",
		"other:1.2.:0500",
		"other:1.2.99999999999999999999:0500",
		"other:.1.2:0500",
		"other:1.2.3:3080",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct pki_san san;

		CHECK_CASE(
			pki_san_from_text(bytes_str(texts[i]), A(), &san) == ERR_INVALID, texts[i]);
		CHECK_CASE(err_word() == WORD_BAD_NAME, texts[i]);
	}
}

static void
test_a_nul_inside_a_name_is_refused(void)
{
	struct bytes out;
	struct pki_san san;

	CHECK_ERR(pki_dns_check(BYTES_LIT("a.example\0.evil"), A(), &out), ERR_INVALID);
	CHECK_ERR(pki_san_from_text(BYTES_LIT("ip:10.0.0.1\0"), A(), &san), ERR_INVALID);
	CHECK_ERR(pki_san_from_text(BYTES_LIT("uri:http://a/\0"), A(), &san), ERR_INVALID);
	CHECK_ERR(pki_san_from_text(BYTES_LIT("email:a\0@b"), A(), &san), ERR_INVALID);
	CHECK_ERR(pki_san_from_text(BYTES_LIT("email:a@b\0"), A(), &san), ERR_INVALID);
}

static void
test_a_name_of_253_octets_is_the_longest(void)
{
	char name[256];
	struct bytes out;

	for (size_t i = 0; i < 254; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	CHECK_OK(pki_dns_check(bytes_of(name, 253), A(), &out));
	CHECK_ERR(pki_dns_check(bytes_of(name, 254), A(), &out), ERR_INVALID);
}

static void
test_dns_names_and_mail_domains_become_lower_case(void)
{
	struct pki_san san = {0};

	CHECK_OK(pki_san_from_text(BYTES_LIT("dns:*.A.Example"), A(), &san));
	CHECK(bytes_equal(san.value, BYTES_LIT("*.a.example")));
	CHECK_OK(pki_san_from_text(BYTES_LIT("email:User@A.Example"), A(), &san));
	CHECK(bytes_equal(san.value, BYTES_LIT("User@a.example")));
}

static void
test_general_names_are_read_and_doubles_collapse(void)
{
	struct bytes der = SEQ(general_name(0x82, "A.example"), general_name(0x82, "a.EXAMPLE"),
		TLV(0x87, hex("0a000001")), general_name(0x86, "spiffe://a/b"));
	struct pki_sans sans = {0},
			other = SANS(
				"uri:spiffe://a/b", "dns:a.example", "ip:10.0.0.1", "ip:10.0.0.1");
	struct pki_sans fewer = SANS("uri:spiffe://a/b", "dns:a.example");

	CHECK_OK(pki_sans_parse(der, A(), &sans));
	CHECK(sans.count == 3);
	CHECK(pki_sans_equal(&sans, &other));
	CHECK(!pki_sans_equal(&sans, &fewer) && !pki_sans_equal(&fewer, &sans));
	CHECK(pki_sans_contain(&sans, &fewer.item[0]));
}

static void
test_bad_general_names_are_refused(void)
{
	struct {
		const char *name;
		struct bytes der;
	} cases[] = {
		{"no SEQUENCE", NOTHING},
		{"empty", hex("3000")},
		{"trailing octets", hex("3006 8704 0a000001 00")},
		{"directoryName", SEQ(TLV(0xa4, hex("3000")))},
		{"registeredID", SEQ(TLV(0x88, hex("2a03")))},
		{"x400Address", SEQ(TLV(0xa3, hex("3000")))},
		{"address of 5 octets", SEQ(TLV(0x87, hex("0a00000100")))},
		{"empty address", SEQ(TLV(0x87, NOTHING))},
		{"empty dNSName", SEQ(TLV(0x82, NOTHING))},
		{"NUL in dNSName", SEQ(TLV(0x82, hex("612e6200")))},
		{"constructed dNSName", SEQ(TLV(0xa2, hex("6162")))},
		{"wildcard inside a label", SEQ(general_name(0x82, "a*.b"))},
		{"otherName without value", SEQ(TLV(0xa0, hex("06022a03")))},
		{"otherName with two values", SEQ(TLV(0xa0, hex("06022a03 a004 0500 0500")))},
		{"otherName with octets after", SEQ(TLV(0xa0, hex("06022a03 a002 0500 00")))},
		{"otherName with a BER value", SEQ(TLV(0xa0, hex("06022a03 a004 3080 0000")))},
		{"otherName with an arc of 70 bits",
			SEQ(TLV(0xa0, hex("060b 2a ffffffffffffffffff7f a002 0500")))},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pki_sans sans;

		CHECK_CASE(pki_sans_parse(cases[i].der, A(), &sans) == ERR_INVALID, cases[i].name);
		CHECK_CASE(err_word() == WORD_BAD_NAME, cases[i].name);
	}
}

static void
test_more_than_100_names_are_refused(void)
{
	struct bytes one = TLV(0x87, hex("0a000001")), all = NOTHING;
	struct pki_sans sans;

	for (int i = 0; i < PKI_SANS_MAX; i++)
		all = JOIN(all, one);
	CHECK_OK(pki_sans_parse(SEQ(all), A(), &sans));
	CHECK_REASON(pki_sans_parse(SEQ(all, one), A(), &sans), ERR_INVALID, "more than 100");
}

static void
test_patterns_cover_what_they_say(void)
{
	static const struct {
		const char *pattern, *name;
		bool covers;
	} cases[] = {
		{"dns:a.example", "dns:a.example", true},
		{"dns:a.example", "dns:b.a.example", false},
		{"dns:a.example", "email:x@a.example", false},
		{"dns:*.example", "dns:a.example", true},
		{"dns:*.example", "dns:b.a.example", false},
		{"dns:*.example", "dns:example", false},
		{"dns:*.example", "dns:aexample", false},
		{"dns:*.a.example", "dns:*.a.example", true},
		{"dns:*.example", "dns:*.a.example", false},
		{"dns:**.example", "dns:a.example", true},
		{"dns:**.example", "dns:b.a.example", true},
		{"dns:**.example", "dns:*.example", true},
		{"dns:**.example", "dns:*.a.example", true},
		{"dns:**.example", "dns:example", false},
		{"dns:**.example", "dns:aexample", false},
		{"ip:10.0.0.0/8", "ip:10.255.0.1", true},
		{"ip:10.0.0.0/8", "ip:11.0.0.1", false},
		{"ip:10.0.0.0/9", "ip:10.127.255.255", true},
		{"ip:10.0.0.0/9", "ip:10.128.0.0", false},
		{"ip:10.0.0.1/32", "ip:10.0.0.1", true},
		{"ip:10.0.0.1/32", "ip:10.0.0.2", false},
		{"ip:0.0.0.0/0", "ip:10.0.0.1", true},
		{"ip:0.0.0.0/0", "ip:::ffff:10.0.0.1", false},
		{"ip:::/0", "ip:10.0.0.1", false},
		{"ip:2001:db8::/33", "ip:2001:db8:7fff::1", true},
		{"ip:2001:db8::/33", "ip:2001:db8:8000::1", false},
		{"ip:10.0.0.1", "ip:10.0.0.1", true},
		{"ip:10.0.0.1", "ip:10.0.0.11", false},
		{"uri:spiffe://a/ns/*", "uri:spiffe://a/ns/b/c", true},
		{"uri:spiffe://a/ns/*", "uri:spiffe://a/ns/", false},
		{"uri:spiffe://a/ns/*", "uri:spiffe://a/nsx/b", false},
		{"uri:urn:a:*", "uri:urn:a:b", true},
		{"uri:spiffe://a/b", "uri:spiffe://a/b", true},
		{"uri:spiffe://a/b", "uri:spiffe://a/bc", false},
		{"email:*@a.example", "email:x@a.example", true},
		{"email:*@a.example", "email:x@b.a.example", false},
		{"email:*@a.example", "email:x@ba.example", false},
		{"email:x@a.example", "email:y@a.example", false},
		{"other:1.2.3:0500", "other:1.2.3:0500", true},
		{"other:1.2.3:0500", "other:1.2.4:0500", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *label = arena_printf(A(), "%s %s", cases[i].pattern, cases[i].name);
		struct pki_san san = {0};

		CHECK_CASE(pki_san_from_text(bytes_str(cases[i].name), A(), &san) == ERR_OK, label);
		CHECK_CASE(pki_pattern_check(bytes_str(cases[i].pattern)) == ERR_OK, label);
		CHECK_CASE(pki_pattern_covers(bytes_str(cases[i].pattern), &san) == cases[i].covers,
			label);
	}
}

static void
test_bad_patterns_are_refused_and_cover_nothing(void)
{
	static const struct {
		const char *pattern, *name;
	} cases[] = {
		{"", "dns:a.example"},
		{"*", "dns:a.example"},
		{"dns:", "dns:a.example"},
		{"dns:*", "dns:a.example"},
		{"dns:**", "dns:a.example"},
		{"dns:*.", "dns:a.example"},
		{"dns:**.", "dns:a.example"},
		{"dns:***.example", "dns:a.example"},
		{"dns:**.*.example", "dns:*.example"},
		{"dns:A.example", "dns:a.example"},
		{"dns:a.*", "dns:a.example"},
		{"dns:*a.example", "dns:a.example"},
		{"ip:10.0.0.1/8", "ip:10.0.0.1"},
		{"ip:10.0.0.0/08", "ip:10.0.0.1"},
		{"ip:10.0.0.0/33", "ip:10.0.0.1"},
		{"ip:10.0.0.0/", "ip:10.0.0.1"},
		{"ip:10.0.0.0/8x", "ip:10.0.0.1"},
		{"ip:010.0.0.0/8", "ip:10.0.0.1"},
		{"ip:10.*", "ip:10.0.0.1"},
		{"ip:/0", "ip:10.0.0.1"},
		{"uri:*", "uri:https://a.example/"},
		{"uri:https*", "uri:https://a.example/"},
		{"uri:https:*", "uri:https://a.example/"},
		{"uri:https:/*", "uri:https://a.example/"},
		{"uri:https://*", "uri:https://a.example/"},
		{"uri:https://a*", "uri:https://a.example/"},
		{"uri:https://a.example*", "uri:https://a.example.evil/"},
		{"email:*", "email:a@a.example"},
		{"email:*@*", "email:a@a.example"},
		{"email:*@", "email:a@a.example"},
		{"email:*@*.example", "email:a@a.example"},
		{"email:a*@a.example", "email:ab@a.example"},
		{"other:1.2.3:*", "other:1.2.3:0500"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pki_san san = {0};

		CHECK_CASE(pki_san_from_text(bytes_str(cases[i].name), A(), &san) == ERR_OK,
			cases[i].name);
		CHECK_CASE(pki_pattern_check(bytes_str(cases[i].pattern)) == ERR_INVALID ||
				strcmp(cases[i].pattern, "email:a*@a.example") == 0,
			cases[i].pattern);
		CHECK_CASE(
			!pki_pattern_covers(bytes_str(cases[i].pattern), &san), cases[i].pattern);
	}
}

static void
test_the_reach_of_a_pattern(void)
{
	static const struct {
		const char *pattern;
		enum pki_reach reach;
	} cases[] = {
		{"dns:a.example", PKI_REACH_NAME},
		{"dns:example", PKI_REACH_NAME},
		{"dns:*.example", PKI_REACH_WILDCARD},
		{"dns:**.example", PKI_REACH_DOMAIN},
		{"ip:10.0.0.1", PKI_REACH_NAME},
		{"ip:10.0.0.1/32", PKI_REACH_DOMAIN},
		{"ip:fd00::/8", PKI_REACH_DOMAIN},
		{"uri:https://a.example/x", PKI_REACH_NAME},
		{"uri:https://a.example/*", PKI_REACH_WILDCARD},
		{"uri:urn:x:*", PKI_REACH_WILDCARD},
		{"email:a@a.example", PKI_REACH_NAME},
		{"email:*@a.example", PKI_REACH_DOMAIN},
		{"other:1.2.3:0500", PKI_REACH_NAME},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes pattern = bytes_str(cases[i].pattern);

		CHECK_CASE(pki_pattern_check(pattern) == ERR_OK, cases[i].pattern);
		CHECK_CASE(pki_pattern_reach(pattern) == cases[i].reach, cases[i].pattern);
	}
}

UNIT_MAIN("pki-names", {"test_the_reach_of_a_pattern", test_the_reach_of_a_pattern},
	{"test_canonical_text_is_its_own_canonical_text",
		test_canonical_text_is_its_own_canonical_text},
	{"test_other_texts_are_refused", test_other_texts_are_refused},
	{"test_a_nul_inside_a_name_is_refused", test_a_nul_inside_a_name_is_refused},
	{"test_a_name_of_253_octets_is_the_longest", test_a_name_of_253_octets_is_the_longest},
	{"test_dns_names_and_mail_domains_become_lower_case",
		test_dns_names_and_mail_domains_become_lower_case},
	{"test_general_names_are_read_and_doubles_collapse",
		test_general_names_are_read_and_doubles_collapse},
	{"test_bad_general_names_are_refused", test_bad_general_names_are_refused},
	{"test_more_than_100_names_are_refused", test_more_than_100_names_are_refused},
	{"test_patterns_cover_what_they_say", test_patterns_cover_what_they_say},
	{"test_bad_patterns_are_refused_and_cover_nothing",
		test_bad_patterns_are_refused_and_cover_nothing})
