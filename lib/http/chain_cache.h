/*
 * Client chains that verified before: half the price of a handshake is verifying them again. An
 * entry says "these very octets led to an anchor", until the first certificate involved expires, an
 * hour at most. It lives in the http_tls whose anchors were used, so a reload forgets everything.
 * It says nothing about revocation, which is asked on every handshake and every request.
 */
#ifndef CHANCERY_HTTP_CHAIN_CACHE_H
#define CHANCERY_HTTP_CHAIN_CACHE_H

#include "lib/base/cache.h"
#include "lib/base/random.h"

enum { CHAIN_CACHE_SECONDS = 3600 };

struct cache *chain_cache_new(void);
/* The SHA-256 over the SHA-256 of each certificate, in the order presented. */
void chain_cache_key(const struct bytes *certs, size_t count, uint8_t key[SHA256_SIZE]);
bool chain_cache_find(struct cache *c, const uint8_t key[SHA256_SIZE], int64_t now);
/* now and until: wall clock, seconds. */
void chain_cache_put(struct cache *c, const uint8_t key[SHA256_SIZE], int64_t now, int64_t until);

#endif
