/* Shared by lib/store's ACME files: reading several authorizations at once. */
#ifndef CHANCERY_STORE_ACME_INTERNAL_H
#define CHANCERY_STORE_ACME_INTERNAL_H

#include "lib/store/acme_authorization.h"

/* Those of these ids that exist, with their challenges and computed states. */
enum err acme_rows_authorizations(struct store *s, struct arena *a, const char *const *ids,
	size_t id_count, struct store_authorization **out, size_t *count) MUST_CHECK;

#endif
