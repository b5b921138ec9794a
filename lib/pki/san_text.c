/*
 * The canonical text of a name and back. One name has exactly one text: rows, configuration and
 * logs are compared and searched by it, so from_text() refuses every spelling that text() would not
 * write, but for DNS names and mail domains, which it lower-cases as the DER reader does.
 */
#include "lib/pki/names.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "lib/base/hex.h"
#include "lib/pki/name_rules.h"

enum { OID_TEXT_MAX = 256, OTHER_HEX_MAX = 1024 };

static enum err
refuse_text(const char *why)
{
	return err_set_word(ERR_INVALID, WORD_BAD_NAME, "%s", why);
}

/* ---- object identifiers ---- */

static const char *
arc_text(struct bytes *c, uint64_t *arc)
{
	uint64_t v = 0;

	for (; c->n > 0; c->p++, c->n--) {
		if (v >> 56 != 0)
			return "overflow";
		v = v << 7 | (c->p[0] & 0x7f);
		if (c->p[0] < 0x80) {
			c->p++;
			c->n--;
			break;
		}
	}
	*arc = v;
	return NULL;
}

char *
oid_text(struct arena *a, struct bytes c)
{
	char text[21 * 64 + 1];
	size_t used;
	uint64_t arc;

	if (!der_oid_valid(c) || arc_text(&c, &arc) != NULL)
		return NULL;
	used = (size_t)snprintf(text, sizeof(text), "%u.%llu", arc < 80 ? (unsigned)(arc / 40) : 2,
		(unsigned long long)(arc < 80 ? arc % 40 : arc - 80));
	while (c.n > 0) {
		if (arc_text(&c, &arc) != NULL)
			return NULL;
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, ".%llu", (unsigned long long)arc);
	}
	return arena_strdup(a, text);
}

/* One decimal arc without leading zeros, and the dot before the next. */
static bool
next_arc(struct bytes *t, uint64_t *arc)
{
	size_t digits = 0;
	uint64_t v = 0;

	while (digits < t->n && digits < 19 && t->p[digits] >= '0' && t->p[digits] <= '9')
		v = v * 10 + (uint64_t)(t->p[digits++] - '0');
	if (digits == 0 || (digits > 1 && t->p[0] == '0') || v >> 63 != 0)
		return false;
	*t = bytes_of(t->p + digits, t->n - digits);
	if (t->n > 0) {
		if (t->p[0] != '.' || t->n == 1)
			return false;
		*t = bytes_of(t->p + 1, t->n - 1);
	}
	*arc = v;
	return true;
}

static size_t
put_arc(uint8_t *to, uint64_t arc)
{
	size_t n = 1;

	for (uint64_t v = arc >> 7; v != 0; v >>= 7)
		n++;
	for (size_t i = n; i-- > 0; arc >>= 7)
		to[i] = (uint8_t)((arc & 0x7f) | (i + 1 < n ? 0x80 : 0));
	return n;
}

static enum err
oid_from_text(struct bytes text, struct arena *a, struct bytes *content)
{
	uint8_t octets[OID_TEXT_MAX];
	size_t n = 0;
	uint64_t first, arc;

	/* Two characters of text make at most one octet, a 19-digit arc nine. */
	if (text.n > OID_TEXT_MAX / 2 || !next_arc(&text, &first) || first > 2 || text.n == 0 ||
		!next_arc(&text, &arc) || (first < 2 && arc >= 40) || arc > INT64_MAX - 80)
		return refuse_text("an object identifier is written like 1.3.6.1.4.1");
	n = put_arc(octets, first * 40 + arc);
	while (text.n > 0) {
		if (!next_arc(&text, &arc))
			return refuse_text("an object identifier is written like 1.3.6.1.4.1");
		n += put_arc(octets + n, arc);
	}
	if (!der_oid_valid(bytes_of(octets, n)))
		return refuse_text("an object identifier has at most 64 octets");
	*content = arena_bytes(a, bytes_of(octets, n));
	return ERR_OK;
}

/* Lower-case hex to octets, nothing else. */
static bool
hex_lower(struct bytes text, struct arena *a, struct bytes *out)
{
	uint8_t *octets;
	size_t n;

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 'A' && text.p[i] <= 'F')
			return false;
	octets = arena_alloc(a, text.n / 2 + 1);
	if (hex_decode(text, octets, text.n / 2, &n) != ERR_OK)
		return false;
	*out = bytes_of(octets, n);
	return true;
}

/* ---- per type ---- */

static char *
ip_text(struct arena *a, struct bytes v)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(v.n == 4 ? AF_INET : AF_INET6, v.p, text, sizeof(text));
	return arena_printf(a, "ip:%s", text);
}

static char *
other_text(struct arena *a, struct bytes v)
{
	struct bytes oid, value;

	if (san_other_read(v, &oid, &value) != ERR_OK || oid_text(a, oid) == NULL)
		return arena_strdup(a, "other:"); /* cannot come from a parser of this folder */
	return arena_printf(a, "other:%s:%s", oid_text(a, oid), hex_string(a, value));
}

char *
pki_san_text(struct arena *a, const struct pki_san *san)
{
	if (san->type == PKI_SAN_IP)
		return ip_text(a, san->value);
	if (san->type == PKI_SAN_OTHER)
		return other_text(a, san->value);
	return arena_printf(a, "%s:%.*s", pki_san_type_name(san->type), (int)san->value.n,
		(const char *)san->value.p);
}

static enum err
ip_from_text(struct bytes text, struct arena *a, struct bytes *out)
{
	char given[INET6_ADDRSTRLEN], written[INET6_ADDRSTRLEN];
	uint8_t octets[16];
	int family = text.n > 0 && memchr(text.p, ':', text.n) != NULL ? AF_INET6 : AF_INET;

	if (text.n == 0 || text.n >= sizeof(given) || memchr(text.p, 0, text.n) != NULL)
		return refuse_text("an address is written like 10.0.0.1 or 2001:db8::1");
	memcpy(given, text.p, text.n);
	given[text.n] = '\0';
	if (inet_pton(family, given, octets) != 1 ||
		inet_ntop(family, octets, written, sizeof(written)) == NULL)
		return refuse_text("an address is written like 10.0.0.1 or 2001:db8::1");
	if (strcmp(given, written) != 0)
		return err_set_word(ERR_INVALID, WORD_BAD_NAME,
			"address \"%s\" is written \"%s\" (RFC 5952)", given, written);
	*out = arena_bytes(a, bytes_of(octets, family == AF_INET ? 4 : 16));
	return ERR_OK;
}

static enum err
uri_from_text(struct bytes text, struct arena *a, struct bytes *out)
{
	TRY(uri_check(text));
	*out = arena_bytes(a, text);
	return ERR_OK;
}

static enum err
other_from_text(struct bytes text, struct arena *a, struct bytes *out)
{
	const uint8_t *colon = text.n > 0 ? memchr(text.p, ':', text.n) : NULL;
	size_t at = colon != NULL ? (size_t)(colon - text.p) : 0;
	uint8_t room[OTHER_HEX_MAX / 2 + 128];
	struct bytes oid, value, again;
	struct derw w;

	if (colon == NULL || text.n - at - 1 > OTHER_HEX_MAX)
		return refuse_text(
			"an otherName is written other:OID:HEX, with at most 512 octets");
	TRY(oid_from_text(bytes_of(text.p, at), a, &oid));
	if (!hex_lower(bytes_of(colon + 1, text.n - at - 1), a, &value))
		return refuse_text("the value of an otherName is lower-case hex of its DER");
	derw_init(&w, room, sizeof(room));
	derw_element(&w, DER_CONTEXT_CONS(0), value);
	derw_oid(&w, oid);
	TRY(derw_done(&w, &again));
	TRY(san_other_read(again, &oid, &value));
	*out = arena_bytes(a, again);
	return ERR_OK;
}

enum err
pki_san_from_text(struct bytes text, struct arena *a, struct pki_san *out)
{
	static enum err (*const read[PKI_SAN_TYPE_COUNT])(
		struct bytes, struct arena *, struct bytes *) = {
		[PKI_SAN_DNS] = pki_dns_check,
		[PKI_SAN_IP] = ip_from_text,
		[PKI_SAN_URI] = uri_from_text,
		[PKI_SAN_EMAIL] = email_check,
		[PKI_SAN_OTHER] = other_from_text,
	};
	const uint8_t *colon = text.n > 0 ? memchr(text.p, ':', text.n) : NULL;
	size_t at = colon != NULL ? (size_t)(colon - text.p) : 0;
	struct pki_san san;

	TRY(pki_san_type_parse(bytes_of(text.p, at), &san.type));
	TRY(read[san.type](bytes_of(text.p + at + 1, text.n - at - 1), a, &san.value));
	*out = san;
	return ERR_OK;
}
