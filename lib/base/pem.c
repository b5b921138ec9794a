/*
 * PEM armour (RFC 7468): the parser takes the lax form of section 3 inside a block (any white
 * space), but the markers must stand at the head of a line and match. Encapsulated headers are
 * refused: they only occur in encrypted keys, which nobody may hand us.
 */
#include "lib/base/hex.h"

#include <assert.h>
#include <stdio.h>

enum {
	LABEL_MAX = 64,
	COLUMNS = 64,
	LINE_OCTETS = COLUMNS / 4 * 3,
	LINE_SIZE = LABEL_MAX + 32 /* a marker's, the longest */
};

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

size_t
pem_size(const char *label, struct bytes der)
{
	size_t markers = strlen("-----BEGIN -----\n-----END -----\n") + 2 * strlen(label);

	return markers + (der.n + 2) / 3 * 4 + (der.n + LINE_OCTETS - 1) / LINE_OCTETS;
}

/* The line that holds the character at `at`; returns where it begins. */
static size_t
write_line(const char *label, struct bytes der, size_t at, char out[LINE_SIZE], size_t *n)
{
	size_t head = strlen("-----BEGIN -----\n") + strlen(label), line, from;
	size_t foot = pem_size(label, der) - strlen("-----END -----\n") - strlen(label);

	if (at < head || at >= foot) {
		*n = (size_t)snprintf(
			out, LINE_SIZE, "-----%s %s-----\n", at < head ? "BEGIN" : "END", label);
		return at < head ? 0 : foot;
	}
	line = (at - head) / (COLUMNS + 1);
	from = line * LINE_OCTETS;
	*n = base64_encode(
		bytes_of(der.p + from, der.n - from < LINE_OCTETS ? der.n - from : LINE_OCTETS),
		out);
	out[(*n)++] = '\n';
	return head + line * (COLUMNS + 1);
}

void
pem_copy(const char *label, struct bytes der, size_t at, char *out, size_t n)
{
	char line[LINE_SIZE];

	assert(strlen(label) <= LABEL_MAX && at + n <= pem_size(label, der));
	while (n > 0) {
		size_t length, skip, take;

		skip = at - write_line(label, der, at, line, &length);
		take = length - skip < n ? length - skip : n;
		memcpy(out, line + skip, take);
		out += take;
		at += take;
		n -= take;
	}
}

char *
pem_string(struct arena *a, const char *label, struct bytes der)
{
	size_t size = pem_size(label, der);
	char *out = arena_alloc(a, size + 1);

	pem_copy(label, der, 0, out, size);
	out[size] = '\0';
	return out;
}
