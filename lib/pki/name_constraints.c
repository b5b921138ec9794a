/*
 * Name constraints (RFC 5280 section 4.2.1.10), written for subordinate CAs and checked in form.
 * Bases are not names: a dNSName or URI base may begin with a dot, an address carries its mask, a
 * mail base may be a domain alone.
 */
#include "lib/pki/ext.h"
#include "lib/pki/name_rules.h"

enum { SUBTREES_MAX = PKI_SANS_MAX };

static enum err
refuse(const char *why)
{
	return err_set(ERR_INVALID, "nameConstraints: %s (RFC 5280 section 4.2.1.10)", why);
}

/* minimum is DEFAULT 0 and maximum absent, so a GeneralSubtree is its base alone. */
static void
put_subtrees(struct derw *w, uint8_t tag, const struct pki_sans *bases)
{
	size_t mark = derw_mark(w);

	if (bases->count == 0)
		return;
	for (size_t i = bases->count; i-- > 0;) {
		size_t one = derw_mark(w);

		derw_element(w, san_tag(bases->item[i].type), bases->item[i].value);
		derw_wrap(w, DER_SEQUENCE, one);
	}
	derw_wrap(w, tag, mark);
}

void
name_constraints_put(struct derw *w, const struct pki_name_constraints *nc)
{
	size_t mark = derw_mark(w);

	put_subtrees(w, DER_CONTEXT_CONS(1), &nc->excluded);
	put_subtrees(w, DER_CONTEXT_CONS(0), &nc->permitted);
	derw_wrap(w, DER_SEQUENCE, mark);
}

/* Ones, then zeros. */
static bool
is_mask(const uint8_t *p, size_t n)
{
	bool ended = false;

	for (size_t i = 0; i < n * 8; i++) {
		bool one = (p[i / 8] & (0x80u >> (i % 8))) != 0;

		if (one && ended)
			return false;
		ended = ended || !one;
	}
	return true;
}

static enum err
check_address(struct bytes v)
{
	size_t half = v.n / 2;

	if ((v.n != 8 && v.n != 32) || !is_mask(v.p + half, half))
		return refuse("an iPAddress base is an address and its mask");
	for (size_t i = 0; i < half; i++)
		if ((v.p[i] & ~v.p[half + i]) != 0)
			return refuse("an iPAddress base has bits outside its mask");
	return ERR_OK;
}

/* A domain, perhaps after one dot; in mail also a whole address. Empty excludes or permits
 * everything. */
static enum err
check_domain(struct bytes v, enum pki_san_type type)
{
	AUTO_STRUCT(arena) a = NULL;
	struct bytes out;

	if (v.n == 0)
		return ERR_OK;
	if (v.p[0] == '.')
		v = bytes_of(v.p + 1, v.n - 1);
	a = arena_new(64 * 1024);
	if (type == PKI_SAN_EMAIL && v.n > 0 && memchr(v.p, '@', v.n) != NULL)
		return email_check(v, a, &out) == ERR_OK
			? ERR_OK
			: refuse("an rfc822Name base is not an address");
	if (pki_dns_check(v, a, &out) != ERR_OK || out.p[0] == '*')
		return refuse("a base is not a domain");
	return ERR_OK;
}

static enum err
check_base(struct der *d)
{
	struct bytes v;
	uint8_t tag;
	enum err e = der_get_any(d, &tag, &v, NULL);

	if (e != ERR_OK)
		return e;
	if (tag == san_tag(PKI_SAN_IP))
		return check_address(v);
	if (tag == san_tag(PKI_SAN_DNS))
		return check_domain(v, PKI_SAN_DNS);
	if (tag == san_tag(PKI_SAN_URI))
		return check_domain(v, PKI_SAN_URI);
	if (tag == san_tag(PKI_SAN_EMAIL))
		return check_domain(v, PKI_SAN_EMAIL);
	return refuse(
		"a base is none of dNSName, iPAddress, rfc822Name and uniformResourceIdentifier");
}

static enum err
check_subtrees(struct der *d, uint8_t tag)
{
	struct der list, one;
	size_t count = 0;
	enum err e;

	if (der_peek(d) != tag)
		return ERR_OK;
	e = der_enter(d, tag, "subtrees", &list);
	do {
		if (e == ERR_OK)
			e = ++count > SUBTREES_MAX
				? refuse("more than 100 subtrees")
				: der_enter(&list, DER_SEQUENCE, "GeneralSubtree", &one);
		if (e == ERR_OK)
			e = check_base(&one);
		if (e == ERR_OK && !der_at_end(&one))
			e = refuse("minimum and maximum are not used");
	} while (e == ERR_OK && !der_at_end(&list));
	return e;
}

enum err
name_constraints_check(struct bytes value)
{
	struct der d;
	enum err e = ext_open(value, DER_SEQUENCE, "nameConstraints", &d);

	if (e == ERR_OK && der_at_end(&d))
		return refuse("no subtree at all");
	if (e == ERR_OK)
		e = check_subtrees(&d, DER_CONTEXT_CONS(0));
	if (e == ERR_OK)
		e = check_subtrees(&d, DER_CONTEXT_CONS(1));
	return e == ERR_OK ? der_finish(&d, "nameConstraints") : e;
}
