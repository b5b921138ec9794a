/*
 * What a handler sees: the request, the response, an answer that comes later. Plain listeners and
 * mutual-TLS listeners have one shape of handler (route.h, server.h).
 *
 * A handler is a plain blocking function: it reads struct http_request and fills struct
 * http_response; one that waits for something long says http_later() instead. Before it is called
 * the request gate has refused everything ambiguous (c.f. gate.c for the table), the whole body has
 * arrived within its bound, and on a TLS listener the client certificate has been verified in the
 * handshake AND asked about again for this request. Nobody outside lib/http sees MHD or GnuTLS.
 */
#ifndef CHANCERY_HTTP_HTTP_H
#define CHANCERY_HTTP_HTTP_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"

enum http_method {
	HTTP_GET = 1 << 0,
	HTTP_HEAD = 1 << 1,
	HTTP_POST = 1 << 2,
	HTTP_PUT = 1 << 3,
	HTTP_DELETE = 1 << 4,
	HTTP_OPTIONS = 1 << 5
};

enum {
	HTTP_PARAMS_MAX = 4,
	HTTP_HEADERS_MAX = 16,
	HTTP_REQUEST_ID_SIZE = 23,
	HTTP_EXPORTER_SIZE = 32
};

struct http_request {
	struct arena *arena;	       /* reset once the response has been copied */
	char id[HTTP_REQUEST_ID_SIZE]; /* request id: in the log line, in rows, in the client's
					* error. Empty in inline handlers. */
	enum http_method method;
	const char *path;  /* without query; only unreserved characters are percent-decoded */
	const char *query; /* raw, NULL when absent */
	const char *host;  /* Host header (exactly one is guaranteed on HTTP/1.1); NULL for HTTP/1.0
			      without */
	struct bytes body;
	const char *param[HTTP_PARAMS_MAX]; /* what the route's {} matched, in order */
	char peer_address[INET6_ADDRSTRLEN];
	const char *listener;  /* configured name: "enroll", "public", ... */
	bool http10;	       /* HTTP/1.0 request */
	const void *requester; /* who asks, as the listener's authenticator says; NULL on plain
				 * listeners */
	const struct bytes
		*chain; /* client's chain as presented, leaf first; 0 on plain listeners */
	size_t chain_count;
	int64_t started_us; /* clock_monotonic_us() when the first octet of the request was parsed
			     */
	const struct http_route *route;
	void *app;		/* http_config.app */
	struct http_conn *conn; /* private */
};

/* A header's value, or NULL; the gate has refused doubled singletons and control characters. */
const char *http_request_header(const struct http_request *r, const char *name);
/* TLS exporter "EXPORTER-Channel-Binding", 32 octets (RFC 9266). ERR_NOTFOUND on plain listeners.
 */
enum err
http_request_exporter(const struct http_request *r, uint8_t out[HTTP_EXPORTER_SIZE]) MUST_CHECK;

/* A response made once and sent many times (OCSP, CRL): reference counted, immutable, thread-safe.
 * It carries no X-Request-Id, which every other response does: caches would hand one client's id to
 * another. */
struct http_prepared;

struct http_header {
	const char *name, *value;
};

struct http_response {
	unsigned status;	  /* 0 is a bug: answered as 500 */
	const char *content_type; /* NULL: no body */
	struct bytes body; /* copied when the handler (or continuation) returns: put it in the
			      request's arena */
	struct http_header header[HTTP_HEADERS_MAX];
	size_t header_count;
	bool close;    /* Connection: close after this answer */
	bool no_event; /* a refusal that the audit has already, or that is how the protocol goes */
	struct http_prepared
		*prepared; /* if set, the rest is ignored; the handler's reference is taken over */
	const char
		*outcome;   /* for the log line: "ok", "denied", ...; NULL derives it from status */
	const char *reason; /* for the log line only; NULL: none */
	const char *identity; /* for the log line: who asked */
};

/* Both strings are borrowed: constants or in the request's arena. */
void http_response_header(struct http_response *resp, const char *name, const char *value);

/* Copies the body; headers are copied too. With HTTP/1.0 clients the connection closes after it.
 * With an ETag or Last-Modified among the headers, conditional requests are answered 304 by
 * themselves (RFC 9110 section 13.1). */
struct http_prepared *http_prepared_new(unsigned status, const char *content_type,
	struct bytes body, const struct http_header *headers, size_t count);
/* A body that is not held in one piece: its size, n of its octets from the one at `at` on, written on
 * network threads while it is sent, and what becomes of ctx once nobody sends it any more. */
struct http_body {
	size_t size;
	void (*copy)(const void *ctx, size_t at, char *out, size_t n);
	void (*release)(void *ctx);
	void *ctx;
};
/* The same with such a body, which is taken over. */
struct http_prepared *http_prepared_of(unsigned status, const char *content_type,
	const struct http_body *body, const struct http_header *headers, size_t count);
struct http_prepared *http_prepared_ref(struct http_prepared *p);
void http_prepared_unref(struct http_prepared *p);

typedef void http_handler(struct http_request *req, struct http_response *resp);

/*
 * An answer that comes later (pool routes only). A handler calls http_later(), hands req to
 * whatever will bring the result, and returns; its worker thread goes on with other requests while
 * this one keeps its room (struct http_config, queue_max). When the result is there, any thread
 * calls http_finish(req), exactly once; then the continuation fills the response, which begins as
 * *resp was at http_later(), and the rest is as for any handler.
 *
 * http_finish() may come before the handler has returned. So once req is handed over the handler
 * touches neither it nor its arena nor resp any more: they belong to who finishes, then to the
 * continuation. That runs on the thread of http_finish(), or at last on the worker's: it is short,
 * must not block and must not call the store.
 */
typedef void http_continuation(struct http_request *req, struct http_response *resp, void *ctx);
void http_later(struct http_request *req, const struct http_response *resp, http_continuation *then,
	void *ctx);
void http_finish(struct http_request *req);

#endif
