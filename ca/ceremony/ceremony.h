/* The commands of ca-ceremony. Each gets the plan it asked for in main.c's table. */
#ifndef CHANCERY_CA_CEREMONY_CEREMONY_H
#define CHANCERY_CA_CEREMONY_CEREMONY_H

#include "ca/ceremony/record.h"

/* Key and self-signed certificate of a root, its first CRL. */
enum err ceremony_root(struct plan *p) MUST_CHECK;
/* Key of an issuing CA in its own token, and the request for its certificate. */
enum err ceremony_request(struct plan *p) MUST_CHECK;
/* The root certifies an issuing CA. */
enum err ceremony_sign(struct plan *p) MUST_CHECK;
/* The root's next CRL. */
enum err ceremony_crl(struct plan *p) MUST_CHECK;
/* A token for trials. */
enum err ceremony_token(struct plan *p) MUST_CHECK;
/* Checks evidence; certificate may be NULL (then the one the evidence names). Prints each check;
 * ERR_DENIED when one fails. */
enum err ceremony_verify(const char *evidence, const char *certificate) MUST_CHECK;

/* What the commands share: the open token and key, and the record. */
struct ceremony {
	const struct plan *plan;
	struct ca_token *token;
	struct ca_key *key;
	struct record *record;
};
/* Checks that no output exists, starts the record, logs in. */
enum err ceremony_open(struct ceremony *c, const struct plan *p, const char *command,
	const char *const *outputs, size_t count) MUST_CHECK;
/* Makes the plan's key (fallback type if it names none) and opens it; the _use form opens the key
 * that is there. */
enum err ceremony_key_new(struct ceremony *c, enum pki_key_type fallback) MUST_CHECK;
enum err ceremony_key_use(struct ceremony *c) MUST_CHECK;
void ceremony_close(struct ceremony *c);
#define AUTO_CEREMONY(name)                                                                        \
	__attribute__((cleanup(ceremony_close))) struct ceremony name = {.plan = NULL}

/* The issuer's certificate of the plan, which must be this key's and a CA's. */
enum err ceremony_issuer(struct ceremony *c, struct pki_cert *out) MUST_CHECK;
/* Builds, signs, checks and writes a CRL; previous may be NULL (then the first one). */
enum err ceremony_crl_write(struct ceremony *c, const struct pki_cert *issuer,
	const struct pki_crl *previous) MUST_CHECK;

#endif
