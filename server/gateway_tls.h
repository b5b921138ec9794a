/*
 * The gateway's own TLS key and certificate: made in memory, certified through the queue like
 * everybody's, renewed with a new key long before the end. One thread only.
 */
#ifndef CHANCERY_SERVER_GATEWAY_TLS_H
#define CHANCERY_SERVER_GATEWAY_TLS_H

#include "ca/issue.h"

#define GATEWAY_IDENTITY                                                                           \
	"gateway" /* the service identity `ca-admin init` makes, with a grant for each of          \
		     enroll.names */

struct gateway_tls;

struct gateway_tls *gateway_tls_new(struct store *store, const struct config *config);
void gateway_tls_free(struct gateway_tls *t);
/* Is it time for a new certificate? True until there is a first one. */
bool gateway_tls_due(const struct gateway_tls *t, int64_t now);
/* Asks for a certificate, or goes on waiting for one asked for before, at most wait_ms. ERR_OK:
 * there is a new one. ERR_UNAVAILABLE with the reason while there is none yet; ERR_NOTFOUND when
 * the identity is missing; a refusal's class when the signer refused. Calling again is always
 * right. */
enum err gateway_tls_obtain(struct gateway_tls *t, int64_t wait_ms) MUST_CHECK;
/* Credentials of the present certificate with these issuers as trust. */
enum err gateway_tls_credentials(const struct gateway_tls *t, const struct ca_issuers *issuers,
	struct http_tls **out) MUST_CHECK;
/* 0: none yet. */
int64_t gateway_tls_not_after(const struct gateway_tls *t);

AUTO_STRUCT_DEFINE(gateway_tls, gateway_tls_free)

#endif
