/*
 * Counters and gauges with fixed names and labels, and the text Prometheus reads (exposition format
 * 0.0.4). A folder keeps an enum of indexes, a const table and a group:
 *
 *   enum { ISSUED, REFUSED, METRIC_COUNT };
 *   static const struct metric table[METRIC_COUNT] = {
 *           [ISSUED] = {"chancery_requests_total", "outcome=\"issued\"", METRIC_COUNTER, "Decided."},
 *           [REFUSED] = {"chancery_requests_total", "outcome=\"refused\"", METRIC_COUNTER, NULL},
 *   };
 *   METRICS_GROUP(signer_metrics, table);
 *   metrics_add(&signer_metrics, ISSUED, 1);
 *
 * Labels are constants: what a peer sends never becomes one.
 */
#ifndef CHANCERY_BASE_METRICS_H
#define CHANCERY_BASE_METRICS_H

#include <stdatomic.h>

#include "lib/base/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

struct metric {
	const char *name, *labels; /* labels without braces, or NULL */
	enum metric_kind kind;
	const char *help; /* in the first row of a name; rows of one name stand together */
};

/* A cache line each, or threads that count different things would wait for each other. */
struct metric_value {
	_Alignas(64) _Atomic(int64_t) n;
};

struct metrics_group {
	const struct metric *table;
	size_t count;
	struct metric_value *values;
};

#define METRICS_GROUP(group, metric_table)                                                         \
	static struct metric_value group##_values[ARRAY_LEN(metric_table)];                        \
	const struct metrics_group group = {(metric_table), ARRAY_LEN(metric_table), group##_values}

static inline void
metrics_add(const struct metrics_group *g, size_t index, int64_t delta)
{
	atomic_fetch_add_explicit(&g->values[index].n, delta, memory_order_relaxed);
}
static inline void
metrics_set(const struct metrics_group *g, size_t index, int64_t value)
{
	atomic_store_explicit(&g->values[index].n, value, memory_order_relaxed);
}
static inline int64_t
metrics_get(const struct metrics_group *g, size_t index)
{
	return atomic_load_explicit(&g->values[index].n, memory_order_relaxed);
}

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends the groups; ERR_LIMIT when the buffer is too small. */
enum err
metrics_render(const struct metrics_group *const *groups, size_t count, struct buf *out) MUST_CHECK;

#endif
