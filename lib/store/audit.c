/* Single audit events. */
#include "lib/store/audit.h"

#include "lib/store/internal.h"
#include "schema/statements/audit.h"

enum err
store_audit_add(struct store *s, const struct store_audit *event)
{
	AUTO_PARAMS(p);

	BIND(&p, audit_add, .actor = event->actor, .operation = event->operation,
		.object = event->object != NULL ? event->object : "", .outcome = event->outcome,
		.request_id = event->request_id != NULL ? event->request_id : "",
		.detail = event->detail_json);
	return db_write(s->db, &sql_audit_add, &p, NULL);
}
