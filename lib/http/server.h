/*
 * A listener: its routes, its TLS, its bounds, and who says who asks. Nobody outside lib/http sees MHD
 * or GnuTLS.
 */
#ifndef CHANCERY_HTTP_SERVER_H
#define CHANCERY_HTTP_SERVER_H

#include "lib/http/route.h"

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
/* A client that was not served: in the handshake, when its certificate's key was proven (leaf is the
 * certificate), or a request that was answered 4xx. */
struct http_refused {
	const void *requester; /* NULL in the handshake */
	struct bytes leaf;
	/* Of a refused leaf: whether its chain had verified, so that it is one of ours. */
	enum http_chain { HTTP_CHAIN_REFUSED, HTTP_CHAIN_VERIFIED } chain;
	const char *operation, *reason, *request_id, *peer; /* id and reason may be empty */
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
	/* For the audit; must be cheap, too. */
	void (*refused)(void *ctx, const struct http_refused *what);
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
