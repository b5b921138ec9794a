/*
 * The DER reader (X.690 sections 8, 10 and 11). One element at a time, no recursion, nothing
 * copied: the depth of nesting is the depth of the caller's code, so input cannot exhaust the
 * stack. What BER allows beyond DER (indefinite or padded lengths, constructed strings, long tags)
 * is refused, because two encodings of one value let a checker and a relying party see different
 * things.
 */
#include "lib/pki/der.h"

enum { LENGTH_OCTETS_MAX = 4, OID_CONTENT_MAX = 64 };

static enum err
refuse_length(const char *why)
{
	return err_set(ERR_INVALID, "DER length is %s (X.690 section 10.1)", why);
}

/* Consumes length octets at *p. */
static enum err
get_length(const uint8_t **p, const uint8_t *end, size_t *out)
{
	size_t count, n = 0;

	if (*p == end)
		return refuse_length("missing");
	count = *(*p)++;
	if (count < 0x80) {
		*out = count;
		return ERR_OK;
	}
	count &= 0x7f;
	if (count == 0)
		return refuse_length("indefinite");
	if (count > LENGTH_OCTETS_MAX || count > (size_t)(end - *p))
		return refuse_length("too long or cut off");
	if (**p == 0)
		return refuse_length("not minimal");
	while (count-- > 0)
		n = n << 8 | *(*p)++;
	if (n < 0x80)
		return refuse_length("not minimal");
	*out = n;
	return ERR_OK;
}

/* Tags of one octet; of the universal class only SEQUENCE and SET are constructed (X.690
 * section 10.2). */
static enum err
check_tag(uint8_t tag)
{
	uint8_t number = tag & 0x1f;
	bool universal = (tag & 0xc0) == 0, constructed = (tag & 0x20) != 0;

	if (number == 0x1f)
		return err_set(ERR_INVALID, "DER tag has more than one octet");
	if (universal && (number == 0 || constructed != (number == 0x10 || number == 0x11)))
		return err_set(ERR_INVALID,
			"DER tag 0x%02x does not exist in DER (X.690 section 10.2)", tag);
	return ERR_OK;
}

enum err
der_get_any(struct der *d, uint8_t *tag, struct bytes *content, struct bytes *whole)
{
	const uint8_t *p = d->p;
	uint8_t t;
	size_t n;

	if (p == d->end)
		return err_set(ERR_INVALID, "DER ends where an element is expected");
	t = *p++;
	TRY(check_tag(t));
	TRY(get_length(&p, d->end, &n));
	if (n > (size_t)(d->end - p))
		return refuse_length("beyond the end of the data");
	*tag = t;
	*content = bytes_of(p, n);
	if (whole != NULL)
		*whole = bytes_of(d->p, (size_t)(p - d->p) + n);
	d->p = p + n;
	return ERR_OK;
}

static enum err
get_tagged(struct der *d, uint8_t tag, const char *what, struct bytes *content, struct bytes *whole)
{
	struct der saved = *d;
	uint8_t got;
	enum err e;

	if (der_at_end(d))
		return err_set(ERR_INVALID, "\"%s\" is missing", what);
	e = der_get_any(d, &got, content, whole);
	if (e != ERR_OK)
		return err_context(e, "\"%s\"", what);
	if (got != tag) {
		*d = saved;
		return err_set(ERR_INVALID, "\"%s\" has tag 0x%02x where 0x%02x is expected", what,
			got, tag);
	}
	return ERR_OK;
}

enum err
der_get(struct der *d, uint8_t tag, const char *what, struct bytes *content)
{
	struct bytes c;

	TRY(get_tagged(d, tag, what, &c, NULL));
	if (content != NULL)
		*content = c;
	return ERR_OK;
}

enum err
der_get_whole(struct der *d, uint8_t tag, const char *what, struct bytes *whole)
{
	struct bytes c, w;

	TRY(get_tagged(d, tag, what, &c, &w));
	*whole = w;
	return ERR_OK;
}

enum err
der_enter(struct der *d, uint8_t tag, const char *what, struct der *inner)
{
	struct bytes c;

	TRY(get_tagged(d, tag, what, &c, NULL));
	*inner = der_open(c);
	return ERR_OK;
}

enum err
der_finish(const struct der *d, const char *what)
{
	if (!der_at_end(d))
		return err_set(ERR_INVALID, "\"%s\" has %zu octets too many", what,
			(size_t)(d->end - d->p));
	return ERR_OK;
}

enum err
der_reword(enum err e, enum err_word word)
{
	if (e == ERR_INVALID && err_word() == WORD_INVALID)
		return err_set_word(e, word, "%s", err_reason());
	return e;
}

/* A refused value consumes nothing: the cursor goes back. */
static enum err
take_back(struct der *d, struct der saved, const char *what, const char *why)
{
	*d = saved;
	return err_set(ERR_INVALID, "\"%s\" %s", what, why);
}

enum err
der_get_integer(struct der *d, const char *what, struct bytes *content)
{
	struct der saved = *d;
	struct bytes c;

	TRY(der_get(d, DER_INTEGER, what, &c));
	if (c.n == 0)
		return take_back(
			d, saved, what, "is an INTEGER without octets (X.690 section 8.3.1)");
	if (c.n > 1 && ((c.p[0] == 0x00 && c.p[1] < 0x80) || (c.p[0] == 0xff && c.p[1] >= 0x80)))
		return take_back(d, saved, what, "is not a minimal INTEGER (X.690 section 8.3.2)");
	*content = c;
	return ERR_OK;
}

enum err
der_get_uint(struct der *d, const char *what, uint32_t *out)
{
	struct der saved = *d;
	struct bytes c;
	uint32_t v = 0;

	TRY(der_get_integer(d, what, &c));
	if (c.p[0] >= 0x80 || c.n > 4)
		return take_back(d, saved, what, "is not an INTEGER from 0 to 2147483647");
	for (size_t i = 0; i < c.n; i++)
		v = v << 8 | c.p[i];
	*out = v;
	return ERR_OK;
}

enum err
der_get_boolean(struct der *d, const char *what, bool *out)
{
	struct der saved = *d;
	struct bytes c;

	TRY(der_get(d, DER_BOOLEAN, what, &c));
	if (c.n != 1 || (c.p[0] != 0x00 && c.p[0] != 0xff))
		return take_back(d, saved, what, "is not a DER BOOLEAN (X.690 section 11.1)");
	*out = c.p[0] != 0;
	return ERR_OK;
}

enum err
der_get_bits(struct der *d, const char *what, struct bytes *out)
{
	struct der saved = *d;
	struct bytes c;

	TRY(der_get(d, DER_BIT_STRING, what, &c));
	if (c.n == 0 || c.p[0] != 0)
		return take_back(d, saved, what, "is not a BIT STRING of whole octets");
	*out = bytes_of(c.p + 1, c.n - 1);
	return ERR_OK;
}

/* The unused bits are zero and the last used bit is one (X.690 section 11.2.2); no bits at all is
 * 03 01 00. */
static bool
named_bits_minimal(struct bytes c)
{
	uint8_t unused, last;

	if (c.n == 0 || c.n > 5)
		return false;
	unused = c.p[0];
	if (c.n == 1)
		return unused == 0;
	last = c.p[c.n - 1];
	return unused <= 7 && (last & ((1u << unused) - 1)) == 0 && (last & (1u << unused)) != 0;
}

enum err
der_get_named_bits(struct der *d, const char *what, uint32_t *out)
{
	struct der saved = *d;
	struct bytes c;
	uint32_t bits = 0;

	TRY(der_get(d, DER_BIT_STRING, what, &c));
	if (!named_bits_minimal(c))
		return take_back(
			d, saved, what, "is not a minimal bit list (X.690 section 11.2.2)");
	for (size_t i = 0; i < (c.n - 1) * 8; i++)
		if ((c.p[1 + i / 8] & (0x80u >> (i % 8))) != 0)
			bits |= UINT32_C(1) << i;
	*out = bits;
	return ERR_OK;
}

bool
der_oid_valid(struct bytes c)
{
	bool starts = true;

	if (c.n == 0 || c.n > OID_CONTENT_MAX || c.p[c.n - 1] >= 0x80)
		return false;
	for (size_t i = 0; i < c.n; i++) {
		if (starts && c.p[i] == 0x80)
			return false;
		starts = c.p[i] < 0x80;
	}
	return true;
}

enum err
der_get_oid(struct der *d, const char *what, struct bytes *out)
{
	struct der saved = *d;
	struct bytes c;

	TRY(der_get(d, DER_OID, what, &c));
	if (!der_oid_valid(c))
		return take_back(
			d, saved, what, "is not a DER OBJECT IDENTIFIER (X.690 section 8.19)");
	*out = c;
	return ERR_OK;
}
