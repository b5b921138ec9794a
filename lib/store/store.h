/*
 * What is stored, over lib/db: one struct store a program, with the bells and the node row of this
 * schema. The tables have a header each beside this one.
 */
#ifndef CHANCERY_STORE_STORE_H
#define CHANCERY_STORE_STORE_H

#include "lib/db/db.h"

struct store;

enum { STORE_SCHEMA_VERSION = 15 };
enum { STORE_SERIAL_SIZE = 16 }; /* octets of every serial; lower-case hex where it is text */

/* Connects, checks that the schema version is STORE_SCHEMA_VERSION (ERR_CONFLICT with the remedy
 * otherwise; word "schema-missing" when it is absent or older, which an operator may be mending
 * right now), starts the threads. ERR_UNAVAILABLE when the database cannot be reached now: the
 * caller retries. */
enum err store_open(const struct db_config *config, struct store **out) MUST_CHECK;
/* Sends rings that were asked for, and ends. Says db_stopping() itself. */
void store_close(struct store *s);
/* The database behind it: for followers, bells, health, and the end. */
struct db *store_db(struct store *s);
/* "program@host:pid": this process in the node table. */
const char *store_node(const struct store *s);
/* The bells of this schema; see lib/db/db.h. */
enum store_bell {
	STORE_BELL_REQUEST,   /* issuance requests wait -> one signer */
	STORE_BELL_RESULT,    /* requests were answered -> the program that asked */
	STORE_BELL_ISSUED,    /* certificates were recorded -> status */
	STORE_BELL_STATE,     /* revocations, identities, grants, accounts changed -> all */
	STORE_BELL_CRL,	      /* a CRL was published -> status */
	STORE_BELL_CHALLENGE, /* challenges wait -> validator */
	STORE_BELL_COUNT
};
/* See db_ring(). */
void store_ring(struct store *s, enum store_bell bell);

/* Schema: applied by `ca-admin schema apply` with an owner connection. Creates database roles when
 * it may, the schema, missing migrations in order, words.sql, roles.sql, certificate partitions.
 * steps gets one line per action. */
enum err store_schema_apply(const struct db_config *owner, const char *schema_directory,
	struct arena *a, const char ***steps, size_t *count) MUST_CHECK;

AUTO_STRUCT_DEFINE(store, store_close)

#endif
