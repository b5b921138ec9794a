/*
 * The signer's thread that publishes CRLs, so that issuing never waits for one: it has a connection of its own, and
 * shares the token and the issuing CAs' keys with the thread that issues.
 */
#ifndef CHANCERY_SERVER_PUBLISHER_H
#define CHANCERY_SERVER_PUBLISHER_H

#include "ca/signer/signer.h"

struct publisher;
/* All borrowed. on_hsm_error is called, from the thread, when the token has failed: the program must end. */
struct publisher *publisher_start(struct store *store, struct ca_signer *signer,
	const struct config_crl *policy, void (*on_hsm_error)(void *ctx), void *ctx);
/* Leaves a CRL that is under way undone, after the step it is at. */
void publisher_stop(struct publisher *p);
/* Why a CRL cannot be published, for the operator, in the arena; NULL: all can. */
const char *publisher_trouble(struct publisher *p, struct arena *a);

#endif
