/* One HTTP GET to one address that was checked before, and to no other. */
#ifndef CHANCERY_ACME_VALIDATOR_FETCH_H
#define CHANCERY_ACME_VALIDATOR_FETCH_H

#include <stdatomic.h>

#include "acme/validator/address.h"
#include "lib/base/arena.h"

enum { FETCH_BODY_MAX = 1024, FETCH_HEADERS_MAX = 16 * 1024 };

struct fetch {
	const char *url;  /* absolute http or https URL */
	const char *host; /* its host as written, brackets included */
	unsigned port;
	struct address address;	      /* where to connect */
	int64_t deadline;	      /* clock_monotonic_us() */
	const atomic_bool *cancelled; /* ends the transfer early */
};
struct fetch_result {
	long status;
	struct bytes body;    /* at most FETCH_BODY_MAX octets; none of a redirect */
	bool longer;	      /* there was more of it */
	const char *location; /* absolute URL of a redirect, NULL: none */
};

/* Once before threads start. */
enum err fetch_setup(void) MUST_CHECK;
/* ERR_INVALID (words "connection", "tls"). The result is in the arena. */
enum err fetch_get(const struct fetch *f, struct arena *a, struct fetch_result *out) MUST_CHECK;

#endif
