/*
 * Who asks for something, and how that was proven. Every handler reads this and nothing else about
 * its client; a listener's authenticator makes it (struct http_authenticator), a request row
 * carries it, and the signer asks about it again. A requester need not be a TLS client with a
 * certificate: certificate is NULL then.
 */
#ifndef CHANCERY_CA_REQUESTER_H
#define CHANCERY_CA_REQUESTER_H

#include "lib/http/server.h"
#include "lib/pki/cert.h"
#include "lib/store/identity.h"

/* A certificate of ours that was presented with proof of its key. */
struct ca_presented {
	struct bytes der;     /* the verified leaf */
	struct pki_cert cert; /* views into der */
	uint8_t serial[STORE_SERIAL_SIZE];
	int16_t issuer;
	const char *profile; /* the one it was issued under */
};

struct ca_requester {
	int64_t identity;
	const char *identity_name;
	enum identity_kind kind;
	enum store_proof proof;
	const struct ca_presented *certificate; /* for STORE_PROOF_CERTIFICATE, else NULL */
};

/* NULL when nobody has been authenticated. As immutable and long-lived as the request. */
static inline const struct ca_requester *
ca_requester(const struct http_request *req)
{
	return req->requester;
}

/* The serial of the certificate that was presented, or NULL. */
static inline const uint8_t *
ca_requester_serial(const struct ca_requester *r)
{
	return r->certificate != NULL ? r->certificate->serial : NULL;
}

#endif
