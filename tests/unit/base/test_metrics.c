#include "lib/base/metrics.h"

#include <pthread.h>

#include "tests/unit/unit.h"

enum { ISSUED, REFUSED, WAITING, METRIC_COUNT };
static const struct metric table[METRIC_COUNT] = {
	[ISSUED] = {"unit_requests_total", "outcome=\"issued\"", METRIC_COUNTER,
		"Requests decided."},
	[REFUSED] = {"unit_requests_total", "outcome=\"refused\"", METRIC_COUNTER, NULL},
	[WAITING] = {"unit_waiting", NULL, METRIC_GAUGE, "Requests that wait."},
};
METRICS_GROUP(unit_metrics, table);

static void
reset(void)
{
	for (size_t i = 0; i < METRIC_COUNT; i++)
		metrics_set(&unit_metrics, i, 0);
}

static void
test_metrics_are_rendered_for_prometheus(void)
{
	const struct metrics_group *groups[] = {&unit_metrics};
	AUTO_BUF(out, 4096);

	reset();
	metrics_add(&unit_metrics, ISSUED, 2);
	metrics_add(&unit_metrics, ISSUED, 3);
	metrics_set(&unit_metrics, WAITING, 7);
	metrics_add(&unit_metrics, WAITING, -1);
	CHECK_OK(metrics_render(groups, 1, &out));
	CHECK(bytes_equal(buf_bytes(&out),
		BYTES_LIT("# HELP unit_requests_total Requests decided.\n"
			  "# TYPE unit_requests_total counter\n"
			  "unit_requests_total{outcome=\"issued\"} 5\n"
			  "unit_requests_total{outcome=\"refused\"} 0\n"
			  "# HELP unit_waiting Requests that wait.\n"
			  "# TYPE unit_waiting gauge\n"
			  "unit_waiting 6\n")));
}

static void
test_small_buffer_is_refused(void)
{
	const struct metrics_group *groups[] = {&unit_metrics};
	AUTO_BUF(out, 100);

	CHECK_ERR(metrics_render(groups, 1, &out), ERR_LIMIT);
}

static void *
count_a_lot(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20000; i++)
		metrics_add(&unit_metrics, ISSUED, 1);
	return NULL;
}

static void
test_threads_lose_no_count(void)
{
	pthread_t threads[4];

	reset();
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		CHECK(pthread_create(&threads[i], NULL, count_a_lot, NULL) == 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	CHECK(metrics_get(&unit_metrics, ISSUED) == 80000);
}

UNIT_MAIN("metrics",
	{"test_metrics_are_rendered_for_prometheus", test_metrics_are_rendered_for_prometheus},
	{"test_small_buffer_is_refused", test_small_buffer_is_refused},
	{"test_threads_lose_no_count", test_threads_lose_no_count})
