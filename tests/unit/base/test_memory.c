/* arena.h, buf.h and bytes.h: what everything else stands on. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "tests/unit/unit.h"

static void
test_arena_memory_is_zeroed_and_aligned(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);

	for (size_t n = 1; n < 40000; n = n * 3 + 1) {
		uint8_t *p = arena_alloc(a, n);

		CHECK((uintptr_t)p % 16 == 0);
		CHECK(p[0] == 0 && p[n - 1] == 0);
		memset(p, 0xff, n);
	}
}

static void
test_arena_copies_what_it_is_given(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	char text[] = "text";
	char *copy = arena_strdup(a, text), *part = arena_string(a, bytes_of(text, 2));
	struct bytes octets = arena_bytes(a, bytes_of(text, 3));

	text[0] = 'n';
	CHECK(strcmp(copy, "text") == 0 && strcmp(part, "te") == 0);
	CHECK(bytes_equal(octets, BYTES_LIT("tex")));
	CHECK(strcmp(arena_printf(a, "%s-%d", "a", 7), "a-7") == 0);
	CHECK(strcmp(arena_printf(a, "%5000d", 1) + 4999, "1") == 0);
	CHECK(strcmp(arena_string(a, bytes_of(NULL, 0)), "") == 0);
}

static void
test_arena_can_be_used_again_after_a_reset(void)
{
	AUTO_STRUCT(arena) a = arena_new(100000);

	for (int i = 0; i < 100; i++) {
		uint8_t *p = arena_alloc(a, 50000);

		CHECK(p[0] == 0 && p[49999] == 0);
		memset(p, 0xff, 50000);
		arena_reset(a);
	}
}

/* Whether the call ends its process by abort(), as running out of memory must. */
static bool
aborts(void (*call)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		const struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(3);
		call();
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
		WTERMSIG(status) == SIGABRT;
}

static void
outgrow_arena(void)
{
	struct arena *a = arena_new(1000);

	arena_alloc(a, 600);
	arena_alloc(a, 600);
}

static void
overflow_array(void)
{
	arena_array(arena_new(0), SIZE_MAX / 2, 4);
}

static void
overflow_alignment(void)
{
	arena_alloc(arena_new(0), SIZE_MAX - 3);
}

static void
test_arena_never_exceeds_its_maximum(void)
{
	CHECK(aborts(outgrow_arena));
	CHECK(aborts(overflow_array));
	CHECK(aborts(overflow_alignment));
}

static void
test_buffer_grows_up_to_its_maximum(void)
{
	AUTO_BUF(b, 1000);

	for (int i = 0; i < 100; i++)
		CHECK_OK(buf_append(&b, "0123456789", 10));
	CHECK(b.len == 1000 && memcmp(b.data + 990, "0123456789", 10) == 0);
	CHECK_OK(buf_append(&b, "", 0));
	CHECK_ERR(buf_append(&b, "x", 1), ERR_LIMIT);
	CHECK(b.len == 1000);
	buf_clear(&b);
	CHECK(b.len == 0 && b.data == NULL);
	CHECK_OK(buf_append(&b, "again", 5));
	CHECK(bytes_equal(buf_bytes(&b), BYTES_LIT("again")));
}

static void
test_refused_append_leaves_the_buffer_as_it_was(void)
{
	AUTO_BUF(b, 10);
	uint8_t *room;

	CHECK_OK(buf_printf(&b, "%s", "123456789"));
	CHECK_REASON(buf_printf(&b, "%s", "ab"), ERR_LIMIT, "10 octets");
	CHECK_ERR(buf_append(&b, "ab", 2), ERR_LIMIT);
	CHECK_ERR(buf_reserve(&b, SIZE_MAX, &room), ERR_LIMIT);
	CHECK(bytes_equal(buf_bytes(&b), BYTES_LIT("123456789")));
}

static void
test_views_are_compared(void)
{
	CHECK(bytes_equal(bytes_of(NULL, 0), BYTES_LIT("")));
	CHECK(!bytes_equal(BYTES_LIT("a"), BYTES_LIT("ab")));
	CHECK(bytes_compare(BYTES_LIT("a"), BYTES_LIT("ab")) < 0);
	CHECK(bytes_compare(BYTES_LIT("b"), BYTES_LIT("ab")) > 0);
	CHECK(bytes_compare(BYTES_LIT("\xff"), BYTES_LIT("\x01")) > 0);
	CHECK(bytes_compare(BYTES_LIT("ab"), BYTES_LIT("ab")) == 0);
	CHECK(bytes_str(NULL).n == 0);
}

UNIT_MAIN("memory",
	{"test_arena_memory_is_zeroed_and_aligned", test_arena_memory_is_zeroed_and_aligned},
	{"test_arena_copies_what_it_is_given", test_arena_copies_what_it_is_given},
	{"test_arena_can_be_used_again_after_a_reset", test_arena_can_be_used_again_after_a_reset},
	{"test_arena_never_exceeds_its_maximum", test_arena_never_exceeds_its_maximum},
	{"test_buffer_grows_up_to_its_maximum", test_buffer_grows_up_to_its_maximum},
	{"test_refused_append_leaves_the_buffer_as_it_was",
		test_refused_append_leaves_the_buffer_as_it_was},
	{"test_views_are_compared", test_views_are_compared})
