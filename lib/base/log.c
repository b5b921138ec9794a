/*
 * The event log; see log.h. A line is built in a fixed buffer and written at once, so that lines of
 * threads never mix. Whatever is not plain printable ASCII leaves as an escape: a peer can neither
 * start a line of its own nor move the cursor of who reads it.
 */
#include "lib/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"

/* A value longer than VALUE_MAX ends in "..."; a field that does not fit any more is left out. */
enum { LINE_SIZE = 8192, VALUE_MAX = 1024, CLOSING = 3 };

struct line {
	char text[LINE_SIZE];
	size_t len;
	enum { FITS, FULL } state;
};

static struct {
	char program[32];
	enum log_level level;
	enum log_format format;
} settings = {"chancery", LOG_INFO, LOG_FORMAT_KV};

static const char *const level_names[LOG_LEVEL_COUNT] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARNING] = "warning",
	[LOG_ERROR] = "error",
};

void
log_setup(const char *program, enum log_level level, enum log_format format)
{
	snprintf(settings.program, sizeof(settings.program), "%s", program);
	settings.level = level;
	settings.format = format;
}

const char *
log_level_name(unsigned level)
{
	return level_names[level];
}

static void
add_octets(struct line *l, const char *text, size_t n)
{
	if (l->state == FULL || n > LINE_SIZE - CLOSING - l->len) {
		l->state = FULL;
		return;
	}
	memcpy(l->text + l->len, text, n);
	l->len += n;
}

static void
add_text(struct line *l, const char *text)
{
	add_octets(l, text, strlen(text));
}

static void
add_escaped(struct line *l, const char *text)
{
	size_t n = strnlen(text, VALUE_MAX + 1);
	char escape[8];

	for (size_t i = 0; i < n && i < VALUE_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			snprintf(escape, sizeof(escape), "\\%c", c);
		else if (c >= 0x20 && c < 0x7f)
			snprintf(escape, sizeof(escape), "%c", c);
		else /* JSON has no \x; there the backslash itself is escaped and the octet stays
			readable */
			snprintf(escape, sizeof(escape),
				settings.format == LOG_FORMAT_JSON ? "\\\\x%02x" : "\\x%02x", c);
		add_text(l, escape);
	}
	if (n > VALUE_MAX)
		add_text(l, "...");
}

/* Values of this kind need no quotes in key=value form. */
static bool
is_bare(const char *text)
{
	static const char bare[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@+,*";

	return text[0] != '\0' && text[strspn(text, bare)] == '\0';
}

static void
add_key(struct line *l, const char *key)
{
	if (settings.format == LOG_FORMAT_JSON) {
		add_text(l, l->len > 1 ? ",\"" : "\"");
		add_text(l, key);
		add_text(l, "\":");
	} else {
		add_text(l, l->len > 0 ? " " : "");
		add_text(l, key);
		add_text(l, "=");
	}
}

static void
add_string(struct line *l, const char *key, const char *value)
{
	add_key(l, key);
	if (settings.format == LOG_FORMAT_KV && strnlen(value, VALUE_MAX + 1) <= VALUE_MAX &&
		is_bare(value)) {
		add_text(l, value);
		return;
	}
	add_text(l, "\"");
	add_escaped(l, value);
	add_text(l, "\"");
}

/* All of the field or nothing. */
static void
add_field(struct line *l, const struct log_field *f)
{
	size_t before = l->len;
	char number[24];

	if (f->text != NULL) {
		add_string(l, f->key, f->text);
	} else if (!f->is_text) {
		add_key(l, f->key);
		snprintf(number, sizeof(number), "%lld", (long long)f->number);
		add_text(l, number);
	}
	if (l->state == FULL)
		l->len = before;
}

static void
add_time(struct line *l)
{
	int64_t us = clock_now_us();
	char text[CLOCK_RFC3339_SIZE], full[CLOCK_RFC3339_SIZE + 16];

	clock_format_rfc3339(us / 1000000, text);
	text[strcspn(text, "Z")] = '\0';
	snprintf(full, sizeof(full), "%s.%06uZ", text, (unsigned)(us % 1000000));
	add_string(l, "time", full);
}

static void
emit_line(const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, text, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return; /* nowhere left to say it */
		text += done;
		n -= (size_t)done;
	}
}

bool
log_wanted(enum log_level level)
{
	return level >= settings.level;
}

void
log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	struct line l = {.len = 0};
	int saved = errno;

	if (!log_wanted(level))
		return;
	if (settings.format == LOG_FORMAT_JSON)
		add_text(&l, "{");
	add_time(&l);
	add_string(&l, "level", level_names[level]);
	add_string(&l, "program", settings.program);
	add_string(&l, "event", event);
	for (size_t i = 0; i < count && l.state == FITS; i++)
		add_field(&l, &fields[i]);
	if (settings.format == LOG_FORMAT_JSON)
		l.text[l.len++] = '}'; /* CLOSING keeps room for these */
	l.text[l.len++] = '\n';
	emit_line(l.text, l.len);
	errno = saved;
}

void
log_failure(const char *event, enum err code)
{
	log_event(LOG_ERROR, event, LOG_S("class", err_name(code)),
		LOG_S("word", err_word_text(err_word())), LOG_S("reason", err_reason()));
}
