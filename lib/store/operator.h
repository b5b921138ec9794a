/* What operators may do, and who may do and have what. */
#ifndef CHANCERY_STORE_OPERATOR_H
#define CHANCERY_STORE_OPERATOR_H

#include "lib/store/identity.h"

/* One bit 1U << enum operator_role for each of the identity's roles. */
enum err store_operator_roles(struct store *s, int64_t identity, unsigned *out) MUST_CHECK;

enum store_role_change { STORE_ROLE_GIVEN, STORE_ROLE_TAKEN };
/* *changed: false when it was so already. ERR_NOTFOUND: no such operator; ERR_DENIED: the actor's own
 * role, or the actor is no administrator. */
enum err store_operator_role_set(struct store *s, const char *name, enum operator_role role,
	enum store_role_change change, const char *actor, const char *request_id,
	bool *changed) MUST_CHECK;

struct store_access {
	const char *name;
	enum identity_kind kind;
	enum identity_state state;
	/* grants as "profile=pattern", proposals that wait as "7 identity.add bob": at most a hundred */
	const char **roles, **grants, **proposals;
	size_t role_count, grant_count, proposal_count;
};
/* A page of identities after this name (NULL: the first). */
enum err store_access_list(struct store *s, struct arena *a, const char *after, unsigned limit,
	struct store_access **out, size_t *count) MUST_CHECK;

#endif
