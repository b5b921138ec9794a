/* JSON Web Signatures in the one form ACME allows (RFC 8555 section 6.2): flattened, protected
 * header only. */
#ifndef CHANCERY_ACME_JWS_H
#define CHANCERY_ACME_JWS_H

#include "acme/jwk.h"

struct jws {
	const char *alg, *url;
	const char *nonce; /* NULL on an inner JWS */
	const char *kid;   /* exactly one of kid and jwk is set */
	const json_t *jwk;
	struct bytes payload; /* decoded; n 0 is POST-as-GET */
	struct bytes signature;
	struct bytes input; /* protected "." payload, as signed */
	json_t *protected;  /* owns the strings above */
};

/* Outer: the request itself, with a nonce. Inner: carried in a payload (section 7.3.5), with jwk
 * and without nonce. */
enum jws_place { JWS_OUTER, JWS_INNER };
/* Checks the envelope and the shape of the protected header; nothing is verified yet. ERR_INVALID
 * (word "invalid"). Octets are in the arena; release *out with jws_clear(). */
enum err
jws_parse(struct bytes body, enum jws_place place, struct arena *a, struct jws *out) MUST_CHECK;
void jws_clear(struct jws *jws);

/* Is the algorithm one of ours, and made for this type of key? ERR_INVALID with words
 * "bad-signature-algorithm", "bad-public-key". */
enum err jws_check_algorithm(const struct jws *jws) MUST_CHECK;
enum err jws_check_key(const struct jws *jws, enum pki_key_type type) MUST_CHECK;
/* ERR_INVALID (word "bad-jws-signature"). The two checks above come first. */
enum err jws_verify(const struct jws *jws, EVP_PKEY *key) MUST_CHECK;
/* The accepted names one after the other, then NULL: for badSignatureAlgorithm. */
const char *jws_algorithm_name(size_t i);

#define AUTO_JWS(name) __attribute__((cleanup(jws_clear))) struct jws name = {.protected = NULL}

#endif
