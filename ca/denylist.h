/*
 * Who is not welcome, in memory: revoked serials, identities that are not active, and whoever a
 * revoked issuing CA has certified. Asked on every request, so it is two hash tables, a flag and nothing else; a reader-writer lock inside makes every
 * function thread-safe. Private to ca/.
 */
#ifndef CHANCERY_CA_DENYLIST_H
#define CHANCERY_CA_DENYLIST_H
#include "lib/store/identity.h"

struct ca_denylist;

struct ca_denylist *ca_denylist_new(void);
void ca_denylist_free(struct ca_denylist *b);
/* Repeating is harmless. A certificate that has expired by now is dropped when the table grows. */
void ca_denylist_revoke(
	struct ca_denylist *b, const uint8_t serial[STORE_SERIAL_SIZE], int64_t not_after);
/* The identity's present state; active lifts an earlier bar. */
void ca_denylist_identity(struct ca_denylist *b, int64_t identity, enum identity_state state);

/* An issuing CA that is revoked: for good, and with it all it has certified. */
void ca_denylist_issuer(struct ca_denylist *b, int16_t issuer);

enum ca_denial { CA_DENIED_NONE, CA_DENIED_REVOKED, CA_DENIED_IDENTITY, CA_DENIED_ISSUER };
enum ca_denial ca_denylist_check(struct ca_denylist *b, const uint8_t serial[STORE_SERIAL_SIZE],
	int64_t identity, int16_t issuer);

AUTO_STRUCT_DEFINE(ca_denylist, ca_denylist_free)

#endif
