/* The http-01 challenge (RFC 8555 section 8.3). */
#ifndef CHANCERY_ACME_VALIDATOR_HTTP01_H
#define CHANCERY_ACME_VALIDATOR_HTTP01_H

#include "acme/validator/fetch.h"
#include "acme/validator/resolve.h"

struct http01 {
	struct resolver *resolver;
	const struct address_policy *policy;
	unsigned port;	   /* 80, or what the configuration says */
	int64_t timeout_s; /* for everything together */
	const atomic_bool *cancelled;
};

/* ERR_OK when the identifier ("dns:...", "ip:...") serves the key authorization. Else ERR_INVALID
 * or ERR_DENIED (trying again is pointless) with words "dns", "connection", "tls",
 * "incorrect-response". Reasons never hold what was fetched. */
enum err http01_validate(const struct http01 *h, const char *identifier, const char *token,
	const uint8_t thumbprint[32]) MUST_CHECK;

#endif
