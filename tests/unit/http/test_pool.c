#include "lib/http/pool.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/bytes.h"
#include "lib/base/clock.h"
#include "tests/unit/unit.h"

enum { PATIENCE_US = 20000000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned running, finished, may_finish;
static const struct pool_job *order[8];

static enum pool_end
wait_for_permission(struct pool_job *job)
{
	pthread_mutex_lock(&lock);
	running++;
	pthread_cond_broadcast(&changed);
	while (may_finish == 0)
		pthread_cond_wait(&changed, &lock);
	may_finish--;
	order[finished++] = job;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return POOL_DONE;
}

static void
permit(unsigned count)
{
	pthread_mutex_lock(&lock);
	may_finish += count;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void
wait_running(unsigned count)
{
	pthread_mutex_lock(&lock);
	while (running < count)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void
reset(void)
{
	running = finished = may_finish = 0;
}

static void
test_room_is_workers_and_queue(void)
{
	struct pool_job job[3];
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, 1, 2, wait_for_permission));
	for (size_t i = 0; i < 3; i++) {
		CHECK(pool_reserve(&p));
		pool_push(&p, &job[i]);
	}
	CHECK(!pool_reserve(&p));
	wait_running(1);
	CHECK(!pool_reserve(&p)); /* running counts too */
	permit(3);
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	CHECK(finished == 3 && order[0] == &job[0] && order[1] == &job[1] && order[2] == &job[2]);
	pool_close(&p);
}

static void
test_finished_job_makes_room(void)
{
	struct pool_job job[2];
	struct pool p;
	int64_t end = clock_monotonic_us() + PATIENCE_US;
	bool admitted = false;

	reset();
	CHECK_OK(pool_open(&p, 1, 0, wait_for_permission));
	CHECK(pool_reserve(&p));
	CHECK(!pool_reserve(&p));
	pool_push(&p, &job[0]);
	permit(1);
	while (!(admitted = pool_reserve(&p)) && clock_monotonic_us() < end)
		;
	CHECK(admitted);
	permit(1);
	pool_push(&p, &job[1]);
	CHECK(pool_drain(&p, end));
	pool_close(&p);
}

static void
test_drain_gives_up_at_its_deadline_and_admits_nothing(void)
{
	struct pool_job job;
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, 2, 2, wait_for_permission));
	CHECK(pool_reserve(&p));
	pool_push(&p, &job);
	CHECK(!pool_drain(&p, clock_monotonic_us() + 1000));
	CHECK(!pool_reserve(&p));
	permit(1);
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	pool_close(&p);
	CHECK(finished == 1);
}

static void
test_workers_run_side_by_side(void)
{
	struct pool_job job[4];
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, 4, 0, wait_for_permission));
	for (size_t i = 0; i < 4; i++) {
		CHECK(pool_reserve(&p));
		pool_push(&p, &job[i]);
	}
	wait_running(4);
	permit(4);
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	pool_close(&p);
}

static enum pool_end
leave(struct pool_job *job)
{
	(void)wait_for_permission(job);
	return POOL_LATER;
}

static void
test_later_job_frees_its_worker_and_keeps_its_room(void)
{
	struct pool_job job[2];
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, 1, 1, leave));
	for (unsigned i = 0; i < 2; i++) {
		CHECK(pool_reserve(&p));
		pool_push(&p, &job[i]);
		wait_running(i + 1);
		permit(1);
	}
	CHECK(!pool_drain(&p, clock_monotonic_us() + 1000)); /* both have run, or will */
	pool_release(&p);
	CHECK(!pool_drain(&p, clock_monotonic_us() + 1000));
	pool_release(&p);
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	pool_close(&p);
	CHECK(finished == 2);
}

enum { PUSHERS = 4, PUSHES = 5000 };

static atomic_uint done;

static enum pool_end
count(struct pool_job *job)
{
	(void)job;
	atomic_fetch_add(&done, 1);
	return POOL_DONE;
}

static void *
push_many(void *ctx)
{
	struct pool *p = ctx;
	struct pool_job *job = mem_zalloc(PUSHES, sizeof(*job));

	for (size_t i = 0; i < PUSHES; i++) {
		while (!pool_reserve(p))
			sched_yield();
		pool_push(p, &job[i]);
	}
	return job;
}

/* No job may be left lying while a worker sleeps. */
static void
test_every_job_is_run(void)
{
	struct pool p;
	pthread_t thread[PUSHERS];
	void *jobs[PUSHERS];

	CHECK_OK(pool_open(&p, 8, 24, count));
	for (size_t i = 0; i < PUSHERS; i++)
		CU_ASSERT_FATAL(pthread_create(&thread[i], NULL, push_many, &p) == 0);
	for (size_t i = 0; i < PUSHERS; i++)
		pthread_join(thread[i], &jobs[i]);
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	CHECK(atomic_load(&done) == PUSHERS * PUSHES);
	pool_close(&p);
	for (size_t i = 0; i < PUSHERS; i++)
		free(jobs[i]);
}

UNIT_MAIN("http pool", {"test_room_is_workers_and_queue", test_room_is_workers_and_queue},
	{"test_finished_job_makes_room", test_finished_job_makes_room},
	{"test_drain_gives_up_at_its_deadline_and_admits_nothing",
		test_drain_gives_up_at_its_deadline_and_admits_nothing},
	{"test_workers_run_side_by_side", test_workers_run_side_by_side},
	{"test_later_job_frees_its_worker_and_keeps_its_room",
		test_later_job_frees_its_worker_and_keeps_its_room},
	{"test_every_job_is_run", test_every_job_is_run})
