/*
 * Views of memory, scope-freed handles and small helpers everybody needs.
 * A struct bytes never owns what it points to; whoever made it says how long it lives.
 */
#ifndef CHANCERY_BASE_BYTES_H
#define CHANCERY_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *p;
	size_t n;
};

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A view of a string constant or array without its NUL; of a NUL-terminated string. */
#define BYTES_LIT(s) ((struct bytes){(const uint8_t *)("" s), sizeof(s) - 1})
static inline struct bytes
bytes_of(const void *p, size_t n)
{
	return (struct bytes){(const uint8_t *)p, n};
}
static inline struct bytes
bytes_str(const char *s)
{
	return (struct bytes){(const uint8_t *)s, s != NULL ? strlen(s) : 0};
}
static inline bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
/* Order of memcmp, a prefix first. */
static inline int
bytes_compare(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

/*
 * AUTO(type) declares a pointer that its scope frees: AUTO(EVP_PKEY) key = NULL;
 * Each type needs one AUTO_DEFINE(type, free_function) in a header or source; free functions accept
 * NULL.
 */
#define AUTO_DEFINE(type, fn)                                                                      \
	static inline void auto_##type(type **p)                                                   \
	{                                                                                          \
		if (*p != NULL)                                                                    \
			fn(*p);                                                                    \
	}
#define AUTO(type) __attribute__((cleanup(auto_##type))) type *
/*
 * The same for `struct tag`:
 *   AUTO_STRUCT_DEFINE(arena, arena_free);
 *   AUTO_STRUCT(arena) a = arena_new(..);
 */
#define AUTO_STRUCT_DEFINE(tag, fn)                                                                \
	static inline void auto_struct_##tag(struct tag **p)                                       \
	{                                                                                          \
		if (*p != NULL)                                                                    \
			fn(*p);                                                                    \
	}
#define AUTO_STRUCT(tag) __attribute__((cleanup(auto_struct_##tag))) struct tag *

/* Allocation that ends the process when memory is out; free with free(). */
void *mem_alloc(size_t n);
void *mem_zalloc(size_t count, size_t size);
void *mem_realloc(void *p, size_t n);
char *mem_strdup(const char *s);

#endif
