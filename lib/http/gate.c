/*
 * Refusals of RFC 9110 and 9112 that the parser below us leaves to its application: fields that may
 * come once and came twice, two framings at once, transfer codings nobody implements, names that
 * are no tokens, control characters in values, targets with octets that are not allowed raw.
 *
 * Every one of them is read differently by some other server. Alone they are harmless here; behind
 * the proxy somebody will put in front they are request smuggling, so all of them end the
 * connection.
 */
#include "lib/http/gate.h"

#include <strings.h>

const struct http_refusal gate_bad_layout = {400, "bad-request",
	"the request head is not lines of \"name: value\" ended by CR LF (RFC 9112 section 2.2)"};

static const struct http_refusal
	bad_target = {400, "bad-request",
		"the request target holds octets that must be percent-encoded (RFC 3986 section 2)"},
	bad_name = {400, "bad-request",
		"a header field name is not a token (RFC 9110 section 5.1)"},
	bad_value = {400, "bad-request",
		"a header field value holds control characters (RFC 9110 section 5.5)"},
	doubled = {400, "bad-request",
		"a header field that may come once came twice (RFC 9110 section 5.3)"},
	bad_length = {400, "bad-request",
		"Content-Length is not a decimal number (RFC 9110 section 8.6)"},
	two_framings = {400, "bad-request",
		"Content-Length and Transfer-Encoding in one request (RFC 9112 section 6.3)"},
	old_chunked = {400, "bad-request",
		"Transfer-Encoding in an HTTP/1.0 request (RFC 9112 section 6.1)"},
	no_length = {411, "length-required",
		"a request with a body needs a Content-Length, chunked bodies are not taken (RFC 9112 section 6.3)"},
	bad_coding = {501, "not-implemented",
		"the only transfer coding understood is \"chunked\" (RFC 9112 section 6.1)"},
	no_host = {400, "bad-request",
		"an HTTP/1.1 request needs a Host field (RFC 9112 section 3.2)"},
	bad_host = {400, "bad-request",
		"Host is not a host name with an optional port (RFC 9112 section 3.2)"},
	bad_expect = {417, "expectation-failed",
		"the only expectation met is \"100-continue\" (RFC 9110 section 10.1.1)"},
	encoded = {415, "unsupported-media-type",
		"a body with Content-Encoding is not accepted (RFC 9110 section 15.5.16)"},
	wrong_type = {415, "unsupported-media-type",
		"the Content-Type is not one this resource accepts (RFC 9110 section 15.5.16)"};

static const struct {
	const char *name;
	size_t n;
} single_name[GATE_SINGLE_COUNT] = {
	[GATE_HOST] = {"host", 4},
	[GATE_CONTENT_LENGTH] = {"content-length", 14},
	[GATE_TRANSFER_ENCODING] = {"transfer-encoding", 17},
	[GATE_CONTENT_TYPE] = {"content-type", 12},
	[GATE_AUTHORIZATION] = {"authorization", 13},
	[GATE_EXPECT] = {"expect", 6},
	[GATE_CONTENT_ENCODING] = {"content-encoding", 16},
};

#define ALNUM_RANGES ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true

static const bool token_octet[256] = {ALNUM_RANGES, ['!'] = true, ['#'] = true, ['$'] = true,
	['%'] = true, ['&'] = true, ['\''] = true, ['*'] = true, ['+'] = true, ['-'] = true,
	['.'] = true, ['^'] = true, ['_'] = true, ['`'] = true, ['|'] = true, ['~'] = true};
static const bool value_octet[256] = {
	['\t'] = true, [0x20 ... 0x7e] = true, [0x80 ... 0xff] = true};
static const bool host_octet[256] = {ALNUM_RANGES, ['-'] = true, ['.'] = true, ['_'] = true,
	[':'] = true, ['['] = true, [']'] = true};
static const bool digit_octet[256] = {['0' ... '9'] = true};
static const bool target_octet[256] = {[0x21 ... 0x7e] = true};

static bool
all_in(struct bytes text, const bool set[256])
{
	for (size_t i = 0; i < text.n; i++)
		if (!set[text.p[i]])
			return false;
	return true;
}

static bool
equals_text(struct bytes text, const char *name, size_t n)
{
	return text.n == n && strncasecmp((const char *)text.p, name, n) == 0;
}

const struct http_refusal *
gate_target(struct bytes path, struct bytes query)
{
	return all_in(path, target_octet) && all_in(query, target_octet) ? NULL : &bad_target;
}

const struct http_refusal *
gate_field(struct gate *g, struct bytes name, struct bytes value)
{
	if (name.n == 0 || !all_in(name, token_octet))
		return &bad_name;
	if (!all_in(value, value_octet))
		return &bad_value;
	for (size_t i = 0; i < GATE_SINGLE_COUNT; i++) {
		if (!equals_text(name, single_name[i].name, single_name[i].n))
			continue;
		if (g->single[i].p != NULL)
			return &doubled;
		g->single[i] = value;
		return NULL;
	}
	return NULL;
}

const struct http_refusal *
gate_length(struct bytes text, uint64_t *length)
{
	uint64_t sum = 0;
	bool over = false;

	if (text.n == 0 || !all_in(text, digit_octet))
		return &bad_length;
	for (size_t i = 0; i < text.n; i++)
		over |= __builtin_mul_overflow(sum, 10, &sum) ||
			__builtin_add_overflow(sum, text.p[i] - '0', &sum);
	*length = over ? GATE_LENGTH_OVER : sum;
	return NULL;
}

static const struct http_refusal *
check_framing(struct gate *g, bool http10)
{
	struct bytes coding = g->single[GATE_TRANSFER_ENCODING],
		     length = g->single[GATE_CONTENT_LENGTH];

	if (coding.p == NULL)
		return length.p != NULL ? gate_length(length, &g->length) : NULL;
	if (length.p != NULL)
		return &two_framings;
	if (http10)
		return &old_chunked;
	return equals_text(coding, "chunked", 7) ? &no_length : &bad_coding;
}

const struct http_refusal *
gate_host(struct bytes host)
{
	return host.n > 0 && all_in(host, host_octet) ? NULL : &bad_host;
}

const struct http_refusal *
gate_finish(struct gate *g, bool http10)
{
	const struct http_refusal *r = check_framing(g, http10);
	struct bytes host = g->single[GATE_HOST], expect = g->single[GATE_EXPECT];
	struct bytes encoding = g->single[GATE_CONTENT_ENCODING];

	if (r != NULL)
		return r;
	if (host.p == NULL && !http10)
		return &no_host;
	if (host.p != NULL && (r = gate_host(host)) != NULL)
		return r;
	if (expect.p != NULL && !equals_text(expect, "100-continue", 12))
		return &bad_expect;
	if (encoding.p != NULL && !equals_text(encoding, "identity", 8))
		return &encoded;
	return NULL;
}

const struct http_refusal *
gate_media_type(struct bytes value, const char *const *allowed)
{
	const uint8_t *end = value.n > 0 ? memchr(value.p, ';', value.n) : NULL;
	struct bytes type = value;

	if (end != NULL)
		type.n = (size_t)(end - value.p);
	while (type.n > 0 && (type.p[type.n - 1] == ' ' || type.p[type.n - 1] == '\t'))
		type.n--;
	for (; *allowed != NULL; allowed++)
		if (equals_text(type, *allowed, strlen(*allowed)))
			return NULL;
	return &wrong_type;
}
