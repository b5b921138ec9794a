/* The request target in the one spelling that routes are written in. Pure. */
#ifndef CHANCERY_HTTP_TARGET_H
#define CHANCERY_HTTP_TARGET_H

#include <stdbool.h>
#include <stdint.h>

struct target {
	const char *host; /* of absolute-form; NULL: the target is a path */
	const char *path;
};

/* Reads a target without its query. Absolute-form is taken apart (RFC 9112 section 3.2.2), and
 * unreserved characters that are percent-encoded stand for themselves (RFC 3986 section 6.2.2.2);
 * all other octets stay as they are. copy has room for strlen(url) + 2 octets; the result points
 * into it, or to url where nothing had to change. */
struct target target_read(const char *url, char *copy);
/* RFC 3986 section 2.3. */
bool target_unreserved(uint8_t c);

#endif
