#include "lib/base/hex.h"

#include "tests/unit/unit.h"

static void
test_hex_goes_both_ways(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	uint8_t out[4];
	size_t n = 99;

	CHECK(strcmp(hex_string(a, BYTES_LIT("\x00\xff\x10")), "00ff10") == 0);
	CHECK(strcmp(hex_string(a, bytes_of(NULL, 0)), "") == 0);
	CHECK_OK(hex_decode(BYTES_LIT("00Ff10aB"), out, sizeof(out), &n));
	CHECK(n == 4 && memcmp(out, "\x00\xff\x10\xab", 4) == 0);
}

static void
test_bad_hex_is_refused_before_writing(void)
{
	uint8_t out[2] = {7, 7};
	size_t n = 99;

	CHECK_REASON(hex_decode(BYTES_LIT("abc"), out, sizeof(out), &n), ERR_INVALID, "odd");
	CHECK_REASON(hex_decode(BYTES_LIT("12g4"), out, sizeof(out), &n), ERR_INVALID, "offset 2");
	CHECK_ERR(hex_decode(BYTES_LIT("12 4"), out, sizeof(out), &n), ERR_INVALID);
	CHECK_ERR(hex_decode(BYTES_LIT("010203"), out, sizeof(out), &n), ERR_LIMIT);
	CHECK(n == 99 && out[0] == 7);
}

/* RFC 4648 section 10 */
static const struct {
	const char *plain, *base64, *base64url;
} vectors[] = {
	{"", "", ""},
	{"f", "Zg==", "Zg"},
	{"fo", "Zm8=", "Zm8"},
	{"foo", "Zm9v", "Zm9v"},
	{"foob", "Zm9vYg==", "Zm9vYg"},
	{"fooba", "Zm9vYmE=", "Zm9vYmE"},
	{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
	{"\xfb\xff\xbf", "+/+/", "-_-_"},
};

static void
test_base64_vectors_go_both_ways(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes out;

	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct bytes plain = bytes_str(vectors[i].plain);

		CHECK_CASE(
			strcmp(base64_string(a, plain), vectors[i].base64) == 0, vectors[i].plain);
		CHECK_CASE(strcmp(base64url_string(a, plain), vectors[i].base64url) == 0,
			vectors[i].plain);
		CHECK_OK(base64_decode(a, bytes_str(vectors[i].base64), &out));
		CHECK_CASE(bytes_equal(out, plain), vectors[i].base64);
		CHECK_OK(base64url_decode(a, bytes_str(vectors[i].base64url), &out));
		CHECK_CASE(bytes_equal(out, plain), vectors[i].base64url);
	}
}

static void
test_every_octet_survives_base64(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	uint8_t all[256];
	struct bytes out;

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(255 - i);
	for (size_t n = 0; n <= sizeof(all); n += 5) {
		CHECK_OK(base64_decode(a, bytes_str(base64_string(a, bytes_of(all, n))), &out));
		CHECK(bytes_equal(out, bytes_of(all, n)));
		CHECK_OK(base64url_decode(
			a, bytes_str(base64url_string(a, bytes_of(all, n))), &out));
		CHECK(bytes_equal(out, bytes_of(all, n)));
	}
}

static void
test_bad_base64_is_refused(void)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"Zg", "bad padding"},
		{"Zg=", "bad padding"},
		{"Zg===", "bad padding"},
		{"Zm9v=", "bad padding"},
		{"====", "bad padding"},
		{"Z", "inside an octet"},
		{"Zh==", "stray bits"},
		{"Zo==", "stray bits"},
		{"Zm9=", "stray bits"},
		{"Zm+=", "stray bits"},
		{"Zg==Zg==", "goes on after its padding"},
		{"Zm 9v", "0x20 at offset 2"},
		{"Zm9v\n", "0x0a at offset 4"},
		{"-_-_", "0x2d at offset 0"},
		{"Zm\xc3\xa4", "0xc3"},
	};
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes out = {NULL, 77};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_REASON(base64_decode(a, bytes_str(cases[i].text), &out), ERR_INVALID,
			cases[i].words);
		CHECK_CASE(out.n == 77, cases[i].text);
	}
}

static void
test_bad_base64url_is_refused(void)
{
	static const char *const cases[] = {
		"Zg==", "Zg=", "+/+/", "Zh", "Zm9", "Z", "Zm9v\n", "Zm9v Zm9v", "Zm9v."};
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes out;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_CASE(base64url_decode(a, bytes_str(cases[i]), &out) == ERR_INVALID, cases[i]);
}

static void
test_mime_form_skips_white_space_only(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes out;

	CHECK_OK(base64_decode_mime(a, BYTES_LIT(" Zm9v\r\n\tYg =\n=\r\n"), &out));
	CHECK(bytes_equal(out, BYTES_LIT("foob")));
	CHECK_ERR(base64_decode_mime(a, BYTES_LIT("Zm9v\vYg=="), &out), ERR_INVALID);
	CHECK_ERR(base64_decode_mime(a, BYTES_LIT("Zm9v\0Yg=="), &out), ERR_INVALID);
	CHECK_REASON(
		base64_decode_mime(a, BYTES_LIT("Zm9vYg=\n"), &out), ERR_INVALID, "bad padding");
	CHECK_REASON(base64_decode_mime(
			     a, BYTES_LIT("-----BEGIN CERTIFICATE REQUEST-----\nZm9v\n"), &out),
		ERR_INVALID, "is PEM");
	CHECK_REASON(
		base64_decode_mime(a, BYTES_LIT("\x30\x82\x01\x0a"), &out), ERR_INVALID, "raw DER");
}

static void
test_pem_blocks_are_found_by_label(void)
{
	static const char text[] =
		"subject=x\r\n-----BEGIN OTHER-----\nZm9v\n-----END OTHER-----\n"
		"-----BEGIN THING-----\r\nZm9v\r\nYg==\r\n-----END THING-----\r\n"
		"junk -----BEGIN THING-----\n-----BEGIN THING-----\nZg==\n-----END THING-----";
	AUTO_STRUCT(arena) a = arena_new(0);
	size_t offset = 0;
	struct bytes der;

	CHECK_OK(pem_next(a, bytes_str(text), "THING", &offset, &der));
	CHECK(bytes_equal(der, BYTES_LIT("foob")));
	CHECK_OK(pem_next(a, bytes_str(text), "THING", &offset, &der));
	CHECK(bytes_equal(der, BYTES_LIT("f")));
	CHECK_ERR(pem_next(a, bytes_str(text), "THING", &offset, &der), ERR_NOTFOUND);
}

static void
test_bad_pem_is_refused(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	size_t offset = 0;
	struct bytes der;

	CHECK_ERR(pem_next(a, BYTES_LIT(""), "X", &offset, &der), ERR_NOTFOUND);
	CHECK_ERR(
		pem_next(a, BYTES_LIT("-----BEGIN Y-----\n-----END Y-----\n"), "X", &offset, &der),
		ERR_NOTFOUND);
	CHECK_REASON(pem_next(a, BYTES_LIT("-----BEGIN X-----\nZm9v\n"), "X", &offset, &der),
		ERR_INVALID, "no END");
	CHECK_REASON(pem_next(a, BYTES_LIT("-----BEGIN X-----\nZm9\n-----END X-----\n"), "X",
			     &offset, &der),
		ERR_INVALID, "PEM block \"X\"");
	CHECK_ERR(
		pem_next(a, BYTES_LIT("-----BEGIN X-----\nProc-Type: 4\n\nZm9v\n-----END X-----\n"),
			"X", &offset, &der),
		ERR_INVALID);
	CHECK(offset == 0);
}

static void
test_pem_is_written_in_64_columns(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	uint8_t zeros[49] = {0};
	const char *text = pem_string(a, "CERTIFICATE", bytes_of(zeros, sizeof(zeros)));
	size_t offset = 0;
	struct bytes der;

	CHECK(strcmp(text,
		      "-----BEGIN CERTIFICATE-----\n"
		      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
		      "AA==\n-----END CERTIFICATE-----\n") == 0);
	CHECK_OK(pem_next(a, bytes_str(text), "CERTIFICATE", &offset, &der));
	CHECK(bytes_equal(der, bytes_of(zeros, sizeof(zeros))));
}

/* From every place, and over every border of a line. */
static void
test_parts_of_pem_are_those_of_the_whole(void)
{
	static const size_t sizes[] = {0, 1, 2, 3, 47, 48, 49, 96, 145};
	AUTO_STRUCT(arena) a = arena_new(0);
	uint8_t octets[145];
	char part[400];
	int wrong = 0;

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct bytes der = bytes_of(octets, sizes[i]);
		const char *whole = pem_string(a, "X509 CRL", der);
		size_t size = pem_size("X509 CRL", der);

		CHECK(strlen(whole) == size);
		for (size_t at = 0; at <= size; at++)
			for (size_t n = 0; at + n <= size; n += 13) {
				pem_copy("X509 CRL", der, at, part, n);
				wrong += memcmp(part, whole + at, n) != 0;
			}
	}
	CHECK(wrong == 0);
}

static void
test_characters_have_values(void)
{
	static const char foreign[] = "= \n.,~\x7f\xc3";

	for (int i = 0; i < 64; i++)
		CHECK(base64_value((uint8_t)base64url_alphabet[i]) == i);
	CHECK(base64_value('+') == 62 && base64_value('/') == 63);
	for (size_t i = 0; i < sizeof(foreign); i++)
		CHECK(base64_value((uint8_t)foreign[i]) == -1);
}

static void
test_escapes_are_read_or_none(void)
{
	static const struct {
		struct bytes text;
		int octet;
	} cases[] = {
		{BYTES_LIT("%00"), 0},
		{BYTES_LIT("%2fb"), 0x2f},
		{BYTES_LIT("%fF"), 255},
		{BYTES_LIT("%9A%"), 0x9a},
		{BYTES_LIT(""), -1},
		{BYTES_LIT("%"), -1},
		{BYTES_LIT("%4"), -1},
		{BYTES_LIT("a41"), -1},
		{BYTES_LIT("%g1"), -1},
		{BYTES_LIT("%1g"), -1},
		{BYTES_LIT("%@1"), -1},
		{BYTES_LIT("%1`"), -1},
		{BYTES_LIT("%%41"), -1},
		{BYTES_LIT("% 1"), -1},
		{BYTES_LIT("%+1"), -1},
		{BYTES_LIT("%4\0"), -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_CASE(hex_escaped(cases[i].text) == cases[i].octet,
			(const char *)cases[i].text.p);
}

UNIT_MAIN("hex", {"test_characters_have_values", test_characters_have_values},
	{"test_escapes_are_read_or_none", test_escapes_are_read_or_none},
	{"test_hex_goes_both_ways", test_hex_goes_both_ways},
	{"test_bad_hex_is_refused_before_writing", test_bad_hex_is_refused_before_writing},
	{"test_base64_vectors_go_both_ways", test_base64_vectors_go_both_ways},
	{"test_every_octet_survives_base64", test_every_octet_survives_base64},
	{"test_bad_base64_is_refused", test_bad_base64_is_refused},
	{"test_bad_base64url_is_refused", test_bad_base64url_is_refused},
	{"test_mime_form_skips_white_space_only", test_mime_form_skips_white_space_only},
	{"test_pem_blocks_are_found_by_label", test_pem_blocks_are_found_by_label},
	{"test_bad_pem_is_refused", test_bad_pem_is_refused},
	{"test_pem_is_written_in_64_columns", test_pem_is_written_in_64_columns},
	{"test_parts_of_pem_are_those_of_the_whole", test_parts_of_pem_are_those_of_the_whole})
