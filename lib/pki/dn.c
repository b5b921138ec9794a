/*
 * Distinguished names (RFC 5280 section 4.1.2.4). They are compared as DER elsewhere; here their
 * syntax is checked, a few are built, and people get to read them. Strings are UTF8String,
 * PrintableString or IA5String: the older types need tables nobody checks, and a name that displays
 * differently than it compares is a weapon.
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
refuse(const char *why)
{
	return err_set_word(ERR_INVALID, "bad-name", "name: %s", why);
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
	struct bytes oid, value;
	uint8_t tag;
};

static enum err
check_value(const struct ava *v)
{
	const struct attribute *known = find_attribute(v->oid);
	size_t characters, bound = known != NULL ? known->bound : DEFAULT_UPPER_BOUND;

	if (!string_valid(v->tag, v->value, &characters))
		return refuse(
			"an attribute is not a well-formed UTF8String, PrintableString or IA5String of "
			"visible characters (RFC 5280 section 4.1.2.4)");
	if (characters == 0 || characters > bound)
		return refuse(
			"an attribute is empty or longer than its upper bound (RFC 5280 appendix A.1)");
	if (known != NULL && known->tag != 0 && known->tag != v->tag)
		return err_set_word(ERR_INVALID, "bad-name",
			"name: attribute \"%s\" has the wrong string type "
			"(RFC 5280 appendix A.1)",
			known->name);
	if (known != NULL && known->bound == 2 && characters != 2)
		return refuse("a country is two letters");
	return ERR_OK;
}

static enum err
get_ava(struct der *rdn, struct ava *out, struct bytes *whole)
{
	struct der d;
	enum err e = der_get_whole(rdn, DER_SEQUENCE, "AttributeTypeAndValue", whole);

	if (e != ERR_OK)
		return e;
	d = der_open(*whole);
	e = der_enter(&d, DER_SEQUENCE, "AttributeTypeAndValue", &d);
	if (e == ERR_OK)
		e = der_get_oid(&d, "attribute type", &out->oid);
	if (e == ERR_OK)
		e = der_get_any(&d, &out->tag, &out->value, NULL);
	if (e == ERR_OK)
		e = der_finish(&d, "AttributeTypeAndValue");
	return e == ERR_OK ? check_value(out) : e;
}

/* SET OF in DER is sorted (X.690 section 11.6), or one name would have several encodings. */
static enum err
check_rdn(struct der rdn)
{
	struct bytes last = {0}, whole;
	struct ava ava;
	size_t count = 0;
	enum err e;

	do {
		e = get_ava(&rdn, &ava, &whole);
		if (e != ERR_OK)
			return e;
		if (count > 0 && bytes_compare(last, whole) >= 0)
			return refuse(
				"a multi-valued RDN is not in DER order (X.690 section 11.6)");
		last = whole;
	} while (++count < AVA_MAX && !der_at_end(&rdn));
	return der_at_end(&rdn) ? ERR_OK : refuse("an RDN has more than 8 values");
}

static enum err
check_name(struct bytes der)
{
	struct der top = der_open(der), d, rdn;
	size_t count = 0;
	enum err e;

	if (der.n > PKI_NAME_DER_MAX)
		return refuse("longer than 1024 octets");
	e = der_enter(&top, DER_SEQUENCE, "Name", &d);
	if (e == ERR_OK)
		e = der_finish(&top, "Name");
	while (e == ERR_OK && !der_at_end(&d)) {
		if (++count > RDN_MAX)
			return refuse("more than 32 RDNs");
		e = der_enter(&d, DER_SET, "RelativeDistinguishedName", &rdn);
		if (e == ERR_OK)
			e = check_rdn(rdn);
	}
	return e;
}

enum err
pki_name_check(struct bytes der)
{
	return der_reword(check_name(der), "bad-name");
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
	enum err e;

	derw_init(&w, room, sizeof(room));
	put_rdn(&w, OID_AT_COMMON_NAME, DER_UTF8_STRING, parts->common_name);
	/* X520SerialNumber and X520countryName are PrintableString (RFC 5280 appendix A.1). */
	put_rdn(&w, OID_AT_SERIAL_NUMBER, DER_PRINTABLE_STRING, parts->serial_number);
	put_rdn(&w, OID_AT_ORGANIZATIONAL_UNIT, DER_UTF8_STRING, parts->organizational_unit);
	put_rdn(&w, OID_AT_ORGANIZATION, DER_UTF8_STRING, parts->organization);
	put_rdn(&w, OID_AT_COUNTRY, DER_PRINTABLE_STRING, parts->country);
	derw_wrap(&w, DER_SEQUENCE, 0);
	if (derw_done(&w, &made) != ERR_OK)
		return refuse("longer than 1024 octets");
	e = pki_name_check(made);
	if (e == ERR_OK)
		*der = arena_bytes(a, made);
	return e;
}

/* ---- reading, for people ---- */

/* RFC 4514 section 2.4. Checked names hold no control characters. */
static enum err
append_escaped(struct buf *out, struct bytes s)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < s.n; i++) {
		bool edge = (i == 0 && (s.p[i] == ' ' || s.p[i] == '#')) ||
			(i + 1 == s.n && s.p[i] == ' ');

		if (edge || strchr(",+\"\\<>;=", s.p[i]) != NULL)
			e = buf_append(out, "\\", 1);
		if (e == ERR_OK)
			e = buf_append(out, &s.p[i], 1);
	}
	return e;
}

static enum err
append_ava(struct buf *out, struct arena *a, const struct ava *v)
{
	const struct attribute *known = find_attribute(v->oid);
	const char *name = known != NULL ? known->name : oid_text(a, v->oid);
	enum err e = buf_printf(out, "%s=", name != NULL ? name : "?");

	return e == ERR_OK ? append_escaped(out, v->value) : e;
}

static enum err
append_rdn(struct buf *out, struct arena *a, struct der rdn)
{
	struct bytes whole;
	struct ava ava;
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && !der_at_end(&rdn); i++) {
		if (i > 0)
			e = buf_append(out, "+", 1);
		if (e == ERR_OK)
			e = get_ava(&rdn, &ava, &whole);
		if (e == ERR_OK)
			e = append_ava(out, a, &ava);
	}
	return e;
}

/* The RDNs of a checked name, in encoded order. */
static size_t
split(struct bytes der, struct der rdns[RDN_MAX])
{
	struct der top = der_open(der), d;
	size_t n = 0;

	if (der_enter(&top, DER_SEQUENCE, "Name", &d) != ERR_OK)
		return 0;
	while (n < RDN_MAX && !der_at_end(&d) && der_enter(&d, DER_SET, "RDN", &rdns[n]) == ERR_OK)
		n++;
	return n;
}

char *
pki_name_text(struct arena *a, struct bytes der)
{
	AUTO_BUF(out, 8 * PKI_NAME_DER_MAX);
	struct der rdns[RDN_MAX];
	size_t n;
	enum err e = ERR_OK;

	if (pki_name_check(der) != ERR_OK)
		return arena_strdup(a, "(malformed name)");
	n = split(der, rdns);
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
	struct der rdns[RDN_MAX];
	struct bytes whole;
	struct ava ava;

	if (pki_name_check(der) != ERR_OK)
		return NULL;
	for (size_t i = split(der, rdns); i-- > 0;)
		while (!der_at_end(&rdns[i]) && get_ava(&rdns[i], &ava, &whole) == ERR_OK)
			if (bytes_equal(ava.oid, OID_AT_COMMON_NAME))
				return arena_string(a, ava.value);
	return NULL;
}
