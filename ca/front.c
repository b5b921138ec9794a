/* A change as its caller waits for it; see front.h. */
#include "ca/front.h"

#include "lib/base/log.h"
#include "lib/store/revocation.h"

enum { SETTLE_WAIT_MS = 2000 };

unsigned
ca_front_settle(struct ca_front *f, const uint8_t *serial, const char *identity)
{
	unsigned behind = 1; /* what cannot be counted is not called none */

	ca_authenticator_refresh(f->clients);
	if (store_revocation_settle(f->store, serial, identity, SETTLE_WAIT_MS, &behind) != ERR_OK)
		log_event(LOG_WARNING, "revocation.settle", LOG_S("reason", err_reason()));
	return behind;
}
