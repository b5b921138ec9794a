/*
 * The issuing loop's body: claim requests, judge each by facts read in the claiming transaction,
 * certify, record. One thread, one token, and a crew when the HSM takes its time. server/signer.c is the program around it.
 */
#ifndef CHANCERY_CA_SIGNER_SIGNER_H
#define CHANCERY_CA_SIGNER_SIGNER_H

#include "ca/issuers.h"
#include "ca/hsm/hsm.h"

/* What the program ends with after any error of the HSM: the launcher starts it again with back-off
 * (EX_TEMPFAIL). */
enum { CA_SIGNER_EXIT_HSM = 75 };
/* libp11 0.4.12 can wait for ever on a broken session (it never gets one from an empty pool); no
 * signature takes this long. */
enum { CA_SIGNER_HSM_SECONDS = 15 };

struct ca_signer;

/* Loads issuers and profiles, opens each issuer's key and checks it against its certificate,
 * publishes the profiles, makes certificate partitions. token is borrowed. When not a single issuer
 * can sign, why the first cannot: ERR_DENIED: this key or certificate must not be used (self-signed
 * issuer, wrong key, weak attributes, outside its validity); ERR_NOTFOUND: not imported or not made
 * yet; ERR_UNAVAILABLE: database, or HSM (word "hsm"). */
enum err ca_signer_open(struct store *store, struct ca_token *token, const struct config *config,
	struct ca_signer **out) MUST_CHECK;
void ca_signer_close(struct ca_signer *s);
/* Reads the profile file again and publishes it; on any error the old profiles stay. */
enum err ca_signer_reload(struct ca_signer *s) MUST_CHECK;

/* One batch: claims, decides, records, logs a line each. *more: it was full, so that others may
 * wait. ERR_UNAVAILABLE with word "hsm": nothing was recorded and the program must end; other
 * errors: try again later. */
enum err ca_signer_work(struct ca_signer *s, bool *more) MUST_CHECK;

/* Looks, unless one is borrowed now, whether issuers were imported or taken away since, and opens the keys of new ones with the
 * checks of the start; one that fails them is logged once, told by ca_signer_trouble(), tried again
 * every few seconds, and keeps none of the others from signing. ERR_UNAVAILABLE: database. */
enum err ca_signer_follow(struct ca_signer *s) MUST_CHECK;
/* Which configured issuers cannot sign and why, with the remedy, for the operator; NULL: all can.
 */
const char *ca_signer_trouble(const struct ca_signer *s, struct arena *a);

/* All issuers, for CRLs: those that are retired or not configured have certificates out. For the thread
 * that issues, valid until ca_signer_follow(). */
struct ca_signing_issuer {
	const struct ca_issuer *issuer;
	struct ca_key *key;
	const struct pki_signer *signer; /* the key's; NULL: it cannot sign, for this reason */
	struct ca_signing_trouble {
		enum err class; /* ERR_OK: none */
		enum err_word word;
		const char *reason;
	} trouble;
};
size_t ca_signer_issuers(const struct ca_signer *s, const struct ca_signing_issuer **out);
/* For a thread beside the one that issues: this issuing CA stays as it is until it is given back.
 * ERR_NOTFOUND: there is no such one that can sign. */
enum err ca_signer_borrow(
	struct ca_signer *s, int16_t issuer, const struct ca_signing_issuer **out) MUST_CHECK;
void ca_signer_give_back(struct ca_signer *s);

/* Keeps partitions ahead of time, as far as the profiles reach; cheap when there is nothing to do.
 */
enum err ca_signer_partitions(struct ca_signer *s) MUST_CHECK;
/* Asks the HSM for one of its keys, the next each time, without signing: it is the token that goes away, and a
 * software token looks at all it holds for each. ERR_UNAVAILABLE (word "hsm"). */
enum err ca_signer_probe(struct ca_signer *s) MUST_CHECK;

struct ca_signer_counts {
	int64_t issued, refused;
};
struct ca_signer_counts ca_signer_counts(const struct ca_signer *s);

AUTO_STRUCT_DEFINE(ca_signer, ca_signer_close)

#endif
