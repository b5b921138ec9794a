/* DER from pieces, hex and files for the tests of lib/pki; everything lives until the program ends.
 */
#ifndef CHANCERY_TESTS_PKI_TEST_H
#define CHANCERY_TESTS_PKI_TEST_H

#include <stdlib.h>

#include "lib/base/hex.h"
#include "lib/pki/cert.h"
#include "lib/pki/oid.h"
#include "tests/unit/unit.h"

static struct arena *test_arena;

static inline struct arena *
A(void)
{
	if (test_arena == NULL)
		test_arena = arena_new(0);
	return test_arena;
}

/* Hex with spaces to octets. */
static inline struct bytes
hex(const char *text)
{
	char *packed = arena_alloc(A(), strlen(text) + 1);
	uint8_t *out = arena_alloc(A(), strlen(text) + 1);
	size_t n = 0, k = 0;

	for (; *text != '\0'; text++)
		if (*text != ' ' && *text != '\n')
			packed[k++] = *text;
	if (hex_decode(bytes_of(packed, k), out, k, &n) != ERR_OK)
		abort();
	return bytes_of(out, n);
}

static inline struct bytes
join_of(const struct bytes *parts, size_t count)
{
	size_t total = 0, at = 0;
	uint8_t *out;

	for (size_t i = 0; i < count; i++)
		total += parts[i].n;
	out = arena_alloc(A(), total + 1);
	for (size_t i = 0; i < count; at += parts[i++].n)
		if (parts[i].n > 0)
			memcpy(out + at, parts[i].p, parts[i].n);
	return bytes_of(out, total);
}

static inline struct bytes
tlv_of(uint8_t tag, struct bytes content)
{
	size_t n = content.n + 16;
	struct bytes out = {0};
	struct derw w;

	derw_init(&w, arena_alloc(A(), n), n);
	derw_element(&w, tag, content);
	if (derw_done(&w, &out) != ERR_OK)
		abort();
	return out;
}

#define PARTS(...)                                                                                 \
	(const struct bytes[])                                                                     \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define JOIN(...) join_of(PARTS(__VA_ARGS__), sizeof(PARTS(__VA_ARGS__)) / sizeof(struct bytes))
#define TLV(tag, ...) tlv_of((tag), JOIN(__VA_ARGS__))
#define SEQ(...) TLV(DER_SEQUENCE, __VA_ARGS__)
#define NOTHING bytes_of(NULL, 0)

static inline struct bytes
test_file(const char *name)
{
	uint8_t *data = arena_alloc(A(), 1 << 16);
	char path[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", PKI_TEST_DIR, name);
	f = fopen(path, "rb");
	if (f == NULL) {
		perror(path);
		abort();
	}
	n = fread(data, 1, 1 << 16, f);
	fclose(f);
	/* Exactly its size, so that the address sanitizer sees the end. */
	return bytes_of(memcpy(malloc(n + 1), data, n), n);
}

/* An Ed25519 key whose signatures, and so whole golden certificates, never change. */
static inline EVP_PKEY *
fixed_key(uint8_t fill)
{
	uint8_t seed[32];

	memset(seed, fill, sizeof(seed));
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

static inline struct bytes
spki_of(EVP_PKEY *key)
{
	struct bytes der = {0};

	if (pki_spki_from_pkey(key, A(), &der) != ERR_OK)
		abort();
	return der;
}

static inline struct bytes
dn(const char *common_name)
{
	struct pki_name_parts parts = {.common_name = common_name};
	struct bytes der = {0};

	if (pki_name_build(&parts, A(), &der) != ERR_OK)
		abort();
	return der;
}

static inline struct pki_sans
sans_of(const char *const *texts, size_t count)
{
	struct pki_sans sans = {arena_array(A(), count + 1, sizeof(struct pki_san)), count};

	for (size_t i = 0; i < count; i++)
		if (pki_san_from_text(bytes_str(texts[i]), A(), &sans.item[i]) != ERR_OK)
			abort();
	return sans;
}
#define SANS(...)                                                                                  \
	sans_of((const char *const[]){__VA_ARGS__},                                                \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

#endif
