/*
 * When an issuing CA's CRL is late: revocations wait for the next one, or half of its time is over and it was not
 * renewed. Told long before it ends, because relying parties then refuse everybody (ocsp/CHECKS.md 83).
 */
#ifndef CHANCERY_CA_CRL_LATE_H
#define CHANCERY_CA_CRL_LATE_H

#include "lib/base/arena.h"
#include "lib/base/config.h"

/* For how long after a CRL that cost build_ms to make no other one is made because of revocations: ten times that, so
 * that the making of CRLs takes a tenth of the time at most, and at most ten minutes. */
int64_t ca_crl_pause_ms(int64_t build_ms);

struct ca_crl_age {
	int64_t this_update, next_update;
	int64_t build_ms,
		waiting_ms; /* what it cost to make, and how long revocations have waited for the next */
};
/* Why the CRL of this issuing CA is late, in the arena, or NULL. A CRL that was to be renewed only after half of
 * its time has until a minute after that, and revocations a minute more than the making and its pause take. */
const char *ca_crl_late(struct arena *a, const char *issuer, const struct config_crl *policy,
	const struct ca_crl_age *crl, int64_t now);

#endif
