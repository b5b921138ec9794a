/* A front's own TLS key and certificate, for the names of its listener. One thread only. */
#ifndef CHANCERY_SERVER_FRONT_TLS_H
#define CHANCERY_SERVER_FRONT_TLS_H

#include "ca/issue.h"
#include "ca/own.h"
#include "server/front.h"

struct front_tls;

/* All is borrowed. */
struct front_tls *front_tls_new(
	struct store *store, const struct config *config, const struct front_program *program);
void front_tls_free(struct front_tls *t);
/* Key and certificate; see ca/own.h for their life. */
struct ca_own *front_tls_own(struct front_tls *t);
/* Credentials of the present certificate with these issuers as trust. */
enum err front_tls_credentials(const struct front_tls *t, const struct ca_issuers *issuers,
	struct http_tls **out) MUST_CHECK;

#endif
