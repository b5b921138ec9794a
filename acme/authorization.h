/* Authorizations and challenges as JSON (RFC 8555 sections 7.1.4, 7.5, 8). */
#ifndef CHANCERY_ACME_AUTHORIZATION_H
#define CHANCERY_ACME_AUTHORIZATION_H

#include "acme/call.h"
#include "lib/store/acme_authorization.h"

/* ERR_DENIED (word "not-yours"). */
enum err
authorization_check_own(const struct call *c, const struct store_authorization *z) MUST_CHECK;
json_t *challenge_json(struct call *c, const struct store_challenge *challenge);

#endif
