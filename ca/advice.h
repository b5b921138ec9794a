/* What an operator could do about a refusal by policy. */
#ifndef CHANCERY_CA_ADVICE_H
#define CHANCERY_CA_ADVICE_H

#include "ca/front.h"
#include "ca/policy.h"

/* After ca_policy_check() or a check of names refused r: adds to the last error (err_advise()) the grant
 * that comes nearest to the first name without one, and a profile under which the same request would pass.
 * issuer_not_after as there. The error itself stays as it is. */
void ca_advise(struct ca_front *g, struct arena *a, int64_t identity,
	const struct ca_policy_request *r, int64_t issuer_not_after);

#endif
