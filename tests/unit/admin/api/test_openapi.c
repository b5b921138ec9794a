/* The table of operations, the routes and the document: each has what the others have. */
#include <stdlib.h>

#include "admin/api/api.h"
#include "admin/api/internal.h"
#include "tests/unit/unit.h"

static void
test_every_operation_is_described_and_has_room(void)
{
	for (size_t i = 0; i < ADMIN_OPERATION_COUNT; i++) {
		const struct admin_operation *op = &admin_operations[i];
		size_t inputs = 0, in_path = 0, braces = 0;

		CHECK(op->name != NULL && op->path != NULL && op->input != NULL);
		CHECK_CASE(strncmp(op->name, "admin.", 6) == 0 && op->summary != NULL &&
				op->help != NULL && op->answer != NULL,
			op->name);
		for (const struct admin_input *in = op->input; in->name != NULL; in++, inputs++) {
			in_path += in->place == ADMIN_IN_PATH;
			CHECK_CASE(in->help != NULL && (in->argument == NULL || in->option == NULL),
				op->name);
		}
		for (const char *p = op->path; (p = strstr(p, "{}")) != NULL; p += 2)
			braces++;
		CHECK_CASE(inputs <= API_INPUTS_MAX && in_path == braces, op->name);
		CHECK_CASE(op->list == NULL || admin_member_find(op->answer, op->list) != NULL,
			op->name);
	}
}

/* "/a/{}" and "/a/{serial}" are one path. */
static bool
is_path(const char *template, const char *pattern)
{
	const char *brace = strstr(pattern, "{}"), *end;
	size_t n = brace != NULL ? (size_t)(brace - pattern) : 0;

	if (brace == NULL)
		return strcmp(template, pattern) == 0;
	end = strchr(template, '}');
	return end != NULL && strncmp(template, pattern, n) == 0 && template[n] == '{' &&
		strcmp(end + 1, brace + 2) == 0;
}

static const json_t *
find_path(const json_t *document, const char *pattern)
{
	const char *template;
	json_t *item;

	json_object_foreach(json_object_get(document, "paths"), template, item)
		if (is_path(template, pattern))
			return item;
	return NULL;
}

static void
test_every_route_is_in_the_document_and_nothing_else_is(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO(json_t) document = api_openapi_document(a);
	struct http_route *routes = admin_routes();
	size_t routed = 0, described = 0;
	const char *path;
	json_t *item;

	for (const struct http_route *r = routes; r->pattern != NULL; r++) {
		const char *method = r->methods == HTTP_POST ? "post" : "get";

		if (strncmp(r->pattern, "/admin/", 7) != 0)
			continue;
		routed++;
		CHECK_CASE(json_object_get(find_path(document, r->pattern), method) != NULL,
			r->pattern);
	}
	json_object_foreach(json_object_get(document, "paths"), path, item)
		described += json_object_size(item);
	CHECK(routed == ADMIN_OPERATION_COUNT && described == routed);
	CHECK(find_path(document, "/admin/v1/nothing") == NULL);
	free(routes);
}

UNIT_MAIN("admin api openapi",
	{"test_every_operation_is_described_and_has_room",
		test_every_operation_is_described_and_has_room},
	{"test_every_route_is_in_the_document_and_nothing_else_is",
		test_every_route_is_in_the_document_and_nothing_else_is})
