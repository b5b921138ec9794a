/* Orders (RFC 8555 section 7.4): reading one as its owner, showing it, and the cache of those
 * granted at birth. */
#ifndef CHANCERY_ACME_ORDER_H
#define CHANCERY_ACME_ORDER_H

#include "acme/call.h"
#include "lib/store/acme_order.h"

/* From the database, checked to be the calling account's. ERR_NOTFOUND, ERR_DENIED (word
 * "not-yours"). */
enum err order_get(struct call *c, const char *id, struct store_order *out) MUST_CHECK;
/* The same, from the cache when it is there: then everything but status, request and result is
 * certain, and these are when the status is valid. */
enum err order_get_cached(struct call *c, const char *id, struct store_order *out) MUST_CHECK;
/* Remembers an order as it is; deep copy. */
void order_remember(struct acme *acme, const struct store_order *order);
void order_free(struct cache_item *item);

/* Answers with the order object, Location, and Retry-After while it is processing. */
enum err order_put(struct call *c, unsigned status, const struct store_order *order) MUST_CHECK;
/* The id of the authorization that proves identifier i, NULL: it is granted. */
const char *order_proof(const struct store_order *order, size_t i);
/* {"type","value"} of a canonical text ("dns:a.example"). */
json_t *order_identifier(const char *text);
/* The names of an order as typed names, in the request's arena. */
enum err
order_names(struct call *c, const struct store_order *order, struct pki_sans *out) MUST_CHECK;

#endif
