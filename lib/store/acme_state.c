/* ACME states as functions of facts and the clock (RFC 8555 section 7.1.6): nothing has to be
 * swept, and reading never writes. */
#include "lib/store/acme_order.h"

static bool
any_challenge(const struct store_authorization *z, enum acme_challenge_status status)
{
	for (size_t i = 0; i < z->challenge_count; i++)
		if (z->challenges[i].status == status)
			return true;
	return false;
}

enum acme_authorization_status
store_authorization_status(const struct store_authorization *z, int64_t now)
{
	if (z->deactivated_at != 0)
		return ACME_AUTHZ_DEACTIVATED;
	if (any_challenge(z, ACME_CHALLENGE_VALID))
		return z->expires > now ? ACME_AUTHZ_VALID : ACME_AUTHZ_EXPIRED;
	/* One failed challenge fails the authorization, and so does a pending one that ran out of
	 * time. */
	if (any_challenge(z, ACME_CHALLENGE_INVALID) || z->expires <= now)
		return ACME_AUTHZ_INVALID;
	return ACME_AUTHZ_PENDING;
}

static enum acme_order_status
requested(const struct store_order *o)
{
	if (o->result.state == STORE_RESULT_DONE)
		return ACME_ORDER_VALID;
	return o->result.state == STORE_RESULT_REFUSED ? ACME_ORDER_INVALID : ACME_ORDER_PROCESSING;
}

enum acme_order_status
store_order_status(
	const struct store_order *o, const struct store_authorization *z, size_t count, int64_t now)
{
	size_t valid = 0;

	if (o->request != 0)
		return requested(o);
	if (o->expires <= now)
		return ACME_ORDER_INVALID;
	if (o->granted)
		return ACME_ORDER_READY;
	for (size_t i = 0; i < count; i++) {
		enum acme_authorization_status status = store_authorization_status(&z[i], now);

		if (status != ACME_AUTHZ_VALID && status != ACME_AUTHZ_PENDING)
			return ACME_ORDER_INVALID;
		valid += status == ACME_AUTHZ_VALID;
	}
	/* An authorization that cannot be found is not a valid one. */
	return count > 0 && valid == count && count == o->authorization_count ? ACME_ORDER_READY
									      : ACME_ORDER_PENDING;
}
