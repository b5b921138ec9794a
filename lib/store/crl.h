/* CRLs: the newest ones, an offline CA's import, and publication by the signer. */
#ifndef CHANCERY_STORE_CRL_H
#define CHANCERY_STORE_CRL_H

#include "lib/base/buf.h"
#include "lib/store/revocation.h"

struct store_crl {
	int16_t issuer;
	int64_t number, this_update, next_update;
	int entries;
	struct bytes der;
};
/* What a program may hold of one CRL: some six million entries. */
enum { STORE_CRL_OCTETS_MAX = 256 << 20 };
/* An issuer's newest full CRL without its octets, all 0 while there is none; and for how many seconds
 * revocations have waited for the next, 0: none do. */
struct store_crl_state {
	int16_t issuer;
	int64_t number, this_update, next_update, octets, waiting;
	int entries;
};
/* Of every issuer, by id. */
enum err store_crl_states(
	struct store *s, struct arena *a, struct store_crl_state **out, size_t *count) MUST_CHECK;
/* Appends its octets to der. ERR_LIMIT: they are more than der may hold; ERR_NOTFOUND: it is gone, a newer
 * one is there. */
enum err
store_crl_read(struct store *s, const struct store_crl_state *crl, struct buf *der) MUST_CHECK;
/* Is exactly this the issuer's CRL of that number? */
enum err store_crl_is(
	struct store *s, int16_t issuer, int64_t number, struct bytes der, bool *same) MUST_CHECK;
/* crl_import() for an offline CA (owner connection). ERR_CONFLICT: number not higher. Rings CRL. */
enum err
store_crl_import(struct store *s, const struct store_crl *crl, const char *actor) MUST_CHECK;
/* Marks an issuer's CRL dirty so that the signer publishes it now (`ca-admin crl publish`). Rings
 * STATE. */
enum err store_crl_mark(struct store *s, int16_t issuer) MUST_CHECK;

/*
 * CRL publication by the signer, in one transaction under an advisory lock per issuer:
 * begin (ERR_NOTFOUND: nothing to do now; ERR_CONFLICT: another signer is at it), pages of what is revoked,
 * then finish or abort.
 */
struct store_crl_job;
struct store_crl_last {
	int64_t number, this_update, next_update; /* 0 when there is none */
};
/* due: publish even when not dirty if the last one's this_update is at or before this time, or in the
 * future. */
enum err store_crl_begin(struct store *s, int16_t issuer, int64_t due, struct store_crl_last *last,
	struct store_crl_job **job) MUST_CHECK;
/* The next page, in the arena; *more false: it was the last. Entries whose certificate had ended before
 * the last CRL's this_update are left out (ocsp/CHECKS.md 81). */
enum err store_crl_page(struct store_crl_job *job, struct arena *a, struct store_revoked **out,
	size_t *count, bool *more) MUST_CHECK;
enum err store_crl_finish(struct store_crl_job *job,
	const struct store_crl *crl) MUST_CHECK; /* rings CRL; keeps the last 10 */
void store_crl_abort(struct store_crl_job *job);

#endif
