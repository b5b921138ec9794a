/*
 * Who was refused a change, or a look for lack of right, is in the audit with the reason, not in the
 * log alone: somebody who tries what cannot be is what an audit is read for. Events are rows for ever, so a client must not be
 * able to make them at will: each identity gets a few a minute and all together not many more; what
 * is beyond is in the log only, and the last event that fits says so.
 *
 * Only refusals of authenticated callers that reach an operation come here. What the listener
 * refuses before is ca/refusals.c's.
 */
#include <pthread.h>
#include <stdlib.h>

#include "admin/api/api.h"
#include "admin/api/internal.h"
#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/base/log.h"
#include "lib/store/audit.h"

enum { MINUTE_US = 60 * 1000 * 1000, EACH_A_MINUTE = 60, ALL_A_MINUTE = 600, OBJECT_MAX = 100 };

struct api_refusals {
	pthread_mutex_t lock;
	int64_t since_us; /* the minute that is counted */
	size_t count;
	int64_t identity[ALL_A_MINUTE]; /* one for each event of that minute */
};

void
admin_open(struct ca_front *g)
{
	struct api_refusals *r = mem_zalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	g->admin = r;
}

void
admin_close(struct ca_front *g)
{
	struct api_refusals *r = g->admin;

	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
	g->admin = NULL;
}

enum place { PLACE_NONE, PLACE_FREE, PLACE_LAST };

/* A place among this minute's events for one more of this identity. */
static enum place
take_place(struct api_refusals *r, int64_t identity)
{
	int64_t now = clock_monotonic_us();
	enum place place = PLACE_NONE;
	size_t mine = 0;

	pthread_mutex_lock(&r->lock);
	if (r->since_us == 0 || now - r->since_us >= MINUTE_US) {
		r->since_us = now;
		r->count = 0;
	}
	for (size_t i = 0; i < r->count; i++)
		mine += r->identity[i] == identity;
	if (mine < EACH_A_MINUTE && r->count < ALL_A_MINUTE) {
		r->identity[r->count++] = identity;
		place = mine + 1 == EACH_A_MINUTE || r->count == ALL_A_MINUTE ? PLACE_LAST
									      : PLACE_FREE;
	}
	pthread_mutex_unlock(&r->lock);
	return place;
}

/* Whom or what the call was about, as far as it was read: an identity's name or a serial. */
static const char *
find_object(const struct api_call *c)
{
	static const char *const members[] = {"identity", "name"};
	const char *serial = c->req->param[0];
	uint8_t octets[STORE_SERIAL_SIZE];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const char *text = json_string_value(json_object_get(c->input, members[i]));

		if (text != NULL && strlen(text) <= OBJECT_MAX)
			return text;
	}
	if (serial != NULL && hex_decode(bytes_str(serial), octets, sizeof(octets), &n) == ERR_OK &&
		n == sizeof(octets))
		return hex_string(c->arena, bytes_of(octets, n));
	return "";
}

static void
add_event(struct api_call *c, enum err_word word, const char *reason, enum place place)
{
	AUTO(json_t) detail = json_pack("{s:s, s:s, s:s*}", "kind",
		identity_kind_name(c->requester->kind), "word", err_word_text(word), "more",
		place == PLACE_LAST ? "further refusals of this minute are in the log only" : NULL);
	struct store_audit event = {.actor = c->actor,
		.operation = api_audit_name(c->op),
		.object = find_object(c),
		.outcome = "refused",
		.request_id = c->req->id};
	enum err e;

	json_object_set_new(detail, "reason", json_string(reason)); /* UTF-8 or left out */
	event.detail_json = json_text(c->arena, detail);
	e = store_audit_add(c->g->store, &event);
	if (e != ERR_OK)
		log_failure("admin.audit", e);
}

enum err
api_record_refusal(struct api_call *c, enum err refusal)
{
	enum err_word word = err_word();
	const char *reason = arena_strdup(c->arena, err_reason_advised());
	enum place place = take_place(c->g->admin, c->requester->identity);

	if (place != PLACE_NONE)
		add_event(c, word, reason, place);
	return err_set_word(refusal, word, "%s", reason);
}
