/* Operations that wait for a second operator. Who may decide, and what is done, the database says
 * (schema/0014_second.sql). */
#ifndef CHANCERY_STORE_PROPOSAL_H
#define CHANCERY_STORE_PROPOSAL_H

#include "lib/store/store.h"
#include "schema/words.h"

struct store_proposal {
	int64_t id;
	const char *operation, *object, *proposer;
	const char *arguments_json;		    /* NULL in a list */
	const char *state;			    /* of enum proposal_state, or "expired" */
	const char *decided_by, *reason;	    /* NULL: not decided; no reason */
	int64_t created_at, expires_at, decided_at; /* decided_at 0: not yet */
	const char **able;			    /* operators who could approve it now */
	size_t able_count;
};

/* What an operator asks for. */
struct store_proposed {
	const char *operation; /* "identity.add" */
	const char *object;    /* name of the identity or issuing CA it is about */
	const char *arguments; /* a JSON object: what the operation takes */
	unsigned roles;	       /* 1U << enum operator_role of those who may do it */
	int64_t lifetime;      /* seconds */
	const char *actor, *request_id;
};

/* Of a deed: it was done now, or was so before; WAITS: nothing has happened yet. */
enum store_done { STORE_DONE, STORE_DONE_BEFORE, STORE_WAITS };
/* Does it at once, with an event that says so, when nobody else could approve it; else it waits, and
 * out has id, expires_at and able, also of an equal proposal that waits already. What could not be
 * done is refused at once: ERR_NOTFOUND, ERR_CONFLICT, ERR_INVALID, ERR_DENIED; ERR_LIMIT when 100
 * proposals of the actor wait. Rings STATE. */
enum err store_proposal_add(struct store *s, struct arena *a, const struct store_proposed *wish,
	struct store_proposal *out, enum store_done *done) MUST_CHECK;
/* Does it in the proposer's name. ERR_DENIED (words "own-proposal", "role-missing"); ERR_CONFLICT: it is
 * decided, its time is over, or its proposer may not any more; the rest as above. Rings STATE. */
enum err store_proposal_approve(struct store *s, int64_t id, const char *actor,
	const char *request_id, enum store_done *done) MUST_CHECK;
/* ERR_DENIED: neither the proposer nor somebody who could approve. ERR_NOTFOUND, ERR_CONFLICT. */
enum err store_proposal_reject(struct store *s, int64_t id, const char *reason, const char *actor,
	const char *request_id) MUST_CHECK;
/* A page of those that wait, with a number above after. */
enum err store_proposal_list(struct store *s, struct arena *a, int64_t after, unsigned limit,
	struct store_proposal **out, size_t *count) MUST_CHECK;
enum err store_proposal_get(
	struct store *s, struct arena *a, int64_t id, struct store_proposal *out) MUST_CHECK;
/* How many wait. */
enum err store_proposal_count(struct store *s, int64_t *out) MUST_CHECK;

#endif
