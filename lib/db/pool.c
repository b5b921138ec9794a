/*
 * Connections for reads and rare writes. Connections are made when first needed and kept; a broken
 * one is closed and its place is free. Nobody waits longer than DB_PATIENCE_US for one.
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/db/internal.h"

enum { OWN_KEPT = 2 }; /* idle connections of DB_OWN that stay open */

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t freed;
	unsigned max, made; /* of DB_SHARED */
	struct idle {
		struct db_conn **list;
		unsigned count, max;
	} idle[DB_LANE_COUNT];
};

struct pool *
pool_new(unsigned readers)
{
	struct pool *p = mem_zalloc(1, sizeof(*p));

	pthread_mutex_init(&p->mutex, NULL);
	clock_cond_init(&p->freed);
	p->max = readers;
	p->idle[DB_SHARED].max = readers;
	p->idle[DB_OWN].max = OWN_KEPT;
	for (int i = 0; i < DB_LANE_COUNT; i++)
		p->idle[i].list = mem_zalloc(p->idle[i].max, sizeof(struct db_conn *));
	return p;
}

static void
discard_connection(struct db_conn *c)
{
	db_conn_close(c);
	free(c);
}

void
pool_free(struct pool *p)
{
	for (int i = 0; i < DB_LANE_COUNT; i++) {
		while (p->idle[i].count > 0)
			discard_connection(p->idle[i].list[--p->idle[i].count]);
		free(p->idle[i].list);
	}
	pthread_cond_destroy(&p->freed);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

/* An idle connection, or NULL with leave to make one. */
static enum err
take_idle(struct pool *p, enum db_lane lane, struct db_conn **out)
{
	int64_t deadline = clock_monotonic_us() + DB_PATIENCE_US;
	struct idle *idle = &p->idle[lane];
	enum err e = ERR_OK;

	*out = NULL;
	pthread_mutex_lock(&p->mutex);
	while (idle->count == 0 && lane == DB_SHARED && p->made >= p->max && e == ERR_OK)
		if (!clock_cond_wait(&p->freed, &p->mutex, deadline))
			e = err_set(
				ERR_UNAVAILABLE, "database: all %u connections are busy", p->max);
	if (e == ERR_OK && idle->count > 0)
		*out = idle->list[--idle->count];
	else if (e == ERR_OK && lane == DB_SHARED)
		p->made++;
	pthread_mutex_unlock(&p->mutex);
	return e;
}

void
db_give(struct db *db, enum db_lane lane, struct db_conn *c)
{
	struct pool *p = db->pool;
	struct idle *idle = &p->idle[lane];
	bool keep = db_conn_usable(c) && PQtransactionStatus(c->pg) == PQTRANS_IDLE;

	pthread_mutex_lock(&p->mutex);
	keep = keep && idle->count < idle->max;
	if (keep)
		idle->list[idle->count++] = c;
	else if (lane == DB_SHARED)
		p->made--;
	pthread_cond_signal(&p->freed);
	pthread_mutex_unlock(&p->mutex);
	if (!keep)
		discard_connection(c);
}

enum err
db_take(struct db *db, enum db_lane lane, struct db_conn **out)
{
	struct db_conn *c;
	enum err e;

	TRY(take_idle(db->pool, lane, &c));
	if (c == NULL)
		c = mem_zalloc(1, sizeof(*c));
	else
		db_conn_check(c);
	if (!db_conn_usable(c)) {
		e = db_connect(db, c, DB_CONN_CONNECT_US);
		if (e != ERR_OK) {
			db_give(db, lane, c);
			return e;
		}
	}
	*out = c;
	return ERR_OK;
}

enum err
db_run(struct db *db, const struct stmt *st, const struct params *p, PGresult **out)
{
	struct db_conn *c;
	enum err e;

	TRY(db_take(db, DB_SHARED, &c));
	c->timeout_us = DB_CONN_CHANGE_US; /* an offboarding may revoke thousands of certificates */
	e = db_conn_run(c, st, p, out);
	c->timeout_us = DB_CONN_STATEMENT_US;
	db_give(db, DB_SHARED, c);
	return e;
}

enum err
db_read(struct db *db, const struct stmt *st, const struct params *p, PGresult **out)
{
	int64_t start = clock_monotonic_us();
	struct db_conn *c;
	enum err e;

	TRY(db_take(db, DB_SHARED, &c));
	e = db_conn_run(c, st, p, out);
	if (e == ERR_UNAVAILABLE && clock_monotonic_us() - start < DB_PATIENCE_US) {
		db_conn_close(c);
		e = db_connect(db, c, DB_CONN_CONNECT_US);
		if (e == ERR_OK)
			e = db_conn_run(c, st, p, out);
	}
	db_give(db, DB_SHARED, c);
	return e;
}
