/*
 * The URL router, the request gate and the reader of targets, which read whatever a client sends.
 * The first octet chooses. Properties: a path that matches is the pattern with its parameters put
 * back, octet for octet; the octets of a {} are unreserved; a refusal always has its status, word
 * and reason, what is not refused has one framing, and reading a target never makes it longer.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/http/gate.h"
#include "lib/http/router.h"
#include "lib/http/target.h"

enum { TEXT_MAX = 4096 };

static void
handler(struct http_request *req, struct http_response *resp)
{
	(void)req, (void)resp;
}

#define R(p, m)                                                                                    \
	{                                                                                          \
		.pattern = (p), .methods = (m), .handler = handler                                 \
	}
static const struct http_route table[] = {
	R("/acme/{}/directory", HTTP_GET),
	R("/acme/{}/order/{}", HTTP_POST),
	R("/acme/{}/order/new", HTTP_POST),
	R("/ocsp/{}", HTTP_POST),
	R("/ocsp/{}/{*}", HTTP_GET),
	R("/ca/{*}", HTTP_GET),
	R("/{}", HTTP_PUT),
	R("/{}/{}/{}/{}", HTTP_DELETE),
	R("/", HTTP_GET),
	{.pattern = NULL},
};

/* Pattern and parameters together must spell the path. */
static void
check_match(const struct router_match *m, struct bytes path)
{
	const char *p = m->route->pattern;
	size_t at = 0, param = 0;

	while (*p != '\0') {
		if (*p != '{') {
			HOLDS(at < path.n && path.p[at] == (uint8_t)*p);
			at++;
			p++;
			continue;
		}
		HOLDS(param < m->count && m->param[param].p == path.p + at);
		at += m->param[param].n;
		HOLDS(p[1] == '*' ||
			(m->param[param].n > 0 &&
				memchr(m->param[param].p, '/', m->param[param].n) == NULL));
		p += p[1] == '*' ? 3 : 2;
		param++;
	}
	HOLDS(at == path.n && param == m->count);
}

static void
route(struct bytes path)
{
	static struct router *r;
	struct router_match get, none;

	if (r == NULL)
		HOLDS(router_new(table, &r) == ERR_OK);
	router_find(r, path, 0, &none);
	HOLDS(none.route == NULL && none.count == 0);
	for (unsigned method = HTTP_GET; method <= HTTP_OPTIONS; method <<= 1) {
		router_find(r, path, method, &get);
		HOLDS((get.route != NULL) == ((none.allowed & method) != 0));
		if (get.route != NULL)
			check_match(&get, path);
	}
}

static struct bytes
take_until(struct bytes *in, uint8_t stop)
{
	const uint8_t *end = in->n > 0 ? memchr(in->p, stop, in->n) : NULL;
	struct bytes part = bytes_of(in->p, end != NULL ? (size_t)(end - in->p) : in->n);

	*in = bytes_of(in->p + part.n, in->n - part.n);
	if (end != NULL)
		*in = bytes_of(in->p + 1, in->n - 1);
	return part;
}

static void
check_refusal(const struct http_refusal *r)
{
	HOLDS(r->status >= 400 && r->status < 600 && r->word[0] != '\0' && r->reason[0] != '\0');
}

static void
pass_gate(struct bytes in)
{
	static const char *const types[] = {"application/pkcs10", "a/b", NULL};
	struct gate g = {.length = 0};
	const struct http_refusal *r = NULL;

	while (r == NULL && in.n > 0) {
		struct bytes line = take_until(&in, '\n'), name = take_until(&line, ':');

		r = gate_field(&g, name, line);
	}
	if (r == NULL)
		r = gate_finish(&g, in.n % 2 == 0);
	if (r != NULL) {
		check_refusal(r);
		return;
	}
	HOLDS(g.single[GATE_TRANSFER_ENCODING].p == NULL);
	HOLDS(g.length == 0 || g.single[GATE_CONTENT_LENGTH].n > 0);
	r = gate_media_type(g.single[GATE_CONTENT_TYPE], types);
	HOLDS(r == NULL || r->status == 415);
}

static void
pass_target(struct bytes in)
{
	struct bytes path = take_until(&in, '?');
	const struct http_refusal *r = gate_target(path, in);

	if (r != NULL)
		check_refusal(r);
	else
		route(path);
}

/* What has no escape left is read as it stands. */
static void
read_target(struct bytes in)
{
	char url[TEXT_MAX], copy[TEXT_MAX + 2], again[TEXT_MAX + 2];
	struct target t;

	memcpy(url, in.p, in.n);
	url[in.n] = '\0';
	t = target_read(url, copy);
	HOLDS(strlen(t.path) <= strlen(url) || strcmp(t.path, "/") == 0);
	if (t.path[0] == '/' && strchr(t.path, '%') == NULL)
		HOLDS(strcmp(target_read(t.path, again).path, t.path) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct bytes) = {route, pass_gate, pass_target, read_target};

	if (size > 0 && size < TEXT_MAX)
		readers[data[0] % ARRAY_LEN(readers)](bytes_of(data + 1, size - 1));
	return 0;
}
