/*
 * PEM armour (RFC 7468): the parser takes the lax form of section 3 inside a block (any white
 * space), but the markers must stand at the head of a line and match. Encapsulated headers are
 * refused: they only occur in encrypted keys, which nobody may hand us.
 */
#include "lib/base/hex.h"

#include <stdio.h>

enum { LABEL_MAX = 64, COLUMNS = 64 };

/* Offset of the marker at the head of a line at or after from; text.n when it is not there. */
static size_t
find_line(struct bytes text, size_t from, const char *marker)
{
	size_t n = strlen(marker);

	while (from < text.n) {
		const uint8_t *hit = memmem(text.p + from, text.n - from, marker, n);

		if (hit == NULL)
			break;
		if (hit == text.p || hit[-1] == '\n' || hit[-1] == '\r')
			return (size_t)(hit - text.p);
		from = (size_t)(hit - text.p) + 1;
	}
	return text.n;
}

enum err
pem_next(struct arena *a, struct bytes text, const char *label, size_t *offset, struct bytes *der)
{
	char begin[LABEL_MAX + 32], end[LABEL_MAX + 32];
	size_t head, body, tail;
	enum err e;

	snprintf(begin, sizeof(begin), "-----BEGIN %.*s-----", LABEL_MAX, label);
	snprintf(end, sizeof(end), "-----END %.*s-----", LABEL_MAX, label);
	head = *offset < text.n ? find_line(text, *offset, begin) : text.n;
	if (head == text.n)
		return err_set(ERR_NOTFOUND, "no PEM block \"%s\" found", label);
	body = head + strlen(begin);
	tail = find_line(text, body, end);
	if (tail == text.n)
		return err_set(ERR_INVALID, "the PEM block \"%s\" at offset %zu has no END line",
			label, head);
	e = base64_decode_mime(a, bytes_of(text.p + body, tail - body), der);
	if (e != ERR_OK)
		return err_context(e, "PEM block \"%s\" at offset %zu", label, head);
	*offset = tail + strlen(end);
	return ERR_OK;
}

char *
pem_string(struct arena *a, const char *label, struct bytes der)
{
	const char *text = base64_string(a, der);
	size_t n = strlen(text), size = n + n / COLUMNS + 2 * strlen(label) + 64, at;
	char *out = arena_alloc(a, size);

	at = (size_t)snprintf(out, size, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < n; i += COLUMNS)
		at += (size_t)snprintf(out + at, size - at, "%.*s\n", COLUMNS, text + i);
	snprintf(out + at, size - at, "-----END %s-----\n", label);
	return out;
}
