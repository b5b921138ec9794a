/* The text form of metrics; see metrics.h. */
#include "lib/base/metrics.h"

#include <inttypes.h>

static const char *const kind_name[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
};

static enum err
render_head(const struct metric *m, struct buf *out)
{
	return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name,
		m->help != NULL ? m->help : "", m->name, kind_name[m->kind]);
}

static enum err
render_value(const struct metric *m, int64_t value, struct buf *out)
{
	if (m->labels == NULL)
		return buf_printf(out, "%s %" PRId64 "\n", m->name, value);
	return buf_printf(out, "%s{%s} %" PRId64 "\n", m->name, m->labels, value);
}

static enum err
render_group(const struct metrics_group *g, struct buf *out)
{
	for (size_t i = 0; i < g->count; i++) {
		if (i == 0 || strcmp(g->table[i].name, g->table[i - 1].name) != 0)
			TRY(render_head(&g->table[i], out));
		TRY(render_value(&g->table[i], metrics_get(g, i), out));
	}
	return ERR_OK;
}

enum err
metrics_render(const struct metrics_group *const *groups, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++)
		TRY(render_group(groups[i], out));
	return ERR_OK;
}
