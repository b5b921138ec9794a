/* What the files of crl/serve.h share: the table of what is published. Only the feed's thread changes
 * it, under the lock; readers look under the lock and take references. */
#ifndef CHANCERY_CRL_INTERNAL_H
#define CHANCERY_CRL_INTERNAL_H

#include <pthread.h>

#include "crl/serve.h"
#include "lib/db/follow.h"
#include "lib/store/issuer.h"

/* What is published of an issuer, and of all of them together. */
enum object { OBJECT_CRL, OBJECT_CRL_PEM, OBJECT_CERT, OBJECT_CERT_PEM, OBJECT_COUNT };
enum bundle { BUNDLE_CRL, BUNDLE_CA, BUNDLE_COUNT };

struct published {
	int16_t id;
	char *name;
	bool root, expected;
	enum issuer_state state;
	uint8_t *der; /* certificate */
	size_t der_n;
	int64_t crl_number, this_update, next_update;
	int64_t refused, build_ms, waiting_ms; /* see struct crl_state */
	int entries;
	struct http_prepared *object[OBJECT_COUNT];
};

struct crl_service {
	struct store *store;
	const struct config *config;
	struct db_follower *feed;
	struct store_issuer_place issuers_at; /* the feed thread's */
	pthread_rwlock_t lock; /* held for a pointer swap by the feed, for a look by readers */
	struct published **issuer;
	size_t count, room;
	struct http_prepared *bundle[BUNDLE_COUNT];
};

/* objects.c: made once, with ETag and cache times; last_modified 0: no such header, expires 0: no
 * such header. */
struct http_prepared *object_prepare(const char *type, struct bytes body, int64_t last_modified,
	int64_t expires, int64_t max_age);
/* Gives the old one's reference back. */
void object_replace(struct http_prepared **slot, struct http_prepared *made);
/* The issuer's certificate as it is published from now on, or NULL members until it has a CRL. */
struct published *published_new(const struct store_issuer *issuer, bool configured);
void published_free(struct published *p);
struct http_prepared *bundle_of_certificates(const struct crl_service *c);
/* NULL: there is no CRL yet. */
struct http_prepared *bundle_of_crls(const struct crl_service *c);

enum { CRL_MAX_AGE_S = 60, CA_MAX_AGE_S = 3600 };

#endif
