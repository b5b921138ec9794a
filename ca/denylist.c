/*
 * Open addressing with linear probing, at most half full. Serials are random, so eight of their own
 * octets are the hash; nobody outside chooses them. Entries are never deleted one by one: expired
 * serials go when the table is rebuilt, and an identity that is active again keeps its place with
 * that state.
 */
#include "ca/denylist.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/clock.h"

enum { FIRST_SIZE = 1024 };

struct serial_slot {
	uint8_t serial[STORE_SERIAL_SIZE];
	int64_t not_after; /* 0: free */
};
struct identity_slot {
	int64_t identity; /* 0: free; ids begin at 1 */
	enum identity_state state;
};

struct ca_denylist {
	pthread_rwlock_t lock;
	struct serial_slot *serial;
	size_t serial_size, serial_count; /* sizes are powers of two */
	struct identity_slot *identity;
	size_t identity_size, identity_count;
	bool issuer[INT16_MAX + 1]; /* by id: revoked */
};

struct ca_denylist *
ca_denylist_new(void)
{
	struct ca_denylist *b = mem_zalloc(1, sizeof(*b));

	pthread_rwlock_init(&b->lock, NULL);
	b->serial_size = b->identity_size = FIRST_SIZE;
	b->serial = mem_zalloc(FIRST_SIZE, sizeof(*b->serial));
	b->identity = mem_zalloc(FIRST_SIZE, sizeof(*b->identity));
	return b;
}

void
ca_denylist_free(struct ca_denylist *b)
{
	if (b == NULL)
		return;
	pthread_rwlock_destroy(&b->lock);
	free(b->serial);
	free(b->identity);
	free(b);
}

/* The serial's slot, or the free one where it belongs. */
static struct serial_slot *
serial_slot(const struct ca_denylist *b, const uint8_t serial[STORE_SERIAL_SIZE])
{
	uint64_t hash;

	memcpy(&hash, serial + 8, sizeof(hash));
	for (size_t i = hash & (b->serial_size - 1);; i = (i + 1) & (b->serial_size - 1)) {
		struct serial_slot *slot = &b->serial[i];

		if (slot->not_after == 0 || memcmp(slot->serial, serial, STORE_SERIAL_SIZE) == 0)
			return slot;
	}
}

static struct identity_slot *
identity_slot(const struct ca_denylist *b, int64_t identity)
{
	/* 2^64 divided by the golden ratio spreads consecutive numbers evenly. */
	uint64_t hash = (uint64_t)identity * 0x9e3779b97f4a7c15U >> 20;

	for (size_t i = hash & (b->identity_size - 1);; i = (i + 1) & (b->identity_size - 1)) {
		struct identity_slot *slot = &b->identity[i];

		if (slot->identity == 0 || slot->identity == identity)
			return slot;
	}
}

static void
serial_put(struct ca_denylist *b, const uint8_t serial[STORE_SERIAL_SIZE], int64_t not_after)
{
	struct serial_slot *slot = serial_slot(b, serial);

	if (slot->not_after != 0)
		return;
	memcpy(slot->serial, serial, STORE_SERIAL_SIZE);
	slot->not_after = not_after > 0 ? not_after : 1;
	b->serial_count++;
}

/* Leaves the expired behind; twice the room for those that stay. */
static void
serials_rebuild(struct ca_denylist *b)
{
	struct serial_slot *old = b->serial;
	size_t old_size = b->serial_size, live = 0;
	int64_t now = clock_now();

	for (size_t i = 0; i < old_size; i++)
		live += old[i].not_after >= now;
	while (b->serial_size < live * 4)
		b->serial_size *= 2;
	b->serial = mem_zalloc(b->serial_size, sizeof(*b->serial));
	b->serial_count = 0;
	for (size_t i = 0; i < old_size; i++)
		if (old[i].not_after >= now)
			serial_put(b, old[i].serial, old[i].not_after);
	free(old);
}

static void
identities_rebuild(struct ca_denylist *b)
{
	struct identity_slot *old = b->identity;
	size_t old_size = b->identity_size;

	b->identity_size *= 2;
	b->identity = mem_zalloc(b->identity_size, sizeof(*b->identity));
	for (size_t i = 0; i < old_size; i++)
		if (old[i].identity != 0)
			*identity_slot(b, old[i].identity) = old[i];
	free(old);
}

void
ca_denylist_revoke(
	struct ca_denylist *b, const uint8_t serial[STORE_SERIAL_SIZE], int64_t not_after)
{
	pthread_rwlock_wrlock(&b->lock);
	if (b->serial_count * 2 >= b->serial_size)
		serials_rebuild(b);
	serial_put(b, serial, not_after);
	pthread_rwlock_unlock(&b->lock);
}

void
ca_denylist_identity(struct ca_denylist *b, int64_t identity, enum identity_state state)
{
	pthread_rwlock_wrlock(&b->lock);
	struct identity_slot *slot = identity_slot(b, identity);
	if (slot->identity != 0)
		slot->state = state;
	else if (state != IDENTITY_ACTIVE) { /* the many that were never barred take no room */
		*slot = (struct identity_slot){identity, state};
		if (++b->identity_count * 2 >= b->identity_size)
			identities_rebuild(b);
	}
	pthread_rwlock_unlock(&b->lock);
}

void
ca_denylist_issuer(struct ca_denylist *b, int16_t issuer)
{
	pthread_rwlock_wrlock(&b->lock);
	b->issuer[issuer] = true;
	pthread_rwlock_unlock(&b->lock);
}

enum ca_denial
ca_denylist_check(struct ca_denylist *b, const uint8_t serial[STORE_SERIAL_SIZE], int64_t identity,
	int16_t issuer)
{
	enum ca_denial bar = CA_DENIED_NONE;

	pthread_rwlock_rdlock(&b->lock);
	const struct identity_slot *slot = identity_slot(b, identity);
	if (serial_slot(b, serial)->not_after != 0)
		bar = CA_DENIED_REVOKED;
	else if (b->issuer[issuer])
		bar = CA_DENIED_ISSUER;
	else if (slot->identity != 0 && slot->state != IDENTITY_ACTIVE)
		bar = CA_DENIED_IDENTITY;
	pthread_rwlock_unlock(&b->lock);
	return bar;
}
