/*
 * The request head as it lies in memory. libmicrohttpd 0.9.7x takes bare LF for a line end, glues
 * folded lines together and cuts strings at a NUL, and none of that shows in the strings it hands
 * over. It does show in where they lie: the head stays in one buffer in which only separators were
 * replaced by NUL octets, so method, target, version and fields must follow each other without a
 * gap, two NULs after each line. A later release that keeps its fields elsewhere refuses these
 * inputs itself in its strict mode, so there the layout is not looked at (server.c decides once, by
 * version).
 *
 * What the library reads in a head before it calls anybody it answers itself when it does not like
 * it, with its own head twice: a Content-Length with anything but digits, cookies beyond its
 * memory. So it asks us for these fields, and hears only what it will accept; the rest is refused
 * as all heads are.
 */
#include "lib/http/conn.h"

#include <strings.h>

typedef enum MHD_Result lookup_call(struct MHD_Connection *mhd, enum MHD_ValueKind kind,
	const char *name, size_t name_n, const char **value, size_t *value_n);

struct walk {
	struct gate *gate;
	const char *expected; /* where the next field name must begin; NULL: do not care */
	const struct http_refusal *refusal;
};

static size_t
without_blanks(const char *value, size_t n)
{
	while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
		n--;
	return n;
}

/* libmicrohttpd takes the OWS before a value away, and leaves that behind it, which every reader of
 * the value would have to know. The octets are its buffer's. */
static size_t
cut_blanks(const char *value, size_t n)
{
	size_t kept = without_blanks(value, n);

	if (kept < n)
		*(char *)(uintptr_t)(value + kept) = '\0';
	return kept;
}

static enum MHD_Result
visit_field(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value,
	size_t value_n)
{
	struct walk *w = ctx;

	(void)kind;
	if (w->expected != NULL) {
		if (name != w->expected || value == NULL || value[value_n] != '\0' ||
			value[value_n + 1] != '\0') {
			w->refusal = &gate_bad_layout;
			return MHD_NO;
		}
		w->expected = value + value_n + 2;
	}
	w->refusal = gate_field(
		w->gate, bytes_of(name, name_n), bytes_of(value, cut_blanks(value, value_n)));
	return w->refusal == NULL ? MHD_YES : MHD_NO;
}

static const struct http_refusal *
check_request_line(
	const struct http_conn *c, const char *url, const char *method, const char *version)
{
	if (c->server->layout == LAYOUT_UNKNOWN)
		return NULL;
	if (url != c->raw_target || method + strlen(method) + 1 != url ||
		url + c->raw_target_len + 1 != version)
		return &gate_bad_layout;
	return NULL;
}

static const struct http_refusal *
check_end(const struct http_conn *c, const char *method, const char *expected)
{
	size_t size = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
			      ->header_size;

	return expected == NULL || expected + 2 == method + size ? NULL : &gate_bad_layout;
}

const struct http_refusal *
layout_check(struct http_conn *c, const char *url, const char *method, const char *version,
	struct gate *g)
{
	struct walk w = {.gate = g};
	const struct http_refusal *r = check_request_line(c, url, method, version);

	if (r == NULL)
		r = gate_target(bytes_str(url), bytes_str(c->query));
	if (r != NULL)
		return r;
	if (c->server->layout == LAYOUT_KNOWN)
		w.expected = version + strlen(version) + 2;
	(void)MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, visit_field, &w);
	r = w.refusal != NULL ? w.refusal : check_end(c, method, w.expected);
	return r != NULL ? r : gate_finish(g, c->req.http10);
}

/* Nobody here reads cookies as such. */
static enum MHD_Result
admit_field(const char *name, size_t name_n, const char *value, size_t *value_n)
{
	uint64_t length;

	if (name_n == 6 && strncasecmp(name, "Cookie", 6) == 0)
		return MHD_NO;
	if (name_n != 14 || strncasecmp(name, "Content-Length", 14) != 0)
		return MHD_YES;
	*value_n = without_blanks(value, *value_n);
	return gate_length(bytes_of(value, *value_n), &length) == NULL && length != GATE_LENGTH_OVER
		? MHD_YES
		: MHD_NO;
}

enum MHD_Result
MHD_lookup_connection_value_n(struct MHD_Connection *mhd, enum MHD_ValueKind kind, const char *name,
	size_t name_n, const char **value, size_t *value_n)
{
	static _Atomic(void *) known;
	lookup_call *call = (lookup_call *)library_call(&known, "MHD_lookup_connection_value_n");
	enum MHD_Result found = call(mhd, kind, name, name_n, value, value_n);

	if (found != MHD_YES || value == NULL || value_n == NULL ||
		conn_of(mhd)->stage != STAGE_HEAD)
		return found;
	return admit_field(name, name_n, *value, value_n);
}
