/*
 * Names against the name constraints of the CA that would sign (RFC 5280 section 4.2.1.10). The
 * signer refuses what relying parties would refuse: a certificate that nobody accepts is an outage
 * that looks like a success.
 */
#include "ca/signer/decide.h"

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
	uint8_t tag; /* of the GeneralName */
	bool (*within)(struct bytes name, struct bytes base);
} rules[] = {
	{PKI_SAN_EMAIL, DER_CONTEXT(1), email_within},
	{PKI_SAN_DNS, DER_CONTEXT(2), dns_within},
	{PKI_SAN_URI, DER_CONTEXT(6), uri_within},
	{PKI_SAN_IP, DER_CONTEXT(7), ip_within},
};

/* How a name stands to a list of subtrees: are there any of its kind, and is it within one? */
static enum err
look(struct bytes subtrees, const struct rule *rule, struct bytes name, bool *any, bool *within)
{
	struct der list = der_open(subtrees), one;
	enum err e;

	*any = *within = false;
	while (!der_at_end(&list)) {
		struct bytes base;
		uint8_t tag;

		if ((e = der_enter(&list, DER_SEQUENCE, "GeneralSubtree", &one)) != ERR_OK ||
			(e = der_get_any(&one, &tag, &base, NULL)) != ERR_OK)
			return e;
		if (tag != rule->tag)
			continue;
		*any = true;
		*within = *within || rule->within(name, base);
	}
	return ERR_OK;
}

static enum err
check_name(const struct ca_issuer *issuer, struct bytes permitted, struct bytes excluded,
	const struct pki_san *san, struct arena *a)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		bool any_permitted, any_excluded, in_permitted, in_excluded;
		enum err e;

		if (rules[i].type != san->type)
			continue;
		if ((e = look(permitted, &rules[i], san->value, &any_permitted, &in_permitted)) !=
				ERR_OK ||
			(e = look(excluded, &rules[i], san->value, &any_excluded, &in_excluded)) !=
				ERR_OK)
			return e;
		if ((any_permitted && !in_permitted) || in_excluded)
			return err_set_word(ERR_DENIED, "name-not-allowed",
				"issuing CA \"%s\" is constrained and may not certify \"%s\" (RFC 5280 "
				"section 4.2.1.10)",
				issuer->name, pki_san_text(a, san));
	}
	return ERR_OK;
}

static enum err
open_constraints(struct bytes value, struct bytes *permitted, struct bytes *excluded)
{
	struct der d = der_open(value), inner;
	enum err e = der_enter(&d, DER_SEQUENCE, "NameConstraints", &inner);

	*permitted = *excluded = (struct bytes){NULL, 0};
	if (e == ERR_OK && der_peek(&inner) == DER_CONTEXT_CONS(0))
		e = der_get(&inner, DER_CONTEXT_CONS(0), "permittedSubtrees", permitted);
	if (e == ERR_OK && der_peek(&inner) == DER_CONTEXT_CONS(1))
		e = der_get(&inner, DER_CONTEXT_CONS(1), "excludedSubtrees", excluded);
	return e == ERR_OK ? der_finish(&inner, "NameConstraints") : e;
}

enum err
decide_names_within(const struct ca_issuer *issuer, const struct pki_sans *names, struct arena *a)
{
	struct bytes permitted, excluded;
	enum err e;

	if (issuer->cert.name_constraints.n == 0)
		return ERR_OK;
	if ((e = open_constraints(issuer->cert.name_constraints, &permitted, &excluded)) != ERR_OK)
		return e;
	for (size_t i = 0; e == ERR_OK && i < names->count; i++)
		e = check_name(issuer, permitted, excluded, &names->item[i], a);
	return e;
}
