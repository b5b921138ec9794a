/* The cache: bounded, counted, and never holding what was read before a change. */
#include "lib/base/cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

struct thing {
	struct cache_item item;
	unsigned version;
};

static atomic_int freed;

static void
free_thing(struct cache_item *item)
{
	atomic_fetch_add(&freed, 1);
	free(item);
}

static struct cache_item *
make_thing(unsigned version)
{
	struct thing *t = mem_zalloc(1, sizeof(*t));

	t->version = version;
	return &t->item;
}

static void
put(struct cache *c, const char *key)
{
	struct cache_item *item = make_thing(0);

	cache_put(c, bytes_str(key), item, cache_generation(c));
	cache_release(item);
}

static bool
has(struct cache *c, const char *key)
{
	struct cache_item *item = cache_get(c, bytes_str(key));

	cache_release(item);
	return item != NULL;
}

static void
test_what_is_not_used_leaves_first(void)
{
	struct cache *c = cache_new(2, free_thing);

	freed = 0;
	put(c, "a");
	put(c, "b");
	CHECK(has(c, "a"));
	put(c, "c");
	CHECK(has(c, "a") && has(c, "c") && !has(c, "b"));
	CHECK(freed == 1);
	put(c, "c");
	CHECK(has(c, "a") && has(c, "c"));
	put(c, "d");
	CHECK(has(c, "d") && has(c, "a") != has(c, "c"));
	cache_free(c);
	CHECK(freed == 5);
}

static void
test_keys_are_octets(void)
{
	struct cache *c = cache_new(3, free_thing);
	const struct bytes keys[] = {BYTES_LIT("a\0b"), BYTES_LIT("a\0c"),
		BYTES_LIT("0123456789abcdef0123456789abcdef")};

	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		struct cache_item *item = make_thing(i);

		cache_put(c, keys[i], item, cache_generation(c));
		cache_release(item);
	}
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		struct cache_item *item = cache_get(c, keys[i]);

		CHECK(item != NULL && ((struct thing *)item)->version == i);
		cache_release(item);
	}
	CHECK(!has(c, "a"));
	cache_free(c);
}

static void
test_dropped_thing_lives_as_long_as_it_is_used(void)
{
	struct cache *c = cache_new(2, free_thing);
	struct cache_item *one, *other;

	freed = 0;
	put(c, "a");
	put(c, "b");
	one = cache_get(c, BYTES_LIT("a"));
	other = cache_get(c, BYTES_LIT("b"));
	cache_drop(c, BYTES_LIT("a"));
	CHECK(!has(c, "a") && has(c, "b"));
	cache_drop_all(c);
	CHECK(!has(c, "b") && freed == 0);
	cache_release(one);
	CHECK(freed == 1);
	put(c, "b");
	cache_free(c);
	CHECK(freed == 2);
	cache_release(other);
	CHECK(freed == 3);
}

static void
test_what_was_read_before_a_change_is_not_kept(void)
{
	struct cache *c = cache_new(2, free_thing);

	for (int all = 0; all < 2; all++) {
		uint64_t before = cache_generation(c);
		struct cache_item *item = make_thing(0);

		if (all)
			cache_drop_all(c);
		else
			cache_drop(c, BYTES_LIT("a"));
		cache_put(c, BYTES_LIT("a"), item, before);
		CHECK(!has(c, "a"));
		cache_release(item);
	}
	put(c, "a");
	CHECK(has(c, "a"));
	cache_free(c);
}

/* ---- readers and a change at the same time ---- */

struct race {
	struct cache *cache;
	atomic_uint truth; /* what a reader would find in the database */
	atomic_bool over;
};

/* As a request does: found, or read and put in. */
static void *
read_again_and_again(void *ctx)
{
	struct race *r = ctx;

	while (!r->over) {
		uint64_t generation = cache_generation(r->cache);
		struct cache_item *item = cache_get(r->cache, BYTES_LIT("a"));

		if (item == NULL) {
			item = make_thing(r->truth);
			cache_put(r->cache, BYTES_LIT("a"), item, generation);
		}
		cache_release(item);
	}
	return NULL;
}

static void
test_no_reader_brings_back_what_was_before_a_change(void)
{
	struct race r = {.cache = cache_new(1, free_thing)};
	pthread_t readers[3];
	size_t found = 0, stale = 0;

	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		CHECK(pthread_create(&readers[i], NULL, read_again_and_again, &r) == 0);
	for (unsigned i = 1; i < 20000 || found < 100; i++) {
		struct cache_item *item;

		r.truth = i;
		if (i % 2 == 0)
			cache_drop(r.cache, BYTES_LIT("a"));
		else
			cache_drop_all(r.cache);
		for (int looks = 0; looks < 3; looks++) {
			item = cache_get(r.cache, BYTES_LIT("a"));
			found += item != NULL;
			stale += item != NULL && ((struct thing *)item)->version != i;
			cache_release(item);
		}
	}
	r.over = true;
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		pthread_join(readers[i], NULL);
	CHECK(stale == 0);
	cache_free(r.cache);
}

UNIT_MAIN("base-cache", {"test_what_is_not_used_leaves_first", test_what_is_not_used_leaves_first},
	{"test_keys_are_octets", test_keys_are_octets},
	{"test_dropped_thing_lives_as_long_as_it_is_used",
		test_dropped_thing_lives_as_long_as_it_is_used},
	{"test_what_was_read_before_a_change_is_not_kept",
		test_what_was_read_before_a_change_is_not_kept},
	{"test_no_reader_brings_back_what_was_before_a_change",
		test_no_reader_brings_back_what_was_before_a_change})
