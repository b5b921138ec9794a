/* Random octets and digests from libcrypto; a failure of the generator ends the process. */
#ifndef CHANCERY_BASE_RANDOM_H
#define CHANCERY_BASE_RANDOM_H

#include "lib/base/arena.h"

void random_bytes(void *out, size_t n);
/* 22 characters of base64url: 128 random bits, for URLs and ids. */
char *random_id(struct arena *a);

enum { SHA256_SIZE = 32, SHA1_SIZE = 20 };
/* With a digest fetched once (implicit fetching costs as much as the hash and does not scale). */
void sha256(struct bytes in, uint8_t out[SHA256_SIZE]);
void sha1(struct bytes in, uint8_t out[SHA1_SIZE]);
void hmac_sha256(struct bytes key, struct bytes in, uint8_t out[SHA256_SIZE]);
/* Constant-time comparison. */
bool secret_equal(struct bytes a, struct bytes b);

#endif
