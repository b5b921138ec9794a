/*
 * EST (RFC 7030, RFC 8951) behind mutual TLS: what server/gateway.c needs of this folder.
 *
 * The client certificate is the identity; the CSR is a wish that names, key and policy are checked
 * against. The folder never touches a CA key: enrollment adds a row to the issuance queue like
 * every other front end.
 */
#ifndef CHANCERY_EST_EST_H
#define CHANCERY_EST_EST_H

#include "ca/issue.h"

/* Ends with pattern NULL; http_request.app is the struct ca_front. */
extern const struct http_route est_routes[];
#define EST_PREFIX "/.well-known/est"

/* How refusals look below EST_PREFIX: one line of text/plain, "code-word: sentence (request ID)".
 */
http_refusal_writer est_refuse;

/* Do labels and default name profiles that there are? ERR_NOTFOUND says which does not. */
enum err
est_check_profiles(const struct config *config, const struct ca_profiles *profiles) MUST_CHECK;
/* Puts this folder's state into front->est. front's config, profiles that passed
 * est_check_profiles(), and issuers must be set and outlive it. */
void est_open(struct ca_front *front);
/* After the listener closed; harmless when not open. */
void est_close(struct ca_front *front);

#endif
