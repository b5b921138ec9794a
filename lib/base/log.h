/*
 * One line per event on standard error: key=value or JSON by configuration. Values of peers are
 * escaped. Never log a secret, a body or a key. Thread-safe; a line is one write.
 *
 *   log_event(LOG_INFO, "est.simpleenroll", LOG_S("peer", addr), LOG_S("outcome", "ok"),
 * LOG_I("us", n));
 */
#ifndef CHANCERY_BASE_LOG_H
#define CHANCERY_BASE_LOG_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_LEVEL_COUNT };
enum log_format { LOG_FORMAT_KV, LOG_FORMAT_JSON, LOG_FORMAT_COUNT };

struct log_field {
	const char *key;
	const char *text; /* NULL: number is meant, unless is_text (then the field is left out) */
	int64_t number;
	bool is_text;
};

#define LOG_S(k, v) ((struct log_field){.key = (k), .text = (v), .is_text = true})
#define LOG_I(k, v) ((struct log_field){.key = (k), .number = (int64_t)(v)})

/* Sets program name, level and form; call once before threads start. */
void log_setup(const char *program, enum log_level level, enum log_format format);
/* False when log_event() would drop this level: for callers who would gather fields in vain. */
bool log_wanted(enum log_level level);
void
log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count);
#define log_event(level, event, ...)                                                               \
	log_write((level), (event), (const struct log_field[]){__VA_ARGS__},                       \
		sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
/* An error event with class, word and reason of this thread's last err_set(). */
void log_failure(const char *event, enum err code);
/* "debug", "info", "warning", "error". */
const char *log_level_name(unsigned level);

#endif
