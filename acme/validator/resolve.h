/* Names to addresses with c-ares: absolute names only, one deadline, the configured resolvers or
 * the system's. */
#ifndef CHANCERY_ACME_VALIDATOR_RESOLVE_H
#define CHANCERY_ACME_VALIDATOR_RESOLVE_H

#include "acme/validator/address.h"

enum { RESOLVE_MAX = 16 };
struct addresses {
	struct address item[RESOLVE_MAX];
	size_t count;
};

struct resolver; /* for one thread */
/* resolve_setup() once before threads start. */
enum err resolve_setup(void) MUST_CHECK;
enum err resolver_open(const struct config_validator *config, struct resolver **out) MUST_CHECK;
void resolver_close(struct resolver *r);
/* IPv6 addresses first. deadline in clock_monotonic_us(). ERR_INVALID (word "dns"). An address as
 * name is itself. */
enum err resolver_lookup(
	struct resolver *r, const char *name, int64_t deadline, struct addresses *out) MUST_CHECK;

AUTO_STRUCT_DEFINE(resolver, resolver_close)

#endif
