/*
 * HTTP servers: plain listeners and mutual-TLS listeners with one shape of handler.
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
	bool close; /* Connection: close after this answer */
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

/*
 * Routes match the raw path exactly; "{}" matches one non-empty segment of [A-Za-z0-9._~-]; a final
 * "{*}" matches the rest, slashes, percent signs and '=' '+' included (OCSP GET). Wrong method: 405
 * with Allow. No route: 404.
 */
struct http_route {
	const char *pattern;
	unsigned methods; /* of enum http_method; HEAD is implied by GET */
	http_handler *handler;
	size_t body_max;		  /* larger: 413 before it is read */
	const char *const *content_types; /* NULL-terminated allow list for POST (parameters
					     ignored), else 415; NULL: any */
	enum http_run {
		HTTP_RUN_POOL,
		HTTP_RUN_INLINE
	} run;		       /* INLINE: on the network thread; must never block */
	const char *operation; /* for log and metrics: "est.simpleenroll" */
	const void *arg;       /* what handlers shared by several routes find as req->route->arg */
};
/* The tables, each ending with pattern NULL, end to end as one; the caller's, to be freed when no
 * server uses it any more. */
struct http_route *http_routes_join(const struct http_route *const tables[], size_t count);

/* Says how refusals made by this library (gate, 404, 405, 413, 415, 503, authenticator) look in the
 * protocol of the path. */
typedef void http_refusal_writer(struct http_request *req, struct http_response *resp,
	unsigned status, const char *word, const char *reason);

/*
 * Who asks: one authenticator a listener. All functions are thread-safe; on a TLS listener all are
 * required. What it makes of a client is the application's own type, reference counted by it.
 */
enum http_verdict {
	HTTP_PEER_OK,
	HTTP_PEER_REVOKED /* alert 44 */,
	HTTP_PEER_EXPIRED /* 45 */,
	HTTP_PEER_UNKNOWN /* 46 */,
	HTTP_PEER_UNKNOWN_CA /* 48 */,
	HTTP_PEER_BAD /* 42 */,
	HTTP_PEER_UNAVAILABLE /* 80 */
};
struct http_authenticator {
	void *ctx;
	/* In the handshake, after the chain verified (lib/http: signatures, times, clientAuth EKU,
	 * trust): whose leaf is this? On HTTP_PEER_OK *requester is a reference given to the
	 * connection. A reason may be set by err_set() for the log. */
	enum http_verdict (*certificate)(void *ctx, struct bytes leaf, const void **requester);
	/* Before each request: req->requester is what the handshake made. Still welcome? Must be
	 * cheap (memory only). Anything but OK is answered 403 (UNAVAILABLE: 503) and closes the
	 * connection; a reason set by err_set() goes to the log only. */
	enum http_verdict (*request)(void *ctx, struct http_request *req);
	void (*release)(void *ctx, const void *requester);
};

struct http_tls; /* certificate, key and client trust; replaced whole on reload */
/* PEM-free: DER chain (leaf first, at most 6), PKCS#8 DER private key (the caller's octets are
 * wiped, whatever the result), DER trust anchors and the intermediates clients may omit: each of
 * them is trusted as an anchor. ERR_INVALID when something is not what it should be or the key is
 * not the leaf's. */
enum err http_tls_new(const struct bytes *chain, size_t chain_count, struct bytes key_pkcs8,
	const struct bytes *anchors, size_t anchor_count, struct http_tls **out) MUST_CHECK;

struct http_config {
	const char *name;		 /* "enroll", "public" */
	const char *address;		 /* "0.0.0.0", "127.0.0.1", "::" */
	uint16_t port;			 /* 0: any; ask http_server_port() */
	const struct http_route *routes; /* ends with pattern NULL */
	http_refusal_writer *refuse;	 /* NULL: text/plain */
	void *app;			 /* handed to handlers */
	struct http_tls *tls; /* NULL: plain HTTP (epoll); else poll mode, TLS 1.3 only; taken over,
				 also by a failed open */
	struct http_authenticator authenticator;
	unsigned network_threads; /* 0: number of cores, at most 4 */
	unsigned workers;	  /* pool size, 0: 64 */
	unsigned queue_max;	  /* workers + queue_max requests at a time, those that are answered
				     later included, then 503; 0: 256 */
	unsigned connections_max; /* 0: 4096 */
	unsigned connections_per_address; /* 0: 256 */
	unsigned request_deadline_s; /* whole request from its first octet to its last, 0: 30 */
	unsigned idle_timeout_s; /* kept connection without a request, 0: 75; TLS handshake: at most
				    10 s */
};

struct http_server;
/* Routes must outlive the server. Its threads block all signals. ERR_INVALID, also when the process
 * may not have 512 descriptors more than connections_max; ERR_UNAVAILABLE when it cannot listen. */
enum err http_server_open(const struct http_config *config, struct http_server **out) MUST_CHECK;
uint16_t http_server_port(const struct http_server *s);
/* New connections use this from now on; existing ones keep theirs until closed. Takes over tls. */
void http_server_reload(struct http_server *s, struct http_tls *tls);
/* Stops accepting, lets running requests finish (at most deadline_s), those that are answered later
 * included, closes. HTTP_ABANDONED: one is still under way; the server is left as it is, threads,
 * memory and all. Then the process must end without clearing what handlers and continuations use,
 * or call this again. */
enum http_closing { HTTP_CLOSED, HTTP_ABANDONED };
enum http_closing http_server_close(struct http_server *s, unsigned deadline_s);

#endif
