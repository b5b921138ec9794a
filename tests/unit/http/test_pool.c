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
static const struct pool_job *order[32], *latest;

static enum pool_end
wait_for_permission(struct pool_job *job)
{
	pthread_mutex_lock(&lock);
	running++;
	latest = job;
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
	struct pool_job job[3] = {{.lane = HTTP_LANE_BEGINS}};
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, 1, 2, wait_for_permission));
	for (size_t i = 0; i < 3; i++) {
		CHECK(pool_reserve(&p, HTTP_LANE_BEGINS));
		pool_push(&p, &job[i]);
	}
	CHECK(!pool_reserve(&p, HTTP_LANE_BEGINS));
	wait_running(1);
	CHECK(!pool_reserve(&p, HTTP_LANE_BEGINS)); /* running counts too */
	permit(3);
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	CHECK(finished == 3 && order[0] == &job[0] && order[1] == &job[1] && order[2] == &job[2]);
	pool_close(&p);
}

static void
test_finished_job_makes_room(void)
{
	struct pool_job job[2] = {{.lane = HTTP_LANE_BEGINS}};
	struct pool p;
	int64_t end = clock_monotonic_us() + PATIENCE_US;
	bool admitted = false;

	reset();
	CHECK_OK(pool_open(&p, 1, 0, wait_for_permission));
	CHECK(pool_reserve(&p, HTTP_LANE_BEGINS));
	CHECK(!pool_reserve(&p, HTTP_LANE_BEGINS));
	pool_push(&p, &job[0]);
	permit(1);
	while (!(admitted = pool_reserve(&p, HTTP_LANE_BEGINS)) && clock_monotonic_us() < end)
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
	struct pool_job job = {.lane = HTTP_LANE_BEGINS};
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, 2, 2, wait_for_permission));
	CHECK(pool_reserve(&p, HTTP_LANE_BEGINS));
	pool_push(&p, &job);
	CHECK(!pool_drain(&p, clock_monotonic_us() + 1000));
	CHECK(!pool_reserve(&p, HTTP_LANE_BEGINS));
	permit(1);
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	pool_close(&p);
	CHECK(finished == 1);
}

static void
test_workers_run_side_by_side(void)
{
	struct pool_job job[4] = {{.lane = HTTP_LANE_BEGINS}};
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, 4, 0, wait_for_permission));
	for (size_t i = 0; i < 4; i++) {
		CHECK(pool_reserve(&p, HTTP_LANE_BEGINS));
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
	struct pool_job job[2] = {{.lane = HTTP_LANE_BEGINS}};
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, 1, 1, leave));
	for (unsigned i = 0; i < 2; i++) {
		CHECK(pool_reserve(&p, HTTP_LANE_BEGINS));
		pool_push(&p, &job[i]);
		wait_running(i + 1);
		permit(1);
	}
	CHECK(!pool_drain(&p, clock_monotonic_us() + 1000)); /* both have run, or will */
	pool_release(&p, HTTP_LANE_BEGINS);
	CHECK(!pool_drain(&p, clock_monotonic_us() + 1000));
	pool_release(&p, HTTP_LANE_BEGINS);
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	pool_close(&p);
	CHECK(finished == 2);
}

static void
push(struct pool *p, struct pool_job *job, enum http_lane lane)
{
	CHECK(pool_reserve(p, lane));
	job->lane = lane;
	pool_push(p, job);
}

static void
test_only_what_begins_is_refused_by_a_full_pool(void)
{
	struct pool_job job[4];
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, 1, 1, wait_for_permission));
	push(&p, &job[0], HTTP_LANE_BEGINS);
	push(&p, &job[1], HTTP_LANE_CONTINUES); /* takes room from what begins, too */
	CHECK(!pool_reserve(&p, HTTP_LANE_BEGINS));
	push(&p, &job[2], HTTP_LANE_CONTINUES);
	push(&p, &job[3], HTTP_LANE_URGENT);
	CHECK(!pool_reserve(&p, HTTP_LANE_BEGINS));
	permit(4);
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	CHECK(!pool_reserve(&p, HTTP_LANE_CONTINUES) && !pool_reserve(&p, HTTP_LANE_URGENT));
	pool_close(&p);
}

static void
test_urgent_goes_first_then_what_continues_and_each_has_its_turn(void)
{
	static const enum http_lane lanes[] = {HTTP_LANE_BEGINS, HTTP_LANE_BEGINS,
		HTTP_LANE_CONTINUES, HTTP_LANE_CONTINUES, HTTP_LANE_CONTINUES, HTTP_LANE_CONTINUES,
		HTTP_LANE_URGENT};
	static const unsigned expected[] = {0, 6, 2, 3, 1, 4, 5};
	struct pool_job job[ARRAY_LEN(lanes)];
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, 1, 8, wait_for_permission));
	push(&p, &job[0], lanes[0]);
	wait_running(1);
	for (unsigned i = 1; i < ARRAY_LEN(lanes); i++)
		push(&p, &job[i], lanes[i]);
	permit(ARRAY_LEN(lanes));
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	for (unsigned i = 0; i < ARRAY_LEN(lanes); i++)
		CHECK(order[i] == &job[expected[i]]);
	pool_close(&p);
}

/* As when all finalizes wait for a signer that says nothing. */
static void
test_urgent_has_workers_of_its_own(void)
{
	enum { WORKERS = 16 };
	struct pool_job job[WORKERS], urgent;
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, WORKERS, 0, wait_for_permission));
	for (unsigned i = 0; i < WORKERS; i++)
		push(&p, &job[i], HTTP_LANE_CONTINUES);
	wait_running(WORKERS - 1);
	push(&p, &urgent, HTTP_LANE_URGENT);
	wait_running(WORKERS);
	pthread_mutex_lock(&lock);
	CHECK(latest == &urgent);
	pthread_mutex_unlock(&lock);
	permit(WORKERS + 1);
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	CHECK(finished == WORKERS + 1);
	pool_close(&p);
}

/* Nothing was done yet, which counts as one in a second. */
static void
test_appointments_follow_one_another_and_have_an_end(void)
{
	struct pool_job job = {.lane = HTTP_LANE_BEGINS};
	unsigned first, last = 0, most = 0;
	struct pool p;

	reset();
	CHECK_OK(pool_open(&p, 1, 1, wait_for_permission));
	push(&p, &job, HTTP_LANE_BEGINS);
	CHECK(pool_reserve(&p, HTTP_LANE_BEGINS));
	first = pool_appoint(&p);
	CHECK(first == 1);
	for (unsigned i = 0; i < 5; i++)
		last = pool_appoint(&p);
	CHECK(last >= 4 && last <= 6);
	for (unsigned i = 0; i < 100; i++) {
		last = pool_appoint(&p);
		most = last > most ? last : most;
	}
	CHECK(most >= 28 && most <= 30 && last >= 14);
	pool_release(&p, HTTP_LANE_BEGINS);
	permit(1);
	CHECK(pool_drain(&p, clock_monotonic_us() + PATIENCE_US));
	CHECK(!pool_reserve(&p, HTTP_LANE_BEGINS)); /* but it is seen that the crowd is gone */
	CHECK(pool_appoint(&p) == 1);
	pool_close(&p);
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
		job[i].lane = (enum http_lane)(i % HTTP_LANE_COUNT);
		while (!pool_reserve(p, job[i].lane))
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
	{"test_only_what_begins_is_refused_by_a_full_pool",
		test_only_what_begins_is_refused_by_a_full_pool},
	{"test_urgent_goes_first_then_what_continues_and_each_has_its_turn",
		test_urgent_goes_first_then_what_continues_and_each_has_its_turn},
	{"test_urgent_has_workers_of_its_own", test_urgent_has_workers_of_its_own},
	{"test_appointments_follow_one_another_and_have_an_end",
		test_appointments_follow_one_another_and_have_an_end},
	{"test_every_job_is_run", test_every_job_is_run})
