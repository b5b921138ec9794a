/* Identities, grants and their feed through lib/store. */
#include "tests/db/api.h"

static void
test_identity_is_found_as_it_was_added(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_STRUCT(store) s = api_open("chancery_admin", DB_WITH_WRITER);
	const char *name;
	int64_t id = api_identity(s, a, IDENTITY_DEVICE, &name);
	struct store_identity i;
	struct store_grant *grants;
	size_t n;

	CHECK_OK(store_identity_find(s, a, name, &i));
	CHECK(i.id == id && strcmp(i.name, name) == 0);
	CHECK(i.kind == IDENTITY_DEVICE && i.state == IDENTITY_ACTIVE &&
		strcmp(i.owner, "tests") == 0);
	CHECK(llabs(i.created_at - clock_now()) < 60);
	CHECK_OK(store_grant_list(s, a, id, &grants, &n));
	CHECK(n == 1 && strcmp(grants[0].pattern, "dns:*.example.org") == 0 &&
		strcmp(grants[0].profile, "device") == 0);
}

static void
test_second_identity_of_a_name_is_a_conflict(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_STRUCT(store) s = api_open("chancery_admin", DB_WITH_WRITER);
	const char *name;
	int64_t id = api_identity(s, a, IDENTITY_DEVICE, &name);
	struct store_identity again = {.name = name, .kind = IDENTITY_USER};

	CHECK_REASON(store_identity_add(s, &again, NULL, 0, "tests", "r", &id), ERR_CONFLICT,
		"exists already");
}

static void
test_names_that_are_no_identity_names_are_refused(void)
{
	AUTO_STRUCT(store) s = api_open("chancery_admin", DB_WITH_WRITER);
	const char *const names[] = {"", "-x", "a b", "a/b", "\xc3\xa4", "a\nb",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"\xff"};
	int64_t id;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct store_identity identity = {.name = names[i], .kind = IDENTITY_DEVICE};

		CHECK_CASE(
			store_identity_add(s, &identity, NULL, 0, "tests", "r", &id) == ERR_INVALID,
			names[i]);
	}
}

static void
test_unknown_identities_are_not_found(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_STRUCT(store) s = api_open("chancery_admin", DB_WITH_WRITER);
	struct store_identity identity;
	struct store_offboarded gone;
	bool changed;

	CHECK_ERR(store_identity_find(s, a, "nobody", &identity), ERR_NOTFOUND);
	CHECK_ERR(store_identity_set_state(s, "nobody", IDENTITY_BLOCKED, "t", "r", &changed),
		ERR_NOTFOUND);
	CHECK_ERR(store_identity_offboard(s, "nobody", -1, "t", "r", &gone), ERR_NOTFOUND);
	CHECK_ERR(store_grant_add(s, 1 << 30, "device", "dns:x", "t", "r"), ERR_NOTFOUND);
}

static void
test_list_pages_by_name(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_STRUCT(store) s = api_open("chancery_admin", DB_WITH_WRITER);
	const char *name, *after = NULL;
	struct store_identity *page;
	size_t n, seen = 0;

	for (int i = 0; i < 5; i++)
		(void)api_identity(s, a, IDENTITY_USER, &name);
	do {
		CHECK_OK(store_identity_list(s, a, after, 2, &page, &n));
		for (size_t i = 0; i < n; i++) {
			CHECK(after == NULL || strcmp(after, page[i].name) < 0);
			after = page[i].name;
			seen++;
		}
	} while (n > 0);
	CHECK(seen >= 5);
}

static void
test_state_changes_say_whether_they_changed_anything(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_STRUCT(store) s = api_open("chancery_admin", DB_WITH_WRITER);
	const char *name;
	bool changed = false;

	(void)api_identity(s, a, IDENTITY_USER, &name);
	CHECK_OK(store_identity_set_state(s, name, IDENTITY_BLOCKED, "t", "r", &changed));
	CHECK(changed);
	CHECK_OK(store_identity_set_state(s, name, IDENTITY_BLOCKED, "t", "r", &changed));
	CHECK(!changed);
	CHECK_ERR(store_identity_set_state(s, name, IDENTITY_RETIRED, "t", "r", &changed),
		ERR_INVALID);
}

static void
test_grants_are_added_once_and_removed_once(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_STRUCT(store) s = api_open("chancery_admin", DB_WITH_WRITER);
	const char *name;
	int64_t id = api_identity(s, a, IDENTITY_USER, &name);

	CHECK_OK(store_grant_add(s, id, "workload", "dns:x.example.org", "t", "r"));
	CHECK_ERR(store_grant_add(s, id, "workload", "dns:x.example.org", "t", "r"), ERR_CONFLICT);
	CHECK_OK(store_grant_remove(s, id, "workload", "dns:x.example.org", "t", "r"));
	CHECK_ERR(
		store_grant_remove(s, id, "workload", "dns:x.example.org", "t", "r"), ERR_NOTFOUND);
}

struct heard {
	int64_t id;
	enum identity_state state; /* its */
	size_t changes;
};

static void
hear_change(void *ctx, int64_t id, enum identity_state state)
{
	struct heard *h = ctx;

	h->changes++;
	if (id == h->id)
		h->state = state;
}

static void
test_feed_tells_of_changes_since_the_cursor(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_STRUCT(store) s = api_open("chancery_admin", DB_WITH_WRITER);
	const char *name;
	int64_t id = api_identity(s, a, IDENTITY_USER, &name);
	struct heard heard = {.id = id};
	uint64_t cursor = 0;
	size_t all;
	bool changed;

	CHECK_OK(store_identity_changes(s, &cursor, hear_change, &heard));
	CHECK(heard.changes > 0 && cursor > 0 && heard.state == IDENTITY_ACTIVE);
	all = heard.changes;
	CHECK_OK(store_identity_set_state(s, name, IDENTITY_BLOCKED, "t", "r", &changed));
	CHECK_OK(store_identity_changes(s, &cursor, hear_change, &heard));
	CHECK(heard.state == IDENTITY_BLOCKED);
	heard.changes = 0;
	CHECK_OK(store_identity_changes(s, &cursor, hear_change, &heard));
	CHECK(heard.changes < all);
}

static void
test_kind_words_are_parsed_exactly(void)
{
	enum identity_kind kind;

	for (int k = 0; k < IDENTITY_KIND_COUNT; k++) {
		CHECK_OK(identity_kind_parse(identity_kind_name((enum identity_kind)k), &kind));
		CHECK(kind == (enum identity_kind)k);
	}
	CHECK_REASON(identity_kind_parse("Device", &kind), ERR_INVALID, "\"Device\"");
	CHECK_ERR(identity_kind_parse("", &kind), ERR_INVALID);
}

UNIT_MAIN("store identity",
	{"test_identity_is_found_as_it_was_added", test_identity_is_found_as_it_was_added},
	{"test_second_identity_of_a_name_is_a_conflict",
		test_second_identity_of_a_name_is_a_conflict},
	{"test_names_that_are_no_identity_names_are_refused",
		test_names_that_are_no_identity_names_are_refused},
	{"test_unknown_identities_are_not_found", test_unknown_identities_are_not_found},
	{"test_list_pages_by_name", test_list_pages_by_name},
	{"test_state_changes_say_whether_they_changed_anything",
		test_state_changes_say_whether_they_changed_anything},
	{"test_grants_are_added_once_and_removed_once",
		test_grants_are_added_once_and_removed_once},
	{"test_feed_tells_of_changes_since_the_cursor",
		test_feed_tells_of_changes_since_the_cursor},
	{"test_kind_words_are_parsed_exactly", test_kind_words_are_parsed_exactly})
