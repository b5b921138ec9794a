/*
 * Grant patterns. A pattern is text an operator wrote; what it covers must be what a reader of the
 * text expects: a star stands for whole labels only, a URI prefix ends inside the path and never
 * inside the host, a network has no host bits. Whatever is not understood covers nothing.
 */
#include "lib/pki/names.h"

#include <arpa/inet.h>

#include "lib/pki/name_rules.h"

enum { PATTERN_MAX = 2048, PREFIX_OCTETS_MAX = 16 };

static bool
starts_with(struct bytes text, const char *with)
{
	return text.n >= strlen(with) && memcmp(text.p, with, strlen(with)) == 0;
}

static bool
ends_with(struct bytes text, struct bytes with)
{
	return text.n >= with.n && memcmp(text.p + text.n - with.n, with.p, with.n) == 0;
}

static struct bytes
skip_octets(struct bytes text, size_t n)
{
	return bytes_of(text.p + n, text.n - n);
}

static enum err
refuse_pattern(const char *why)
{
	return err_set_word(ERR_INVALID, WORD_BAD_NAME, "%s", why);
}

/* ---- networks ---- */

struct network {
	uint8_t address[PREFIX_OCTETS_MAX];
	size_t octets;
	unsigned bits;
};

static bool
prefix_length(struct bytes t, unsigned max, unsigned *out)
{
	unsigned v = 0;

	if (t.n == 0 || t.n > 3 || (t.n > 1 && t.p[0] == '0'))
		return false;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(t.p[i] - '0');
	}
	*out = v;
	return v <= max;
}

static bool
host_bits_clear(const struct network *n)
{
	for (unsigned i = n->bits; i < n->octets * 8; i++)
		if ((n->address[i / 8] & (0x80u >> (i % 8))) != 0)
			return false;
	return true;
}

/* "10.0.0.0/8" in the one spelling inet_ntop() gives. */
static bool
parse_network(struct bytes t, struct network *out)
{
	const uint8_t *slash = t.n > 0 ? memchr(t.p, '/', t.n) : NULL;
	size_t at = slash != NULL ? (size_t)(slash - t.p) : 0;
	char given[INET6_ADDRSTRLEN], written[INET6_ADDRSTRLEN];
	int family;

	if (slash == NULL || at >= sizeof(given))
		return false;
	memcpy(given, t.p, at);
	given[at] = '\0';
	family = strchr(given, ':') != NULL ? AF_INET6 : AF_INET;
	out->octets = family == AF_INET ? 4 : 16;
	return strlen(given) == at && inet_pton(family, given, out->address) == 1 &&
		inet_ntop(family, out->address, written, sizeof(written)) != NULL &&
		strcmp(given, written) == 0 &&
		prefix_length(skip_octets(t, at + 1), (unsigned)out->octets * 8, &out->bits) &&
		host_bits_clear(out);
}

static bool
network_holds(const struct network *n, struct bytes address)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (address.n != n->octets || memcmp(address.p, n->address, whole) != 0)
		return false;
	return rest == 0 ||
		((address.p[whole] ^ n->address[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

/* ---- checking ---- */

static enum err
check_exact(struct bytes text, struct arena *a)
{
	struct pki_san san;

	TRY(pki_san_from_text(text, a, &san));
	if (!bytes_equal(bytes_str(pki_san_text(a, &san)), text))
		return refuse_pattern("a pattern is written in lower case");
	return ERR_OK;
}

/* "dns:" and a host name without star. */
static enum err
check_dns_suffix(struct bytes suffix, struct arena *a)
{
	struct bytes lower;

	TRY(pki_dns_check(suffix, a, &lower));
	if (!bytes_equal(lower, suffix) || suffix.p[0] == '*')
		return refuse_pattern(
			"a pattern is written in lower case, with its stars in front");
	return ERR_OK;
}

/* The host must be complete, or https://a.example would cover https://a.example.evil. */
static enum err
check_uri_prefix(struct bytes prefix)
{
	size_t scheme = uri_scheme_length(prefix);
	struct bytes rest = skip_octets(prefix, scheme + (scheme > 0));

	TRY(uri_check(prefix));
	if (!starts_with(rest, "/") || (rest.n > 1 && rest.p[1] != '/'))
		return ERR_OK; /* no authority: urn:a:, file:/a */
	if (rest.n > 2 && memchr(rest.p + 2, '/', rest.n - 2) != NULL)
		return ERR_OK;
	return refuse_pattern("a URI pattern has the whole host and a slash before its star");
}

static enum err
check_with(struct bytes text, struct arena *a)
{
	struct network n;

	if (starts_with(text, "dns:**."))
		return check_dns_suffix(skip_octets(text, 7), a);
	if (starts_with(text, "ip:") && memchr(text.p, '/', text.n) != NULL)
		return parse_network(skip_octets(text, 3), &n)
			? ERR_OK
			: refuse_pattern("a network is written like 10.0.0.0/8, without host bits");
	if (starts_with(text, "uri:") && text.p[text.n - 1] == '*')
		return check_uri_prefix(bytes_of(text.p + 4, text.n - 5));
	if (starts_with(text, "email:*@"))
		return check_dns_suffix(skip_octets(text, 8), a);
	return check_exact(text, a); /* "dns:*.suffix" is a name too */
}

enum err
pki_pattern_check(struct bytes text)
{
	AUTO_STRUCT(arena) a = NULL;

	if (text.n == 0 || text.n > PATTERN_MAX)
		return refuse_pattern("a pattern has 1 to 2048 octets");
	a = arena_new(64 * 1024);
	return check_with(text, a);
}

/* ---- covering ---- */

/* "*.suffix": one label, a star only as the same text. "**.suffix": one or more labels, a star
 * among them. */
static bool
dns_covers(struct bytes pattern, struct bytes name)
{
	bool deep = starts_with(pattern, "**.");
	struct bytes suffix, front;

	if (bytes_equal(pattern, name))
		return true;
	if (!deep && !starts_with(pattern, "*."))
		return false;
	suffix = skip_octets(pattern, deep ? 2 : 1);
	if (suffix.n < 2 || !ends_with(name, suffix) || name.n == suffix.n)
		return false;
	front = bytes_of(name.p, name.n - suffix.n);
	return deep || memchr(front.p, '.', front.n) == NULL;
}

static bool
ip_covers(struct bytes pattern, struct bytes address)
{
	char text[INET6_ADDRSTRLEN];
	struct network n;

	if (memchr(pattern.p, '/', pattern.n) != NULL)
		return parse_network(pattern, &n) && network_holds(&n, address);
	return inet_ntop(address.n == 4 ? AF_INET : AF_INET6, address.p, text, sizeof(text)) !=
		NULL &&
		bytes_equal(pattern, bytes_str(text));
}

static bool
uri_covers(struct bytes pattern, struct bytes uri)
{
	struct bytes prefix = bytes_of(pattern.p, pattern.n - 1);

	if (bytes_equal(pattern, uri))
		return true;
	return pattern.p[pattern.n - 1] == '*' && check_uri_prefix(prefix) == ERR_OK &&
		uri.n > prefix.n && memcmp(uri.p, prefix.p, prefix.n) == 0;
}

static bool
email_covers(struct bytes pattern, struct bytes address)
{
	if (bytes_equal(pattern, address))
		return true;
	return pattern.n > 2 && starts_with(pattern, "*@") &&
		ends_with(address, skip_octets(pattern, 1)) && address.n > pattern.n - 1;
}

/* Compared as text, so that the one spelling decides. */
static bool
other_covers(struct bytes pattern, struct bytes value)
{
	struct pki_san san = {PKI_SAN_OTHER, value};
	AUTO_STRUCT(arena) a = arena_new(64 * 1024);

	return bytes_equal(
		pattern, skip_octets(bytes_str(pki_san_text(a, &san)), strlen("other:")));
}

bool
pki_pattern_covers(struct bytes pattern, const struct pki_san *san)
{
	static bool (*const covers[PKI_SAN_TYPE_COUNT])(struct bytes, struct bytes) = {
		[PKI_SAN_DNS] = dns_covers,
		[PKI_SAN_IP] = ip_covers,
		[PKI_SAN_URI] = uri_covers,
		[PKI_SAN_EMAIL] = email_covers,
		[PKI_SAN_OTHER] = other_covers,
	};
	const uint8_t *colon = pattern.n > 0 ? memchr(pattern.p, ':', pattern.n) : NULL;
	size_t at = colon != NULL ? (size_t)(colon - pattern.p) : 0;
	struct bytes name = bytes_str(pki_san_type_name(san->type));

	if (colon == NULL || at + 1 == pattern.n || !bytes_equal(bytes_of(pattern.p, at), name))
		return false;
	return covers[san->type](skip_octets(pattern, at + 1), san->value);
}

enum pki_reach
pki_pattern_reach(struct bytes pattern)
{
	if (starts_with(pattern, "dns:**.") || starts_with(pattern, "email:*@") ||
		(starts_with(pattern, "ip:") && memchr(pattern.p, '/', pattern.n) != NULL))
		return PKI_REACH_DOMAIN;
	if (starts_with(pattern, "dns:*.") ||
		(starts_with(pattern, "uri:") && ends_with(pattern, BYTES_LIT("*"))))
		return PKI_REACH_WILDCARD;
	return PKI_REACH_NAME;
}
