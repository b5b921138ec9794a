/* The gateway's own TLS key and certificate, for the names of enroll.names. One thread only. */
#ifndef CHANCERY_SERVER_FRONT_TLS_H
#define CHANCERY_SERVER_FRONT_TLS_H

#include "ca/issue.h"
#include "ca/own.h"

#define GATEWAY_IDENTITY                                                                           \
	"gateway" /* the service identity `ca-admin init` makes, with a grant for each of          \
		     enroll.names */

struct gateway_tls;

struct gateway_tls *gateway_tls_new(struct store *store, const struct config *config);
void gateway_tls_free(struct gateway_tls *t);
/* Key and certificate; see ca/own.h for their life. */
struct ca_own *gateway_tls_own(struct gateway_tls *t);
/* Credentials of the present certificate with these issuers as trust. */
enum err gateway_tls_credentials(const struct gateway_tls *t, const struct ca_issuers *issuers,
	struct http_tls **out) MUST_CHECK;

AUTO_STRUCT_DEFINE(gateway_tls, gateway_tls_free)

#endif
