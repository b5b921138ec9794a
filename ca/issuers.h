/* The issuing CAs as every program but ca-ceremony sees them: read from the database, put into the
 * configured order. */
#ifndef CHANCERY_CA_ISSUERS_H
#define CHANCERY_CA_ISSUERS_H

#include "ca/policy.h"
#include "lib/base/config.h"
#include "lib/store/certificate.h"

struct ca_issuers {
	const struct ca_issuer
		*item; /* the first count: active, in the order of the configuration */
	size_t count;
	size_t all_count;  /* then those that only have certificates out: retired, or not configured
			      here */
	struct bytes root; /* DER of the first issuer's root */
};

/* Everything in the arena. ERR_NOTFOUND when a configured issuer or its root is not imported yet,
 * with the remedy. */
enum err ca_issuers_load(struct store *store, const struct config *config, struct arena *a,
	struct ca_issuers *out) MUST_CHECK;
/* By id, active or not; NULL when there is none. */
const struct ca_issuer *ca_issuers_find(const struct ca_issuers *issuers, int16_t id);
/* The one that certifies under this profile; NULL when it is not active here. */
const struct ca_issuer *
ca_issuers_for(const struct ca_issuers *issuers, const struct ca_profile *profile);
/* The active one of this name; NULL when there is none. */
const struct ca_issuer *ca_issuers_active(const struct ca_issuers *issuers, const char *name);

#endif
