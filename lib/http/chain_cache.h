/*
 * Client chains that verified before: half the price of a handshake is verifying them again. An
 * entry says "these very octets led to an anchor", until the first certificate involved expires, an
 * hour at most. It lives in the http_tls whose anchors were used, so a reload forgets everything.
 * It says nothing about revocation, which is asked on every handshake and every request.
 */
#ifndef CHANCERY_HTTP_CHAIN_CACHE_H
#define CHANCERY_HTTP_CHAIN_CACHE_H

#include <pthread.h>

#include "lib/base/bytes.h"
#include "lib/base/random.h"

enum { CHAIN_CACHE_SETS = 1024, CHAIN_CACHE_WAYS = 4, CHAIN_CACHE_SECONDS = 3600 };

struct chain_cache {
	pthread_mutex_t lock;
	struct chain_entry {
		uint8_t key[SHA256_SIZE];
		int64_t until; /* wall clock, seconds; 0: free */
	} (*set)[CHAIN_CACHE_WAYS];
};

void chain_cache_init(struct chain_cache *c);
void chain_cache_clear(struct chain_cache *c);
/* The SHA-256 over the SHA-256 of each certificate, in the order presented. */
void chain_cache_key(const struct bytes *certs, size_t count, uint8_t key[SHA256_SIZE]);
bool chain_cache_find(struct chain_cache *c, const uint8_t key[SHA256_SIZE], int64_t now);
/* Drops the entry of its set that expires first when the set is full. */
void
chain_cache_put(struct chain_cache *c, const uint8_t key[SHA256_SIZE], int64_t now, int64_t until);

#endif
