/* Snapshots: who has borrowed one keeps it, whatever the slot holds meanwhile. */
#include <stdlib.h>

#include "lib/base/counted.h"
#include "tests/unit/unit.h"

static int freed;

struct thing {
	struct counted counted;
	int number;
};

static void
free_thing(struct counted *c)
{
	freed++;
	free(c);
}

static struct counted *
thing_new(int number)
{
	struct thing *t = mem_zalloc(1, sizeof(*t));

	counted_init(&t->counted, free_thing);
	t->number = number;
	return &t->counted;
}

static void
test_an_empty_slot_lends_nothing(void)
{
	struct counted_slot slot;
	AUTO_STRUCT(arena) a = arena_new(0);

	counted_slot_init(&slot);
	CHECK(counted_borrow(&slot, a) == NULL);
	counted_slot_clear(&slot);
}

static void
test_what_was_borrowed_lives_until_its_arena_is_reset(void)
{
	struct counted_slot slot;
	AUTO_STRUCT(arena) a = arena_new(0);

	freed = 0;
	counted_slot_init(&slot);
	counted_set(&slot, thing_new(1));
	const struct thing *first = counted_borrow(&slot, a);
	counted_set(&slot, thing_new(2));
	CHECK(freed == 0 && first->number == 1);
	CHECK(((const struct thing *)counted_borrow(&slot, a))->number == 2);
	arena_reset(a);
	CHECK(freed == 1);
	counted_slot_clear(&slot);
	CHECK(freed == 2);
}

static void
test_what_nobody_reads_dies_when_it_is_replaced(void)
{
	struct counted_slot slot;

	freed = 0;
	counted_slot_init(&slot);
	for (int i = 0; i < 1000; i++)
		counted_set(&slot, thing_new(i));
	CHECK(freed == 999);
	counted_slot_clear(&slot);
	CHECK(freed == 1000);
}

static void
test_each_one_set_has_a_higher_generation(void)
{
	struct counted_slot slot;
	AUTO_STRUCT(arena) a = arena_new(0);

	counted_slot_init(&slot);
	counted_set(&slot, thing_new(1));
	const struct thing *first = counted_borrow(&slot, a);
	counted_set(&slot, thing_new(2));
	const struct thing *second = counted_borrow(&slot, a);
	CHECK(first->counted.generation == 1 && second->counted.generation == 2);
	arena_reset(a);
	counted_slot_clear(&slot);
}

UNIT_MAIN("counted", {"test_an_empty_slot_lends_nothing", test_an_empty_slot_lends_nothing},
	{"test_what_was_borrowed_lives_until_its_arena_is_reset",
		test_what_was_borrowed_lives_until_its_arena_is_reset},
	{"test_what_nobody_reads_dies_when_it_is_replaced",
		test_what_nobody_reads_dies_when_it_is_replaced},
	{"test_each_one_set_has_a_higher_generation", test_each_one_set_has_a_higher_generation})
