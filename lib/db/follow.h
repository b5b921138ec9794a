/*
 * A follower keeps something in memory true: a thread that reads a feed when a bell rings and at
 * least once a second.
 */
#ifndef CHANCERY_DB_FOLLOW_H
#define CHANCERY_DB_FOLLOW_H

#include "lib/db/db.h"

struct db_follower;

/* One cycle: read what is new and apply it. Runs on the follower's own thread, never twice at once.
 */
typedef enum err db_follow_fn(void *ctx);

/* name is the event under which the first failure of an outage is logged ("ocsp.feed"). db must
 * outlive it. */
struct db_follower *
db_follow(struct db *db, unsigned bells, const char *name, db_follow_fn *fn, void *ctx);
/* Ends the thread; a cycle that runs is finished first. */
void db_follower_stop(struct db_follower *f);
/* Asks for a cycle that begins after this call, and waits for its end, at most wait_ms.
 * ERR_UNAVAILABLE when it did not end in time or failed. */
enum err db_follower_now(struct db_follower *f, unsigned wait_ms) MUST_CHECK;

/*
 * A crash of PostgreSQL gives transaction numbers out again: those of transactions that left
 * nothing durable. A cursor that had passed them would overlook what is written with them
 * afterwards. A crash breaks every connection, so: after a cycle, when connections were made since
 * *seen (the caller's, 0 at first) while the one of the bells had ended, step the cursors back and read
 * again; rows may repeat anyway.
 */
bool db_feed_doubtful(struct db *db, uint64_t *seen);
/* The cursor moved back by more transactions than a crash can lose; never to 0, which means "all"
 * to some feeds. */
uint64_t db_feed_back(uint64_t cursor);

#endif
