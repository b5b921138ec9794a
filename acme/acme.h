/*
 * ACME (RFC 8555) behind mutual TLS: what server/gateway.c needs of this folder.
 *
 * An ACME account belongs to the TLS identity that created it; the JWS is checked on top of the
 * client certificate, never instead of it. The folder never touches a CA key: finalize adds a row
 * to the issuance queue like every other front end.
 */
#ifndef CHANCERY_ACME_ACME_H
#define CHANCERY_ACME_ACME_H

#include "ca/issue.h"

/* Ends with pattern NULL; http_request.app is the struct ca_front. */
extern const struct http_route acme_routes[];

/* How refusals of lib/http look below /acme/: a problem document, with a Replay-Nonce when it was a
 * POST. */
http_refusal_writer acme_refuse;

/* Opens this folder's state (nonce keys, caches, the thread that follows account changes) and puts
 * it into front->acme. front's store, clients, profiles, config and issuers must be set and
 * outlive it. Call before the listener opens. */
enum err acme_open(struct ca_front *front) MUST_CHECK;
/* After the listener closed; harmless when not open. */
void acme_close(struct ca_front *front);

#endif
