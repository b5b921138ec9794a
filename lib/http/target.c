/*
 * Two spellings of a target that RFC 9110 section 4.2.3 calls equal must not be two resources. What
 * is reserved stays encoded: "%2F" is data and no slash. Dot segments and doubled slashes are names
 * nobody has, and not removed.
 */
#include "lib/http/target.h"

#include <string.h>
#include <strings.h>

#include "lib/base/bytes.h"

/* Behind "http://" or "https://"; NULL: another form of a target. */
static const char *
skip_scheme(const char *url)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
			return url + strlen(schemes[i]);
	return NULL;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9'    ? c - '0'
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
				       : -1;
}

/* The unreserved character (RFC 3986 section 2.3) behind a percent sign; '\0': another one, or no
 * two digits. */
static char
unreserved_char(const char *digits)
{
	int high = hex_digit(digits[0]), low = high < 0 ? -1 : hex_digit(digits[1]);
	char c = (char)(high * 16 + low);

	if (low < 0)
		return '\0';
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '.' || c == '_' || c == '~'
		? c
		: '\0';
}

/* Stops at a percent sign without two digits: what is behind one could become an escape. */
static void
decode_unreserved(const char *in, char *out)
{
	while (*in != '\0') {
		char c = in[0] == '%' ? unreserved_char(in + 1) : in[0];

		if (in[0] == '%' && (hex_digit(in[1]) < 0 || hex_digit(in[2]) < 0))
			break;
		*out++ = c != '\0' ? c : '%';
		in += c != '\0' && in[0] == '%' ? 3 : 1;
	}
	memmove(out, in, strlen(in) + 1);
}

struct target
target_read(const char *url, char *copy)
{
	const char *host = skip_scheme(url), *path = host != NULL ? host + strcspn(host, "/") : url;
	struct target t = {.host = NULL, .path = path};

	if (host != NULL) {
		t.host = memcpy(copy, host, (size_t)(path - host));
		copy += path - host;
		*copy++ = '\0';
		t.path = *path != '\0' ? path : "/";
	}
	if (strchr(path, '%') != NULL) {
		decode_unreserved(path, copy);
		t.path = copy;
	}
	return t;
}
