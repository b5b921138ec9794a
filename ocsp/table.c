/*
 * Open addressing in 64 shards with a mutex each, at most 7/8 full: a certificate without ready answers
 * takes 41 to 45 octets, and there may be millions. Serials are random, so some of their octets are hash
 * enough; an attacker cannot choose the serials we hold, only those he asks for.
 */
#include "ocsp/table.h"

#include <pthread.h>
#include <stdlib.h>

enum { SHARDS = 64, START_CAPACITY = 64 };

struct answer {
	struct http_prepared *prepared;
	int64_t refresh_at;
	uint32_t generation;
};

struct ready {
	struct answer answer[OCSP_HASH_COUNT];
};

/* Seconds in 32 bits last until 2106; what ends later is held as ending then. */
struct __attribute__((packed, aligned(4))) slot {
	uint8_t serial[OCSP_SERIAL_SIZE];
	uint32_t not_after;  /* 0: slot is free */
	uint32_t revoked_at; /* 0: not revoked */
	int16_t issuer;
	int8_t reason;
	struct ready *ready; /* NULL: none */
};

struct shard {
	pthread_mutex_t lock;
	struct slot *slot;
	size_t capacity, used;
};

struct ocsp_table {
	struct shard shard[SHARDS];
};

struct ocsp_table *
ocsp_table_new(void)
{
	struct ocsp_table *t = mem_zalloc(1, sizeof(*t));

	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&t->shard[i].lock, NULL);
		t->shard[i].capacity = START_CAPACITY;
		t->shard[i].slot = mem_zalloc(START_CAPACITY, sizeof(struct slot));
	}
	return t;
}

static void
drop_answers(struct slot *s)
{
	for (int i = 0; s->ready != NULL && i < OCSP_HASH_COUNT; i++)
		http_prepared_unref(s->ready->answer[i].prepared);
	free(s->ready);
	s->ready = NULL;
}

void
ocsp_table_free(struct ocsp_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		for (size_t k = 0; k < t->shard[i].capacity; k++)
			drop_answers(&t->shard[i].slot[k]);
		free(t->shard[i].slot);
		pthread_mutex_destroy(&t->shard[i].lock);
	}
	free(t);
}

static struct shard *
lock_shard(struct ocsp_table *t, const uint8_t *serial)
{
	struct shard *s = &t->shard[serial[15] % SHARDS];

	pthread_mutex_lock(&s->lock);
	return s;
}

static uint32_t
short_time(int64_t t)
{
	return t < UINT32_MAX ? (uint32_t)t : UINT32_MAX;
}

/* The serial's slot, or the free one where it belongs. */
static struct slot *
probe_slot(struct slot *slot, size_t capacity, const uint8_t *serial)
{
	uint32_t h;
	size_t i;

	memcpy(&h, serial + 4, sizeof(h));
	h *= 0x9e3779b1; /* so that serials which only count, as in tests, are spread, too */
	for (i = h * (uint64_t)capacity >> 32; slot[i].not_after != 0;
		i = i + 1 < capacity ? i + 1 : 0)
		if (memcmp(slot[i].serial, serial, OCSP_SERIAL_SIZE) == 0)
			break;
	return &slot[i];
}

/* Moves what is kept into a new array, 4/5 full; entries that ended before `before` are dropped. The
 * caller holds the lock, and holds up one request in 64 for as long: about 1 ms for a million
 * certificates. */
static void
rebuild_shard(struct shard *s, size_t kept, int64_t before)
{
	size_t capacity = START_CAPACITY + kept * 5 / 4, used = 0;
	struct slot *fresh = mem_zalloc(capacity, sizeof(*fresh));

	for (size_t i = 0; i < s->capacity; i++) {
		struct slot *old = &s->slot[i];

		if (old->not_after == 0)
			continue;
		if (old->not_after < before) {
			drop_answers(old);
			continue;
		}
		*probe_slot(fresh, capacity, old->serial) = *old;
		used++;
	}
	free(s->slot);
	s->slot = fresh;
	s->capacity = capacity;
	s->used = used;
}

static struct slot *
slot_for(struct shard *s, const uint8_t *serial, int16_t issuer, int64_t not_after)
{
	struct slot *slot = probe_slot(s->slot, s->capacity, serial);

	if (slot->not_after != 0)
		return slot;
	if (s->used + 1 > s->capacity - s->capacity / 8) {
		rebuild_shard(s, s->used, INT64_MIN);
		slot = probe_slot(s->slot, s->capacity, serial);
	}
	s->used++;
	memcpy(slot->serial, serial, OCSP_SERIAL_SIZE);
	slot->not_after = short_time(not_after);
	slot->issuer = issuer;
	slot->reason = PKI_REASON_NONE;
	return slot;
}

void
ocsp_table_issued(struct ocsp_table *t, const uint8_t serial[OCSP_SERIAL_SIZE], int16_t issuer,
	int64_t not_after)
{
	struct shard *s = lock_shard(t, serial);

	slot_for(s, serial, issuer, not_after);
	pthread_mutex_unlock(&s->lock);
}

static bool
has_status(const struct slot *s, int64_t revoked_at, enum pki_reason reason)
{
	return s->revoked_at == short_time(revoked_at) && s->reason == (int8_t)reason;
}

bool
ocsp_table_revoked(struct ocsp_table *t, const uint8_t serial[OCSP_SERIAL_SIZE], int16_t issuer,
	int64_t not_after, int64_t revoked_at, enum pki_reason reason)
{
	struct shard *s = lock_shard(t, serial);
	struct slot *slot = slot_for(s, serial, issuer, not_after);
	bool changed = !has_status(slot, revoked_at, reason);

	if (changed) {
		slot->revoked_at = short_time(revoked_at);
		slot->reason = (int8_t)reason;
		drop_answers(slot);
	}
	pthread_mutex_unlock(&s->lock);
	return changed;
}

bool
ocsp_table_find(
	struct ocsp_table *t, const uint8_t serial[OCSP_SERIAL_SIZE], struct ocsp_entry *out)
{
	struct shard *s = lock_shard(t, serial);
	const struct slot *slot = probe_slot(s->slot, s->capacity, serial);
	bool found = slot->not_after != 0;

	if (found)
		*out = (struct ocsp_entry){.issuer = slot->issuer,
			.not_after = slot->not_after,
			.revoked_at = slot->revoked_at,
			.reason = slot->reason};
	pthread_mutex_unlock(&s->lock);
	return found;
}

struct http_prepared *
ocsp_table_answer(struct ocsp_table *t, const uint8_t serial[OCSP_SERIAL_SIZE], int16_t issuer,
	enum ocsp_hash hash, uint32_t generation, int64_t now)
{
	struct shard *s = lock_shard(t, serial);
	const struct slot *slot = probe_slot(s->slot, s->capacity, serial);
	struct http_prepared *answer = NULL;

	if (slot->not_after > now && slot->issuer == issuer && slot->ready != NULL) {
		const struct answer *a = &slot->ready->answer[hash];

		if (a->prepared != NULL && a->generation == generation && a->refresh_at > now)
			answer = http_prepared_ref(a->prepared);
	}
	pthread_mutex_unlock(&s->lock);
	return answer;
}

void
ocsp_table_keep(struct ocsp_table *t, const uint8_t serial[OCSP_SERIAL_SIZE], enum ocsp_hash hash,
	const struct ocsp_entry *of, uint32_t generation, int64_t refresh_at,
	struct http_prepared *answer)
{
	struct shard *s = lock_shard(t, serial);
	struct slot *slot = probe_slot(s->slot, s->capacity, serial);

	if (slot->not_after != 0 && has_status(slot, of->revoked_at, of->reason)) {
		if (slot->ready == NULL)
			slot->ready = mem_zalloc(1, sizeof(*slot->ready));
		struct answer *a = &slot->ready->answer[hash];

		http_prepared_unref(a->prepared);
		*a = (struct answer){http_prepared_ref(answer), refresh_at, generation};
	}
	pthread_mutex_unlock(&s->lock);
}

static size_t
count_live(const struct shard *s, int64_t before)
{
	size_t n = 0;

	for (size_t i = 0; i < s->capacity; i++)
		n += s->slot[i].not_after != 0 && s->slot[i].not_after >= before;
	return n;
}

void
ocsp_table_sweep(struct ocsp_table *t, int64_t before)
{
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &t->shard[i];
		size_t live;

		pthread_mutex_lock(&s->lock);
		live = count_live(s, before);
		if (live < s->used)
			rebuild_shard(s, live, before);
		pthread_mutex_unlock(&s->lock);
	}
}

size_t
ocsp_table_count(struct ocsp_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&t->shard[i].lock);
		n += t->shard[i].used;
		pthread_mutex_unlock(&t->shard[i].lock);
	}
	return n;
}
