/*
 * Name constraints of a plan (RFC 5280 section 4.2.1.10) from text:
 *   dns:example.org      this name and everything under it
 *   ip:10.0.0.0/8        a network, v4 or v6
 *   email:example.org    all mailboxes of this host; email:.example.org: of its subdomains;
 * email:a@example.org: one uri:example.org      this host; uri:.example.org: its subdomains
 */
#include "ca/ceremony/plan.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* Address and mask, as the extension wants them. Bits outside the mask would be a typing error. */
static bool
parse_network(const char *text, struct arena *a, struct bytes *out)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	uint8_t *value = arena_alloc(a, 32);
	bool v6 = strchr(text, ':') != NULL;
	size_t n = v6 ? 16 : 4;
	char *end;
	unsigned long bits;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address) || slash[1] < '0' ||
		slash[1] > '9')
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = 0;
	bits = strtoul(slash + 1, &end, 10);
	if (*end != 0 || bits > n * 8 || inet_pton(v6 ? AF_INET6 : AF_INET, address, value) != 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned here = bits >= (i + 1) * 8 ? 8
			: bits > i * 8		    ? (unsigned)(bits - i * 8)
						    : 0;

		value[n + i] = (uint8_t)(0xff00u >> here);
		if ((value[i] & ~value[n + i]) != 0)
			return false;
	}
	*out = bytes_of(value, 2 * n);
	return true;
}

static bool
parse_dns(const char *text, struct arena *a, struct bytes *out)
{
	return strchr(text, '*') == NULL && pki_dns_check(bytes_str(text), a, out) == ERR_OK;
}

/* A host, or ".host" for everything below it; email also a whole mailbox. */
static bool
parse_host(const char *text, struct arena *a, struct bytes *out)
{
	struct bytes host;

	if (!parse_dns(text + (text[0] == '.'), a, &host))
		return false;
	*out = bytes_str(text[0] == '.'
			? arena_printf(a, ".%.*s", (int)host.n, (const char *)host.p)
			: arena_string(a, host));
	return true;
}

static bool
parse_email(const char *text, struct arena *a, struct bytes *out)
{
	struct pki_san san;

	if (strchr(text, '@') == NULL)
		return parse_host(text, a, out);
	if (pki_san_from_text(bytes_str(arena_printf(a, "email:%s", text)), a, &san) != ERR_OK)
		return false;
	*out = san.value;
	return true;
}

static const struct form {
	const char *prefix;
	enum pki_san_type type;
	bool (*parse)(const char *text, struct arena *a, struct bytes *out);
} forms[] = {
	{"dns:", PKI_SAN_DNS, parse_dns},
	{"ip:", PKI_SAN_IP, parse_network},
	{"email:", PKI_SAN_EMAIL, parse_email},
	{"uri:", PKI_SAN_URI, parse_host},
};

static bool
parse_one(const char *text, struct arena *a, struct pki_san *out)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		size_t n = strlen(forms[i].prefix);

		if (strncmp(text, forms[i].prefix, n) != 0)
			continue;
		out->type = forms[i].type;
		return forms[i].parse(text + n, a, &out->value);
	}
	return false;
}

static enum err
parse_list(const struct plan *p, const char *list, const char *const *texts, uint32_t count,
	struct pki_sans *out)
{
	out->item = arena_array(p->arena, count > 0 ? count : 1, sizeof(*out->item));
	out->count = 0;
	for (uint32_t i = 0; i < count; i++)
		if (!parse_one(texts[i], p->arena, &out->item[out->count++]))
			return yaml_refuse(p->doc,
				arena_printf(p->arena, "sign.name_constraints.%s.%u", list, i),
				"\"%s\" is no name constraint; allowed: dns:example.org, ip:10.0.0.0/8 (no bits outside the mask), "
				"email:example.org, uri:example.org",
				texts[i]);
	return ERR_OK;
}

enum err
plan_name_constraints(const struct plan *p, const struct pki_name_constraints **out)
{
	const struct plan_constraints *c = &p->file.sign.name_constraints;
	struct pki_name_constraints *n = arena_alloc(p->arena, sizeof(*n));

	*out = NULL;
	if (!yaml_present(p->doc, "sign.name_constraints"))
		return ERR_OK;
	if (c->permitted_count + c->excluded_count == 0)
		return yaml_refuse(p->doc, "sign.name_constraints",
			"neither permitted nor excluded names; RFC 5280 section 4.2.1.10 wants "
			"one, or leave name_constraints out");
	TRY(parse_list(p, "permitted", c->permitted, c->permitted_count, &n->permitted));
	TRY(parse_list(p, "excluded", c->excluded, c->excluded_count, &n->excluded));
	*out = n;
	return ERR_OK;
}
