/*
 * Name constraints (RFC 5280 section 4.2.1.10), written for subordinate CAs, checked in form, and
 * held against the names such a CA would certify.
 * Bases are not names: a dNSName or URI base may begin with a dot, an address carries its mask, a
 * mail base may be a domain alone.
 */
#include "lib/pki/ext.h"
#include "lib/pki/name_rules.h"

enum { SUBTREES_MAX = PKI_SANS_MAX };

static enum err
refuse_name(const char *why)
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

/* ---- the rule of each type ---- */

static enum err
check_address(struct bytes v)
{
	size_t half = v.n / 2;

	if ((v.n != 8 && v.n != 32) || !is_mask(v.p + half, half))
		return refuse_name("an iPAddress base is an address and its mask");
	for (size_t i = 0; i < half; i++)
		if ((v.p[i] & ~v.p[half + i]) != 0)
			return refuse_name("an iPAddress base has bits outside its mask");
	return ERR_OK;
}

/* A domain, perhaps after one dot. Empty excludes or permits everything. */
static enum err
check_domain(struct bytes base)
{
	AUTO_STRUCT(arena) a = NULL;
	struct bytes out;

	if (base.n == 0)
		return ERR_OK;
	if (base.p[0] == '.')
		base = bytes_of(base.p + 1, base.n - 1);
	a = arena_new(64 * 1024);
	if (pki_dns_check(base, a, &out) != ERR_OK || out.p[0] == '*')
		return refuse_name("a base is not a domain");
	return ERR_OK;
}

/* A domain or a whole address. */
static enum err
check_mail(struct bytes base)
{
	AUTO_STRUCT(arena) a = NULL;
	struct bytes out;

	if (base.n == 0 || memchr(base.p, '@', base.n) == NULL)
		return check_domain(base);
	a = arena_new(64 * 1024);
	return email_check(base, a, &out) == ERR_OK
		? ERR_OK
		: refuse_name("an rfc822Name base is not an address");
}

/* Domain rule of each type: what a base without a leading dot covers. A leading dot always means
 * "only below". */
enum reach { ITSELF, ITSELF_AND_BELOW };

static bool
ends_with(struct bytes text, struct bytes end)
{
	return text.n >= end.n &&
		strncasecmp((const char *)text.p + (text.n - end.n), (const char *)end.p, end.n) ==
		0;
}

static bool
domain_within(struct bytes domain, struct bytes base, enum reach reach)
{
	if (base.n == 0)
		return true;
	if (base.p[0] == '.')
		return domain.n > base.n && ends_with(domain, base);
	if (!ends_with(domain, base))
		return false;
	return domain.n == base.n ||
		(reach == ITSELF_AND_BELOW && domain.p[domain.n - base.n - 1] == '.');
}

static bool
dns_within(struct bytes name, struct bytes base)
{
	return domain_within(name, base, ITSELF_AND_BELOW);
}

static bool
ip_within(struct bytes name, struct bytes base)
{
	if (base.n != 2 * name.n)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if ((name.p[i] & base.p[name.n + i]) != base.p[i])
			return false;
	return true;
}

static bool
email_within(struct bytes name, struct bytes base)
{
	const uint8_t *at = memchr(name.p, '@', name.n);
	struct bytes domain =
		at != NULL ? bytes_of(at + 1, (size_t)(name.p + name.n - at - 1)) : name;

	if (memchr(base.p, '@', base.n) != NULL)
		return bytes_equal(name, base);
	return domain_within(domain, base, ITSELF);
}

/* The host of the authority, without user and port; an empty one is within nothing. */
static struct bytes
uri_host(struct bytes uri)
{
	const uint8_t *end = uri.p + uri.n, *p = memmem(uri.p, uri.n, "://", 3), *at;
	size_t n = 0;

	if (p == NULL)
		return (struct bytes){uri.p, 0};
	p += 3;
	while (p + n < end && strchr("/?#", p[n]) == NULL)
		n++;
	at = memrchr(p, '@', n);
	if (at != NULL) {
		n -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	at = memchr(p, ':', n);
	return bytes_of(p, at != NULL ? (size_t)(at - p) : n);
}

static bool
uri_within(struct bytes name, struct bytes base)
{
	struct bytes host = uri_host(name);

	return host.n > 0 && domain_within(host, base, ITSELF);
}

static const struct rule {
	enum pki_san_type type;
	enum err (*check)(struct bytes base);
	bool (*within)(struct bytes name, struct bytes base);
} rules[] = {
	{PKI_SAN_EMAIL, check_mail, email_within},
	{PKI_SAN_DNS, check_domain, dns_within},
	{PKI_SAN_URI, check_domain, uri_within},
	{PKI_SAN_IP, check_address, ip_within},
};

/* ---- reading ---- */

static enum err
open_subtrees(struct bytes value, struct der *permitted, struct der *excluded)
{
	struct der d;
	enum err e = ext_open(value, DER_SEQUENCE, "nameConstraints", &d);

	*permitted = *excluded = (struct der){NULL, NULL};
	if (e == ERR_OK && der_at_end(&d))
		return refuse_name("no subtree at all");
	if (e == ERR_OK && der_peek(&d) == DER_CONTEXT_CONS(0))
		e = der_enter(&d, DER_CONTEXT_CONS(0), "permittedSubtrees", permitted);
	if (e == ERR_OK && der_peek(&d) == DER_CONTEXT_CONS(1))
		e = der_enter(&d, DER_CONTEXT_CONS(1), "excludedSubtrees", excluded);
	return e == ERR_OK ? der_finish(&d, "nameConstraints") : e;
}

static enum err
get_subtree(struct der *list, const struct rule **rule, struct bytes *base)
{
	struct der one;
	uint8_t tag;

	TRY(der_enter(list, DER_SEQUENCE, "GeneralSubtree", &one));
	TRY(der_get_any(&one, &tag, base, NULL));
	if (!der_at_end(&one))
		return refuse_name("minimum and maximum are not used");
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (tag == san_tag(rules[i].type)) {
			*rule = &rules[i];
			return ERR_OK;
		}
	return refuse_name(
		"a base is none of dNSName, iPAddress, rfc822Name and uniformResourceIdentifier");
}

/* An absent list is fine, an empty one is not. */
static enum err
check_subtrees(struct der list)
{
	const struct rule *rule = NULL;
	struct bytes base;
	size_t count = 0;

	if (list.p == NULL)
		return ERR_OK;
	do {
		if (++count > SUBTREES_MAX)
			return refuse_name("more than 100 subtrees");
		TRY(get_subtree(&list, &rule, &base));
		TRY(rule->check(base));
	} while (!der_at_end(&list));
	return ERR_OK;
}

enum err
name_constraints_check(struct bytes value)
{
	struct der permitted, excluded;

	TRY(open_subtrees(value, &permitted, &excluded));
	TRY(check_subtrees(permitted));
	return check_subtrees(excluded);
}

/* How a name stands to a list of subtrees: are there any of its kind, and is it within one? */
static enum err
look_at_subtrees(struct der list, const struct pki_san *name, bool *any, bool *within)
{
	const struct rule *rule;
	struct bytes base;

	*any = *within = false;
	while (!der_at_end(&list)) {
		TRY(get_subtree(&list, &rule, &base));
		if (rule->type != name->type)
			continue;
		*any = true;
		*within = *within || rule->within(name->value, base);
	}
	return ERR_OK;
}

enum err
pki_name_constraints_allow(struct bytes value, const struct pki_sans *names, struct arena *a)
{
	struct der permitted, excluded;
	bool any_permitted, any_excluded, in_permitted, in_excluded;

	TRY(open_subtrees(value, &permitted, &excluded));
	for (size_t i = 0; i < names->count; i++) {
		const struct pki_san *name = &names->item[i];

		TRY(look_at_subtrees(permitted, name, &any_permitted, &in_permitted));
		TRY(look_at_subtrees(excluded, name, &any_excluded, &in_excluded));
		if (((any_permitted && !in_permitted) || in_excluded))
			return err_set_word(ERR_DENIED, WORD_NAME_NOT_ALLOWED,
				"the CA is constrained and may not certify \"%s\" (RFC 5280 section 4.2.1.10)",
				pki_san_text(a, name));
	}
	return ERR_OK;
}
