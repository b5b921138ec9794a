/* What this folder keeps in a gateway process: bases, nonce keys, caches, and the thread that keeps
 * them true. */
#ifndef CHANCERY_ACME_STATE_H
#define CHANCERY_ACME_STATE_H

#include <pthread.h>

#include "acme/acme.h"
#include "lib/base/cache.h"
#include "acme/nonce.h"
#include "acme/url.h"
#include "lib/base/config.h"

struct acme {
	struct ca_front *front;
	const struct config_acme *config;
	struct arena *arena; /* bases */
	struct url_bases bases;
	struct cache *accounts, *orders;
	struct db_follower *follower;
	uint64_t account_cursor, connections_seen; /* the follower's own */
	int64_t swept_at;
	pthread_rwlock_t keys_lock;
	struct nonce_keys keys;
	int64_t keys_read_at; /* under keys_lock */
};

/* A fresh nonce in the arena, NULL when there is no key yet (the database was never reached). */
const char *acme_nonce_new(struct acme *acme, struct arena *a);
/* Uses it up, or refuses it (word "bad-nonce"). */
enum err acme_nonce_use(struct acme *acme, struct arena *a, const char *nonce) MUST_CHECK;

#endif
