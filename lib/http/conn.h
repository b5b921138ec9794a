/*
 * Private to lib/http: a listener, its connections, and the one request a connection has at a time.
 *
 * Which thread may touch a connection: its network thread always, except between the hand-over to
 * the worker pool and MHD_resume_connection(), when it is the worker's alone, or after http_later()
 * that of the later one of two: the worker whose handler returned, and whoever called
 * http_finish(). The reaper reads deadline, phase and fd only, under the list's lock.
 */
#ifndef CHANCERY_HTTP_CONN_H
#define CHANCERY_HTTP_CONN_H

#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

#include "lib/http/gate.h"
#include "lib/http/server.h"
#include "lib/http/pool.h"
#include "lib/http/reaper.h"
#include "lib/http/router.h"

enum { CONN_CHAIN_MAX = 6, CONN_HEAD_MEMORY = 32 * 1024, ARENAS_SPARE_MAX = 128 };

struct arenas { /* see thread.c */
	pthread_mutex_t lock;
	unsigned count;
	struct arena *spare[ARENAS_SPARE_MAX];
};

enum conn_phase {
	CONN_HANDSHAKE, /* TLS not finished */
	CONN_IDLE,	/* between requests */
	CONN_READING,	/* request line seen, not all of it here */
	CONN_RUNNING,	/* complete: refused, or in a handler */
	CONN_REPLYING,	/* answer queued */
};

/* What the next call of MHD's access handler means. */
enum conn_stage { STAGE_HEAD, STAGE_BODY, STAGE_REPLY };

struct http_server {
	struct http_config config;
	char *name, *address;
	struct router *router;
	struct pool pool;
	struct arenas arenas;
	struct reaper reaper;
	struct MHD_Daemon *daemon;
	uint16_t port;
	int listen_fd;
	enum { LAYOUT_KNOWN, LAYOUT_UNKNOWN } layout; /* see layout.c */

	pthread_mutex_t lock; /* tls, conns */
	struct http_tls *tls;
	struct http_conn *conns;
	atomic_bool draining;

	atomic_llong refusals_second; /* for the bound on tls.refused lines */
	atomic_uint refusals_logged, refusals_dropped;
};

/* An answer that is not there yet; in the request's arena. */
struct later {
	http_continuation *then;
	void *ctx;
	struct http_response resp; /* as far as the handler filled it */
	atomic_uint arrived; /* of enum later_party; the second one goes on with the request */
};
enum later_party { LATER_HANDLER = 1, LATER_RESULT = 2 };

struct http_conn {
	struct http_server *server;
	struct MHD_Connection *mhd;
	int fd;
	struct http_conn *prev, *next; /* server->conns */
	_Atomic int64_t deadline_us;   /* monotonic; 0: none */
	_Atomic int phase;	       /* enum conn_phase */
	atomic_bool expired;	       /* the reaper shut the socket down */
	bool linger; /* octets may still arrive after our last one: see reaper.h */

	/* TLS only, fixed once the handshake is over. */
	struct http_tls *tls;
	struct bytes chain[CONN_CHAIN_MAX]; /* in GnuTLS' memory of this session */
	bool authenticated;		    /* chain verified, requester known */
	bool hello_seen, refusal_logged;
	int tls_alert;	   /* that arrived in plain text, 0: none */
	bool tls_ended;	   /* nothing arrives any more */
	unsigned tls_held; /* octets that arrived and led to nothing yet: see tls_io.c */

	/* The request. */
	enum conn_stage stage;
	struct http_request req;
	struct bytes param[HTTP_PARAMS_MAX]; /* views into the path */
	size_t param_count;
	const char *raw_target;
	size_t raw_target_len;
	char *query;  /* copy, because MHD cuts the original to pieces */
	char *target; /* copy, where the path was spelled otherwise */
	struct buf body;
	const struct http_refusal *refusal;
	bool answered;
	unsigned allowed; /* methods, for the Allow field of a 405 */
	unsigned reply_status;
	struct MHD_Response *reply;
	uint64_t reply_size;
	struct http_prepared *reply_prepared;
	struct pool_job job;
	struct later *later; /* NULL: the handler answers when it returns */
};

/* conn.c: MHD's connection notification; phases and their deadlines. */
void conn_notify(void *server, struct MHD_Connection *mhd, void **context,
	enum MHD_ConnectionNotificationCode what);
struct http_conn *conn_of(struct MHD_Connection *mhd);
void conn_enter(struct http_conn *c, enum conn_phase phase, int64_t now_us, unsigned seconds);
void conn_close_socket(struct http_conn *c);
const char *conn_request_id(struct http_conn *c);

/* handle.c: the life of one request on the network thread. */
void *handle_begin(void *server, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result
handle_step(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
	const char *version, const char *upload, size_t *upload_size, void **context);
void handle_completed(void *server, struct MHD_Connection *mhd, void **context,
	enum MHD_RequestTerminationCode why);

/* server.c: a plain listener or one that drains says so in every answer. */
bool server_draining(const struct http_server *s);

/* limits.c: ERR_INVALID when the process may not have a descriptor for each connection; one line
 * about what peers can make a listener hold. */
enum err limits_check(const struct http_config *c) MUST_CHECK;
void limits_tell(const struct http_config *c);

/* run.c: what a worker (or the network thread, for inline routes) does with a complete request. */
void run_inline(struct http_conn *c);
void run_refusal(struct http_conn *c);
enum pool_end run_job(struct pool_job *job);

/* library.c: the library's function of this name, behind one of ours; looked up once. */
void *library_call(_Atomic(void *) *known, const char *name);

/* layout.c: the request head as octets, and all its fields through the gate. */
const struct http_refusal *layout_check(struct http_conn *c, const char *url, const char *method,
	const char *version, struct gate *g);

/* response.c */
struct MHD_Response *response_make(struct http_conn *c, const struct http_response *resp);
/* A 304 when the client's If-None-Match or If-Modified-Since shows that it holds this answer (RFC
 * 9110 section 13.1); else NULL. */
struct MHD_Response *prepared_not_modified(struct http_conn *c, struct http_prepared *p);
struct MHD_Response *
prepared_response(struct http_prepared *p, bool closing, unsigned *status, uint64_t *size);

/* access_log.c */
void access_log_request(struct http_conn *c, unsigned status, const char *outcome,
	const char *reason, const char *identity);
void access_log_refused(struct http_conn *c, int alert, const char *reason, const char *subject);

/* tls_session.c */
enum err tls_session_start(struct http_conn *c) MUST_CHECK;

/* thread.c: an arena per thread, reset after every request, unless the request took it along. */
struct arena *thread_arena(struct arenas *spare);
void thread_arena_leave(void);
void arenas_init(struct arenas *s);
void arenas_clear(struct arenas *s);
/* Takes an arena back that left its thread. */
void arenas_give(struct arenas *s, struct arena *a);

#endif
