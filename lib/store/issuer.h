/* CA certificates, own and offline ones. */
#ifndef CHANCERY_STORE_ISSUER_H
#define CHANCERY_STORE_ISSUER_H

#include "lib/store/store.h"
#include "schema/words.h"

struct store_issuer {
	int16_t id, parent; /* parent 0: none */
	const char *name, *key_label;
	enum issuer_kind kind;
	enum issuer_state state;
	struct bytes der, subject, key_id, spki_hash;
	int64_t not_after;
	const char **profiles; /* that it certifies under */
	size_t profile_count;  /* 0: under any */
};
enum err store_issuer_list(
	struct store *s, struct arena *a, struct store_issuer **out, size_t *count) MUST_CHECK;
/* Where a reader of the table is; all zero before its first look. */
struct store_issuer_place {
	uint64_t cursor, connections_seen;
};
/* Has the table changed since *place? Then read it and keep *next as the place; else keep it at
 * once. Always true at the first look, and when the database may have forgotten something. */
enum err store_issuer_changes(struct store *s, const struct store_issuer_place *place,
	struct store_issuer_place *next, bool *changed) MUST_CHECK;
/* Owner connection only (`ca-admin issuer import`). ERR_CONFLICT: name or key exists with another
 * certificate; importing the same again is ERR_OK with its id. */
enum err
store_issuer_add(struct store *s, const struct store_issuer *issuer, int16_t *id) MUST_CHECK;
/* Takes back an import before its first use; audited under actor. Programs that wait for a certificate
 * of it are refused. Owner connection only. ERR_NOTFOUND: there is no such issuer. ERR_CONFLICT: a
 * certificate, a CRL or an issuing CA refers to it. */
enum err store_issuer_remove(struct store *s, const char *name, const char *actor) MUST_CHECK;
/* An issuing CA's state from now on; being in it already is ERR_OK, with *changed false. An administrator
 * retires and activates, the owner also revokes. ERR_NOTFOUND (word "unknown-issuer"): no issuing CA
 * has this name. ERR_DENIED: the actor is no administrator. ERR_CONFLICT: it is revoked, which is for
 * good. Rings STATE. */
enum err store_issuer_move(struct store *s, const char *name, enum issuer_state state,
	const char *actor, const char *request_id, bool *changed) MUST_CHECK;

#endif
