/*
 * SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7): exactly the keys Chancery certifies, read
 * without OpenSSL's decoder (120 us each and no thread scaling) and turned into EVP_PKEY by
 * fromdata (EC keys: by copying a ready one and replacing its point).
 */
#ifndef CHANCERY_PKI_SPKI_H
#define CHANCERY_PKI_SPKI_H

#include <openssl/evp.h>

#include "lib/pki/der.h"

/* Those up to PKI_KEY_TYPE_COUNT are certified; P-521 may sign requests of ACME. */
enum pki_key_type {
	PKI_KEY_P256,
	PKI_KEY_P384,
	PKI_KEY_RSA,
	PKI_KEY_ED25519,
	PKI_KEY_TYPE_COUNT,
	PKI_KEY_P521 = PKI_KEY_TYPE_COUNT,
	PKI_KEY_KNOWN_COUNT
};

enum pki_sig_alg {
	PKI_SIG_ECDSA_SHA256,
	PKI_SIG_ECDSA_SHA384,
	PKI_SIG_ECDSA_SHA512,
	PKI_SIG_RSA_SHA256,
	PKI_SIG_RSA_SHA384,
	PKI_SIG_RSA_SHA512,
	PKI_SIG_ED25519,
	PKI_SIG_COUNT
};

struct pki_spki {
	struct bytes der; /* the whole SEQUENCE, borrowed from the input */
	struct bytes key; /* content of the BIT STRING: point, RSAPublicKey, or 32 octets */
	enum pki_key_type type;
	unsigned bits;			/* 256, 384, modulus length, 256 */
	struct bytes modulus, exponent; /* RSA only, magnitudes */
};

AUTO_DEFINE(EVP_PKEY, EVP_PKEY_free)

/* "p256", "p384", "rsa", "ed25519". */
const char *pki_key_type_name(enum pki_key_type t);

/* Refuses (word "bad-key") what is not the DER of such a key: other algorithms, explicit curve
 * parameters, compressed or off-length points, non-minimal integers. Whoever did not judge the key
 * before goes on with pki_key_judge(). */
enum err pki_spki_parse(struct bytes der, struct pki_spki *out) MUST_CHECK;
/* The one judge of public keys, for all who bring one. ERR_INVALID (word "bad-key") says which weakness
 * it is: points that are not on their curve or of small order (SEC 1 section 3.2.2.1, RFC 8032
 * section 5.1.3), RSA outside 2048..4096 bits or with an exponent that the CA/Browser Forum's Baseline
 * Requirements (section 6.1.6) do not allow, moduli that anybody can factor. Less than a
 * millisecond. Looks at type, key, modulus and exponent only. made: NULL, or gets what pki_spki_pkey()
 * makes. */
enum err pki_key_judge(const struct pki_spki *key, EVP_PKEY **made) MUST_CHECK;
/* A key for verification; checks that an EC point is on its curve. *out is the caller's. */
enum err pki_spki_pkey(const struct pki_spki *spki, EVP_PKEY **out) MUST_CHECK;
/* SHA-256 over the whole SubjectPublicKeyInfo: the identity of a key in the database. */
void pki_spki_hash(const struct pki_spki *spki, uint8_t out[32]);
/* Subject key identifier: SHA-1 of the BIT STRING content (RFC 5280 section 4.2.1.2 method 1). */
void pki_spki_key_id(const struct pki_spki *spki, uint8_t out[20]);
/* The SubjectPublicKeyInfo of a key (in-memory EVP_PKEY, or an HSM key through i2d_PUBKEY), judged, in
 * the arena. */
enum err pki_spki_from_pkey(EVP_PKEY *key, struct arena *a, struct bytes *der) MUST_CHECK;

/* AlgorithmIdentifier: parse one at the cursor, or write it. Those of RSA are read with NULL or nothing
 * as parameters and written with NULL (RFC 4055 section 5). */
enum err pki_sig_alg_get(struct der *d, enum pki_sig_alg *out) MUST_CHECK;
void pki_sig_alg_put(struct derw *w, enum pki_sig_alg alg);
/* The algorithm a CA key of this type signs with: P-256 SHA-256, P-384 SHA-384, RSA SHA-256,
 * Ed25519. */
enum pki_sig_alg pki_sig_alg_for(enum pki_key_type type);
/* Verifies signature over data; the key type must match the algorithm. ERR_INVALID (word
 * "bad-signature"). */
enum err pki_verify(
	EVP_PKEY *key, enum pki_sig_alg alg, struct bytes data, struct bytes signature) MUST_CHECK;

/* A signing handle: what ca/hsm or a software key offers to the builders of this folder. */
struct pki_signer {
	enum pki_sig_alg alg;
	void *ctx;
	/* Signs data (hashing included) and appends the signature in X.509 form (ECDSA: DER). */
	enum err (*sign)(void *ctx, struct bytes data, struct buf *signature);
};
/* A signer over an in-memory key (OCSP responder, tests); key is borrowed. */
void pki_signer_software(EVP_PKEY *key, enum pki_key_type type, struct pki_signer *out);
/* New in-memory P-256 key. */
enum err pki_key_generate_p256(EVP_PKEY **out) MUST_CHECK;

/* SIGNED{}: SEQUENCE { tbs, algorithm, BIT STRING signature }, appended to out. */
enum err pki_sign(const struct pki_signer *s, struct bytes tbs, struct buf *out) MUST_CHECK;
/* Appends all parts with one reservation. */
enum err pki_concat(struct buf *out, const struct bytes *parts, size_t count) MUST_CHECK;

#endif
