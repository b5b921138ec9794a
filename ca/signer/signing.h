/*
 * The issuing CAs a signer signs for: each one's key opened and checked against its certificate, at
 * start and again whenever the issuers in the database change. One that fails its checks keeps none
 * of the others from signing.
 */
#ifndef CHANCERY_CA_SIGNER_SIGNING_H
#define CHANCERY_CA_SIGNER_SIGNING_H

#include "ca/signer/signer.h"
#include "lib/store/issuer.h"

struct signing {
	struct store *store;
	struct ca_token *token;
	const struct config *config;
	struct ca_issuers *issuers;
	struct store_issuer_place place; /* up to which the table was read */
	struct ca_signing_issuer *item;	 /* parallel to issuers->item[0..all_count), in its
					    arena */
	int64_t retry_at;		 /* monotonic us: those in trouble are tried again */
};

/* ERR_NOTFOUND: no configured issuer is imported, or the key of none is made; other errors are
 * those of the first active one when not a single active one can sign. */
enum err signing_open(struct signing *s, struct store *store, struct ca_token *token,
	const struct config *config) MUST_CHECK;
/* Looks whether the issuers are others now. ERR_UNAVAILABLE: the database is away, and all stays
 * as it is. */
enum err signing_follow(struct signing *s) MUST_CHECK;
void signing_clear(struct signing *s);
/* What keeps configured issuers from signing, for the operator; NULL: nothing. */
const char *signing_trouble(const struct signing *s, struct arena *a);

#endif
