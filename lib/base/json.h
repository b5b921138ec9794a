/*
 * The JSON gate: every JSON text of a peer comes through here. Bounded size and depth (jansson
 * recurses: 2,047 levels overflow a thread's stack), duplicate members refused, no trailing data.
 */
#ifndef CHANCERY_BASE_JSON_H
#define CHANCERY_BASE_JSON_H

#include <jansson.h>

#include "lib/base/arena.h"

AUTO_DEFINE(json_t, json_decref)

enum { JSON_TEXT_MAX = 64 * 1024, JSON_DEPTH_MAX = 8 };

/* Parses an object or array of at most JSON_TEXT_MAX octets; *out is a new reference. ERR_INVALID or
 * ERR_LIMIT with the reason. */
enum err json_parse(struct bytes text, json_t **out) MUST_CHECK;
/* The same of any length: for what our own server says. */
enum err json_parse_answer(struct bytes text, json_t **out) MUST_CHECK;

/* Members of a fixed kind. ERR_INVALID names the member when it is missing or of another kind; the
 * _find forms give NULL (or leave the default) for an absent member. Strings live as long as the
 * object. */
enum err json_get_string(const json_t *object, const char *name, const char **out) MUST_CHECK;
enum err json_find_string(const json_t *object, const char *name, const char **out) MUST_CHECK;
enum err json_find_int(const json_t *object, const char *name, int64_t *out) MUST_CHECK;
enum err json_find_bool(const json_t *object, const char *name, bool *out) MUST_CHECK;
/* An array of strings; count 0 when absent. */
enum err json_find_strings(struct arena *a, const json_t *object, const char *name,
	const char ***out, size_t *count) MUST_CHECK;
/* Refuses members whose name is not in the NULL-terminated list. */
enum err json_only_members(const json_t *object, const char *const *allowed) MUST_CHECK;
/* Compact text in the arena. */
char *json_text(struct arena *a, const json_t *value);

#endif
