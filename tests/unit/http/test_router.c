#include "lib/http/router.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

static void
handler(struct http_request *req, struct http_response *resp)
{
	(void)req, (void)resp;
}

#define R(p, m)                                                                                    \
	{                                                                                          \
		.pattern = (p), .methods = (m), .handler = handler                                 \
	}

static const struct http_route table[] = {
	R("/ocsp/{}/{*}", HTTP_GET),
	R("/acme/order/{}", HTTP_POST),
	R("/acme/order/{}/finalize", HTTP_POST),
	R("/acme/order/new", HTTP_POST),
	R("/ocsp/{}", HTTP_POST),
	R("/acme/directory", HTTP_GET),
	R("/identities", HTTP_GET),
	R("/identities", HTTP_POST),
	R("/{}/x", HTTP_GET),
	R("/files/{*}", HTTP_GET),
	R("/files/list", HTTP_GET),
	{.pattern = NULL},
};

static const struct {
	const char *path;
	unsigned method;
	const char *pattern; /* NULL: none */
	unsigned allowed;
	const char *param[2];
} cases[] = {
	{"/acme/directory", HTTP_GET, "/acme/directory", HTTP_GET | HTTP_HEAD, {NULL}},
	{"/acme/directory", HTTP_HEAD, "/acme/directory", HTTP_GET | HTTP_HEAD, {NULL}},
	{"/acme/directory", HTTP_POST, NULL, HTTP_GET | HTTP_HEAD, {NULL}},
	{"/acme/directory", 0, NULL, HTTP_GET | HTTP_HEAD, {NULL}},
	{"/acme/directory/", HTTP_GET, NULL, 0, {NULL}},
	{"/acme/director", HTTP_GET, NULL, 0, {NULL}},
	{"/ACME/directory", HTTP_GET, NULL, 0, {NULL}},
	{"//acme/directory", HTTP_GET, NULL, 0, {NULL}},
	{"/acme/order/new", HTTP_POST, "/acme/order/new", HTTP_POST, {NULL}},
	{"/acme/order/newer", HTTP_POST, "/acme/order/{}", HTTP_POST, {"newer"}},
	{"/acme/order/a-b_c.d~9", HTTP_POST, "/acme/order/{}", HTTP_POST, {"a-b_c.d~9"}},
	{"/acme/order/a/finalize", HTTP_POST, "/acme/order/{}/finalize", HTTP_POST, {"a"}},
	{"/acme/order//finalize", HTTP_POST, NULL, 0, {NULL}},
	{"/acme/order/", HTTP_POST, NULL, 0, {NULL}},
	{"/acme/order/a%2fb", HTTP_POST, NULL, 0, {NULL}},
	{"/acme/order/a+b", HTTP_POST, NULL, 0, {NULL}},
	{"/ocsp/root", HTTP_POST, "/ocsp/{}", HTTP_POST, {"root"}},
	{"/ocsp/root/MEc%2B//a+b=", HTTP_GET, "/ocsp/{}/{*}", HTTP_GET | HTTP_HEAD,
		{"root", "MEc%2B//a+b="}},
	{"/ocsp/root/", HTTP_GET, "/ocsp/{}/{*}", HTTP_GET | HTTP_HEAD, {"root", ""}},
	{"/ocsp/root", HTTP_GET, NULL, HTTP_POST, {NULL}},
	{"/identities", HTTP_GET, "/identities", HTTP_GET | HTTP_HEAD, {NULL}},
	{"/identities", HTTP_POST, "/identities", HTTP_POST, {NULL}},
	{"/identities", HTTP_PUT, NULL, HTTP_GET | HTTP_HEAD | HTTP_POST, {NULL}},
	{"/anything/x", HTTP_GET, "/{}/x", HTTP_GET | HTTP_HEAD, {"anything"}},
	{"/files/list", HTTP_GET, "/files/list", HTTP_GET | HTTP_HEAD, {NULL}},
	{"/files/list/", HTTP_GET, "/files/{*}", HTTP_GET | HTTP_HEAD, {"list/"}},
	{"/files/x", HTTP_GET, "/{}/x", HTTP_GET | HTTP_HEAD, {"files"}},
	{"/files", HTTP_GET, NULL, 0, {NULL}},
	{"/", HTTP_GET, NULL, 0, {NULL}},
	{"", HTTP_GET, NULL, 0, {NULL}},
	{"*", HTTP_OPTIONS, NULL, 0, {NULL}},
	{"http://h/acme/directory", HTTP_GET, NULL, 0, {NULL}},
};

static void
test_paths_find_their_route_and_parameters(void)
{
	AUTO_STRUCT(router) r = NULL;

	CHECK_OK(router_new(table, &r));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct router_match m;
		size_t params = 0;

		router_find(r, bytes_str(cases[i].path), cases[i].method, &m);
		CHECK_CASE((m.route == NULL) == (cases[i].pattern == NULL), cases[i].path);
		if (m.route != NULL && cases[i].pattern != NULL)
			CHECK_CASE(strcmp(m.route->pattern, cases[i].pattern) == 0, cases[i].path);
		if (m.route == NULL)
			CHECK_CASE(m.allowed == cases[i].allowed, cases[i].path);
		for (; params < 2 && cases[i].param[params] != NULL; params++)
			CHECK_CASE(params < m.count &&
					bytes_equal(
						m.param[params], bytes_str(cases[i].param[params])),
				cases[i].path);
		CHECK_CASE(m.count == params, cases[i].path);
	}
}

/* All rows in their order, with their arguments, and an end; nothing joined with nothing is empty. */
static void
test_joined_tables_have_every_route(void)
{
	static const struct http_route more[] = {
		{.pattern = "/more", .methods = HTTP_GET, .handler = handler, .arg = "argument"},
		{.pattern = NULL}};
	const struct http_route *const tables[] = {table, &table[ARRAY_LEN(table) - 1], more};
	struct http_route *all = http_routes_join(tables, ARRAY_LEN(tables));
	struct http_route *none = http_routes_join(tables, 0);
	size_t n = ARRAY_LEN(table) - 1;

	for (size_t i = 0; i < n; i++)
		CHECK_CASE(all[i].pattern == table[i].pattern, table[i].pattern);
	CHECK(all[n].arg == more[0].arg && all[n + 1].pattern == NULL);
	CHECK(none[0].pattern == NULL);
	free(all);
	free(none);
}

static void
test_bad_tables_are_refused(void)
{
	static const struct {
		const char *words;
		struct http_route table[3];
	} bad[] = {
		{"needs a path", {R("a", HTTP_GET), R(NULL, 0)}},
		{"needs a path", {R("/a", 0), R(NULL, 0)}},
		{"needs a path", {{.pattern = "/a", .methods = HTTP_GET}, R(NULL, 0)}},
		{"whole segment", {R("/a{}", HTTP_GET), R(NULL, 0)}},
		{"whole segment", {R("/{}a", HTTP_GET), R(NULL, 0)}},
		{"whole segment", {R("/{*}/a", HTTP_GET), R(NULL, 0)}},
		{"whole segment", {R("/{id}", HTTP_GET), R(NULL, 0)}},
		{"parameters", {R("/{}/{}/{}/{}/{}", HTTP_GET), R(NULL, 0)}},
		{"twice", {R("/a/{}", HTTP_GET), R("/a/{}", HTTP_GET | HTTP_POST), R(NULL, 0)}},
	};
	struct router *r = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_REASON(router_new(bad[i].table, &r), ERR_INVALID, bad[i].words);
	CHECK(r == NULL);
}

static void
test_methods_have_one_spelling(void)
{
	CHECK(router_method("GET") == HTTP_GET && router_method("OPTIONS") == HTTP_OPTIONS);
	CHECK(router_method("get") == 0 && router_method("GETS") == 0 && router_method("") == 0);
}

static void
test_allow_names_methods_in_order(void)
{
	char text[ROUTER_ALLOW_SIZE];

	router_allow(HTTP_POST | HTTP_GET | HTTP_HEAD, text);
	CHECK(strcmp(text, "GET, HEAD, POST") == 0);
	router_allow(
		HTTP_GET | HTTP_HEAD | HTTP_POST | HTTP_PUT | HTTP_DELETE | HTTP_OPTIONS, text);
	CHECK(strcmp(text, "GET, HEAD, POST, PUT, DELETE, OPTIONS") == 0);
	router_allow(0, text);
	CHECK(strcmp(text, "") == 0);
}

UNIT_MAIN("http router",
	{"test_paths_find_their_route_and_parameters", test_paths_find_their_route_and_parameters},
	{"test_joined_tables_have_every_route", test_joined_tables_have_every_route},
	{"test_bad_tables_are_refused", test_bad_tables_are_refused},
	{"test_methods_have_one_spelling", test_methods_have_one_spelling},
	{"test_allow_names_methods_in_order", test_allow_names_methods_in_order})
