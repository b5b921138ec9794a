/*
 * Who is not welcome, in memory: revoked serials and identities that are not active. Asked on every
 * request, so it is two hash tables and nothing else; a reader-writer lock inside makes every
 * function thread-safe. Private to ca/.
 */
#ifndef CHANCERY_CA_BARRED_H
#define CHANCERY_CA_BARRED_H

#include "lib/store/certificate.h"

struct ca_barred;

struct ca_barred *ca_barred_new(void);
void ca_barred_free(struct ca_barred *b);
/* Repeating is harmless. A certificate that has expired by now is dropped when the table grows. */
void
ca_barred_revoke(struct ca_barred *b, const uint8_t serial[STORE_SERIAL_SIZE], int64_t not_after);
/* The identity's present state; active lifts an earlier bar. */
void ca_barred_identity(struct ca_barred *b, int64_t identity, enum identity_state state);

enum ca_bar { CA_BAR_NONE, CA_BAR_REVOKED, CA_BAR_IDENTITY };
enum ca_bar
ca_barred_check(struct ca_barred *b, const uint8_t serial[STORE_SERIAL_SIZE], int64_t identity);
/* How many serials the table holds. */
size_t ca_barred_count(struct ca_barred *b);

AUTO_STRUCT_DEFINE(ca_barred, ca_barred_free)

#endif
