/*
 * The query string of admin requests. Properties: what is accepted has only values the operation
 * takes, as their types read them: no longer than the text, free of control characters, numbers in
 * their range.
 */
#include "tests/fuzz/fuzz.h"

#include "admin/api/internal.h"

static void
check_value(const struct admin_input *i, const struct api_value *v, size_t n)
{
	if (v->given && i->type != ADMIN_SAN && i->type != ADMIN_LIMIT)
		HOLDS(strlen(v->text) <= n);
	for (const char *t = v->text; t != NULL && *t != '\0'; t++)
		HOLDS((unsigned char)*t >= 0x20 && *t != 0x7f);
	if (i->type == ADMIN_LIMIT)
		HOLDS(v->number >= i->min && v->number <= i->max);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRUCT(arena) arena = arena_new(0);
	struct http_request req = {.arena = arena, .method = HTTP_GET};
	struct api_call c = {
		.op = &admin_operations[ADMIN_CERTIFICATE_LIST], .req = &req, .arena = arena};

	if (size > 4096 || memchr(data, '\0', size) != NULL) /* lib/http hands over strings */
		return 0;
	req.query = arena_string(arena, bytes_of(data, size));
	if (api_read(&c) == ERR_OK)
		for (size_t i = 0; c.op->input[i].name != NULL; i++)
			check_value(&c.op->input[i], &c.value[i], size);
	json_decref(c.input);
	return 0;
}
