/* What the files of this folder share: who may answer for which issuing CA, and the feed. */
#ifndef CHANCERY_OCSP_SERVICE_H
#define CHANCERY_OCSP_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "ca/own.h"
#include "lib/base/retry.h"
#include "lib/db/follow.h"
#include "lib/store/issuer.h"
#include "ocsp/ocsp.h"
#include "ocsp/table.h"

/* An issuing CA we hold certificates of, and the responder that may answer for it (if it has one
 * yet). */
struct ocsp_issuer {
	int16_t id;
	char *name;
	bool wanted; /* active and configured here: without a responder this program is not ready */
	bool asks;   /* not revoked: has a responder while a signer has its key */
	struct ocsp_issuer_hashes hashes;
	bool ready;
	struct ocsp_responder responder; /* cert.p is owned */
	EVP_PKEY *key;			 /* a reference of its own: answers are signed with it */
	/* The program's loop only. */
	const struct ocsp_service *service;
	struct ca_own own;
	struct retry retry;
};

/* How far a feed of the database was read. */
struct ocsp_place {
	uint64_t cursor, connections_seen; /* see db_feed_doubtful() */
};

struct ocsp_service {
	struct store *store;
	const struct config *config;
	struct ocsp_table *table;

	pthread_rwlock_t lock; /* over issuer[], count and generation; changed by the loop only */
	struct ocsp_issuer **issuer;
	size_t count, room;
	uint32_t generation; /* of responder keys: answers of an older one are not served */

	struct db_follower *feed;
	struct ocsp_place revoked, issued;
	_Atomic int64_t fed_at; /* the table is true as of this second */
	struct told snapshot;	/* all revocations visible in it are in the table */
	bool untold; /* feed thread only: revocations were applied that snapshot does not cover yet
		      */

	_Atomic int64_t miss_second; /* rate of catching up for unknown serials */
	_Atomic unsigned misses;
	_Atomic int64_t nonce_second;
	_Atomic unsigned nonces;
	int64_t swept_at, issuers_read_at;
	struct store_issuer_place issuers_at;
	bool issuers_failing;
};

/* feed.c: reads both feeds once (ctx is the service); follows them from then on; and "read what was
 * committed before now", bounded to 20 ms and 20 times a second, for a serial the table does not
 * hold. */
enum err feed_read(void *ctx) MUST_CHECK;
void feed_start(struct ocsp_service *o);
void feed_catch_up(struct ocsp_service *o);

/* responder.c; all from the program's loop. Loading adds issuing CAs that appeared; renewing takes
 * one step for each that needs a certificate, at most a fraction of a second for all. */
enum err responder_load(struct ocsp_service *o) MUST_CHECK;
void responder_renew(struct ocsp_service *o);
void responder_clear(struct ocsp_service *o);

/* answer.c: the HTTP answer to one DER request. */
void answer_request(struct ocsp_service *o, struct bytes der, struct http_request *req,
	struct http_response *resp);

#endif
