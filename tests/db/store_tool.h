/* The commands of store_tool; each file holds one family. */
#ifndef CHANCERY_TESTS_DB_STORE_TOOL_H
#define CHANCERY_TESTS_DB_STORE_TOOL_H

#include "lib/store/store.h"

struct tool {
	struct db_config config;
	struct arena *arena;
	int argc; /* arguments of the command */
	char **argv;
};

enum err tool_schema_apply(const struct tool *t) MUST_CHECK;
enum err tool_open(const struct tool *t) MUST_CHECK;
enum err tool_exercise(const struct tool *t) MUST_CHECK;
enum err tool_exercise_crl(const struct tool *t) MUST_CHECK;
enum err tool_feed(const struct tool *t) MUST_CHECK;
enum err tool_identity_add(const struct tool *t) MUST_CHECK;
enum err tool_adds(const struct tool *t) MUST_CHECK;
enum err tool_bells(const struct tool *t) MUST_CHECK;
enum err tool_load(const struct tool *t) MUST_CHECK;
enum err tool_signer(const struct tool *t) MUST_CHECK;
enum err tool_starts(const struct tool *t) MUST_CHECK;

#endif
