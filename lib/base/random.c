/*
 * Random octets and digests; see random.h. There is no way to go on without a working generator, so
 * a failure ends the process instead of becoming an error somebody might ignore.
 */
#include "lib/base/random.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "lib/base/hex.h"

enum { SHA256_BLOCK = 64 };

AUTO_DEFINE(EVP_MD_CTX, EVP_MD_CTX_free)

static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *fetched_sha256, *fetched_sha1;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "libcrypto: %s failed\n", what);
	abort();
}

static void
fetch_digests(void)
{
	fetched_sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	fetched_sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	if (fetched_sha256 == NULL || fetched_sha1 == NULL)
		die("fetching SHA-256 and SHA-1");
}

void
random_bytes(void *out, size_t n)
{
	if (n > INT32_MAX || RAND_bytes(out, (int)n) != 1)
		die("the random generator");
}

char *
random_id(struct arena *a)
{
	uint8_t octets[16];

	random_bytes(octets, sizeof(octets));
	return base64url_string(a, bytes_of(octets, sizeof(octets)));
}

static void
digest_octets(EVP_MD *const *md, struct bytes first, struct bytes second, uint8_t *out)
{
	AUTO(EVP_MD_CTX) ctx = EVP_MD_CTX_new();

	pthread_once(&fetch_once, fetch_digests);
	if (ctx == NULL || EVP_DigestInit_ex2(ctx, *md, NULL) != 1 ||
		EVP_DigestUpdate(ctx, first.p, first.n) != 1 ||
		EVP_DigestUpdate(ctx, second.p, second.n) != 1 ||
		EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		die("a digest");
}

void
sha256(struct bytes in, uint8_t out[SHA256_SIZE])
{
	digest_octets(&fetched_sha256, in, bytes_of(NULL, 0), out);
}

void
sha1(struct bytes in, uint8_t out[SHA1_SIZE])
{
	digest_octets(&fetched_sha1, in, bytes_of(NULL, 0), out);
}

/* RFC 2104 over the fetched digest: EVP_MAC would fetch SHA-256 anew for every key. */
void
hmac_sha256(struct bytes key, struct bytes in, uint8_t out[SHA256_SIZE])
{
	uint8_t block[SHA256_BLOCK] = {0}, pad[SHA256_BLOCK], inner[SHA256_SIZE];

	if (key.n > sizeof(block))
		sha256(key, block);
	else if (key.n > 0)
		memcpy(block, key.p, key.n);
	for (size_t i = 0; i < sizeof(block); i++)
		pad[i] = block[i] ^ 0x36;
	digest_octets(&fetched_sha256, bytes_of(pad, sizeof(pad)), in, inner);
	for (size_t i = 0; i < sizeof(block); i++)
		pad[i] = block[i] ^ 0x5c;
	digest_octets(
		&fetched_sha256, bytes_of(pad, sizeof(pad)), bytes_of(inner, sizeof(inner)), out);
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(pad, sizeof(pad));
	OPENSSL_cleanse(inner, sizeof(inner));
}

bool
secret_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}
