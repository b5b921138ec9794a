/* JSON Web Keys (RFC 7517, 7518 section 6, 8037) as ACME account keys, and their thumbprints (RFC
 * 7638). */
#ifndef CHANCERY_ACME_JWK_H
#define CHANCERY_ACME_JWK_H

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/pki/spki.h"

struct jwk {
	enum pki_key_type type;
	struct bytes material;	/* EC: uncompressed point; RSA: modulus without leading zeros;
				   Ed25519: 32 octets */
	struct bytes exponent;	/* RSA only, without leading zeros */
	uint8_t thumbprint[32]; /* RFC 7638: what identifies the key */
	const char
		*canonical; /* the required members alone, in the order of RFC 7638 section 3.2 */
};

/* Everything ends up in the arena. ERR_INVALID (word "bad-public-key"): unknown kty or curve,
 * lengths, a private key. Whether it is a good key is told by jwk_pkey(). */
enum err jwk_parse(const json_t *object, struct arena *a, struct jwk *out) MUST_CHECK;
/* A key for verification; *out is the caller's. ERR_INVALID (word "bad-public-key") when
 * pki_key_judge() refuses it. */
enum err jwk_pkey(const struct jwk *jwk, EVP_PKEY **out) MUST_CHECK;
/* Is it the key of this certificate or CSR? */
bool jwk_is_spki(const struct jwk *jwk, const struct pki_spki *spki);
/* "P-256", ..., "RSA", "Ed25519". */
const char *jwk_type_name(enum pki_key_type t);

#endif
