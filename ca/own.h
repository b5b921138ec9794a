/*
 * A program's own certificate: a P-256 key in memory, never written anywhere, certified through the
 * same queue, policy and builder as everybody's (protocol "internal"), and replaced with a new key
 * long before its end. What is in use stays until the next one is there. One thread.
 */
#ifndef CHANCERY_CA_OWN_H
#define CHANCERY_CA_OWN_H

#include "lib/base/config.h"
#include "lib/pki/cert.h"
#include "lib/store/queue/request.h"

/* The service identities `ca-admin init` makes: of the gateway and the admin program with a grant for
 * each name of their listeners, of the status program without. */
#define CA_OWN_GATEWAY "gateway"
#define CA_OWN_ADMIN "chancery-admin"
#define CA_OWN_RESPONDER "ocsp-responder"

struct ca_own {
	struct store *store;
	const char *what; /* for reasons: "the gateway's own certificate" */
	/* Adds a request for this key to the queue: its id. */
	enum err (*ask)(void *ctx, struct bytes spki, int64_t *request);
	/* May what the signer made be used? NULL: it may. */
	enum err (*check)(void *ctx, const struct pki_cert *cert, int16_t issuer);
	void *ctx;

	/* In use; key NULL: none yet. */
	EVP_PKEY *key;
	struct arena *arena; /* of cert, which has views into its own DER */
	struct pki_cert cert;
	int16_t issuer;
	int64_t obtained_at;
	/* Asked for; request 0: nothing. */
	EVP_PKEY *next_key;
	int64_t request, asked_at;
	int64_t rests_until; /* monotonic us: what came last was of no use */
};

/* The names of a listener in the one spelling the database has; in the arena. section is the
 * configuration's, for reasons. */
enum err ca_own_names(const struct config_listener *l, const char *section, struct arena *a,
	const char ***out) MUST_CHECK;

void ca_own_clear(struct ca_own *o);
/* Is it time for a new one? True until there is a first one. */
bool ca_own_due(const struct ca_own *o, int64_t now);
/* Asks for one, or goes on waiting for what was asked before, at most wait_ms. ERR_OK: there is a
 * new one. ERR_UNAVAILABLE with the reason while there is none yet (word "signer-waiting" when it
 * is the signer that is waited for); a refusal's class when the signer refused. Calling again is
 * always right. */
enum err ca_own_obtain(struct ca_own *o, int64_t wait_ms) MUST_CHECK;

#endif
