/*
 * Arenas: everything made for one request, command or batch dies together.
 * An arena has a maximum; reaching it ends the process as out-of-memory would, so bound what goes
 * in before copying it: a request's octets are bounded by its listener, an answer of the database by
 * lib/db (DB_CONN_RESULT_MAX). Not for secrets (an arena is not wiped). One thread at a time.
 */
#ifndef CHANCERY_BASE_ARENA_H
#define CHANCERY_BASE_ARENA_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

struct arena;

/* A new arena that may hold max octets in all; max 0 means 256 MiB. Free with arena_free(). */
struct arena *arena_new(size_t max);
void arena_free(struct arena *a);
/* Forgets everything in it and keeps one block of the size it needed for reuse (at most 128 KiB).
 */
void arena_reset(struct arena *a);

/* Zeroed memory, aligned for any type; never NULL. */
void *arena_alloc(struct arena *a, size_t n);
/* An array of count zeroed elements. */
void *arena_array(struct arena *a, size_t count, size_t size);
char *arena_strdup(struct arena *a, const char *s);
/* NUL-terminated copy of a view. */
char *arena_string(struct arena *a, struct bytes b);
struct bytes arena_bytes(struct arena *a, struct bytes b);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Calls fn(ctx) when the arena is reset or freed, the latest first. */
void arena_defer(struct arena *a, void (*fn)(void *ctx), void *ctx);

AUTO_STRUCT_DEFINE(arena, arena_free)

#endif
