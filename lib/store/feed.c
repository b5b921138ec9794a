/* Reading feeds by pages; see internal.h. */
#include "lib/store/internal.h"

enum { PAGE_ROWS = 10000 };

static enum err
read_page(struct store *s, const struct feed *feed, const struct feed_place *after, PGresult **out)
{
	AUTO_PARAMS(p);

	feed->bind(&p, after, PAGE_ROWS);
	return db_read(s->db, feed->st, &p, out);
}

static enum err
apply_page(const struct feed *feed, const PGresult *res, void *ctx)
{
	for (size_t i = 0; i < result_rows(res); i++)
		if (!result_null(res, i, feed->key))
			TRY(feed->apply(ctx, res, i));
	return ERR_OK;
}

enum err
feed_look(struct store *s, const struct feed *feed, uint64_t *cursor, void *ctx)
{
	struct feed_place after = {*cursor, BYTES_LIT("")};
	AUTO(PGresult) page = NULL;
	uint64_t next;

	TRY(read_page(s, feed, &after, &page));
	next = (uint64_t)result_int(page, 0, feed->oldest);
	TRY(apply_page(feed, page, ctx));
	while (result_rows(page) == PAGE_ROWS) {
		AUTO(PGresult) old = page;

		after.xid = (uint64_t)result_int(old, PAGE_ROWS - 1, feed->xid);
		after.key = result_view(old, PAGE_ROWS - 1, feed->key);
		page = NULL;
		TRY(read_page(s, feed, &after, &page));
		TRY(apply_page(feed, page, ctx));
	}
	*cursor = next;
	return ERR_OK;
}
