/* Audit events. */
#include "lib/store/audit.h"

#include "lib/store/internal.h"
#include "schema/statements/audit.h"

enum { LOOKED_AT = 50000 }; /* events of one page at most */

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

static struct store_event
read_event(struct arena *a, const PGresult *res, size_t row)
{
	return (struct store_event){.id = result_int(res, row, COL_EVENT_ID),
		.at = result_time(res, row, COL_EVENT_AT),
		.actor = result_text(a, res, row, COL_EVENT_ACTOR),
		.role = result_text(a, res, row, COL_EVENT_ROLE),
		.operation = result_text(a, res, row, COL_EVENT_OPERATION),
		.object = result_text(a, res, row, COL_EVENT_OBJECT),
		.outcome = result_text(a, res, row, COL_EVENT_OUTCOME),
		.request_id = result_text(a, res, row, COL_EVENT_REQUEST_ID),
		.detail_json = result_text(a, res, row, COL_EVENT_DETAIL)};
}

enum err
store_audit_list(struct store *s, struct arena *a, const struct store_audit_filter *f,
	struct store_event **out, size_t *count, int64_t *next)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	int64_t floor;
	size_t n = 0;

	BIND(&p, audit_list, .before = f->before != 0 ? f->before : INT64_MAX, .span = LOOKED_AT,
		.actor = f->actor, .operation = f->operation, .object = f->object,
		.outcome = f->outcome, .since = f->since, .until = f->until, .page = f->limit);
	TRY(db_read(s->db, &sql_audit_list, &p, &res));
	*out = arena_array(a, result_rows(res), sizeof(**out));
	for (size_t i = 0; i < result_rows(res); i++)
		if (!result_null(res, i, COL_EVENT_ID))
			(*out)[n++] = read_event(a, res, i);
	*count = n;
	floor = result_int(res, 0, COL_AUDIT_LIST_TOP) - LOOKED_AT;
	*next = n == f->limit ? (*out)[n - 1].id : floor > 0 ? floor : 0;
	return ERR_OK;
}

enum err
store_audit_get(struct store *s, struct arena *a, int64_t id, struct store_event *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, audit_find, .id = id);
	TRY(db_read(s->db, &sql_audit_find, &p, &res));
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "there is no audit event %lld", (long long)id);
	*out = read_event(a, res, 0);
	return ERR_OK;
}
