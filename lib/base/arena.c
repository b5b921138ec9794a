/* Block-chained arenas, and the allocation helpers of bytes.h. */
#include "lib/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 16 * 1024, KEPT_MAX = 128 * 1024, ALIGNMENT = 16 };

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(ALIGNMENT) uint8_t data[];
};

struct deferred {
	struct deferred *next;
	void (*fn)(void *ctx);
	void *ctx;
};

struct arena {
	struct block *first, *current;
	struct deferred *deferred;
	size_t total, max;
};

static void __attribute__((noreturn)) die_of_memory(size_t n)
{
	fprintf(stderr, "out of memory: %zu octets refused\n", n);
	abort();
}

void *
mem_alloc(size_t n)
{
	void *p = malloc(n > 0 ? n : 1);

	if (p == NULL)
		die_of_memory(n);
	return p;
}

void *
mem_zalloc(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (p == NULL)
		die_of_memory(count * size);
	return p;
}

void *
mem_realloc(void *old, size_t n)
{
	void *p = realloc(old, n > 0 ? n : 1);

	if (p == NULL)
		die_of_memory(n);
	return p;
}

char *
mem_strdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(mem_alloc(n), s, n);
}

static struct block *
block_new(size_t size)
{
	struct block *b = mem_alloc(sizeof(*b) + size);

	b->next = NULL;
	b->size = size;
	b->used = 0;
	return b;
}

struct arena *
arena_new(size_t max)
{
	struct arena *a = mem_zalloc(1, sizeof(*a));

	a->max = max > 0 ? max : (size_t)256 << 20;
	a->first = a->current = block_new(BLOCK_SIZE);
	return a;
}

static void
free_blocks(struct block *b)
{
	while (b != NULL) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

static void
run_deferred(struct arena *a)
{
	struct deferred *d = a->deferred;

	a->deferred = NULL;
	for (; d != NULL; d = d->next)
		d->fn(d->ctx);
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	run_deferred(a);
	free_blocks(a->first);
	free(a);
}

/* What needed several blocks gets one block of that size (within KEPT_MAX), so that a thread's
 * arena settles at what its requests use and allocates nothing more. */
void
arena_reset(struct arena *a)
{
	size_t wanted = a->total < KEPT_MAX ? a->total : KEPT_MAX;

	run_deferred(a);
	free_blocks(a->first->next);
	if (a->first->next != NULL && wanted > a->first->size) {
		free(a->first);
		a->first = block_new(wanted);
	}
	a->first->next = NULL;
	a->first->used = 0;
	a->current = a->first;
	a->total = 0;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t need = (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	struct block *b = a->current;
	void *p;

	if (need < n || need > a->max - a->total)
		die_of_memory(n);
	if (need > b->size - b->used) {
		b = block_new(need > BLOCK_SIZE ? need : BLOCK_SIZE);
		a->current->next = b;
		a->current = b;
	}
	p = b->data + b->used;
	b->used += need;
	a->total += need;
	return memset(p, 0, need);
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		die_of_memory(SIZE_MAX);
	return arena_alloc(a, n);
}

char *
arena_string(struct arena *a, struct bytes b)
{
	char *s = arena_alloc(a, b.n + 1);

	if (b.n > 0)
		memcpy(s, b.p, b.n);
	return s;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_string(a, bytes_str(s));
}

struct bytes
arena_bytes(struct arena *a, struct bytes b)
{
	return bytes_of(arena_string(a, b), b.n);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *s;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	s = arena_alloc(a, (size_t)(n > 0 ? n : 0) + 1);
	vsnprintf(s, (size_t)(n > 0 ? n : 0) + 1, fmt, again);
	va_end(again);
	return s;
}

void
arena_defer(struct arena *a, void (*fn)(void *ctx), void *ctx)
{
	struct deferred *d = arena_alloc(a, sizeof(*d));

	*d = (struct deferred){.next = a->deferred, .fn = fn, .ctx = ctx};
	a->deferred = d;
}
