/*
 * The address policy. Three kinds of special addresses: those no host answers under (never
 * allowed), loopback and link-local (metadata services live there), and this host's own; the latter
 * two only with allow_special and where allow names them, which is for tests and single-host
 * trials.
 */
#include "acme/validator/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdlib.h>

struct network {
	struct address base;
	unsigned bits;
};

struct address_policy {
	struct network *allow, *deny;
	size_t allow_count, deny_count;
	bool allow_special;
};

/* An address that carries another one in it (v4-mapped, NAT64, 6to4, ...) would walk around the
 * rules for that other one. */
static const struct special {
	const char *network, *what;
	enum { NEVER, SPECIAL } kind;
} specials[] = {
	{"0.0.0.0/8", "unspecified", NEVER},
	{"224.0.0.0/4", "multicast", NEVER},
	{"240.0.0.0/4", "reserved", NEVER},
	{"::/128", "unspecified", NEVER},
	{"::ffff:0:0/96", "IPv4-mapped", NEVER},
	{"64:ff9b::/96", "NAT64", NEVER},
	{"64:ff9b:1::/48", "NAT64", NEVER},
	{"2002::/16", "6to4", NEVER},
	{"2001::/32", "Teredo", NEVER},
	{"ff00::/8", "multicast", NEVER},
	{"127.0.0.0/8", "loopback", SPECIAL},
	{"169.254.0.0/16", "link-local", SPECIAL},
	{"::1/128", "loopback", SPECIAL},
	{"::/96", "IPv4-compatible", NEVER},
	{"fe80::/10", "link-local", SPECIAL},
};

static size_t
size_of(const struct address *a)
{
	return a->family == AF_INET ? 4 : 16;
}

void
address_text(const struct address *a, char out[ADDRESS_TEXT_SIZE])
{
	if (inet_ntop(a->family, a->octets, out, ADDRESS_TEXT_SIZE) == NULL)
		memcpy(out, "?", 2);
}

enum err
address_parse(const char *text, struct address *out)
{
	struct address a = {.family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET};

	if (inet_pton(a.family, text, a.octets) != 1)
		return err_set(ERR_INVALID, "\"%.60s\" is not an IP address", text);
	*out = a;
	return ERR_OK;
}

enum err
address_from_sockaddr(const struct sockaddr *sa, struct address *out)
{
	struct address a = {.family = sa->sa_family};

	if (sa->sa_family == AF_INET)
		memcpy(a.octets, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	else if (sa->sa_family == AF_INET6)
		memcpy(a.octets, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	else
		return err_set(
			ERR_INVALID, "address family %d is neither IPv4 nor IPv6", sa->sa_family);
	*out = a;
	return ERR_OK;
}

bool
address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->octets, b->octets, size_of(a)) == 0;
}

static enum err
parse_network(const char *text, struct network *out)
{
	char address[ADDRESS_TEXT_SIZE], *end = NULL;
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	unsigned long bits = slash != NULL ? strtoul(slash + 1, &end, 10) : 128;

	if (n >= sizeof(address))
		return err_set(ERR_INVALID, "\"%.60s\" is not a network", text);
	memcpy(address, text, n);
	address[n] = '\0';
	if (address_parse(address, &out->base) != ERR_OK)
		return ERR_INVALID;
	if (slash == NULL)
		bits = 8 * size_of(&out->base);
	else if (end == slash + 1 || *end != '\0' || bits > 8 * size_of(&out->base))
		return err_set(ERR_INVALID,
			"\"%.60s\" is not a network: write 10.0.0.0/8 or fd00::/8", text);
	out->bits = (unsigned)bits;
	return ERR_OK;
}

static bool
network_contains(const struct network *n, const struct address *a)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (n->base.family != a->family || memcmp(n->base.octets, a->octets, whole) != 0)
		return false;
	return rest == 0 || ((n->base.octets[whole] ^ a->octets[whole]) >> (8 - rest)) == 0;
}

static enum err
parse_list(const char *const *texts, size_t count, struct network **out, size_t *out_count)
{
	*out = mem_zalloc(count, sizeof(**out));
	*out_count = count;
	for (size_t i = 0; i < count; i++)
		TRY(parse_network(texts[i], &(*out)[i]));
	return ERR_OK;
}

enum err
address_policy_new(const struct config_validator *config, struct address_policy **out)
{
	struct address_policy *p = mem_zalloc(1, sizeof(*p));
	enum err e = parse_list(config->allow, config->allow_count, &p->allow, &p->allow_count);

	if (e == ERR_OK)
		e = parse_list(config->deny, config->deny_count, &p->deny, &p->deny_count);
	p->allow_special = config->allow_special;
	if (e == ERR_OK)
		*out = p;
	else
		address_policy_free(p);
	return e;
}

void
address_policy_free(struct address_policy *p)
{
	if (p == NULL)
		return;
	free(p->allow);
	free(p->deny);
	free(p);
}

static bool
is_listed(const struct network *list, size_t count, const struct address *a)
{
	for (size_t i = 0; i < count; i++)
		if (network_contains(&list[i], a))
			return true;
	return false;
}

static bool
is_own(const struct address *a)
{
	struct ifaddrs *list = NULL;
	struct address own;
	bool found = false;

	if (getifaddrs(&list) != 0)
		return true; /* not known to be foreign */
	for (const struct ifaddrs *i = list; i != NULL && !found; i = i->ifa_next)
		found = i->ifa_addr != NULL && address_from_sockaddr(i->ifa_addr, &own) == ERR_OK &&
			address_equal(&own, a);
	freeifaddrs(list);
	return found;
}

static const struct special *
find_special(const struct address *a)
{
	for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
		struct network n;

		if (parse_network(specials[i].network, &n) == ERR_OK && network_contains(&n, a))
			return &specials[i];
	}
	return NULL;
}

static enum err
refuse_address(const struct address *a, const char *why)
{
	char text[ADDRESS_TEXT_SIZE];

	address_text(a, text);
	return err_set_word(
		ERR_DENIED, WORD_CONNECTION, "this CA does not connect to %s: %s", text, why);
}

enum err
address_policy_check(const struct address_policy *p, const struct address *a)
{
	const struct special *special = find_special(a);

	if (special != NULL && (special->kind == NEVER || !p->allow_special))
		return refuse_address(a, special->what);
	if (!is_listed(p->allow, p->allow_count, a))
		return refuse_address(a, "it is in none of the networks its configuration allows");
	if (is_listed(p->deny, p->deny_count, a))
		return refuse_address(a, "its configuration denies it");
	if (!p->allow_special && is_own(a))
		return refuse_address(a, "it is the validator's own");
	return ERR_OK;
}
