/* struct store and its parts; each part is private to the file of its name. For the files that run
 * them only. */
#ifndef CHANCERY_STORE_PARTS_H
#define CHANCERY_STORE_PARTS_H

#include "lib/store/internal.h"

struct store {
	struct store_config config; /* texts owned */
	char node[192];
	int64_t started_at;
	atomic_bool healthy;
	atomic_ullong connections; /* made so far, see store_feed_doubtful() */
	struct conn_end end;
	struct pool *pool;
	struct writer *writer; /* NULL: without */
	struct bells *bells;
	struct waiting *waiting;
};

/* Callers wait this long for a database that went away (microseconds). */
enum { STORE_PATIENCE_US = 5000000 };

/* Opens a working connection and remembers in s->healthy whether that went well. */
enum err store_connect(struct store *s, struct conn *c, int64_t connect_us) MUST_CHECK;

/* Has the time (monotonic microseconds) come to give up, or is the program ending while the
 * database says nothing? What was not answered by then is not. */
bool store_late(struct store *s, int64_t deadline);

struct pool *pool_new(unsigned readers);
void pool_free(struct pool *p);
struct writer *writer_start(struct store *s);
void writer_stop(struct writer *w);
struct bells *bells_start(struct store *s);
void bells_stop(struct bells *b); /* sends rings that were asked for first */
struct waiting *waiting_new(struct store *s);
void waiting_free(struct waiting *w);

/* Condition variables on the monotonic clock. */
void part_cond_init(pthread_cond_t *c);
/* False: the deadline (monotonic microseconds) has passed. */
bool part_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline);

#endif
