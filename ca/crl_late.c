/* See crl_late.h. */
#include "ca/crl_late.h"

enum { GRACE_S = 60 };

const char *
ca_crl_late(struct arena *a, const char *issuer, const struct config_crl *policy,
	const struct ca_crl_age *crl, int64_t now)
{
	int64_t half = crl->this_update + (crl->next_update - crl->this_update) / 2;
	int64_t due = crl->this_update + policy->backdate + policy->refresh + GRACE_S;

	if (crl->waiting > GRACE_S)
		return arena_printf(a,
			"revocations of \"%s\" have waited %lld seconds for its CRL; look at chancery-signer",
			issuer, (long long)crl->waiting);
	if (crl->next_update > now && now > half && now > due)
		return arena_printf(a,
			"the CRL of \"%s\" ends in %lld seconds and was not renewed; look at chancery-signer",
			issuer, (long long)(crl->next_update - now));
	return NULL;
}
