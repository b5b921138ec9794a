/* Who did what, and what was refused: events as auditors read them. */
#include "admin/api/internal.h"

#include "lib/base/clock.h"
#include "lib/store/audit.h"

static json_t *
event_json(const struct store_event *e, json_t **detail)
{
	json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "id", (json_int_t)e->id,
		"actor", e->actor, "operation", e->operation, "object", e->object, "outcome",
		e->outcome, "role", e->role, "request_id", e->request_id);

	api_put_time(o, "at", e->at);
	*detail = NULL;
	if (e->detail_json != NULL && json_parse(bytes_str(e->detail_json), detail) == ERR_OK &&
		json_is_string(json_object_get(*detail, "reason")))
		json_object_set(o, "reason", json_object_get(*detail, "reason"));
	return o;
}

/* Durations are back from now. */
static enum err
read_filter(struct api_call *c, struct store_audit_filter *f)
{
	int64_t since = api_value(c, "since")->number, until = api_value(c, "until")->number;
	enum audit_outcome outcome;

	*f = (struct store_audit_filter){.actor = api_text(c, "actor"),
		.operation = api_text(c, "operation"),
		.object = api_text(c, "object"),
		.outcome = api_text(c, "outcome"),
		.since = since > 0 ? clock_now() - since : 0,
		.until = until > 0 ? clock_now() - until : 0,
		.limit = (unsigned)api_value(c, "limit")->number};
	if (f->outcome != NULL)
		TRY(audit_outcome_parse(f->outcome, &outcome));
	return api_read_after(c, &f->before);
}

enum err
api_audit(struct api_call *c)
{
	struct store_audit_filter f;
	struct store_event *list;
	size_t count;
	int64_t next;
	json_t *out;

	TRY(read_filter(c, &f));
	TRY(store_audit_list(c->g->store, c->arena, &f, &list, &count, &next));
	out = json_array();
	for (size_t i = 0; i < count; i++) {
		AUTO(json_t) detail = NULL;

		json_array_append_new(out, event_json(&list[i], &detail));
	}
	api_answer_numbered(c, "events", out, next);
	return ERR_OK;
}

enum err
api_audit_show(struct api_call *c)
{
	struct store_event e;
	json_t *detail;

	TRY(store_audit_get(c->g->store, c->arena, api_value(c, "id")->number, &e));
	c->answer = event_json(&e, &detail);
	if (detail != NULL)
		json_object_set_new(c->answer, "detail", detail);
	return ERR_OK;
}
