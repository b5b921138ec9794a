/*
 * The query string of admin requests. Properties: what is accepted has only allowed names, each
 * once, with values that are no longer than the text and free of control characters.
 */
#include "tests/fuzz/fuzz.h"

#include "admin/api/internal.h"

static const char *const allowed[] = {"name", "after", "limit", "identity", NULL};

static bool
is_allowed(const char *name)
{
	for (size_t i = 0; allowed[i] != NULL; i++)
		if (strcmp(allowed[i], name) == 0)
			return true;
	return false;
}

static void
check_pair(const struct api_call *c, size_t i, size_t n)
{
	const struct api_pair *p = &c->query[i];

	HOLDS(is_allowed(p->name) && api_query_find(c, p->name) == p->value &&
		strlen(p->value) <= n);
	for (const char *v = p->value; *v != '\0'; v++)
		HOLDS((unsigned char)*v >= 0x20 && *v != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRUCT(arena) arena = arena_new(0);
	char *text;
	struct http_request req = {.arena = arena};
	struct api_call c = {.req = &req, .arena = arena};
	unsigned limit;

	if (size > 4096 || memchr(data, '\0', size) != NULL) /* lib/http hands over strings */
		return 0;
	text = arena_string(arena, bytes_of(data, size));
	req.query = text;
	if (api_query_read(&c, allowed) != ERR_OK)
		return 0;
	for (size_t i = 0; i < c.query_count; i++)
		check_pair(&c, i, size);
	if (api_query_limit(&c, &limit) == ERR_OK)
		HOLDS(limit >= 1 && limit <= API_PAGE_MAX);
	return 0;
}
