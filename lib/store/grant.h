/* Which names an identity may have under which profile. */
#ifndef CHANCERY_STORE_GRANT_H
#define CHANCERY_STORE_GRANT_H

#include "lib/store/store.h"

struct store_grant {
	int64_t id;
	const char *profile, *pattern, *created_by;
};

enum err store_grant_list(struct store *s, struct arena *a, int64_t identity,
	struct store_grant **out, size_t *count) MUST_CHECK;
/* ERR_CONFLICT when it exists. Audited; rings STATE. */
enum err store_grant_add(struct store *s, int64_t identity, const char *profile,
	const char *pattern, const char *actor, const char *request_id) MUST_CHECK;
enum err store_grant_remove(struct store *s, int64_t identity, const char *profile,
	const char *pattern, const char *actor, const char *request_id) MUST_CHECK;

#endif
