/*
 * The load client: threads of one blocking connection, or of epoll loops over several where kept
 * connections are measured, one shared stop rule, one report. Every run is bounded in count and
 * time and goes to 127.0.0.1 only.
 */
#ifndef CHANCERY_TESTS_BENCH_LOAD_H
#define CHANCERY_TESTS_BENCH_LOAD_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"

enum {
	LOAD_PIDS_MAX = 16,
	LOAD_THREADS_MAX = 1024,
	LOAD_LATENCIES_MAX = 4000000,
	LOAD_BODY_MAX = 256 * 1024
};

struct load_pid {
	const char *name;
	int pid;
	double cpu_s; /* at the start */
};

struct load {
	const char *mode, *path, *ca, *cert, *key,
		*host;		       /* host: what the Host header says, "ca.example:8443" */
	const char *names;	       /* names of the CSR, canonical texts with commas */
	int port, http01_port;	       /* http01_port 0: names are granted */
	unsigned threads, connections; /* connections a thread: modes est and get */
	double seconds, rate; /* rate: operations a second in all, 0: as many as there can be */
	unsigned long count_max;
	struct load_pid pid[LOAD_PIDS_MAX];
	size_t pid_count;

	SSL_CTX *tls;
	struct sockaddr_storage *address;
	pthread_barrier_t ready;
	double began, deadline; /* monotonic seconds */
	double own_cpu_s;
	atomic_ulong started, done, failed;
	_Atomic(uint32_t *) latencies_us;
	atomic_ulong latency_count;
	/* Modes in which being refused is no failure. */
	atomic_ulong refused, begun, not_sent;
	_Atomic(uint32_t *) refused_us;
};

/* One worker: prepares itself (connects, where connections are kept), calls load_begin() once, and
 * returns when load_more() says so. */
typedef void load_worker(struct load *l, unsigned index);

struct load_response;
double load_now(void);
/* Returns when all workers are here; what came before is not measured. */
void load_begin(struct load *l);
/* False when count or time are used up; else this operation is counted as started, and began is when it
 * begins: now, or with a rate when it is due. Latency counts from there, so what waits for a free
 * connection is not forgotten. load_more() waits until then, load_next() leaves that to its caller. */
bool load_next(struct load *l, double *began);
bool load_more(struct load *l, double *began);
void load_ok(struct load *l, double began);
/* How many there can be at most; most: a second, when no rate is given. */
size_t load_operations(const struct load *l, double most);
/* A 503: how long it took to come. One without Retry-After is a failure. The seconds it names. */
unsigned load_refused(struct load *l, const struct load_response *r, double began);
/* Counts it, and prints the first few reasons. */
void load_fail(struct load *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
void __attribute__((noreturn)) load_die(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* A blocking mutual-TLS connection that speaks HTTP/1.1. */
struct load_conn {
	int fd;
	SSL *ssl;
	uint8_t in[LOAD_BODY_MAX];
	size_t have;
};
struct load_response {
	unsigned status;
	const char *head; /* NUL-terminated header block */
	struct bytes body;
};
bool load_connect(struct load *l, struct load_conn *c);
void load_disconnect(struct load_conn *c);
/* Sends the octets; reads one answer with Content-Length, whose views live until the next; both. */
bool load_send(struct load_conn *c, struct bytes request);
bool load_receive(struct load_conn *c, struct load_response *out);
bool load_exchange(struct load_conn *c, struct bytes request, struct load_response *out);
/* Copies the value of a header; false when it is absent. */
bool load_header(const struct load_response *r, const char *name, char *out, size_t size);

/* CSRs with a new P-256 key each, made before the clock starts: DER, subject empty or CN=the
 * certificate's own. */
struct load_csrs {
	struct bytes *der;
	size_t count;
	atomic_ulong next;
	struct arena *arena;
};
void load_csrs_make(struct load *l, struct load_csrs *csrs, size_t count, struct bytes subject);
/* The request with the CSR of this number, for mode est and its relatives. */
bool
load_est_send(struct load *l, struct load_conn *c, unsigned long number, const char *connection);
unsigned long load_est_next(void);

/* Answers validators on this port from now on; index: the worker's. */
void load_http01_listen(int port);
void load_http01_prove(unsigned index, const char *token, const char *thumbprint);

extern load_worker load_handshake_worker, load_get_worker, load_get_new_worker, load_est_worker,
	load_est_new_worker, load_acme_worker, load_acme_once_worker, load_crowd_worker,
	load_crowd_new_worker;
void load_est_prepare(struct load *l);
void load_crowd_prepare(struct load *l);
void load_acme_prepare(struct load *l);

#endif
