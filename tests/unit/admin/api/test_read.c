/* Bodies, queries and paths against the rows of the table: what is refused, and in which words. */
#include "admin/api/internal.h"
#include "tests/unit/unit.h"

#define SERIAL "0123456789abcdefABCDEF0123456789"

static const struct {
	enum admin_identifier op;
	const char *param, *query, *body; /* of the request; NULL: none */
	const char *words;		  /* of the refusal; NULL: it is read */
} cases[] = {
	{ADMIN_STATUS, NULL, NULL, NULL, NULL},
	{ADMIN_STATUS, NULL, "limit=1", NULL, "unknown query parameter \"limit\""},
	{ADMIN_IDENTITY_LIST, NULL, "after=a%40b&limit=100", NULL, NULL},
	{ADMIN_IDENTITY_LIST, NULL, "limit=0", NULL,
		"query parameter \"limit\" must be a number from 1 to 100"},
	{ADMIN_IDENTITY_LIST, NULL, "limit=101", NULL, "from 1 to 100"},
	{ADMIN_IDENTITY_LIST, NULL, "limit=1e1", NULL, "from 1 to 100"},
	{ADMIN_IDENTITY_LIST, NULL, "limit=", NULL, "from 1 to 100"},
	{ADMIN_IDENTITY_LIST, NULL, "limit=99999999999999999999", NULL, "from 1 to 100"},
	{ADMIN_IDENTITY_LIST, NULL, "limit", NULL, "query parameter \"limit\" has no value"},
	{ADMIN_IDENTITY_LIST, NULL, "after=a&after=b", NULL,
		"query parameter \"after\" stands twice"},
	{ADMIN_IDENTITY_LIST, NULL, "after=%ff", NULL, "\"after\" must be UTF-8"},
	{ADMIN_IDENTITY_LIST, NULL, "after=%0a", NULL, "control character"},
	{ADMIN_IDENTITY_LIST, NULL, "after=%4", NULL, "broken percent-encoding"},
	{ADMIN_IDENTITY_SHOW, NULL, NULL, NULL, "query parameter \"name\" is missing"},
	{ADMIN_CERTIFICATE_LIST, NULL, "all=yes&name=dns:A.example.org", NULL, NULL},
	{ADMIN_CERTIFICATE_LIST, NULL, "all=no", NULL, "\"all\" must be \"yes\" or absent"},
	{ADMIN_CERTIFICATE_LIST, NULL, "name=a.example.org", NULL,
		"query parameter \"name\": a name begins"},
	{ADMIN_CERTIFICATE_SHOW, SERIAL, NULL, NULL, NULL},
	{ADMIN_CERTIFICATE_SHOW, SERIAL, "serial=" SERIAL, NULL,
		"unknown query parameter \"serial\""},
	{ADMIN_CERTIFICATE_SHOW, "0123", NULL, NULL, "32 hexadecimal digits"},
	{ADMIN_CERTIFICATE_SHOW, SERIAL "00", NULL, NULL, "32 hexadecimal digits"},
	{ADMIN_CERTIFICATE_REVOKE, SERIAL, NULL, "{}", NULL},
	{ADMIN_CERTIFICATE_REVOKE, SERIAL, NULL, "{\"reason\": \"superseded\"}", NULL},
	{ADMIN_CERTIFICATE_REVOKE, SERIAL, NULL, "{\"serial\": \"x\"}",
		"member \"serial\" is not known here"},
	{ADMIN_CERTIFICATE_REVOKE, SERIAL, NULL, "{\"reason\": 1}",
		"member \"reason\" must be a string"},
	{ADMIN_CERTIFICATE_REVOKE, SERIAL, NULL, "{\"reason\": \"cACompromise\"}",
		"does not apply to these certificates; allowed: unspecified"},
	{ADMIN_CERTIFICATE_REVOKE, SERIAL, "reason=superseded", "{}",
		"unknown query parameter \"reason\""},
	{ADMIN_IDENTITY_ADD, NULL, NULL, "[]", "must be a JSON object"},
	{ADMIN_IDENTITY_ADD, NULL, NULL, "", "JSON expected"},
	{ADMIN_IDENTITY_ADD, NULL, NULL, "{}", "member \"name\" is missing"},
	{ADMIN_IDENTITY_ADD, NULL, NULL, "{\"name\": null, \"kind\": \"user\"}",
		"member \"name\" must be a string"},
	{ADMIN_IDENTITY_ADD, NULL, NULL, "{\"name\": \"a\", \"kind\": \"robot\"}",
		"member \"kind\": identity kind \"robot\" is none of workload"},
	{ADMIN_IDENTITY_ADD, NULL, NULL, "{\"name\": \"a\", \"kind\": \"user\", \"grants\": {}}",
		"member \"grants\" must be a list"},
	{ADMIN_IDENTITY_ADD, NULL, NULL, "{\"name\": \"a\", \"kind\": \"user\", \"grants\": [1]}",
		"objects as elements"},
	{ADMIN_IDENTITY_ADD, NULL, NULL,
		"{\"name\": \"a\", \"kind\": \"user\", \"grants\": [{\"profile\": \"p\"}]}",
		"\"pattern\" is missing"},
	{ADMIN_ISSUE, NULL, NULL, "{\"identity\": \"a\", \"profile\": \"p\", \"csr\": \"MAA=\"}",
		"member \"csr\": "},
	{ADMIN_ISSUE, NULL, NULL, "{\"identity\": \"a\", \"profile\": \"p\", \"out\": \"f\"}",
		"member \"out\" is not known here"},
	{ADMIN_CRL_PUBLISH, NULL, NULL, "{}", NULL},
};

static enum err
read_case(struct arena *a, size_t i, struct api_call *c, struct http_request *req)
{
	*req = (struct http_request){.arena = a,
		.query = cases[i].query,
		.param = {cases[i].param},
		.body = bytes_str(cases[i].body)};
	*c = (struct api_call){.op = &admin_operations[cases[i].op], .req = req, .arena = a};
	return api_read(c);
}

static void
test_requests_are_read_or_refused_by_name(void)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_STRUCT(arena) a = arena_new(0);
		struct http_request req;
		struct api_call c;
		const char *words = cases[i].words;
		enum err e = read_case(a, i, &c, &req);

		CHECK_CASE((e == ERR_OK) == (words == NULL), words != NULL ? words : err_reason());
		if (e != ERR_OK && words != NULL)
			CHECK_CASE(strstr(err_reason(), words) != NULL, err_reason());
		json_decref(c.input);
	}
}

static void
read_request(struct api_call *c, enum admin_identifier op, struct http_request *req)
{
	*c = (struct api_call){.op = &admin_operations[op], .req = req, .arena = req->arena};
	CHECK_OK(api_read(c));
}

static void
test_values_are_what_their_types_mean(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct http_request req = {.arena = a, .query = "name=dns:A.Example.org"};
	struct api_call c;

	read_request(&c, ADMIN_CERTIFICATE_LIST, &req);
	CHECK(strcmp(api_text(&c, "name"), "dns:a.example.org") == 0);
	CHECK(api_text(&c, "identity") == NULL && !api_value(&c, "all")->given);
	CHECK(api_value(&c, "limit")->number == 100 && !api_value(&c, "limit")->given);
	json_decref(c.input);

	req = (struct http_request){.arena = a, .param = {SERIAL}, .body = bytes_str("{}")};
	read_request(&c, ADMIN_CERTIFICATE_REVOKE, &req);
	CHECK(api_value(&c, "serial")->serial[1] == 0x23);
	CHECK(api_value(&c, "reason")->number == PKI_REASON_NONE);
	json_decref(c.input);

	req = (struct http_request){.arena = a, .body = bytes_str("{\"name\": \"leaver\"}")};
	read_request(&c, ADMIN_OFFBOARD, &req);
	CHECK(api_value(&c, "reason")->number == PKI_REASON_PRIVILEGE_WITHDRAWN);
	json_decref(c.input);
}

UNIT_MAIN("admin api read",
	{"test_requests_are_read_or_refused_by_name", test_requests_are_read_or_refused_by_name},
	{"test_values_are_what_their_types_mean", test_values_are_what_their_types_mean})
