/* Audit events: those outside of the functions that leave theirs, and reading all. */
#ifndef CHANCERY_STORE_AUDIT_H
#define CHANCERY_STORE_AUDIT_H

#include "lib/store/store.h"

/* Append one audit event outside of the functions that already do. */
struct store_audit {
	const char *actor, *operation, *object, *outcome, *request_id,
		*detail_json; /* detail NULL: none */
};
enum err store_audit_add(struct store *s, const struct store_audit *event) MUST_CHECK;

struct store_event {
	int64_t id, at;
	const char *actor, *role, *operation, *object, *outcome, *request_id, *detail_json;
};
/* NULL and 0: any. since is the earliest second, until the first that is too late. */
struct store_audit_filter {
	const char *actor, *operation, *object, *outcome;
	int64_t since, until;
	int64_t before; /* only events with a lower number */
	unsigned limit;
};
/* A page, the newest first, from a bounded number of events; *next is the before of the next page,
 * 0: there is none. A page may be empty and have a next one. */
enum err store_audit_list(struct store *s, struct arena *a, const struct store_audit_filter *f,
	struct store_event **out, size_t *count, int64_t *next) MUST_CHECK;
/* ERR_NOTFOUND: no event has this number. */
enum err
store_audit_get(struct store *s, struct arena *a, int64_t id, struct store_event *out) MUST_CHECK;

#endif
