/* The JSON gate. What is accepted is within the bounds, and its compact text means the same again.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/base/json.h"

static unsigned
depth_of(const json_t *value)
{
	unsigned deepest = 0;
	const char *name;
	json_t *child;
	size_t i;

	if (!json_is_object(value) && !json_is_array(value))
		return 0;
	json_object_foreach((json_t *)(uintptr_t)value, name, child) {
		unsigned d = depth_of(child);

		deepest = d > deepest ? d : deepest;
	}
	json_array_foreach(value, i, child) {
		unsigned d = depth_of(child);

		deepest = d > deepest ? d : deepest;
	}
	return deepest + 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO(json_t) value = NULL;
	AUTO(json_t) again = NULL;
	const char *text;

	if (json_parse(bytes_of(data, size), &value) != ERR_OK)
		return 0;
	HOLDS(size <= JSON_TEXT_MAX);
	HOLDS(depth_of(value) <= JSON_DEPTH_MAX);
	text = json_text(a, value);
	if (strlen(text) > JSON_TEXT_MAX) /* numbers may grow: 1E4 becomes 10000.0 */
		return 0;
	HOLDS(json_parse(bytes_str(text), &again) == ERR_OK);
	HOLDS(strcmp(json_text(a, again), text) == 0);
	return 0;
}
