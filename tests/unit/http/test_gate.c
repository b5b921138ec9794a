#include "lib/http/gate.h"

#include "tests/unit/unit.h"

enum { FIELDS_MAX = 4 };

struct field {
	struct bytes name, value;
};

#define F(n, v)                                                                                    \
	{                                                                                          \
		BYTES_LIT(n), BYTES_LIT(v)                                                         \
	}
#define HOST F("Host", "a.example:8443")

static const struct head {
	const char *name;
	bool http10;
	struct field field[FIELDS_MAX];
	unsigned status; /* 0: accepted */
	uint64_t length;
} heads[] = {
	{"bare minimum", false, {HOST}, 0, 0},
	{"HTTP/1.0 without Host", true, {{{NULL, 0}, {NULL, 0}}}, 0, 0},
	{"length", false, {HOST, F("content-LENGTH", "1234")}, 0, 1234},
	{"length in HTTP/1.0", true, {F("Content-Length", "0")}, 0, 0},
	{"largest length", false, {HOST, F("Content-Length", "18446744073709551614")}, 0,
		UINT64_MAX - 1},
	{"length of 64 bits", false, {HOST, F("Content-Length", "18446744073709551615")}, 0,
		GATE_LENGTH_OVER},
	{"length of more than 64 bits", false, {HOST, F("Content-Length", "18446744073709551616")},
		0, GATE_LENGTH_OVER},
	{"length that is small again", false, {HOST, F("Content-Length", "184467440737095516170")},
		0, GATE_LENGTH_OVER},
	{"length with zeros", false, {HOST, F("Content-Length", "00000000000000000000007")}, 0, 7},
	{"chunked", false, {HOST, F("Transfer-Encoding", "CHUNKED")}, 411, 0},
	{"expect", false, {HOST, F("Expect", "100-Continue")}, 0, 0},
	{"identity", false, {HOST, F("Content-Encoding", "identity")}, 0, 0},
	{"tab and obs-text", false, {HOST, F("X", "a\tb\xe4")}, 0, 0},
	{"all token octets", false, {HOST, F("!#$%&'*+-.^_`|~09azAZ", "")}, 0, 0},
	{"list field twice", false, {HOST, F("Accept", "a/b"), F("accept", "c/d")}, 0, 0},
	{"IPv6 host", false, {F("Host", "[2001:db8::1]:80")}, 0, 0},
	{"no Host", false, {{{NULL, 0}, {NULL, 0}}}, 400, 0},
	{"empty Host", false, {F("Host", "")}, 400, 0},
	{"empty Host in HTTP/1.0", true, {F("Host", "")}, 400, 0},
	{"Host with space", false, {F("Host", "a b")}, 400, 0},
	{"Host with slash", false, {F("Host", "a/b")}, 400, 0},
	{"Host with at", false, {F("Host", "u@a")}, 400, 0},
	{"two Hosts", false, {HOST, F("HOST", "b")}, 400, 0},
	{"two equal lengths", false, {HOST, F("Content-Length", "3"), F("Content-Length", "3")},
		400, 0},
	{"length and chunked", false,
		{HOST, F("Content-Length", "3"), F("Transfer-Encoding", "chunked")}, 400, 0},
	{"chunked and length", false,
		{HOST, F("Transfer-Encoding", "chunked"), F("Content-Length", "3")}, 400, 0},
	{"two codings", false,
		{HOST, F("Transfer-Encoding", "chunked"), F("Transfer-Encoding", "chunked")}, 400,
		0},
	{"coding list", false, {HOST, F("Transfer-Encoding", "gzip, chunked")}, 501, 0},
	{"coding with parameter", false, {HOST, F("Transfer-Encoding", "chunked;a=b")}, 501, 0},
	{"coding almost chunked", false, {HOST, F("Transfer-Encoding", "xchunked")}, 501, 0},
	{"coding identity", false, {HOST, F("Transfer-Encoding", "identity")}, 501, 0},
	{"empty coding", false, {HOST, F("Transfer-Encoding", "")}, 501, 0},
	{"chunked in HTTP/1.0", true, {F("Transfer-Encoding", "chunked")}, 400, 0},
	{"signed length", false, {HOST, F("Content-Length", "+3")}, 400, 0},
	{"negative length", false, {HOST, F("Content-Length", "-3")}, 400, 0},
	{"length with text", false, {HOST, F("Content-Length", "3x")}, 400, 0},
	{"length list", false, {HOST, F("Content-Length", "3, 3")}, 400, 0},
	{"hex length", false, {HOST, F("Content-Length", "0x3")}, 400, 0},
	{"empty length", false, {HOST, F("Content-Length", "")}, 400, 0},
	{"length with text far behind", false,
		{HOST, F("Content-Length", "1844674407370955161700x")}, 400, 0},
	{"length with a blank", false, {HOST, F("Content-Length", "3 ")}, 400, 0},
	{"length in other digits", false, {HOST, F("Content-Length", "\xd9\xa3")}, 400, 0},
	{"name with space", false, {HOST, F("Content-Length ", "3")}, 400, 0},
	{"name with tab", false, {HOST, F("X\t", "3")}, 400, 0},
	{"name with parenthesis", false, {HOST, F("X(y)", "3")}, 400, 0},
	{"name with NUL", false, {HOST, F("X\0y", "3")}, 400, 0},
	{"name above ASCII", false, {HOST, F("X\xe4", "3")}, 400, 0},
	{"empty name", false, {HOST, F("", "3")}, 400, 0},
	{"value with CR", false, {HOST, F("X", "a\rb")}, 400, 0},
	{"value with LF", false, {HOST, F("X", "a\nb")}, 400, 0},
	{"value with NUL", false, {HOST, F("X", "a\0b")}, 400, 0},
	{"value with escape", false, {HOST, F("X", "\x1b[1m")}, 400, 0},
	{"value with DEL", false, {HOST, F("X", "\x7f")}, 400, 0},
	{"two content types", false, {HOST, F("Content-Type", "a/b"), F("content-type", "a/b")},
		400, 0},
	{"two authorizations", false, {HOST, F("Authorization", "a"), F("Authorization", "b")}, 400,
		0},
	{"other expectation", false, {HOST, F("Expect", "200-ok")}, 417, 0},
	{"encoded body", false, {HOST, F("Content-Encoding", "gzip")}, 415, 0},
};

static void
test_every_head_is_accepted_or_refused_with_its_status(void)
{
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		const struct head *h = &heads[i];
		const struct http_refusal *r = NULL;
		struct gate g = {.length = 0};

		for (size_t k = 0; r == NULL && k < FIELDS_MAX && h->field[k].name.p != NULL; k++)
			r = gate_field(&g, h->field[k].name, h->field[k].value);
		if (r == NULL)
			r = gate_finish(&g, h->http10);
		CHECK_CASE((r != NULL ? r->status : 0) == h->status, h->name);
		CHECK_CASE(r == NULL || (strlen(r->word) > 0 && strstr(r->reason, "RFC") != NULL),
			h->name);
		if (r == NULL)
			CHECK_CASE(g.length == h->length, h->name);
	}
}

static void
test_target_with_raw_octets_is_refused(void)
{
	static const struct {
		const char *name;
		struct bytes path, query;
		bool refused;
	} cases[] = {
		{"plain", BYTES_LIT("/a/b~c"), {NULL, 0}, false},
		{"percent", BYTES_LIT("/a%00b"), BYTES_LIT("x=%20"), false},
		{"NUL", BYTES_LIT("/a\0b"), {NULL, 0}, true},
		{"space", BYTES_LIT("/a b"), {NULL, 0}, true},
		{"tab in the query", BYTES_LIT("/a"), BYTES_LIT("x\ty"), true},
		{"DEL", BYTES_LIT("/a\x7f"), {NULL, 0}, true},
		{"above ASCII", BYTES_LIT("/\xc3\xa4"), {NULL, 0}, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_CASE((gate_target(cases[i].path, cases[i].query) != NULL) == cases[i].refused,
			cases[i].name);
}

static void
test_media_type_is_compared_without_parameters_and_case(void)
{
	static const char *const allowed[] = {"application/pkcs10", "application/jose+json", NULL};
	static const struct {
		struct bytes value;
		bool refused;
	} cases[] = {
		{BYTES_LIT("application/pkcs10"), false},
		{BYTES_LIT("Application/PKCS10; charset=x"), false},
		{BYTES_LIT("application/jose+json\t ;a"), false},
		{BYTES_LIT("application/pkcs1"), true},
		{BYTES_LIT("application/pkcs100"), true},
		{BYTES_LIT("application/pkcs10, text/plain"), true},
		{BYTES_LIT("; application/pkcs10"), true},
		{BYTES_LIT(""), true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct http_refusal *r = gate_media_type(cases[i].value, allowed);

		CHECK_CASE((r != NULL) == cases[i].refused, (const char *)cases[i].value.p);
		CHECK_CASE(r == NULL || r->status == 415, (const char *)cases[i].value.p);
	}
}

UNIT_MAIN("http gate",
	{"test_every_head_is_accepted_or_refused_with_its_status",
		test_every_head_is_accepted_or_refused_with_its_status},
	{"test_target_with_raw_octets_is_refused", test_target_with_raw_octets_is_refused},
	{"test_media_type_is_compared_without_parameters_and_case",
		test_media_type_is_compared_without_parameters_and_case})
