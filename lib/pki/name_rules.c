/*
 * What a value of each SAN type must look like (RFC 5280 section 4.2.1.6). Values are brought to
 * one spelling where the standards call several equal (DNS names, mail domains: lower case) and
 * refused where a relying party might normalise what we did not (dot segments, escaped letters in
 * URIs): two spellings of one name would pass one check and satisfy another.
 */
#include <idn2.h>

#include "lib/base/hex.h"
#include "lib/pki/name_rules.h"

enum { DNS_MAX = 253, LABEL_MAX = 63, EMAIL_MAX = 254, LOCAL_PART_MAX = 64, URI_MAX = 2048 };

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_letter(uint8_t c)
{
	return is_lower(c | 0x20);
}

/* For messages: peers' octets that are not printable ASCII must not reach a log or a terminal. */
static enum err
refuse_value(struct bytes text, const char *what, const char *why)
{
	char shown[80];
	size_t n = text.n < sizeof(shown) - 1 ? text.n : sizeof(shown) - 1;

	for (size_t i = 0; i < n; i++)
		shown[i] = text.p[i] >= 0x20 && text.p[i] < 0x7f ? (char)text.p[i] : '?';
	shown[n] = '\0';
	return err_set_word(ERR_INVALID, WORD_BAD_NAME, "%s \"%s\" %s", what, shown, why);
}

/* A lower-case label that begins with "xn--": it decodes to a label that may be registered today
 * (RFC 5891 section 4.2, code points by RFC 5892), and that label encodes to just these octets. */
static bool
is_a_label(struct bytes l)
{
	char label[LABEL_MAX + 1] = {0};
	uint8_t *made = NULL;
	int result;

	memcpy(label, l.p, l.n);
	result = idn2_register_u8(NULL, (const uint8_t *)label, &made, 0);
	idn2_free(made);
	return result == IDN2_OK;
}

/* A lower-case label; NULL or why not. */
static const char *
label_fault(struct bytes l)
{
	if (l.n == 0)
		return "has an empty label or a trailing dot";
	if (l.n > LABEL_MAX)
		return "has a label longer than 63 octets (RFC 1035 section 2.3.4)";
	for (size_t i = 0; i < l.n; i++)
		if (!is_lower(l.p[i]) && !is_digit(l.p[i]) && l.p[i] != '-')
			return "has a character other than letters, digits and hyphens (RFC 5280 section 4.2.1.6)";
	if (l.p[0] == '-' || l.p[l.n - 1] == '-')
		return "has a label that begins or ends with a hyphen";
	if (l.n >= 4 && l.p[2] == '-' && l.p[3] == '-' &&
		(memcmp(l.p, "xn", 2) != 0 || !is_a_label(l)))
		return "has a label that is not a valid A-label (RFC 5890 section 2.3.2.1)";
	return NULL;
}

static bool
all_digits(struct bytes l)
{
	for (size_t i = 0; i < l.n; i++)
		if (!is_digit(l.p[i]))
			return false;
	return true;
}

/* Host labels without wildcard. */
static const char *
host_fault(struct bytes host)
{
	struct bytes label;
	const char *fault;

	do {
		const uint8_t *dot = host.n > 0 ? memchr(host.p, '.', host.n) : NULL;

		label = bytes_of(host.p, dot != NULL ? (size_t)(dot - host.p) : host.n);
		fault = label_fault(label);
		if (fault != NULL)
			return fault;
		host = dot != NULL ? bytes_of(dot + 1, host.n - label.n - 1) : bytes_of(NULL, 0);
		if (dot != NULL && host.n == 0)
			return "has an empty label or a trailing dot";
	} while (host.n > 0);
	/* A relying party would take 10.1 for an address. */
	return all_digits(label) ? "has a last label of digits only" : NULL;
}

static struct bytes
lower_copy(struct bytes text, size_t from, struct arena *a)
{
	char *s = arena_string(a, text);

	for (size_t i = from; i < text.n; i++)
		if (s[i] >= 'A' && s[i] <= 'Z')
			s[i] |= 0x20;
	return bytes_of(s, text.n);
}

enum err
pki_dns_check(struct bytes text, struct arena *a, struct bytes *out)
{
	struct bytes name, host;
	const char *fault;

	if (text.n == 0 || text.n > DNS_MAX)
		return refuse_value(
			text, "DNS name", "has no octet or more than 253 (RFC 1035 section 2.3.4)");
	name = host = lower_copy(text, 0, a);
	if (host.n > 2 && memcmp(host.p, "*.", 2) == 0)
		host = bytes_of(host.p + 2, host.n - 2);
	fault = host_fault(host);
	if (fault != NULL)
		return refuse_value(text, "DNS name", fault);
	*out = name;
	return ERR_OK;
}

static bool
is_atext(uint8_t c)
{
	return is_letter(c) || is_digit(c) || (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* dot-atom of RFC 5321 section 4.1.2; quoted local parts are not allowed. */
static bool
is_local_part(struct bytes l)
{
	if (l.n == 0 || l.n > LOCAL_PART_MAX || l.p[0] == '.' || l.p[l.n - 1] == '.')
		return false;
	for (size_t i = 0; i < l.n; i++)
		if (!is_atext(l.p[i]) && (l.p[i] != '.' || l.p[i - 1] == '.'))
			return false;
	return true;
}

enum err
email_check(struct bytes text, struct arena *a, struct bytes *out)
{
	const uint8_t *at = text.n > 0 ? memchr(text.p, '@', text.n) : NULL;
	size_t local = at != NULL ? (size_t)(at - text.p) : 0;
	struct bytes name;
	const char *fault;

	if (text.n > EMAIL_MAX || at == NULL || !is_local_part(bytes_of(text.p, local)))
		return refuse_value(text, "email address",
			"is not an ASCII addr-spec (RFC 5280 section 4.2.1.6)");
	name = lower_copy(text, local, a);
	fault = host_fault(bytes_of(name.p + local + 1, name.n - local - 1));
	if (fault != NULL)
		return refuse_value(text, "email address", fault);
	*out = name;
	return ERR_OK;
}

static bool
is_unreserved(int c)
{
	return is_letter((uint8_t)c) || is_digit((uint8_t)c) || c == '-' || c == '.' || c == '_' ||
		c == '~';
}

/* Normal escapes only: upper-case hex, and of no character that needs none (RFC 3986
 * section 6.2.2). */
static bool
escape_is_normal(struct bytes s)
{
	int c = hex_escaped(s);

	return c >= 0x20 && c != 0x7f && !is_lower(s.p[1]) && !is_lower(s.p[2]) &&
		(c >= 0x80 || !is_unreserved(c));
}

static const char *
uri_character_fault(struct bytes u)
{
	for (size_t i = 0; i < u.n; i++) {
		if (u.p[i] <= 0x20 || u.p[i] >= 0x7f || strchr("<>\"{}|\\^`", u.p[i]) != NULL)
			return "has a character that URIs must escape (RFC 3986 section 2)";
		if (u.p[i] == '%' && !escape_is_normal(bytes_of(u.p + i, u.n - i)))
			return "has an escape that is not in normal form (RFC 3986 section 6.2.2)";
	}
	return NULL;
}

/* "/./" and "/../", also at the end of the path. */
static bool
has_dot_segment(struct bytes u)
{
	for (size_t i = 0; i + 1 < u.n; i++) {
		size_t k = i + 1;

		if (u.p[i] != '/' || u.p[k] != '.')
			continue;
		k += k + 1 < u.n && u.p[k + 1] == '.' ? 2 : 1;
		if (k == u.n || u.p[k] == '/' || u.p[k] == '?' || u.p[k] == '#')
			return true;
	}
	return false;
}

size_t
uri_scheme_length(struct bytes u)
{
	size_t i = 0;

	if (u.n == 0 || !is_lower(u.p[0]))
		return 0;
	while (i < u.n &&
		(is_lower(u.p[i]) || is_digit(u.p[i]) ||
			(u.p[i] != 0 && strchr("+-.", u.p[i]) != NULL)))
		i++;
	return i < u.n && u.p[i] == ':' ? i : 0;
}

enum err
uri_check(struct bytes text)
{
	size_t scheme = uri_scheme_length(text);
	const char *fault;

	if (text.n > URI_MAX)
		return refuse_value(text, "URI", "is longer than 2048 octets");
	if (scheme == 0 || text.n == scheme + 1)
		return refuse_value(text, "URI",
			"is not absolute with a lower-case scheme (RFC 5280 section 4.2.1.6)");
	fault = uri_character_fault(text);
	if (fault == NULL && has_dot_segment(text))
		fault = "has a dot segment (RFC 3986 section 6.2.2.3)";
	if (fault == NULL && text.n >= scheme + 3 && memcmp(text.p + scheme, "://", 3) == 0 &&
		(text.n == scheme + 3 || text.p[scheme + 3] == '/') &&
		memcmp(text.p, "file", 4) != 0)
		fault = "has an empty authority (RFC 5280 section 4.2.1.6)";
	return fault != NULL ? refuse_value(text, "URI", fault) : ERR_OK;
}
