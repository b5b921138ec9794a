/*
 * Connections for reads and rare writes. Connections are made when first needed and kept; a broken
 * one is closed and its place is free. Nobody waits longer than STORE_PATIENCE_US for one.
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/store/parts.h"

enum { OWN_KEPT = 2 }; /* idle connections of POOL_OWN that stay open */

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t freed;
	unsigned max, made; /* of POOL_SHARED */
	struct idle {
		struct conn **list;
		unsigned count, max;
	} idle[POOL_LANE_COUNT];
};

struct pool *
pool_new(unsigned readers)
{
	struct pool *p = mem_zalloc(1, sizeof(*p));

	pthread_mutex_init(&p->mutex, NULL);
	part_cond_init(&p->freed);
	p->max = readers;
	p->idle[POOL_SHARED].max = readers;
	p->idle[POOL_OWN].max = OWN_KEPT;
	for (int i = 0; i < POOL_LANE_COUNT; i++)
		p->idle[i].list = mem_zalloc(p->idle[i].max, sizeof(struct conn *));
	return p;
}

static void
discard(struct conn *c)
{
	conn_close(c);
	free(c);
}

void
pool_free(struct pool *p)
{
	for (int i = 0; i < POOL_LANE_COUNT; i++) {
		while (p->idle[i].count > 0)
			discard(p->idle[i].list[--p->idle[i].count]);
		free(p->idle[i].list);
	}
	pthread_cond_destroy(&p->freed);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

/* An idle connection, or NULL with leave to make one. */
static enum err
take_idle(struct pool *p, enum pool_lane lane, struct conn **out)
{
	int64_t deadline = clock_monotonic_us() + STORE_PATIENCE_US;
	struct idle *idle = &p->idle[lane];
	enum err e = ERR_OK;

	*out = NULL;
	pthread_mutex_lock(&p->mutex);
	while (idle->count == 0 && lane == POOL_SHARED && p->made >= p->max && e == ERR_OK)
		if (!part_cond_wait(&p->freed, &p->mutex, deadline))
			e = err_set(
				ERR_UNAVAILABLE, "database: all %u connections are busy", p->max);
	if (e == ERR_OK && idle->count > 0)
		*out = idle->list[--idle->count];
	else if (e == ERR_OK && lane == POOL_SHARED)
		p->made++;
	pthread_mutex_unlock(&p->mutex);
	return e;
}

void
pool_give(struct store *s, enum pool_lane lane, struct conn *c)
{
	struct pool *p = s->pool;
	struct idle *idle = &p->idle[lane];
	bool keep = conn_usable(c) && PQtransactionStatus(c->pg) == PQTRANS_IDLE;

	pthread_mutex_lock(&p->mutex);
	keep = keep && idle->count < idle->max;
	if (keep)
		idle->list[idle->count++] = c;
	else if (lane == POOL_SHARED)
		p->made--;
	pthread_cond_signal(&p->freed);
	pthread_mutex_unlock(&p->mutex);
	if (!keep)
		discard(c);
}

enum err
pool_take(struct store *s, enum pool_lane lane, struct conn **out)
{
	struct conn *c;
	enum err e = take_idle(s->pool, lane, &c);

	if (e != ERR_OK)
		return e;
	if (c == NULL)
		c = mem_zalloc(1, sizeof(*c));
	else
		conn_check(c);
	if (!conn_usable(c)) {
		e = store_connect(s, c, CONN_CONNECT_US);
		if (e != ERR_OK) {
			pool_give(s, lane, c);
			return e;
		}
	}
	*out = c;
	return ERR_OK;
}

enum err
pool_run(struct store *s, const struct stmt *st, const struct params *p, PGresult **out)
{
	struct conn *c;
	enum err e = pool_take(s, POOL_SHARED, &c);

	if (e != ERR_OK)
		return e;
	c->timeout_us = CONN_CHANGE_US; /* an offboarding may revoke thousands of certificates */
	e = conn_run(c, st, p, out);
	c->timeout_us = CONN_STATEMENT_US;
	pool_give(s, POOL_SHARED, c);
	return e;
}

enum err
pool_read(struct store *s, const struct stmt *st, const struct params *p, PGresult **out)
{
	int64_t start = clock_monotonic_us();
	struct conn *c;
	enum err e = pool_take(s, POOL_SHARED, &c);

	if (e != ERR_OK)
		return e;
	e = conn_run(c, st, p, out);
	if (e == ERR_UNAVAILABLE && clock_monotonic_us() - start < STORE_PATIENCE_US) {
		conn_close(c);
		e = store_connect(s, c, CONN_CONNECT_US);
		if (e == ERR_OK)
			e = conn_run(c, st, p, out);
	}
	pool_give(s, POOL_SHARED, c);
	return e;
}
