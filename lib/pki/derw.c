/*
 * The DER writer: fills the caller's room from its end, so that every length is known when it is
 * written and nothing is moved or measured twice. A value that does not fit (or cannot be
 * expressed) is remembered, and derw_done() tells it; until then all calls are harmless.
 */
#include "lib/pki/der.h"

void
derw_init(struct derw *w, uint8_t *room, size_t n)
{
	*w = (struct derw){.start = room, .p = room + n, .end = room + n};
}

void
derw_raw(struct derw *w, struct bytes b)
{
	if (w->full || b.n > (size_t)(w->p - w->start)) {
		w->full = true;
		return;
	}
	w->p -= b.n;
	if (b.n > 0)
		memcpy(w->p, b.p, b.n);
}

static void
put_octet(struct derw *w, uint8_t v)
{
	if (w->full || w->p == w->start) {
		w->full = true;
		return;
	}
	*--w->p = v;
}

static void
put_header(struct derw *w, uint8_t tag, size_t n)
{
	uint8_t count = 0;

	if (n < 0x80) {
		put_octet(w, (uint8_t)n);
	} else {
		for (; n > 0; n >>= 8, count++)
			put_octet(w, (uint8_t)n);
		put_octet(w, 0x80 | count);
	}
	put_octet(w, tag);
}

void
derw_wrap(struct derw *w, uint8_t tag, size_t mark)
{
	put_header(w, tag, derw_mark(w) - mark);
}

void
derw_element(struct derw *w, uint8_t tag, struct bytes content)
{
	derw_raw(w, content);
	put_header(w, tag, content.n);
}

void
derw_header(struct derw *w, uint8_t tag, size_t n)
{
	put_header(w, tag, n);
}

void
derw_oid(struct derw *w, struct bytes oid)
{
	derw_element(w, DER_OID, oid);
}

void
derw_null(struct derw *w)
{
	put_header(w, DER_NULL, 0);
}

void
derw_boolean(struct derw *w, bool v)
{
	put_octet(w, v ? 0xff : 0x00);
	put_header(w, DER_BOOLEAN, 1);
}

void
derw_uint(struct derw *w, uint64_t v)
{
	uint8_t octets[8];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(v >> (8 * (sizeof(octets) - 1 - i)));
	derw_integer(w, bytes_of(octets, sizeof(octets)));
}

void
derw_integer(struct derw *w, struct bytes magnitude)
{
	size_t mark = derw_mark(w);

	while (magnitude.n > 0 && magnitude.p[0] == 0) {
		magnitude.p++;
		magnitude.n--;
	}
	derw_raw(w, magnitude);
	if (magnitude.n == 0 || magnitude.p[0] >= 0x80)
		put_octet(w, 0);
	derw_wrap(w, DER_INTEGER, mark);
}

void
derw_bits(struct derw *w, struct bytes octets)
{
	size_t mark = derw_mark(w);

	derw_raw(w, octets);
	put_octet(w, 0);
	derw_wrap(w, DER_BIT_STRING, mark);
}

void
derw_named_bits(struct derw *w, uint32_t bits)
{
	uint8_t octets[1 + 4] = {0};
	size_t last = 0;

	for (size_t i = 0; i < 32; i++)
		if ((bits & UINT32_C(1) << i) != 0) {
			octets[1 + i / 8] |= (uint8_t)(0x80u >> (i % 8));
			last = i;
		}
	octets[0] = bits == 0 ? 0 : (uint8_t)(7 - last % 8);
	derw_element(w, DER_BIT_STRING, bytes_of(octets, bits == 0 ? 1 : 2 + last / 8));
}

enum err
derw_done(const struct derw *w, struct bytes *out)
{
	if (w->full)
		return err_set(
			ERR_LIMIT, "DER does not fit into %zu octets", (size_t)(w->end - w->start));
	*out = bytes_of(w->p, (size_t)(w->end - w->p));
	return ERR_OK;
}
