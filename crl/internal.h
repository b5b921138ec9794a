/* What the files of crl/serve.h share: the table of what is published. Only the feed's thread changes
 * it, under the lock; readers look under the lock and take references. */
#ifndef CHANCERY_CRL_INTERNAL_H
#define CHANCERY_CRL_INTERNAL_H

#include <pthread.h>

#include "crl/serve.h"
#include "lib/base/clock.h"
#include "lib/base/counted.h"
#include "lib/base/random.h"
#include "lib/db/follow.h"
#include "lib/store/crl.h"
#include "lib/store/issuer.h"

/* What is published of an issuer, and of all of them together. */
enum object { OBJECT_CRL, OBJECT_CRL_PEM, OBJECT_CERT, OBJECT_CERT_PEM, OBJECT_COUNT };
enum bundle { BUNDLE_CRL, BUNDLE_CA, BUNDLE_COUNT };

/* A CRL, once in memory for all that is sent of it: DER, PEM, bundle. */
struct crl_held {
	struct counted counted;
	struct buf der;
	uint8_t digest[SHA256_SIZE];
	int64_t number, this_update, next_update;
	int entries;
};

struct published {
	int16_t id;
	char *name;
	bool root, expected;
	enum issuer_state state;
	uint8_t *der; /* certificate */
	size_t der_n;
	struct crl_held *crl;		       /* NULL: none yet */
	int64_t refused, build_ms, waiting_ms; /* see struct crl_state */
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

/* objects.c: ETag and cache times of an answer; the values live in it. */
struct object_fields {
	char etag[2 * SHA256_SIZE + 3], cache[64], modified[CLOCK_IMF_SIZE],
		expires[CLOCK_IMF_SIZE];
	struct http_header field[4];
	size_t count;
};
void
object_fields_init(struct object_fields *f, const uint8_t digest[SHA256_SIZE], int64_t max_age);
void object_fields_times(struct object_fields *f, int64_t last_modified, int64_t expires);
/* Gives the old one's reference back. */
void object_replace(struct http_prepared **slot, struct http_prepared *made);
/* The issuer's certificate as it is published from now on, or NULL members until it has a CRL. */
struct published *published_new(const struct store_issuer *issuer, bool configured);
void published_free(struct published *p);
struct http_prepared *bundle_of_certificates(const struct crl_service *c);

/* held.c */
/* One reference, the caller's; only the maximum of der is set. */
struct crl_held *crl_held_new(void);
void crl_held_release(struct crl_held *h);
struct http_prepared *crl_as_der(struct crl_held *h);
struct http_prepared *crl_as_pem(struct crl_held *h);
/* NULL: there is no CRL yet. */
struct http_prepared *bundle_of_crls(const struct crl_service *c);

AUTO_STRUCT_DEFINE(crl_held, crl_held_release)

#endif
