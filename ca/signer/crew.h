/*
 * Threads that work on the items of a batch side by side, each with an arena of its own, for an HSM
 * that takes its time: while one waits for its signature, the others ask for theirs. The thread that
 * has the batch works along.
 */
#ifndef CHANCERY_CA_SIGNER_CREW_H
#define CHANCERY_CA_SIGNER_CREW_H

#include "lib/base/arena.h"
#include "lib/base/err.h"

struct crew;
/* Item number i; several at once. A failure ends the batch: no further item is begun. */
typedef enum err crew_work(void *ctx, size_t i, struct arena *a);

/* Of so many threads, the caller's included; they are started when they are first needed. */
struct crew *crew_new(unsigned size);
void crew_free(struct crew *c);
/* Works on count items with at most hands threads (1: the caller's alone, which costs nothing). The first
 * failure with its reason, once nobody works any more. What the arenas hold lives until the next call. */
enum err
crew_run(struct crew *c, unsigned hands, size_t count, crew_work *work, void *ctx) MUST_CHECK;

#endif
