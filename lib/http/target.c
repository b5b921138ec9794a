/*
 * Two spellings of a target that RFC 9110 section 4.2.3 calls equal must not be two resources. What
 * is reserved stays encoded: "%2F" is data and no slash. Dot segments and doubled slashes are names
 * nobody has, and not removed.
 */
#include "lib/http/target.h"

#include <string.h>
#include <strings.h>

#include "lib/base/hex.h"

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

bool
target_unreserved(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '-' || c == '.' || c == '_' || c == '~';
}

/* Stops at a percent sign without two digits: what is behind one could become an escape. */
static void
decode_unreserved(const char *in, char *out)
{
	while (*in != '\0') {
		int octet = *in == '%' ? hex_escaped(bytes_of(in, strnlen(in, 3))) : (uint8_t)*in;

		if (octet < 0)
			break;
		if (*in == '%' && target_unreserved((uint8_t)octet))
			in += 2;
		else
			octet = (uint8_t)*in;
		*out++ = (char)octet;
		in++;
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
