/* Audit events outside of the functions that leave theirs. */
#ifndef CHANCERY_STORE_AUDIT_H
#define CHANCERY_STORE_AUDIT_H

#include "lib/store/store.h"

/* Append one audit event outside of the functions that already do. */
struct store_audit {
	const char *actor, *operation, *object, *outcome, *request_id,
		*detail_json; /* detail NULL: none */
};
enum err store_audit_add(struct store *s, const struct store_audit *event) MUST_CHECK;

#endif
