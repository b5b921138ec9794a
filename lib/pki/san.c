/*
 * GeneralNames (RFC 5280 section 4.2.1.6) in and out. Five types exist here; directoryName,
 * registeredID, x400Address and ediPartyName are refused rather than carried along unread, because
 * nobody could grant them.
 */
#include "lib/pki/names.h"

#include "lib/pki/name_rules.h"
#include "lib/pki/oid.h"

enum { OTHER_VALUE_MAX = 512 };

static enum err
refuse_san(const char *why)
{
	return err_set_word(ERR_INVALID, WORD_BAD_NAME, "subjectAltName: %s", why);
}

static enum err
read_dns(struct bytes v, struct arena *a, struct bytes *out)
{
	return pki_dns_check(v, a, out);
}

static enum err
read_ip(struct bytes v, struct arena *a, struct bytes *out)
{
	(void)a;
	if (v.n != 4 && v.n != 16)
		return refuse_san("an iPAddress has 4 or 16 octets (RFC 5280 section 4.2.1.6)");
	*out = v;
	return ERR_OK;
}

static enum err
read_uri(struct bytes v, struct arena *a, struct bytes *out)
{
	enum err e = uri_check(v);

	(void)a;
	if (e == ERR_OK)
		*out = v;
	return e;
}

enum err
san_other_read(struct bytes content, struct bytes *oid, struct bytes *value)
{
	struct der d = der_open(content), inner;
	struct bytes c;
	uint8_t tag;
	enum err e = der_get_oid(&d, "type-id", oid);

	if (e == ERR_OK)
		e = der_enter(&d, DER_CONTEXT_CONS(0), "value", &inner);
	if (e == ERR_OK)
		e = der_finish(&d, "otherName");
	if (e == ERR_OK)
		e = der_get_any(&inner, &tag, &c, value);
	if (e == ERR_OK)
		e = der_finish(&inner, "value");
	if (e != ERR_OK)
		return der_reword(e, WORD_BAD_NAME);
	return value->n <= OTHER_VALUE_MAX
		? ERR_OK
		: refuse_san("an otherName value has more than 512 octets");
}

static enum err
read_other(struct bytes v, struct arena *a, struct bytes *out)
{
	struct bytes oid, value;

	TRY(san_other_read(v, &oid, &value));
	if (oid_text(a, oid) == NULL)
		return refuse_san("an otherName type-id has an arc of more than 63 bits");
	*out = v;
	return ERR_OK;
}

static const struct san_kind {
	const char *name;
	uint8_t tag;
	enum err (*read)(struct bytes v, struct arena *a, struct bytes *out);
} kinds[PKI_SAN_TYPE_COUNT] = {
	[PKI_SAN_DNS] = {"dns", DER_CONTEXT(2), read_dns},
	[PKI_SAN_IP] = {"ip", DER_CONTEXT(7), read_ip},
	[PKI_SAN_URI] = {"uri", DER_CONTEXT(6), read_uri},
	[PKI_SAN_EMAIL] = {"email", DER_CONTEXT(1), email_check},
	[PKI_SAN_OTHER] = {"other", DER_CONTEXT_CONS(0), read_other},
};

const char *
pki_san_type_name(enum pki_san_type t)
{
	return t < PKI_SAN_TYPE_COUNT ? kinds[t].name : "unknown";
}

enum err
pki_san_type_parse(struct bytes text, enum pki_san_type *out)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (bytes_equal(text, bytes_str(kinds[i].name))) {
			*out = (enum pki_san_type)i;
			return ERR_OK;
		}
	return err_set_word(ERR_INVALID, WORD_BAD_NAME,
		"a name begins with its type: dns:, ip:, uri:, email: or other:, as in \"dns:www.example.org\"");
}

uint8_t
san_tag(enum pki_san_type t)
{
	return kinds[t].tag;
}

/* One GeneralName; checks the value by its type's rule. */
static enum err
get_san(struct der *d, struct arena *a, struct pki_san *out)
{
	struct bytes v;
	uint8_t tag;
	enum err e = der_get_any(d, &tag, &v, NULL);

	if (e != ERR_OK)
		return der_reword(e, WORD_BAD_NAME);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].tag == tag) {
			out->type = (enum pki_san_type)i;
			return kinds[i].read(v, a, &out->value);
		}
	return err_set_word(ERR_INVALID, WORD_BAD_NAME,
		"subjectAltName: GeneralName type [%d] is not one of otherName, "
		"rfc822Name, dNSName, uniformResourceIdentifier and iPAddress",
		tag & 0x1f);
}

static bool
san_equal(const struct pki_san *a, const struct pki_san *b)
{
	return a->type == b->type && bytes_equal(a->value, b->value);
}

bool
pki_sans_contain(const struct pki_sans *sans, const struct pki_san *san)
{
	for (size_t i = 0; i < sans->count; i++)
		if (san_equal(&sans->item[i], san))
			return true;
	return false;
}

/* How many elements the cursor still has, up to one more than allowed. */
static size_t
count_elements(struct der d)
{
	struct bytes c;
	uint8_t tag;
	size_t n = 0;

	while (n <= PKI_SANS_MAX && !der_at_end(&d) && der_get_any(&d, &tag, &c, NULL) == ERR_OK)
		n++;
	return n;
}

enum err
pki_sans_parse(struct bytes der, struct arena *a, struct pki_sans *out)
{
	struct der top = der_open(der), d;
	struct pki_sans sans = {0};
	size_t count;
	enum err e = der_enter(&top, DER_SEQUENCE, "subjectAltName", &d);

	if (e == ERR_OK)
		e = der_finish(&top, "subjectAltName");
	if (e != ERR_OK)
		return der_reword(e, WORD_BAD_NAME);
	count = count_elements(d);
	if (count > PKI_SANS_MAX)
		return err_set_word(ERR_INVALID, WORD_BAD_NAME,
			"subjectAltName has more than %d names", PKI_SANS_MAX);
	if (der_at_end(&d))
		return refuse_san("no name in it (RFC 5280 section 4.2.1.6)");
	sans.item = arena_array(a, count + 1, sizeof(*sans.item));
	while (!der_at_end(&d)) {
		struct pki_san *san = &sans.item[sans.count];

		TRY(get_san(&d, a, san));
		if (!pki_sans_contain(&sans, san))
			sans.count++;
	}
	*out = sans;
	return ERR_OK;
}

void
pki_sans_put(struct derw *w, const struct pki_sans *sans)
{
	size_t mark = derw_mark(w);

	for (size_t i = sans->count; i-- > 0;)
		derw_element(w, kinds[sans->item[i].type].tag, sans->item[i].value);
	derw_wrap(w, DER_SEQUENCE, mark);
}

static bool
all_in(const struct pki_sans *some, const struct pki_sans *all)
{
	for (size_t i = 0; i < some->count; i++)
		if (!pki_sans_contain(all, &some->item[i]))
			return false;
	return true;
}

bool
pki_sans_equal(const struct pki_sans *a, const struct pki_sans *b)
{
	return all_in(a, b) && all_in(b, a);
}
