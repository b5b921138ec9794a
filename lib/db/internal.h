/* struct db and its parts; each part is private to the file of its name. */
#ifndef CHANCERY_DB_INTERNAL_H
#define CHANCERY_DB_INTERNAL_H

#include <pthread.h>

#include "lib/db/run.h"

struct db {
	struct db_config config; /* texts owned */
	const struct db_vocabulary *words;
	atomic_bool healthy;
	atomic_ullong doubts; /* connections made to what may be a server that crashed */
	atomic_int witness;   /* the server's process of the bells' connection, or 0 */
	struct db_conn_end end;
	struct pool *pool;
	struct writer *writer; /* NULL: without */
	struct bells *bells;   /* NULL: not started */
};

struct pool *pool_new(unsigned readers);
void pool_free(struct pool *p);
struct writer *writer_start(struct db *db);
void writer_stop(struct writer *w);
struct bells *bells_start(struct db *db);
void bells_stop(struct bells *b); /* sends rings that were asked for first */
/* Between them db_ring() of this thread only notes its bells, which bells_release() rings once each. */
void bells_hold(void);
void bells_release(struct db *db);

#endif
