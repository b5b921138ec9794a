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

/* Is the CRL after this one to be made now? Yes when there is none, when it is time, and when revocations wait
 * and the last one is as old as what it cost asks for (ca_crl_pause_ms()). */
bool crl_is_due(const struct config_crl *policy, const struct store_crl_state *last, int64_t now);

/* One issuer's CRL under way, in steps of a moment each but for the signature of a large one: begin, read to the
 * end, sign, write to the end, record. A failure of any step leaves everything as it was; the caller ends it. */
struct crl_publication;
/* What follows last. ERR_CONFLICT: another signer is at it; ERR_UNAVAILABLE: database. */
enum err crl_publish_begin(struct store *store, const struct store_crl_state *last,
	const struct config_crl *policy, struct crl_publication **out) MUST_CHECK;
/* A page of entries. ERR_LIMIT: more than can be served. */
enum err crl_publish_read(struct crl_publication *p, bool *more) MUST_CHECK;
/* Builds, signs and verifies. ERR_UNAVAILABLE with word "hsm". */
enum err crl_publish_sign(struct crl_publication *p, const struct ca_issuer *issuer,
	const struct pki_signer *signer) MUST_CHECK;
/* Some of its octets. */
enum err crl_publish_write(struct crl_publication *p, bool *more) MUST_CHECK;
/* ERR_CONFLICT: it took too long, and another signer was at it. */
enum err crl_publish_record(struct crl_publication *p, struct crl_published *out) MUST_CHECK;
void crl_publish_end(struct crl_publication *p);

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

AUTO_STRUCT_DEFINE(crl_publication, crl_publish_end)

#endif
