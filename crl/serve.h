/*
 * What relying parties fetch over plain HTTP besides OCSP: CRLs (DER where the certificates point,
 * PEM beside), the CA certificates, and ready-made bundles for servers that check the whole chain.
 */
#ifndef CHANCERY_CRL_SERVE_H
#define CHANCERY_CRL_SERVE_H

#include "lib/base/config.h"
#include "lib/http/route.h"
#include "lib/store/store.h"
#include "schema/words.h"

struct crl_service;

/* Loads issuers and their newest CRLs (blocking) and follows publications. ERR_UNAVAILABLE while
 * the database is away. */
enum err crl_serve_open(
	struct store *store, const struct config *config, struct crl_service **out) MUST_CHECK;
void crl_serve_close(struct crl_service *c);

struct crl_state {
	const char *issuer;
	bool expected; /* a root's, or an issuing CA's that is configured: not having one is trouble
			*/
	bool published_here;			  /* an issuing CA's that is configured */
	int64_t number, this_update, next_update; /* 0: none published yet */
	int64_t refused; /* the newest one's number if it is not fit to be served, or 0 */
	int64_t build_ms, waiting_ms; /* as in struct store_crl_state */
	int entries;
	enum issuer_state state;
};
/* One row an issuer, in the arena. */
void
crl_serve_states(struct crl_service *c, struct arena *a, struct crl_state **out, size_t *count);

/* GET /crl/NAME.crl, /crl/NAME.pem, /crl/bundle.pem, /ca/NAME.cer, /ca/NAME.pem, /ca/bundle.pem;
 * http_request.app is a struct ca_public. Ends with pattern NULL. */
extern const struct http_route crl_routes[];

AUTO_STRUCT_DEFINE(crl_service, crl_serve_close)

#endif
