/* Shared by the files of lib/store: the open store, feeds, columns of words. */
#ifndef CHANCERY_STORE_INTERNAL_H
#define CHANCERY_STORE_INTERNAL_H

#include "lib/base/words.h"
#include "lib/db/run.h"
#include "lib/store/identity.h"
#include "lib/store/revocation.h"

struct store {
	struct db *db;
	struct wait_list *wait_list;
	char node[192];
	int64_t started_at;
};

struct wait_list *wait_list_new(struct store *s);
void wait_list_free(struct wait_list *w);

/*
 * Feeds of changes. Rows hold the number of the transaction that wrote them; a reader keeps as its
 * cursor the oldest transaction that may still have been running at its last look, and asks for
 * rows from there on: sequence or time order would lose rows, because it is not commit order. Rows
 * may repeat. One look is any number of pages, each after the last row (xid, key) of the one before;
 * what is written behind them meanwhile has a number from the next cursor on, which is column "oldest"
 * of the first page, also when there are no rows (then the others are null).
 */
struct feed_place {
	uint64_t xid;
	struct bytes key; /* as the database sent it, or empty: all of xid are after it */
};
struct feed {
	const struct stmt *st;
	void (*bind)(struct params *p, const struct feed_place *after, int64_t page);
	int key, xid, oldest; /* columns */
	enum err (*apply)(void *ctx, const PGresult *res, size_t row);
};
/* One look from *cursor on, which moves when all has been applied. */
enum err
feed_look(struct store *s, const struct feed *feed, uint64_t *cursor, void *ctx) MUST_CHECK;

/* Which of a list of schema/words.h the column holds; its count, which equals no word, when none. */
static inline unsigned
column_word(const PGresult *res, size_t row, int col, const struct words *w)
{
	unsigned i = w->count;

	(void)words_find(w, result_peek(res, row, col), &i);
	return i;
}

/* Columns of the row {revoked} of schema/statements/revocation.sql. */
enum err row_revoked(const PGresult *res, size_t row, struct store_revoked *out) MUST_CHECK;

#endif
