/*
 * From struct http_response to what MHD sends. Every answer has a Content-Length, none is chunked;
 * an HTTP/1.0 request gets an HTTP/1.0 status line and a closed connection, because the clients
 * that still speak it either refuse anything else or read until the end of the stream.
 *
 * X-Request-Id is on every answer made for one request. Prepared answers go without: they are
 * cached by others, and a cached id would name somebody else's request.
 */
#include "lib/http/conn.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

struct http_prepared {
	atomic_uint users;
	atomic_uint
		holders; /* of this memory: the users together, and each MHD response over body */
	unsigned status;
	struct MHD_Response *kept;
	_Atomic(struct MHD_Response *) closing; /* made when the first HTTP/1.0 client asks */
	struct http_body body;			/* without copy: in octets */
	uint8_t octets[];
};

enum { BLOCK_OCTETS = 64 * 1024 }; /* of a body that is made while it is sent */

const char *
http_request_header(const struct http_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->conn->mhd, MHD_HEADER_KIND, name);
}

void
http_response_header(struct http_response *resp, const char *name, const char *value)
{
	assert(resp->header_count < HTTP_HEADERS_MAX);
	resp->header[resp->header_count++] = (struct http_header){name, value};
}

/* MHD refuses names and values that would break the head; such a field is our bug and is left out.
 */
static void
add_header(struct MHD_Response *r, const char *name, const char *value)
{
	if (MHD_add_response_header(r, name, value) != MHD_YES)
		log_event(LOG_ERROR, "http.header", LOG_S("name", name), LOG_S("value", value),
			LOG_S("reason", "not a header field"));
}

static void
add_headers(struct MHD_Response *r, const char *content_type, const struct http_header *header,
	size_t count)
{
	if (content_type != NULL)
		add_header(r, "Content-Type", content_type);
	for (size_t i = 0; i < count; i++)
		add_header(r, header[i].name, header[i].value);
}

static void
close_after(struct MHD_Response *r)
{
	add_header(r, "Connection", "close");
}

struct MHD_Response *
response_make(struct http_conn *c, const struct http_response *resp)
{
	struct bytes body = resp->content_type != NULL ? resp->body : (struct bytes){NULL, 0};
	struct MHD_Response *r = MHD_create_response_from_buffer(
		body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);

	if (r == NULL)
		return NULL;
	add_headers(r, resp->content_type, resp->header, resp->header_count);
	add_header(r, "X-Request-Id", conn_request_id(c));
	if (resp->close || c->req.http10 || server_draining(c->server))
		close_after(r);
	if (c->req.http10)
		MHD_set_response_options(r, MHD_RF_HTTP_1_0_SERVER, MHD_RO_END);
	return r;
}

static void
drop_memory(void *ctx)
{
	struct http_prepared *p = ctx;

	if (atomic_fetch_sub_explicit(&p->holders, 1, memory_order_acq_rel) != 1)
		return;
	if (p->body.release != NULL)
		p->body.release(p->body.ctx);
	free(p);
}

static ssize_t
copy_block(void *ctx, uint64_t at, char *out, size_t max)
{
	const struct http_prepared *p = ctx;
	size_t left = p->body.size - at, n = left < max ? left : max;

	p->body.copy(p->body.ctx, at, out, n);
	return (ssize_t)n;
}

static struct MHD_Response *
over_body(struct http_prepared *p)
{
	size_t size = p->body.size, block = size < BLOCK_OCTETS ? size : BLOCK_OCTETS;
	struct MHD_Response *r = p->body.copy != NULL
		? MHD_create_response_from_callback(size, block, copy_block, p, drop_memory)
		: MHD_create_response_from_buffer_with_free_callback_cls(
			  size, p->octets, drop_memory, p);

	if (r == NULL)
		abort(); /* out of memory */
	atomic_fetch_add_explicit(&p->holders, 1, memory_order_relaxed);
	return r;
}

/* Makes all of p but its body. */
static struct http_prepared *
prepare_over(struct http_prepared *p, unsigned status, const char *content_type,
	const struct http_header *headers, size_t count)
{
	p->status = status;
	atomic_init(&p->users, 1);
	atomic_init(&p->holders, 1);
	p->kept = over_body(p);
	add_headers(p->kept, content_type, headers, count);
	return p;
}

struct http_prepared *
http_prepared_new(unsigned status, const char *content_type, struct bytes body,
	const struct http_header *headers, size_t count)
{
	struct http_prepared *p = mem_alloc(sizeof(*p) + body.n);

	*p = (struct http_prepared){.body.size = body.n};
	if (body.n > 0)
		memcpy(p->octets, body.p, body.n);
	return prepare_over(p, status, content_type, headers, count);
}

struct http_prepared *
http_prepared_of(unsigned status, const char *content_type, const struct http_body *body,
	const struct http_header *headers, size_t count)
{
	struct http_prepared *p = mem_zalloc(1, sizeof(*p));

	p->body = *body;
	return prepare_over(p, status, content_type, headers, count);
}

struct http_prepared *
http_prepared_ref(struct http_prepared *p)
{
	atomic_fetch_add_explicit(&p->users, 1, memory_order_relaxed);
	return p;
}

void
http_prepared_unref(struct http_prepared *p)
{
	struct MHD_Response *closing;

	if (p == NULL || atomic_fetch_sub_explicit(&p->users, 1, memory_order_acq_rel) != 1)
		return;
	closing = atomic_load(&p->closing);
	if (closing != NULL)
		MHD_destroy_response(closing);
	MHD_destroy_response(p->kept);
	drop_memory(p);
}

static enum MHD_Result
copy_header(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	add_header(ctx, name, value);
	return MHD_YES;
}

/* The same answer once more, to be sent in another way. */
static struct MHD_Response *
make_twin(struct http_prepared *p)
{
	struct MHD_Response *r = over_body(p);

	(void)MHD_get_response_headers(p->kept, copy_header, r);
	return r;
}

static struct MHD_Response *
make_closing(struct http_prepared *p)
{
	struct MHD_Response *r = make_twin(p), *expected = NULL;

	close_after(r);
	MHD_set_response_options(r, MHD_RF_HTTP_1_0_SERVER, MHD_RO_END);
	if (atomic_compare_exchange_strong(&p->closing, &expected, r))
		return r;
	MHD_destroy_response(r);
	return expected;
}

/* Is the tag in this If-None-Match value ("*", or a list of tags, weak ones too: RFC 9110
 * section 13.1.2)? */
static bool
tag_listed(const char *list, const char *tag)
{
	size_t n = strlen(tag);

	if (strcmp(list, "*") == 0)
		return true;
	for (const char *p = strstr(list, tag); p != NULL; p = strstr(p + 1, tag))
		if (p[n] == '\0' || p[n] == ',' || p[n] == ' ')
			return true;
	return false;
}

/* Does the client hold this very answer already? A tag decides alone when there is one (RFC 9110
 * section 13.2.2). */
static bool
client_has(struct http_conn *c, const struct http_prepared *p)
{
	const char *tag = MHD_get_response_header(p->kept, "ETag"), *tags, *modified, *since;
	int64_t ours, theirs;

	if (p->status != 200 || (c->req.method & (HTTP_GET | HTTP_HEAD)) == 0)
		return false;
	tags = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "If-None-Match");
	if (tags != NULL)
		return tag != NULL && tag_listed(tags, tag);
	since = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "If-Modified-Since");
	if (since == NULL)
		return false;
	modified = MHD_get_response_header(p->kept, "Last-Modified");
	return modified != NULL && clock_parse_imf(bytes_str(modified), &ours) == ERR_OK &&
		clock_parse_imf(bytes_str(since), &theirs) == ERR_OK && ours <= theirs;
}

/* Made over the body although it is not sent: Content-Length of a 304 is that of the 200 (RFC 9110
 * section 8.6). */
struct MHD_Response *
prepared_not_modified(struct http_conn *c, struct http_prepared *p)
{
	struct MHD_Response *r;

	if (!client_has(c, p))
		return NULL;
	r = make_twin(p);
	(void)MHD_del_response_header(
		r, "Content-Type", MHD_get_response_header(r, "Content-Type"));
	if (c->req.http10 || server_draining(c->server)) {
		close_after(r);
		MHD_set_response_options(r, MHD_RF_HTTP_1_0_SERVER, MHD_RO_END);
	}
	return r;
}

struct MHD_Response *
prepared_response(struct http_prepared *p, bool closing, unsigned *status, uint64_t *size)
{
	struct MHD_Response *r = p->kept;

	*status = p->status;
	*size = p->body.size;
	if (closing) {
		r = atomic_load(&p->closing);
		r = r != NULL ? r : make_closing(p);
	}
	return r;
}
