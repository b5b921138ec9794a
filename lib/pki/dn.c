/*
 * Distinguished names (RFC 5280 section 4.1.2.4): their syntax is checked, they are compared, a few
 * are built, and people get to read them. Whatever reads attributes walks one cursor. Strings are
 * UTF8String, PrintableString or IA5String: the older types need tables nobody checks, and a name
 * that displays differently than it compares is a weapon.
 */
#include "lib/pki/names.h"

#include "lib/base/hex.h"
#include "lib/pki/name_rules.h"
#include "lib/pki/oid.h"

enum { RDN_MAX = 32, AVA_MAX = 8, DEFAULT_UPPER_BOUND = 256 };

/* Known attributes: their short name (RFC 4519, else as OpenSSL says), and upper bound (RFC 5280
 * appendix A.1). */
static const struct attribute {
	struct bytes oid;
	const char *name;
	size_t bound; /* characters */
	uint8_t tag;  /* the only string type allowed, 0 any */
} attributes[] = {
	{OID_AT_COMMON_NAME, "CN", 64, 0},
	{OID_AT_ORGANIZATION, "O", 64, 0},
	{OID_AT_ORGANIZATIONAL_UNIT, "OU", 64, 0},
	{OID_AT_COUNTRY, "C", 2, DER_PRINTABLE_STRING},
	{OID_AT_SERIAL_NUMBER, "serialNumber", 64, DER_PRINTABLE_STRING},
	{OID_AT_LOCALITY, "L", 128, 0},
	{OID_AT_STATE, "ST", 128, 0},
	{OID_AT_STREET, "STREET", 128, 0},
	{OID_AT_TITLE, "title", 64, 0},
	{OID_AT_SURNAME, "SN", 128, 0},
	{OID_AT_GIVEN_NAME, "GN", 128, 0},
	{OID_AT_DOMAIN_COMPONENT, "DC", 255, DER_IA5_STRING},
	{OID_AT_USER_ID, "UID", 256, 0},
	{OID_AT_EMAIL_ADDRESS, "emailAddress", 255, DER_IA5_STRING},
};

static enum err
refuse_dn(const char *why)
{
	return err_set_word(ERR_INVALID, WORD_BAD_NAME, "name: %s", why);
}

static const struct attribute *
find_attribute(struct bytes oid)
{
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
		if (bytes_equal(attributes[i].oid, oid))
			return &attributes[i];
	return NULL;
}

static bool
is_printable(struct bytes s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i], lower = c | 0x20;

		if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') &&
			(c == 0 || strchr(" '()+,-./:=?", c) == NULL))
			return false;
	}
	return true;
}

static bool
is_ascii_text(struct bytes s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] >= 0x7f)
			return false;
	return true;
}

/* Decodes one character of strict UTF-8 (RFC 3629); its length, 0 when malformed. */
static size_t
utf8_next(struct bytes s, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t c = s.p[0];
	size_t n = c < 0x80		? 1
		: c >= 0xc2 && c < 0xe0 ? 2
		: c >= 0xe0 && c < 0xf0 ? 3
		: c >= 0xf0 && c < 0xf5 ? 4
					: 0;
	uint32_t v = n == 1 ? c : c & (0x7fu >> n);

	if (n == 0 || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (s.p[i] & 0x3f);
	}
	*point = v;
	return v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff) ? 0 : n;
}

/* Control characters, and the marks that change the direction of what follows on a screen. */
static bool
is_hidden(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
		(c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
		(c >= 0xfff9 && c <= 0xfffb);
}

static bool
is_utf8_text(struct bytes s, size_t *characters)
{
	uint32_t point;
	size_t n;

	for (*characters = 0; s.n > 0; ++*characters) {
		n = utf8_next(s, &point);
		if (n == 0 || is_hidden(point))
			return false;
		s = bytes_of(s.p + n, s.n - n);
	}
	return true;
}

/* The string types allowed, and their characters. */
static bool
string_valid(uint8_t tag, struct bytes s, size_t *characters)
{
	*characters = s.n;
	switch (tag) {
	case DER_PRINTABLE_STRING:
		return is_printable(s);
	case DER_IA5_STRING:
		return is_ascii_text(s);
	case DER_UTF8_STRING:
		return is_utf8_text(s, characters);
	default:
		return false;
	}
}

struct ava {
	struct bytes oid, value, whole;
	uint8_t tag;
};

/* Stands before an attribute of a name, in encoded order. */
struct cursor {
	struct der name, rdn;
	size_t rdns, avas; /* begun so far: of the name, of this RDN */
};

static enum err
check_value(const struct ava *v)
{
	const struct attribute *known = find_attribute(v->oid);
	size_t characters, bound = known != NULL ? known->bound : DEFAULT_UPPER_BOUND;

	if (!string_valid(v->tag, v->value, &characters))
		return refuse_dn(
			"an attribute is not a well-formed UTF8String, PrintableString or IA5String of "
			"visible characters (RFC 5280 section 4.1.2.4)");
	if (characters == 0 || characters > bound)
		return refuse_dn(
			"an attribute is empty or longer than its upper bound (RFC 5280 appendix A.1)");
	if (known != NULL && known->tag != 0 && known->tag != v->tag)
		return err_set_word(ERR_INVALID, WORD_BAD_NAME,
			"name: attribute \"%s\" has the wrong string type "
			"(RFC 5280 appendix A.1)",
			known->name);
	if (known != NULL && known->bound == 2 && characters != 2)
		return refuse_dn("a country is two letters");
	return ERR_OK;
}

static enum err
get_ava(struct der *rdn, struct ava *out)
{
	struct der d;

	TRY(der_get_whole(rdn, DER_SEQUENCE, "AttributeTypeAndValue", &out->whole));
	d = der_open(out->whole);
	TRY(der_enter(&d, DER_SEQUENCE, "AttributeTypeAndValue", &d));
	TRY(der_get_oid(&d, "attribute type", &out->oid));
	TRY(der_get_any(&d, &out->tag, &out->value, NULL));
	TRY(der_finish(&d, "AttributeTypeAndValue"));
	return check_value(out);
}

static enum err
open_name(struct bytes der, struct cursor *c)
{
	struct der top = der_open(der);

	*c = (struct cursor){0};
	if (der.n > PKI_NAME_DER_MAX)
		return refuse_dn("longer than 1024 octets");
	TRY(der_enter(&top, DER_SEQUENCE, "Name", &c->name));
	return der_finish(&top, "Name");
}

static bool
at_end(const struct cursor *c)
{
	return der_at_end(&c->rdn) && der_at_end(&c->name);
}

static enum err
enter_rdn(struct cursor *c)
{
	if (++c->rdns > RDN_MAX)
		return refuse_dn("more than 32 RDNs");
	c->avas = 0;
	return der_enter(&c->name, DER_SET, "RelativeDistinguishedName", &c->rdn);
}

static enum err
next_ava(struct cursor *c, struct ava *out)
{
	if (der_at_end(&c->rdn))
		TRY(enter_rdn(c));
	if (++c->avas > AVA_MAX)
		return refuse_dn("an RDN has more than 8 values");
	return get_ava(&c->rdn, out);
}

/* SET OF in DER is sorted (X.690 section 11.6), or one name would have several encodings. */
static enum err
check_name(struct bytes der)
{
	struct bytes last = {0};
	struct cursor c;
	struct ava ava;
	enum err e = open_name(der, &c);

	while (e == ERR_OK && !at_end(&c)) {
		e = next_ava(&c, &ava);
		if (e == ERR_OK && c.avas > 1 && bytes_compare(last, ava.whole) >= 0)
			return refuse_dn(
				"a multi-valued RDN is not in DER order (X.690 section 11.6)");
		last = ava.whole;
	}
	return e;
}

enum err
pki_name_check(struct bytes der)
{
	return der_reword(check_name(der), WORD_BAD_NAME);
}

/* ---- comparing ---- */

/* A text character by character as section 7.1 compares it: letters without case (ASCII: no tables),
 * spaces at the ends left out, and one for each run inside. -1 at its end. */
static int
next_character(struct bytes *text)
{
	size_t spaces = 0;
	int c;

	while (spaces < text->n && text->p[spaces] == ' ')
		spaces++;
	if (spaces == text->n)
		return -1;
	if (spaces > 0) {
		*text = bytes_of(text->p + spaces, text->n - spaces);
		return ' ';
	}
	c = text->p[0] >= 'A' && text->p[0] <= 'Z' ? text->p[0] | 0x20 : text->p[0];
	*text = bytes_of(text->p + 1, text->n - 1);
	return c;
}

static struct bytes
without_leading_spaces(struct bytes text)
{
	while (text.n > 0 && text.p[0] == ' ')
		text = bytes_of(text.p + 1, text.n - 1);
	return text;
}

bool
pki_name_text_equal(struct bytes a, struct bytes b)
{
	int c;

	a = without_leading_spaces(a);
	b = without_leading_spaces(b);
	do {
		c = next_character(&a);
		if (c != next_character(&b))
			return false;
	} while (c >= 0);
	return true;
}

static bool
is_text(uint8_t tag)
{
	return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING || tag == DER_IA5_STRING;
}

/* The part of a mail address before "@" has case (section 7.5). */
static bool
ava_equal(const struct ava *a, const struct ava *b)
{
	if (!bytes_equal(a->oid, b->oid))
		return false;
	if (bytes_equal(a->oid, OID_AT_EMAIL_ADDRESS) || !is_text(a->tag) || !is_text(b->tag))
		return a->tag == b->tag && bytes_equal(a->value, b->value);
	return pki_name_text_equal(a->value, b->value);
}

bool
pki_name_equal(struct bytes a, struct bytes b)
{
	struct cursor ca, cb;
	struct ava va, vb;

	if (bytes_equal(a, b))
		return true;
	if (open_name(a, &ca) != ERR_OK || open_name(b, &cb) != ERR_OK)
		return false;
	while (!at_end(&ca) && !at_end(&cb))
		if (next_ava(&ca, &va) != ERR_OK || next_ava(&cb, &vb) != ERR_OK ||
			ca.avas != cb.avas || !ava_equal(&va, &vb))
			return false;
	return at_end(&ca) && at_end(&cb);
}

/* ---- building ---- */

static void
put_rdn(struct derw *w, struct bytes oid, uint8_t tag, const char *value)
{
	size_t mark = derw_mark(w);

	if (value == NULL)
		return;
	derw_element(w, tag, bytes_str(value));
	derw_oid(w, oid);
	derw_wrap(w, DER_SEQUENCE, mark);
	derw_wrap(w, DER_SET, mark);
}

enum err
pki_name_build(const struct pki_name_parts *parts, struct arena *a, struct bytes *der)
{
	uint8_t room[PKI_NAME_DER_MAX];
	struct derw w;
	struct bytes made;

	derw_init(&w, room, sizeof(room));
	put_rdn(&w, OID_AT_COMMON_NAME, DER_UTF8_STRING, parts->common_name);
	/* X520SerialNumber and X520countryName are PrintableString (RFC 5280 appendix A.1). */
	put_rdn(&w, OID_AT_SERIAL_NUMBER, DER_PRINTABLE_STRING, parts->serial_number);
	put_rdn(&w, OID_AT_ORGANIZATIONAL_UNIT, DER_UTF8_STRING, parts->organizational_unit);
	put_rdn(&w, OID_AT_ORGANIZATION, DER_UTF8_STRING, parts->organization);
	put_rdn(&w, OID_AT_COUNTRY, DER_PRINTABLE_STRING, parts->country);
	derw_wrap(&w, DER_SEQUENCE, 0);
	if (derw_done(&w, &made) != ERR_OK)
		return refuse_dn("longer than 1024 octets");
	TRY(pki_name_check(made));
	*der = arena_bytes(a, made);
	return ERR_OK;
}

/* ---- reading, for people ---- */

/* RFC 4514 section 2.4. Checked names hold no control characters. */
static enum err
append_escaped(struct buf *out, struct bytes s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool edge = (i == 0 && (s.p[i] == ' ' || s.p[i] == '#')) ||
			(i + 1 == s.n && s.p[i] == ' ');

		if (edge || strchr(",+\"\\<>;=", s.p[i]) != NULL)
			TRY(buf_append(out, "\\", 1));
		TRY(buf_append(out, &s.p[i], 1));
	}
	return ERR_OK;
}

static enum err
append_ava(struct buf *out, struct arena *a, const struct ava *v)
{
	const struct attribute *known = find_attribute(v->oid);
	const char *name = known != NULL ? known->name : oid_text(a, v->oid);

	TRY(buf_printf(out, "%s=", name != NULL ? name : "?"));
	return append_escaped(out, v->value);
}

static enum err
append_rdn(struct buf *out, struct arena *a, struct der rdn)
{
	struct cursor c = {.rdn = rdn};
	struct ava ava;

	while (!at_end(&c)) {
		if (c.avas > 0)
			TRY(buf_append(out, "+", 1));
		TRY(next_ava(&c, &ava));
		TRY(append_ava(out, a, &ava));
	}
	return ERR_OK;
}

char *
pki_name_text(struct arena *a, struct bytes der)
{
	AUTO_BUF(out, 8 * PKI_NAME_DER_MAX);
	struct der rdns[RDN_MAX];
	struct cursor c;
	size_t n = 0;
	enum err e = pki_name_check(der);

	if (e == ERR_OK)
		e = open_name(der, &c);
	for (; e == ERR_OK && !der_at_end(&c.name); n++)
		if ((e = enter_rdn(&c)) == ERR_OK)
			rdns[n] = c.rdn;
	/* The most specific first (RFC 4514 section 2.1). */
	for (size_t i = n; e == ERR_OK && i-- > 0;) {
		if (i + 1 < n)
			e = buf_append(&out, ",", 1);
		if (e == ERR_OK)
			e = append_rdn(&out, a, rdns[i]);
	}
	return arena_string(a, e == ERR_OK ? buf_bytes(&out) : BYTES_LIT("(malformed name)"));
}

char *
pki_name_common_name(struct arena *a, struct bytes der)
{
	struct bytes found = {0};
	struct cursor c;
	struct ava ava;

	if (pki_name_check(der) != ERR_OK || open_name(der, &c) != ERR_OK)
		return NULL;
	while (!at_end(&c) && next_ava(&c, &ava) == ERR_OK)
		if (bytes_equal(ava.oid, OID_AT_COMMON_NAME))
			found = ava.value;
	return found.n > 0 ? arena_string(a, found) : NULL;
}

bool
pki_name_lone_common_name(struct bytes der, struct bytes *text)
{
	struct cursor c;
	struct ava ava;

	if (open_name(der, &c) != ERR_OK || at_end(&c) || next_ava(&c, &ava) != ERR_OK ||
		!at_end(&c) || !bytes_equal(ava.oid, OID_AT_COMMON_NAME))
		return false;
	*text = ava.value;
	return true;
}
