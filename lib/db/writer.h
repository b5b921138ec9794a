/* Between writer.c (the queue and its thread) and batch.c (one transaction). */
#ifndef CHANCERY_DB_WRITER_H
#define CHANCERY_DB_WRITER_H

#include <semaphore.h>

#include "lib/db/internal.h"

/* One statement of a batch; it may serve several jobs, a row for each. */
struct step {
	const struct stmt *st;
	const struct bulk *bulk; /* NULL: of one job */
	const struct params *params;
	struct params own; /* of a bulk */
	size_t rows;
	PGresult *res; /* the answer, also a refusal */
};

struct job {
	const struct stmt *st; /* with its params; or a row of a bulk */
	const struct params *params;
	const struct bulk *bulk;
	const void *row;
	struct step *step; /* of the batch under way, and which row of its result */
	size_t at;
	PGresult *res; /* db_write(): the answer, also a refusal */
	enum err code; /* without a result: why */
	char reason[200];
	int64_t deadline;
	enum { JOB_QUEUED, JOB_RUNNING } state;
	sem_t done; /* posted when answered: waking takes no lock that others wake for too */
	db_done_fn *on_done; /* db_submit(): called instead; the job is then the writer's */
	void *ctx;
	struct job *next;
};

struct writer {
	struct db *db;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct job *first, **last;
	size_t queued;
	bool stopping;
	/* The thread's own. */
	struct db_conn conn;
	char name[64]; /* of our row */
	int64_t mark;  /* what our row holds */
	struct step step[DB_BATCH_MAX];
	size_t step_count;
};

enum batch_outcome {
	COMMITTED,
	REFUSED, /* a statement failed; nothing was written */
	LOST,	 /* the connection broke; nothing was written */
	UNKNOWN, /* the connection broke and COMMIT was sent */
};

void batch_new_name(struct writer *w);
/* The statements for these jobs, into w->step; batch_clear() frees them and their results. */
void batch_plan(struct writer *w, struct job **jobs, size_t n);
void batch_clear(struct writer *w);
/* Runs what was planned. Jobs without a result have a code and a reason. */
enum batch_outcome batch_run(struct writer *w, struct job **jobs, size_t n);
/* After UNKNOWN. */
enum batch_outcome batch_resolve(struct writer *w, int64_t deadline);
/* writer.c: a little while, unless the writer is to stop. */
void writer_nap(struct writer *w);

#endif
