/* Shared by the files of the queue: those who wait, and open claims. */
#ifndef CHANCERY_STORE_QUEUE_INTERNAL_H
#define CHANCERY_STORE_QUEUE_INTERNAL_H

#include "lib/store/internal.h"
#include "lib/store/queue/claim.h"
#include "lib/store/queue/request.h"

/* Somebody who waits for a result; nobody else's from wait_enter() until done has been called, and
 * done may free it. */
struct waiter {
	struct store *store;
	struct arena *arena;	  /* for the result */
	store_request_done *done; /* on a thread of wait.c */
	void *ctx;
	int64_t wait_us; /* 0: as long as adding takes, and one look for an old one's result */
	int64_t id;
	enum waiter_state {
		WAITER_ADDING, /* the writer has it */
		WAITER_LATE,   /* the same, and the deadline is over */
		WAITER_ADDED,
		WAITER_FAILED,
	} state;
	enum err code; /* failed: why */
	enum err_word word;
	const char *reason;
	/* wait.c's own. */
	int64_t deadline; /* clock_monotonic_us() */
	uint64_t bells;	  /* that had rung when it entered */
	bool sent;	  /* part of the look under way */
	size_t row;
	struct waiter *next;
};

/* Puts a waiter with a known id (WAITER_ADDED) or a request that is about to be given to the writer
 * (WAITER_ADDING) into the list. */
void wait_enter(struct waiter *me);
/* What the writer made of a WAITER_ADDING. OLD: a request that was there before, which may have its
 * result already. */
enum wish_was { WISH_NEW, WISH_OLD };
void wait_settled(struct waiter *me, int64_t id, enum wish_was how);
void wait_failed(struct waiter *me, enum err code);

/* Columns of the row {result} of schema/statements/request.sql. */
enum err wait_read_result(
	struct arena *a, const PGresult *res, size_t row, struct store_result *out) MUST_CHECK;

/* request.c: writer_submit() of a request; and what a row of the result says (old: an equal request
 * was there already). */
void
request_submit(struct store *s, const struct store_request_new *r, db_done_fn *done, void *ctx);
enum err request_read_added(const PGresult *res, size_t row, int64_t *id, bool *old) MUST_CHECK;

/* claim.c and record.c. */
struct store_claim {
	struct store *store;
	struct db_conn *conn; /* its transaction is open */
	struct arena *arena;
	const struct store_claim_item *items;
	size_t count;
};

#endif
