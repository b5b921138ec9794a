/*
 * Rings between the programs of one machine, without the database: a datagram socket each, in the run
 * directory, named after the database, the bells it listens to, its role and its process. A ring costs
 * a system call and wakes whom it is for. Whoever may write into a socket may wake its program, and no
 * more: it looks, and finds nothing.
 */
#ifndef CHANCERY_DB_NEAR_H
#define CHANCERY_DB_NEAR_H

#include "lib/db/db.h"

struct near;

/* Without a run directory, or when no socket can be made there, nobody is near: rings go through the
 * database then. Listens to nothing yet. */
struct near *near_open(const struct db_config *config);
void near_close(struct near *n);
/* To poll for reading; -1 when nobody is near. */
int near_fd(const struct near *n);
/* Names the place in which all are near one another: the same for every program of this run directory,
 * and for nobody else. Empty when nobody is near. */
const char *near_place(const struct near *n);
/* From now on rung for these bells, a mask of 1 << bell. One thread. */
void near_listen(struct near *n, unsigned mask);
/* Whom a ring wakes. */
enum near_whom {
	NEAR_ALL,
	NEAR_FIRST, /* the first who listens, always the same one: the others sleep on */
	NEAR_OTHERS /* all but this program, passing on what it was rung for */
};
/* Rings those who listen, of one database role or of any (NULL). False when somebody may not have heard
 * it. Any thread. */
bool near_ring(struct near *n, unsigned bell, const char *role, enum near_whom whom) MUST_CHECK;
/* The bells rung since the last call, 1 << bell, and which of them were not passed on by another program.
 * Does not wait. */
unsigned near_take(struct near *n, unsigned *first_hand);

#endif
