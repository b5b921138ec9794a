/* Bounded growing buffers; see buf.h. */
#include "lib/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
buf_clear(struct buf *b)
{
	if (b->data != NULL) {
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	*b = (struct buf){.max = b->max};
}

enum err
buf_reserve(struct buf *b, size_t n, uint8_t **room)
{
	size_t need, cap;
	uint8_t *grown;

	if (n > b->max - b->len)
		return err_set(ERR_LIMIT, "more than the %zu octets allowed here", b->max);
	need = b->len + n;
	if (need > b->cap) {
		cap = b->cap < 128 ? 256 : b->cap * 2;
		cap = cap < need ? need : cap;
		cap = cap > b->max ? b->max : cap;
		grown = mem_alloc(cap); /* not realloc: the old copy is wiped */
		if (b->len > 0)
			memcpy(grown, b->data, b->len);
		if (b->data != NULL) {
			explicit_bzero(b->data, b->cap);
			free(b->data);
		}
		b->data = grown;
		b->cap = cap;
	}
	*room = b->data + b->len;
	return ERR_OK;
}

enum err
buf_append(struct buf *b, const void *data, size_t n)
{
	uint8_t *room;

	if (n == 0)
		return ERR_OK;
	TRY(buf_reserve(b, n, &room));
	memcpy(room, data, n);
	b->len += n;
	return ERR_OK;
}

enum err
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	uint8_t *room;
	enum err e;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	e = n < 0 ? err_set(ERR_INTERNAL, "bad format") : buf_reserve(b, (size_t)n + 1, &room);
	if (e == ERR_OK) {
		vsnprintf((char *)room, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
	return e;
}
