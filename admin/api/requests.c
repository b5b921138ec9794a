/* Requests that wait for operators: what they are about, a yes, a no. The database decides whether a
 * yes counts (schema/0007_approval.sql); the signer asks again before it certifies. */
#include "admin/api/internal.h"

#include <stdlib.h>

#include "lib/base/hex.h"
#include "lib/base/random.h"
#include "lib/store/queue/review.h"

/* Comparable with what `openssl pkey -pubin -outform DER | sha256sum` says of the key. */
static const char *
key_digest(struct api_call *c, struct bytes spki)
{
	uint8_t digest[SHA256_SIZE];

	sha256(spki, digest);
	return hex_string(c->arena, bytes_of(digest, sizeof(digest)));
}

static json_t *
request_json(struct api_call *c, const struct store_reviewed *r)
{
	json_t *names = json_array();
	json_t *o = json_pack(
		"{s:I, s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:I, s:I, s:s*, s:s*, s:s*}", "id",
		(json_int_t)r->id, "state", r->state, "identity", r->identity, "requester",
		r->requester, "proof", r->proof, "protocol", r->protocol, "profile", r->profile,
		"key_sha256", key_digest(c, r->spki), "approvals", (json_int_t)r->approvals,
		"needed", (json_int_t)r->needed, "waits_for", r->hold, "reason",
		r->refusal != NULL ? r->refusal : r->hold_reason, "serial",
		r->has_serial ? hex_string(c->arena, bytes_of(r->serial, STORE_SERIAL_SIZE))
			      : NULL);

	for (size_t i = 0; i < r->name_count; i++)
		json_array_append_new(names, json_string(r->names[i]));
	json_object_set_new(o, "names", names);
	api_put_time(o, "created_at", r->created_at);
	api_put_time(o, "until", r->hold_until);
	return o;
}

enum err
api_requests(struct api_call *c)
{
	unsigned limit = (unsigned)api_value(c, "limit")->number;
	struct store_reviewed *list;
	size_t count = 0;
	int64_t after;
	json_t *out;

	TRY(api_read_after(c, &after));
	TRY(store_review_list(c->g->store, c->arena, after, limit, &list, &count));
	out = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, request_json(c, &list[i]));
	api_answer_numbered(c, "requests", out, count == limit ? list[count - 1].id : 0);
	return ERR_OK;
}

enum err
api_request_show(struct api_call *c)
{
	struct store_reviewed r;

	TRY(store_review_find(c->g->store, c->arena, api_value(c, "id")->number, &r));
	c->answer = request_json(c, &r);
	return ERR_OK;
}

enum err
api_request_approve(struct api_call *c)
{
	int64_t id = api_value(c, "id")->number;
	struct store_approved done;

	TRY(store_review_approve(
		c->g->store, id, c->requester->identity, c->actor, c->req->id, &done));
	c->answer = json_pack("{s:I, s:I, s:I, s:b}", "id", (json_int_t)id, "approvals",
		(json_int_t)done.approvals, "needed", (json_int_t)done.needed, "changed",
		!done.again);
	return ERR_OK;
}

enum err
api_request_reject(struct api_call *c)
{
	int64_t id = api_value(c, "id")->number;

	TRY(store_review_reject(c->g->store, id, api_text(c, "reason"), c->actor, c->req->id));
	c->answer = json_pack("{s:I, s:s}", "id", (json_int_t)id, "state", "refused");
	return ERR_OK;
}
