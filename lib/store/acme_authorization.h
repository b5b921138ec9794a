/* ACME authorizations (RFC 8555 section 7.1.4) with their challenges. */
#ifndef CHANCERY_STORE_ACME_AUTHORIZATION_H
#define CHANCERY_STORE_ACME_AUTHORIZATION_H

#include "lib/store/acme_challenge.h"

struct store_authorization {
	const char *id, *account, *identifier; /* canonical text without "*." */
	bool wildcard;
	int64_t expires;
	enum acme_authorization_status status; /* as schema/0005 computes it */
	struct store_challenge *challenges;
	size_t challenge_count;
};

enum err store_authorization_find(struct store *s, struct arena *a, const char *id,
	struct store_authorization *out) MUST_CHECK;
/* ERR_CONFLICT when it is not pending or valid. */
enum err store_authorization_deactivate(struct store *s, const char *id) MUST_CHECK;
/* *authz is the challenge's authorization with all its challenges; *index tells which. */
enum err store_challenge_find(struct store *s, struct arena *a, const char *id,
	struct store_authorization *authz, size_t *index) MUST_CHECK;
/* Does the account hold valid authorizations for every one of these names (revocation by another
 * account, acme/CHECKS.md 115)? */
enum err store_authorization_covers(struct store *s, const char *account, const char *const *names,
	size_t count, bool *all) MUST_CHECK;

#endif
