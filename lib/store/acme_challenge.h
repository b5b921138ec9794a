/* ACME challenges (RFC 8555 section 8): the gateway sets one to work, the validator decides it. */
#ifndef CHANCERY_STORE_ACME_CHALLENGE_H
#define CHANCERY_STORE_ACME_CHALLENGE_H

#include "lib/store/store.h"
#include "schema/words.h"

struct store_challenge {
	const char *id, *authorization, *token, *error_json;
	enum acme_challenge_type type;
	enum acme_challenge_status status;
	int64_t validated_at;
};

/* challenge_answer() of schema/0003; *changed false when it was no longer pending. Rings CHALLENGE.
 */
enum err store_challenge_answer(
	struct store *s, const char *id, const uint8_t thumbprint[32], bool *changed) MUST_CHECK;

/* Validator side. */
struct store_challenge_work {
	const char *id, *token, *identifier;
	enum acme_challenge_type type; /* ACME_CHALLENGE_TYPE_COUNT: of a newer program */
	uint8_t thumbprint[32];
	int attempts; /* this one included */
	enum store_work {
		STORE_WORK_WANTED,
		STORE_WORK_MOOT
	} wanted; /* moot: account closed or authorization over */
};
/* Claims up to max due challenges for lease_s seconds (claimed_until), SKIP LOCKED. ERR_NOTFOUND:
 * none. */
enum err store_challenge_take(struct store *s, struct arena *a, unsigned max, int64_t lease_s,
	struct store_challenge_work **out, size_t *count) MUST_CHECK;
/* From processing only. invalid with retry_at != 0: stays processing and is tried again then, error
 * kept. Audited when final. */
enum err store_challenge_finish(struct store *s, const char *id, enum acme_challenge_status to,
	const char *error_json, int64_t retry_at) MUST_CHECK;

#endif
