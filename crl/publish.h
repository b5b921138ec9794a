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

/* One issuer's CRL under way. Its entries are read page by page, so that between them the signer issues. */
struct crl_publication;
/* Begins if the issuer's CRL is dirty or due. ERR_NOTFOUND: nothing to do; ERR_CONFLICT: another signer is
 * at it; ERR_UNAVAILABLE: database. */
enum err crl_publish_begin(struct store *store, int16_t issuer, const struct config_crl *policy,
	struct crl_publication **out) MUST_CHECK;
void crl_publish_abort(struct crl_publication *p);
int16_t crl_publish_issuer(const struct crl_publication *p);
/* Reads a page of entries; *more false: that was the last. ERR_LIMIT: more than can be served. */
enum err crl_publish_read(struct crl_publication *p, bool *more) MUST_CHECK;
/* Builds, signs, verifies and records it; p ends, also by a failure: database, or HSM (word "hsm"). */
enum err crl_publish_finish(struct crl_publication *p, const struct ca_issuer *issuer,
	const struct pki_signer *signer, struct crl_published *out) MUST_CHECK;

/* The pure part. A draft is the CRL that follows last_number at now_us; the entries are its caller's to
 * bound and to clear. */
struct crl_draft {
	struct crl_published head;
	struct buf entries; /* encoded */
};
void crl_draft_init(
	struct crl_draft *d, const struct config_crl *policy, int64_t last_number, int64_t now_us);
enum err
crl_draft_add(struct crl_draft *d, const struct store_revoked *revoked, size_t count) MUST_CHECK;
/* Appended to der, parsed again and verified. */
enum err crl_build(const struct ca_issuer *issuer, const struct pki_signer *signer,
	const struct crl_draft *d, struct buf *der) MUST_CHECK;

AUTO_STRUCT_DEFINE(crl_publication, crl_publish_abort)

#endif
