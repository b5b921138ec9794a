/* One request: from the facts in its row to a certificate or a refusal. */
#ifndef CHANCERY_CA_SIGNER_DECIDE_H
#define CHANCERY_CA_SIGNER_DECIDE_H

#include "ca/signer/signer.h"
#include "lib/store/queue/claim.h"

struct decide {
	const struct ca_profiles *profiles;
	const struct ca_issuers *issuers;
	const struct ca_signing_issuer *signing; /* parallel to issuers->item[0..all_count) */
	struct arena *arena;			 /* of the batch */
	int64_t now;
};

/* Yes, no, or not now: a request that must be approved, or whose issuing CA cannot sign for a moment,
 * is held. Fails only with ERR_UNAVAILABLE (word "hsm"). */
enum err decide(const struct decide *d, const struct store_claim_item *request,
	struct store_outcome *out) MUST_CHECK;

/* May this certificate's key issue: a CA with the right usages, not self-signed, valid now, and the
 * key is this one? */
enum err decide_issuer_usable(
	const struct ca_issuer *issuer, const struct ca_key *key, int64_t now) MUST_CHECK;

#endif
