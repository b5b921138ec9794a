#include "lib/base/told.h"
#include "tests/unit/unit.h"

struct watcher {
	struct told *told;
	struct arena *arena;
	unsigned calls;
	const char *heard;
};

/* Asks again: no lock is held. */
static void
hear_text(void *ctx)
{
	struct watcher *w = ctx;

	w->calls++;
	w->heard = told_get(w->told, w->arena);
}

static void
test_who_asks_gets_a_copy_of_the_latest_text(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct told t;
	char text[] = "10:10:";
	const char *first;

	told_init(&t);
	CHECK(t.text == NULL);
	told_set(&t, text);
	text[0] = 'x';
	first = told_get(&t, a);
	told_set(&t, "10:12:11");
	CHECK(strcmp(first, "10:10:") == 0);
	CHECK(strcmp(told_get(&t, a), "10:12:11") == 0);
	told_clear(&t);
}

static void
test_who_watches_is_called_with_each_text_from_then_on(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct told t;
	struct watcher w = {.told = &t, .arena = a};

	told_init(&t);
	told_set(&t, "before");
	told_watch(&t, hear_text, &w);
	CHECK(w.calls == 0);
	told_set(&t, "one");
	CHECK(w.calls == 1 && strcmp(w.heard, "one") == 0);
	told_set(&t, "two");
	CHECK(w.calls == 2 && strcmp(w.heard, "two") == 0);
	told_watch(&t, NULL, NULL);
	told_set(&t, "three");
	CHECK(w.calls == 2);
	told_clear(&t);
}

UNIT_MAIN("told",
	{"test_who_asks_gets_a_copy_of_the_latest_text",
		test_who_asks_gets_a_copy_of_the_latest_text},
	{"test_who_watches_is_called_with_each_text_from_then_on",
		test_who_watches_is_called_with_each_text_from_then_on})
