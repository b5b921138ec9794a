/* See crl_late.h. */
#include "ca/crl_late.h"

enum { GRACE_S = 60, PAUSE_TIMES = 10, PAUSE_MAX_MS = 600000 };

int64_t
ca_crl_pause_ms(int64_t build_ms)
{
	return build_ms < PAUSE_MAX_MS / PAUSE_TIMES ? build_ms * PAUSE_TIMES : PAUSE_MAX_MS;
}

const char *
ca_crl_late(struct arena *a, const char *issuer, const struct config_crl *policy,
	const struct ca_crl_age *crl, int64_t now)
{
	int64_t half = crl->this_update + (crl->next_update - crl->this_update) / 2;
	int64_t due = crl->this_update + policy->backdate + policy->refresh + GRACE_S;

	int64_t usual_ms = ca_crl_pause_ms(crl->build_ms) + 2 * crl->build_ms;

	if (crl->waiting_ms > usual_ms + GRACE_S * 1000)
		return arena_printf(a,
			"revocations of \"%s\" have waited %lld seconds for its CRL; look at chancery-signer",
			issuer, (long long)crl->waiting_ms / 1000);
	if (crl->next_update > now && now > half && now > due)
		return arena_printf(a,
			"the CRL of \"%s\" ends in %lld seconds and was not renewed; look at chancery-signer",
			issuer, (long long)(crl->next_update - now));
	return NULL;
}
