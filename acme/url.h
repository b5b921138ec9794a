/* Base URLs and the resources below them. URLs are made and compared within a configured base,
 * never from a raw Host header. */
#ifndef CHANCERY_ACME_URL_H
#define CHANCERY_ACME_URL_H

#include "lib/base/arena.h"

struct url_bases {
	const char *const *item; /* "https://ca.example.org:8443", without :443, lower-case host, no
				    slash at the end */
	size_t count;
};

enum { URL_ID_SIZE = 22 }; /* random_id(): 128 bits */

/* Copies the configured ones in normal form. */
void url_bases_set(
	struct url_bases *bases, struct arena *a, const char *const *configured, size_t count);
/* The base whose authority this Host header names exactly (case ignored, :443 optional where it is
 * the port). ERR_NOTFOUND (word "unknown-host"). */
enum err
url_base_select(const struct url_bases *bases, const char *host, const char **out) MUST_CHECK;
/* The account id in a kid below any of the bases; NULL when it is none. */
const char *url_account_id(const struct url_bases *bases, const char *kid);

#endif
