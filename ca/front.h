/*
 * What a front end's handlers share: one per process, handed to them as http_request.app.
 */
#ifndef CHANCERY_CA_FRONT_H
#define CHANCERY_CA_FRONT_H

#include <stdatomic.h>

#include "ca/authenticator.h"
#include "ca/issuers.h"

struct ca_front {
	struct store *store;
	struct ca_authenticator *clients;
	const struct config *config;
	_Atomic(const struct ca_profiles *) profiles; /* a reload sets new ones and keeps the old */
	_Atomic(const struct ca_issuers *) issuers;   /* read through ca_front_issuers() */
	/* The protocol folders' own state. */
	struct acme *acme;
	struct est_service *est;
	struct api_refusals *admin;
};

/* Issuers as they are now, valid as long as the process: a reload sets new ones and keeps the old.
 * Take it once a request. */
static inline const struct ca_issuers *
ca_front_issuers(const struct ca_front *f)
{
	return atomic_load(&f->issuers);
}

/* After a revocation was committed: makes it known to this front's own authenticator, then waits at
 * most 2 s until every living status program answers with it. It is in effect whatever comes of the
 * wait; returns how many did not say so in time. serial or identity is NULL. */
unsigned ca_front_settle(struct ca_front *f, const uint8_t *serial, const char *identity);

#endif
