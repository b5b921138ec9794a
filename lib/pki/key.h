/* What the files about public keys share. Private to this folder. */
#ifndef CHANCERY_PKI_KEY_H
#define CHANCERY_PKI_KEY_H

#include <openssl/ec.h>

#include "lib/pki/spki.h"

enum { RSA_BITS_MAX = 4096, RSA_EXPONENT_OCTETS_MAX = 32 };

#define bad_key(...) err_set_word(ERR_INVALID, WORD_BAD_KEY, __VA_ARGS__)

/* The group of an EC key, for ever. */
const EC_GROUP *key_group(const struct pki_spki *key);
/* ERR_INVALID: an EC point that is not one of its curve. */
enum err key_refuse_point(void);
/* Bits of a magnitude without leading zero octets. */
unsigned key_bit_length(struct bytes magnitude);
/* RSA moduli that anybody can factor: even, with a prime factor below 752, ROCA, neighbouring
 * primes. */
enum err rsa_check_modulus(struct bytes modulus) MUST_CHECK;
/* Ed25519 (RFC 8032 section 5.1.3): one of the 32 octet strings that encode a point of large order. */
enum err ed25519_check_point(struct bytes point) MUST_CHECK;

#endif
