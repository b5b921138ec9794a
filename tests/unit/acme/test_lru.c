/* The cache: bounded, counted, and never holding what was read before a change. */
#include <stdlib.h>

#include "acme/lru.h"
#include "tests/unit/unit.h"

static int freed;

static void
free_thing(struct lru_item *item)
{
	freed++;
	free(item);
}

static struct lru_item *
thing(const char *key)
{
	struct lru_item *item = mem_zalloc(1, sizeof(*item));

	snprintf(item->key, sizeof(item->key), "%s", key);
	return item;
}

static void
put(struct lru *l, const char *key)
{
	struct lru_item *item = thing(key);

	lru_put(l, item, lru_generation(l));
	lru_release(l, item);
}

static bool
has(struct lru *l, const char *key)
{
	struct lru_item *item = lru_get(l, key);

	lru_release(l, item);
	return item != NULL;
}

static void
test_least_recently_used_leaves_first(void)
{
	struct lru *l = lru_new(2, free_thing);

	freed = 0;
	put(l, "a");
	put(l, "b");
	CHECK(has(l, "a"));
	put(l, "c");
	CHECK(has(l, "a") && has(l, "c") && !has(l, "b"));
	CHECK(freed == 1);
	put(l, "c");
	CHECK(has(l, "a") && has(l, "c"));
	lru_free(l);
	CHECK(freed == 4);
}

static void
test_dropped_thing_lives_as_long_as_it_is_used(void)
{
	struct lru *l = lru_new(2, free_thing);
	struct lru_item *item;

	freed = 0;
	put(l, "a");
	item = lru_get(l, "a");
	lru_drop(l, "a");
	CHECK(!has(l, "a"));
	CHECK(freed == 0 && strcmp(item->key, "a") == 0);
	lru_release(l, item);
	CHECK(freed == 1);
	lru_free(l);
}

static void
test_what_was_read_before_a_change_is_not_kept(void)
{
	struct lru *l = lru_new(2, free_thing);
	uint64_t before = lru_generation(l);
	struct lru_item *item = thing("a");

	lru_drop(l, "a");
	lru_put(l, item, before);
	CHECK(!has(l, "a"));
	lru_release(l, item);
	put(l, "a");
	CHECK(has(l, "a"));
	lru_free(l);
}

UNIT_MAIN("acme-lru",
	{"test_least_recently_used_leaves_first", test_least_recently_used_leaves_first},
	{"test_dropped_thing_lives_as_long_as_it_is_used",
		test_dropped_thing_lives_as_long_as_it_is_used},
	{"test_what_was_read_before_a_change_is_not_kept",
		test_what_was_read_before_a_change_is_not_kept})
