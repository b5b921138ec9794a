/*
 * Building and publishing an issuer's full CRL, run inside the signer: on revocation and on
 * schedule. Two signers never publish for one issuer at the same time (the store holds a lock), and
 * a published number never goes down.
 */
#ifndef CHANCERY_CRL_PUBLISH_H
#define CHANCERY_CRL_PUBLISH_H

#include "ca/issuers.h"
#include "lib/base/config.h"
#include "lib/store/crl.h"

struct crl_published {
	int64_t number, this_update, next_update;
	size_t entries;
};

/* Publishes if the issuer's CRL is dirty or due. ERR_NOTFOUND: nothing to do; ERR_CONFLICT: another
 * signer is at it; ERR_UNAVAILABLE: database, or HSM (word "hsm"). */
enum err
crl_publish(struct store *store, const struct ca_issuer *issuer, const struct pki_signer *signer,
	const struct config_crl *policy, struct crl_published *out) MUST_CHECK;

/* The pure part: the CRL that follows (last_number) with these entries at now_us; appended to der,
 * parsed again and verified. */
enum err crl_build(const struct ca_issuer *issuer, const struct pki_signer *signer,
	const struct config_crl *policy, const struct store_crl_work *work, int64_t now_us,
	struct buf *der, struct crl_published *out) MUST_CHECK;

#endif
