/* The resources of RFC 8555 section 7.1, one file each; routes.c gives them their paths. */
#ifndef CHANCERY_ACME_RESOURCES_H
#define CHANCERY_ACME_RESOURCES_H

#include "acme/call.h"

extern const struct resource directory_resource, nonce_resource;
extern const struct resource account_new_resource, account_resource, account_orders_resource,
	key_change_resource;
extern const struct resource order_new_resource, order_resource, finalize_resource,
	certificate_resource;
extern const struct resource authorization_resource, challenge_resource, revoke_resource;

#endif
