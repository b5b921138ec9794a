/* Refused clients in the audit, within bounds; see refusals.h. */
#include "ca/refusals.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/base/json.h"
#include "lib/base/random.h"
#include "lib/store/audit.h"
#include "lib/store/certificate.h"

enum {
	SLOTS = 600,
	SLOTS_EACH = 60, /* of one identity, and of all whose certificate has not been looked up */
	AT_ONCE = 50,	 /* events written in one go */
	FIRST_WAIT_S = 60,
	LAST_WAIT_S = 3600,
	SECOND_US = 1000 * 1000,
};

/* One client's refusals for one reason. */
struct slot {
	struct ca_refusal what; /* without its texts */
	char actor[104], operation[48], reason[256], request_id[HTTP_REQUEST_ID_SIZE], peer[48];
	unsigned count; /* since the last event */
	int64_t due_us; /* not before; 0: the slot is free */
	int64_t wait_s; /* after the next event */
};

struct ca_refusals {
	pthread_mutex_t lock;
	struct slot slot[SLOTS];
	struct slot others; /* there was no slot for */
};

struct ca_refusals *
ca_refusals_new(void)
{
	struct ca_refusals *r = mem_zalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void
ca_refusals_free(struct ca_refusals *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

#define KEEP(out, text) snprintf(out, sizeof(out), "%s", (text) != NULL ? (text) : "")

static void
fill_slot(struct slot *s, const struct ca_refusal *what)
{
	s->what = *what;
	KEEP(s->actor, what->actor);
	KEEP(s->operation, what->operation);
	KEEP(s->reason, what->reason);
	KEEP(s->request_id, what->request_id);
	KEEP(s->peer, what->peer);
	s->count = 0;
	s->due_us = clock_monotonic_us();
	s->wait_s = FIRST_WAIT_S;
}

static bool
is_same(const struct slot *s, const struct ca_refusal *what)
{
	return s->due_us != 0 && s->what.identity == what->identity &&
		memcmp(s->what.leaf, what->leaf, sizeof(what->leaf)) == 0 &&
		strcmp(s->operation, what->operation) == 0 &&
		strncmp(s->reason, what->reason, sizeof(s->reason) - 1) == 0;
}

/* Nothing was heard since its last event for as long as the next would have waited. */
static bool
is_idle(const struct slot *s, int64_t now)
{
	return s->due_us == 0 || (s->count == 0 && now >= s->due_us);
}

/* The slot of this refusal, a free one when it is new, or the one of all others. */
static struct slot *
find_slot(struct ca_refusals *r, const struct ca_refusal *what)
{
	int64_t now = clock_monotonic_us();
	struct slot *idle = NULL;
	size_t mine = 0;

	for (size_t i = 0; i < SLOTS; i++) {
		if (is_same(&r->slot[i], what))
			return &r->slot[i];
		if (!is_idle(&r->slot[i], now))
			mine += r->slot[i].what.identity == what->identity;
		else if (idle == NULL)
			idle = &r->slot[i];
	}
	if (idle != NULL && mine < SLOTS_EACH) {
		fill_slot(idle, what);
		return idle;
	}
	if (is_idle(&r->others, now))
		fill_slot(&r->others,
			&(struct ca_refusal){.operation = "http.refusals",
				.reason =
					"more refusals than are told one by one; the log has them",
				.issued = CA_REFUSED_ISSUED});
	return &r->others;
}

void
ca_refusals_note(struct ca_refusals *r, const struct ca_refusal *what)
{
	pthread_mutex_lock(&r->lock);
	find_slot(r, what)->count++;
	pthread_mutex_unlock(&r->lock);
}

static size_t
copy_due(struct ca_refusals *r, enum ca_refusals_which which, size_t at[AT_ONCE],
	struct slot out[AT_ONCE])
{
	int64_t now = clock_monotonic_us();
	size_t n = 0;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i <= SLOTS && n < AT_ONCE; i++) {
		const struct slot *s = i < SLOTS ? &r->slot[i] : &r->others;

		if (s->count > 0 && (now >= s->due_us || which == CA_REFUSALS_ALL)) {
			at[n] = i;
			out[n++] = *s;
		}
	}
	pthread_mutex_unlock(&r->lock);
	return n;
}

/* Its event is written. Only the thread that records takes from a count, so the slot is the same. */
static void
put_off(struct ca_refusals *r, size_t at, unsigned told)
{
	struct slot *s = at < SLOTS ? &r->slot[at] : &r->others;

	pthread_mutex_lock(&r->lock);
	s->count -= told;
	s->due_us = clock_monotonic_us() + s->wait_s * SECOND_US;
	s->wait_s = s->wait_s * 2 < LAST_WAIT_S ? s->wait_s * 2 : LAST_WAIT_S;
	pthread_mutex_unlock(&r->lock);
}

static bool
has_serial(const struct slot *s)
{
	static const uint8_t none[STORE_SERIAL_SIZE];

	return memcmp(s->what.serial, none, sizeof(none)) != 0;
}

/* Whose certificate it is; *actor stays as it is when this very one is not recorded here. */
static enum err
find_actor(struct store *s, struct arena *a, const struct slot *slot, const char **actor)
{
	struct store_certificate row;
	uint8_t digest[SHA256_SIZE];
	enum err e = store_certificate_find(s, a, slot->what.serial, &row);

	if (e != ERR_OK)
		return e == ERR_NOTFOUND ? ERR_OK : e;
	sha256(row.der, digest);
	if (memcmp(digest, slot->what.leaf, sizeof(digest)) == 0)
		*actor = row.identity_name;
	return ERR_OK;
}

static enum err
add_event(struct store *s, struct arena *a, const struct slot *slot, const char *actor)
{
	AUTO(json_t) detail = json_pack("{s:I}", "count", (json_int_t)slot->count);
	struct store_audit event = {.actor = actor,
		.operation = slot->operation,
		.object = has_serial(slot)
			? hex_string(a, bytes_of(slot->what.serial, STORE_SERIAL_SIZE))
			: "",
		.outcome = "refused",
		.request_id = slot->request_id};

	json_object_set_new(detail, "reason", json_string(slot->reason)); /* UTF-8 or left out */
	json_object_set_new(detail, "peer", json_string(slot->peer));
	event.detail_json = json_text(a, detail);
	return store_audit_add(s, &event);
}

static enum err
record_slot(struct store *s, const struct slot *slot)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const char *actor = slot->actor;

	if (slot->what.identity == 0 && has_serial(slot))
		TRY(find_actor(s, a, slot, &actor));
	if (actor[0] == '\0' && slot->what.issued != CA_REFUSED_ISSUED)
		return ERR_OK;
	return add_event(s, a, slot, actor);
}

enum err
ca_refusals_record(struct ca_refusals *r, struct store *s, enum ca_refusals_which which)
{
	struct slot *due = mem_zalloc(AT_ONCE, sizeof(*due));
	size_t at[AT_ONCE], n = copy_due(r, which, at, due);
	enum err e = ERR_OK;

	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		e = record_slot(s, &due[i]);
		if (e == ERR_OK)
			put_off(r, at[i], due[i].count);
	}
	free(due);
	return e;
}
