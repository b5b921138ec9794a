/* The forms of text in the configuration; see config_table.h. Each is decided whole: nothing is
 * normalised. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/config_table.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static bool
only_of(const char *text, const char *allowed, size_t max)
{
	size_t n = strspn(text, allowed);

	return n > 0 && n <= max && text[n] == '\0';
}

static bool
is_word(const char *text)
{
	return only_of(text, LOWER DIGITS "-_.", 64) && strchr("-_.", text[0]) == NULL;
}

/* Segments that mean an operation after /.well-known/est: RFC 7030 section 3.2.2, RFC 8295, RFC
 * 8995. */
static bool
is_label(const char *text)
{
	static const char *const taken[] = {"cacerts", "simpleenroll", "simplereenroll", "fullcmc",
		"serverkeygen", "csrattrs", "pal", "eecerts", "crls", "symmetrickeys", "firmware",
		"tamp", "requestvoucher", "voucher_status", "enrollstatus"};

	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		if (strcmp(text, taken[i]) == 0)
			return false;
	}
	return is_word(text);
}

static bool
is_path(const char *text)
{
	return text[0] == '/' && strlen(text) < 1024;
}

/* An inet_pton() address; the number of its bits, 0 when it is none. */
static unsigned
address_bits(const char *text, uint8_t out[16])
{
	if (inet_pton(AF_INET, text, out) == 1)
		return 32;
	return inet_pton(AF_INET6, text, out) == 1 ? 128 : 0;
}

static bool
is_address(const char *text)
{
	uint8_t octets[16];

	return address_bits(text, octets) > 0;
}

/* RFC 1123 section 2.1, in lower case; a name of digits and dots only would be mistaken for an
 * address. */
static bool
is_dns_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > 253 || only_of(text, DIGITS ".", 253))
		return false;
	for (;;) {
		size_t n = strspn(text, LOWER DIGITS "-");

		if (n == 0 || n > 63 || text[0] == '-' || text[n - 1] == '-')
			return false;
		if (text[n] != '.')
			return text[n] == '\0';
		text += n + 1;
	}
}

static bool
is_dns_or_address(const char *text)
{
	return is_dns_name(text) || is_address(text);
}

static bool
is_database_host(const char *text)
{
	return is_path(text) || is_dns_or_address(text);
}

static bool
is_port(const char *text)
{
	long port;

	if (!only_of(text, DIGITS, 5) || text[0] == '0')
		return false;
	port = strtol(text, NULL, 10);
	return port >= 1 && port <= 65535;
}

/* "host", "host:port", "[v6]", "[v6]:port": splits into host and port, which is NULL when absent.
 */
static bool
split_host_port(const char *text, char host[256], const char **port)
{
	const char *end;
	size_t skip = text[0] == '[';

	end = skip ? strchr(text, ']') : text + strcspn(text, ":");
	if (end == NULL || (size_t)(end - text) >= 256)
		return false;
	snprintf(host, 256, "%.*s", (int)(end - text - (long)skip), text + skip);
	end += skip;
	*port = *end == ':' ? end + 1 : NULL;
	return *end == '\0' || *end == ':';
}

/* Scheme, host, port if it is not the scheme's own; no path: that is the protocols' business. */
static bool
is_url(const char *text, const char *scheme, const char *default_port)
{
	char host[256];
	const char *port;
	uint8_t octets[16];
	size_t n = strlen(scheme);

	if (strncmp(text, scheme, n) != 0 || !split_host_port(text + n, host, &port))
		return false;
	if (port != NULL && (!is_port(port) || strcmp(port, default_port) == 0))
		return false;
	return text[n] == '[' ? inet_pton(AF_INET6, host, octets) == 1 : is_dns_or_address(host);
}

static bool
is_https_url(const char *text)
{
	return is_url(text, "https://", "443");
}

static bool
is_http_url(const char *text)
{
	return is_url(text, "http://", "80");
}

static bool
has_host_bits(const uint8_t *octets, unsigned prefix, unsigned bits)
{
	for (unsigned i = prefix; i < bits; i++) {
		if ((octets[i / 8] >> (7 - i % 8) & 1) != 0)
			return true;
	}
	return false;
}

static bool
is_network(const char *text)
{
	const char *slash = strchr(text, '/');
	char address[64];
	uint8_t octets[16];
	unsigned bits, prefix;

	if (slash == NULL || slash - text >= 64 || !only_of(slash + 1, DIGITS, 3) ||
		(slash[1] == '0' && slash[2] != '\0'))
		return false;
	snprintf(address, sizeof(address), "%.*s", (int)(slash - text), text);
	bits = address_bits(address, octets);
	prefix = (unsigned)strtoul(slash + 1, NULL, 10);
	return bits > 0 && prefix <= bits && !has_host_bits(octets, prefix, bits);
}

static bool
is_resolver(const char *text)
{
	char host[256];
	const char *port;

	if (is_address(text))
		return true; /* a bare IPv6 address has colons of its own */
	return split_host_port(text, host, &port) && is_address(host) &&
		(port == NULL || is_port(port));
}

static bool
is_sslmode(const char *text)
{
	static const char *const modes[] = {
		"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (strcmp(text, modes[i]) == 0)
			return true;
	}
	return false;
}

#define WORD "1 to 64 of a-z, 0-9, \"-\", \"_\", \".\", beginning with a letter or digit"

const struct yaml_form form_word = {.matches = is_word, .wanted = WORD};
const struct yaml_form form_label = {.matches = is_label,
	.wanted = WORD ", and not the name of an EST operation (RFC 7030 section 3.2.2)"};
const struct yaml_form form_path = {.matches = is_path, .wanted = "an absolute path"};
const struct yaml_form form_secret_path = {.matches = is_path,
	.wanted = "the absolute path of a file that holds the secret, never the secret itself",
	.secret = true};
const struct yaml_form form_address = {.matches = is_address, .wanted = "an IPv4 or IPv6 address"};
const struct yaml_form form_dns_or_address = {
	.matches = is_dns_or_address, .wanted = "a DNS name in lower case or an IP address"};
const struct yaml_form form_database_host = {.matches = is_database_host,
	.wanted = "the absolute path of a socket directory, a DNS name or an IP address"};
const struct yaml_form form_https_url = {.matches = is_https_url,
	.wanted = "https://HOST or https://HOST:PORT, without path, final slash or port 443"};
const struct yaml_form form_http_url = {.matches = is_http_url,
	.wanted = "http://HOST or http://HOST:PORT, without path, final slash or port 80"};
const struct yaml_form form_network = {.matches = is_network,
	.wanted = "a network like 10.0.0.0/8 or fd00::/8 without bits behind the prefix"};
const struct yaml_form form_resolver = {
	.matches = is_resolver, .wanted = "ADDRESS, ADDRESS:PORT or [IPV6]:PORT"};
const struct yaml_form form_sslmode = {.matches = is_sslmode,
	.wanted = "one of: disable, allow, prefer, require, verify-ca, verify-full"};
