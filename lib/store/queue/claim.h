/* Between claim.c and record.c. */
#ifndef CHANCERY_STORE_CLAIM_H
#define CHANCERY_STORE_CLAIM_H

#include "lib/store/internal.h"
#include "lib/store/queue/request.h"

struct store_claim {
	struct store *store;
	struct db_conn *conn; /* its transaction is open */
	struct arena *arena;
	const struct store_claimed *items;
	size_t count;
};

#endif
