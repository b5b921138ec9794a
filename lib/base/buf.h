/*
 * A growing buffer with a maximum stated when it is made. Appending past the maximum is ERR_LIMIT
 * and leaves the buffer as it was.
 */
#ifndef CHANCERY_BASE_BUF_H
#define CHANCERY_BASE_BUF_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

struct buf {
	uint8_t *data; /* NULL until the first append */
	size_t len, cap, max;
};

/* Wipes and frees the content; the buffer can be used again. */
void buf_clear(struct buf *b);
enum err buf_append(struct buf *b, const void *data, size_t n) MUST_CHECK;
enum err buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/* Makes room for n more octets and returns where they go; the caller adds to len what it wrote. */
enum err buf_reserve(struct buf *b, size_t n, uint8_t **room) MUST_CHECK;
/* The content as a view, valid until the buffer changes. */
static inline struct bytes
buf_bytes(const struct buf *b)
{
	return (struct bytes){b->data, b->len};
}

/* A local buffer its scope clears: AUTO_BUF(body, 65536); */
#define AUTO_BUF(name, maximum)                                                                    \
	__attribute__((cleanup(buf_clear))) struct buf name = {                                    \
		.data = NULL, .len = 0, .cap = 0, .max = (maximum)}

#endif
