/* The queue as operators see it: what is held, for what, and what they say to it. */
#ifndef CHANCERY_STORE_REVIEW_H
#define CHANCERY_STORE_REVIEW_H

#include "lib/store/certificate.h"

struct store_reviewed {
	int64_t id;
	const char *state;			  /* "held", "pending", "done", "refused" */
	const char *hold, *hold_reason;		  /* "approval", "unavailable"; NULL: never held */
	int64_t hold_until, created_at;		  /* 0: none */
	const char *identity, *requester, *proof; /* requester NULL: a program, or the owner */
	const char *protocol, *profile;
	const char **names;
	size_t name_count;
	struct bytes spki;
	int64_t approvals, needed;
	const char *refusal_word, *refusal;
	bool has_serial;
	uint8_t serial[STORE_SERIAL_SIZE];
};
/* Those that are held with an id above `after`, oldest first, at most limit. */
enum err store_review_list(struct store *s, struct arena *a, int64_t after, unsigned limit,
	struct store_reviewed **out, size_t *count) MUST_CHECK;
/* Any request. ERR_NOTFOUND. */
enum err store_review_find(
	struct store *s, struct arena *a, int64_t id, struct store_reviewed *out) MUST_CHECK;

struct store_approved {
	bool again; /* this operator had approved already */
	int64_t approvals, needed;
};
/* ERR_NOTFOUND; ERR_CONFLICT: it is not held for approval (any more); ERR_DENIED (word
 * "own-request"): whoever asked cannot approve, (word "role-missing") nor who is no officer. With enough approvals the signer has it again; rings
 * REQUEST. Audited. */
enum err store_review_approve(struct store *s, int64_t id, int64_t operator, const char * actor,
	const char *request_id, struct store_approved *out) MUST_CHECK;
/* Final. ERR_NOTFOUND, ERR_CONFLICT as above. Rings RESULT. Audited. */
enum err store_review_reject(struct store *s, int64_t id, const char *reason, const char *actor,
	const char *request_id) MUST_CHECK;

#endif
