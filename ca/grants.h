/*
 * A bounded cache of the name grants of identities, for the early policy check only: the signer
 * reads them itself. Private to ca/. Entries die with every state bell, and after two seconds where
 * no bell came through.
 */
#ifndef CHANCERY_CA_GRANTS_H
#define CHANCERY_CA_GRANTS_H

#include "lib/store/store.h"

struct ca_grants;

struct ca_grants *ca_grants_new(struct store *store);
void ca_grants_free(struct ca_grants *g);
/* Everything cached so far is read again when asked for. */
void ca_grants_forget(struct ca_grants *g);
/* Patterns copied into the arena. Errors are the store's. */
enum err ca_grants_find(struct ca_grants *g, struct arena *a, int64_t identity, const char *profile,
	const char *const **out, size_t *count) MUST_CHECK;

#endif
