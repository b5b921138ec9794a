/*
 * What a front end's handlers share: one per process, handed to them as http_request.app.
 */
#ifndef CHANCERY_CA_FRONT_H
#define CHANCERY_CA_FRONT_H

#include "ca/authenticator.h"
#include "ca/issuers.h"

struct ca_front {
	struct store *store;
	struct ca_authenticator *clients;
	const struct config *config;
	struct counted_slot profiles, issuers; /* read through the functions below */
	/* The protocol folders' own state. */
	struct acme *acme;
	struct est_service *est;
	struct api_refusals *admin;
};

/* What holds now, valid as long as the arena, whatever is loaded meanwhile. Taken once a request,
 * so that all of it sees the same. */
static inline const struct ca_profiles *
ca_front_profiles(struct ca_front *f, struct arena *a)
{
	return counted_borrow(&f->profiles, a);
}

static inline const struct ca_issuers *
ca_front_issuers(struct ca_front *f, struct arena *a)
{
	return counted_borrow(&f->issuers, a);
}

/* After a change was committed that takes something away or gives it: makes it known to this
 * front's own authenticator, then waits at most 2 s until every living status program and front
 * judges by it. It is in effect whatever comes of the wait; returns how many did not say so in
 * time, 1 when they cannot be counted. serial or identity is NULL. */
unsigned ca_front_settle(struct ca_front *f, const uint8_t *serial, const char *identity);

#endif
