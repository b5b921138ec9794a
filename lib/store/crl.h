/* CRLs: the newest ones, an offline CA's import, and publication by the signer. */
#ifndef CHANCERY_STORE_CRL_H
#define CHANCERY_STORE_CRL_H

#include "lib/base/buf.h"
#include "lib/store/revocation.h"

/* One with its octets. */
struct store_crl {
	int16_t issuer;
	int64_t number, this_update, next_update;
	int64_t build_ms; /* what it cost to make */
	int entries;
	struct bytes der;
};
/* What a program may hold of one CRL: some six million entries. */
enum { STORE_CRL_OCTETS_MAX = 256 << 20 };
/* An issuer's newest full CRL without its octets, all 0 while there is none. */
struct store_crl_state {
	int16_t issuer;
	int64_t number, this_update, next_update, octets;
	int64_t build_ms, age_ms; /* what it cost to make, and since when it is there */
	int64_t waiting_ms; /* for how long revocations wait for the next, or STORE_CRL_NONE_WAIT */
	int entries;
};
enum { STORE_CRL_NONE_WAIT = -1 };
/* Of every issuer, by id. */
enum err store_crl_states(
	struct store *s, struct arena *a, struct store_crl_state **out, size_t *count) MUST_CHECK;
/* Appends its octets to der. ERR_LIMIT: they are more than der may hold; ERR_NOTFOUND: it is gone, a newer
 * one is there. */
enum err
store_crl_read(struct store *s, const struct store_crl_state *crl, struct buf *der) MUST_CHECK;
/* Is exactly this the issuer's CRL of that number? */
enum err store_crl_is(struct store *s, const struct store_crl *crl, bool *same) MUST_CHECK;
/* crl_import() for an offline CA (owner connection). ERR_CONFLICT: number not higher. Rings CRL. */
enum err
store_crl_import(struct store *s, const struct store_crl *crl, const char *actor) MUST_CHECK;
/* Marks an issuer's CRL dirty so that the signer publishes it now (`ca-admin crl publish`). Rings
 * STATE. */
enum err store_crl_mark(struct store *s, int16_t issuer) MUST_CHECK;

/*
 * Publication by the signer, without a long transaction: begin takes the issuer's turn for the job's own
 * connection and notes the marks there are, then pages of what is revoked, the octets of the CRL made of
 * them, and its record. A failure of any of these leaves all marks where they were; the job ends by
 * store_crl_end() in either case.
 */
struct store_crl_job;
/* What follows last, the issuer's state as it was seen. ERR_CONFLICT: another signer is at it, or has been. */
enum err store_crl_begin(
	struct store *s, const struct store_crl_state *last, struct store_crl_job **job) MUST_CHECK;
/* The next page, in the arena; *more false: it was the last. Entries whose certificate had ended before
 * the last CRL's this_update are left out (ocsp/CHECKS.md 81). ERR_CONFLICT: the turn is over. */
enum err store_crl_page(struct store_crl_job *job, struct arena *a, struct store_revoked **out,
	size_t *count, bool *more) MUST_CHECK;
/* Writes some of its octets from *at on, which moves; all of them before the record. */
enum err
store_crl_write(struct store_crl_job *job, const struct store_crl *crl, size_t *at) MUST_CHECK;
/* Takes the noted marks away and keeps the last 10; rings CRL. ERR_CONFLICT: the turn is over, or a newer
 * one is there. */
enum err store_crl_record(struct store_crl_job *job, const struct store_crl *crl) MUST_CHECK;
void store_crl_end(struct store_crl_job *job);

AUTO_STRUCT_DEFINE(store_crl_job, store_crl_end)

#endif
