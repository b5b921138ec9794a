/*
 * A follower keeps something in memory true: a thread that reads a feed when a bell rings and at
 * least once a second.
 */
#ifndef CHANCERY_STORE_FOLLOW_H
#define CHANCERY_STORE_FOLLOW_H

#include "lib/store/store.h"

struct store_follower;

/* One cycle: read what is new and apply it. Runs on the follower's own thread, never twice at once.
 */
typedef enum err store_follow_fn(void *ctx);

/* name is the event under which the first failure of an outage is logged ("ocsp.feed"). The store
 * must outlive it. */
struct store_follower *
store_follow(struct store *s, unsigned bells, const char *name, store_follow_fn *fn, void *ctx);
/* Ends the thread; a cycle that runs is finished first. */
void store_follower_stop(struct store_follower *f);
/* Asks for a cycle that begins after this call, and waits for its end, at most wait_ms.
 * ERR_UNAVAILABLE when it did not end in time or failed. */
enum err store_follower_now(struct store_follower *f, unsigned wait_ms) MUST_CHECK;

/*
 * A crash of PostgreSQL gives transaction numbers out again: those of transactions that left
 * nothing durable. A cursor that had passed them would overlook what is written with them
 * afterwards. A crash breaks every connection, so: after a cycle, when connections were made since
 * *seen (the caller's, 0 at first), step the cursors back and read again; rows may repeat anyway.
 */
bool store_feed_doubtful(struct store *s, uint64_t *seen);
/* The cursor moved back by more transactions than a crash can lose; never to 0, which means "all"
 * to some feeds. */
uint64_t store_feed_back(uint64_t cursor);

#endif
