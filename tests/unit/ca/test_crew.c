/* Items of a batch side by side. */
#include "ca/signer/crew.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { HANDS = 4, ITEMS = 50, FAILS_AT = 7 };

struct seen {
	atomic_uint times[ITEMS], under_way, most;
	const char *text[ITEMS];
	enum { ALL_GO_WELL, ONE_FAILS } how;
};

/* Until all hands are at work, so that it does not depend on the scheduler how many there are. */
static void
meet_others(struct seen *s, unsigned hands)
{
	unsigned now = atomic_fetch_add(&s->under_way, 1) + 1, before = atomic_load(&s->most);

	while (now > before && !atomic_compare_exchange_weak(&s->most, &before, now))
		;
	for (int i = 0; i < 20000 && atomic_load(&s->most) < hands; i++)
		usleep(1000);
}

static enum err
write_number(struct seen *s, size_t i, struct arena *a)
{
	atomic_fetch_add(&s->times[i], 1);
	s->text[i] = arena_printf(a, "number %zu", i);
	atomic_fetch_sub(&s->under_way, 1);
	return s->how == ONE_FAILS && i == FAILS_AT
		? err_set_word(ERR_UNAVAILABLE, WORD_HSM, "item %zu has no signature", i)
		: ERR_OK;
}

static enum err
work_together(void *ctx, size_t i, struct arena *a)
{
	meet_others(ctx, HANDS);
	return write_number(ctx, i, a);
}

static enum err
work_alone(void *ctx, size_t i, struct arena *a)
{
	meet_others(ctx, 1);
	return write_number(ctx, i, a);
}

static void
check_all_once(const struct seen *s)
{
	char text[32];

	for (unsigned i = 0; i < ITEMS; i++) {
		snprintf(text, sizeof(text), "number %u", i);
		CHECK(atomic_load(&s->times[i]) == 1 && strcmp(s->text[i], text) == 0);
	}
}

static void
test_every_item_is_done_once_by_all_hands(void)
{
	struct crew *c = crew_new(HANDS);

	for (int round = 0; round < 3; round++) {
		struct seen s = {.how = ALL_GO_WELL};

		CHECK_OK(crew_run(c, HANDS, ITEMS, work_together, &s));
		check_all_once(&s);
		CHECK(atomic_load(&s.most) == HANDS);
	}
	crew_free(c);
}

static void
test_one_hand_is_the_caller_alone(void)
{
	struct crew *c = crew_new(HANDS);
	struct seen s = {.how = ALL_GO_WELL};

	CHECK_OK(crew_run(c, 1, ITEMS, work_alone, &s));
	check_all_once(&s);
	CHECK(atomic_load(&s.most) == 1);
	CHECK_OK(crew_run(c, HANDS, 0, work_alone, &s));
	crew_free(c);
}

/* Its reason is the failing thread's; what comes after it is not begun, and the next batch is not hurt. */
static void
test_failure_ends_the_batch_and_brings_its_reason(void)
{
	struct crew *c = crew_new(HANDS);
	struct seen s = {.how = ONE_FAILS};

	CHECK(crew_run(c, 1, ITEMS, work_alone, &s) == ERR_UNAVAILABLE);
	CHECK(atomic_load(&s.times[FAILS_AT]) == 1 && atomic_load(&s.times[FAILS_AT + 1]) == 0);
	s = (struct seen){.how = ONE_FAILS};
	(void)err_set(ERR_INVALID, "%s", "");
	CHECK(crew_run(c, HANDS, ITEMS, work_together, &s) == ERR_UNAVAILABLE);
	CHECK(err_word() == WORD_HSM && strcmp(err_reason(), "item 7 has no signature") == 0);
	CHECK(atomic_load(&s.under_way) == 0);
	s = (struct seen){.how = ALL_GO_WELL};
	CHECK_OK(crew_run(c, HANDS, ITEMS, work_together, &s));
	check_all_once(&s);
	crew_free(c);
}

UNIT_MAIN("signer's crew",
	{"test_every_item_is_done_once_by_all_hands", test_every_item_is_done_once_by_all_hands},
	{"test_one_hand_is_the_caller_alone", test_one_hand_is_the_caller_alone},
	{"test_failure_ends_the_batch_and_brings_its_reason",
		test_failure_ends_the_batch_and_brings_its_reason})
