/*
 * A listener from open to close. TLS listeners poll: with epoll this libmicrohttpd spins a core for
 * one client that stops after its ClientHello. Plain listeners use epoll, where there is no
 * handshake to stall.
 */
#include "lib/http/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/abstract.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/http/tls.h"

enum {
	BACKLOG = 1024,
	NETWORK_STACK = 1024 * 1024,
	NETWORK_THREADS_MAX = 4,
	DRAIN_POLL_NS = 5000000
};

/* AEAD suites, three groups, no ticket; signatures without SHA-1. RSA PKCS #1 stays for signatures
 * in certificates: TLS 1.3 does not use it in the handshake itself. */
static const char priorities[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3"
	":-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM"
	":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"
	":-SIGN-ALL:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-EDDSA-ED25519"
	":+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-RSAE-SHA512"
	":+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SHA512"
	":+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+SIGN-RSA-SHA512:%NO_TICKETS";

bool
server_draining(const struct http_server *s)
{
	return atomic_load_explicit(&s->draining, memory_order_relaxed);
}

static time_t
wall_clock(time_t *out)
{
	time_t now = (time_t)clock_now();

	if (out != NULL)
		*out = now;
	return now;
}

static void
log_mhd(void *server, const char *fmt, va_list ap)
{
	const struct http_server *s = server;
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_event(LOG_DEBUG, "http.library", LOG_S("listener", s->name), LOG_S("reason", text));
}

/* MHD insists on a certificate; conn_notify() gives every session its own before anybody asks this
 * one. */
static int
no_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
	gnutls_pcert_st **certs, unsigned *count, gnutls_ocsp_data_st **ocsp, unsigned *ocsp_count,
	gnutls_privkey_t *key, unsigned *flags)
{
	(void)session, (void)info, (void)certs, (void)count, (void)ocsp, (void)ocsp_count,
		(void)key, (void)flags;
	return -1;
}

static unsigned
default_to(unsigned value, unsigned otherwise)
{
	return value > 0 ? value : otherwise;
}

static void
apply_defaults(struct http_config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned threads = cores < 1	      ? 1
		: cores > NETWORK_THREADS_MAX ? NETWORK_THREADS_MAX
					      : (unsigned)cores;

	c->network_threads = default_to(c->network_threads, threads);
	c->workers = default_to(c->workers, 64);
	c->queue_max = default_to(c->queue_max, 256);
	c->connections_max = default_to(c->connections_max, 4096);
	c->connections_per_address = default_to(c->connections_per_address, 256);
	c->request_deadline_s = default_to(c->request_deadline_s, 30);
	c->idle_timeout_s = default_to(c->idle_timeout_s, 75);
	if (c->connections_max < c->network_threads)
		c->network_threads = c->connections_max;
}

static enum err
parse_address(const struct http_config *c, struct sockaddr_storage *out, socklen_t *n)
{
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, c->address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(c->port);
		*n = sizeof(*four);
		return ERR_OK;
	}
	if (inet_pton(AF_INET6, c->address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(c->port);
		*n = sizeof(*six);
		return ERR_OK;
	}
	return err_set(
		ERR_INVALID, "listener \"%s\": \"%s\" is not an IP address", c->name, c->address);
}

static enum err
open_socket(struct http_server *s)
{
	struct sockaddr_storage sa;
	socklen_t n;
	int on = 1, off = 0;

	TRY(parse_address(&s->config, &sa, &n));
	s->listen_fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd < 0)
		return err_errno(ERR_INTERNAL, "listener \"%s\": socket", s->name);
	setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa.ss_family == AF_INET6)
		setsockopt(s->listen_fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(s->listen_fd, (struct sockaddr *)&sa, n) != 0 ||
		listen(s->listen_fd, BACKLOG) != 0)
		return err_errno(ERR_UNAVAILABLE, "listener \"%s\" cannot listen on %s port %u",
			s->name, s->address, s->config.port);
	if (getsockname(s->listen_fd, (struct sockaddr *)&sa, &n) != 0)
		return err_errno(ERR_INTERNAL, "listener \"%s\": own address", s->name);
	s->port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port
						 : ((struct sockaddr_in *)&sa)->sin_port);
	return ERR_OK;
}

static size_t
raw_path(void *ctx, struct MHD_Connection *mhd, char *text)
{
	(void)ctx, (void)mhd;
	return strlen(text);
}

static enum err
start_daemon(struct http_server *s)
{
	const struct http_config *c = &s->config;
	unsigned flags = MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME;
	unsigned pool = c->network_threads > 1 ? c->network_threads : 0;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)(uintptr_t)no_certificate},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)priorities},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	/* What 0.9.7x does itself when it is strict it answers with two heads. */
	int strict = s->layout == LAYOUT_KNOWN ? 0 : 1;

	flags |= s->tls != NULL ? MHD_USE_TLS | MHD_USE_POLL_INTERNAL_THREAD
				: MHD_USE_EPOLL_INTERNAL_THREAD;
	/* clang-format off: an option and its values on one line */
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle_step, s,
		MHD_OPTION_EXTERNAL_LOGGER, log_mhd, s, MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
		MHD_OPTION_NOTIFY_CONNECTION, conn_notify, s, MHD_OPTION_NOTIFY_COMPLETED,
		handle_completed, s, MHD_OPTION_URI_LOG_CALLBACK, handle_begin, s,
		MHD_OPTION_UNESCAPE_CALLBACK, raw_path, s, MHD_OPTION_STRICT_FOR_CLIENT, strict,
		MHD_OPTION_THREAD_POOL_SIZE, pool, MHD_OPTION_THREAD_STACK_SIZE,
		(size_t)NETWORK_STACK, MHD_OPTION_CONNECTION_LIMIT, c->connections_max,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, c->connections_per_address,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONN_HEAD_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, c->idle_timeout_s + 5, MHD_OPTION_ARRAY,
		s->tls != NULL ? tls : none, MHD_OPTION_END);
	/* clang-format on */
	return s->daemon != NULL
		? ERR_OK
		: err_set(ERR_INTERNAL, "listener \"%s\": libmicrohttpd does not start", s->name);
}

/* Signals are for the main thread; and a client that went away must not raise SIGPIPE here. */
static enum err
start_threads(struct http_server *s)
{
	sigset_t all, before;
	enum err e;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	e = pool_open(&s->pool, s->config.workers, s->config.queue_max, run_job);
	if (e == ERR_OK && (e = reaper_open(&s->reaper, s)) != ERR_OK)
		pool_close(&s->pool);
	if (e == ERR_OK && (e = start_daemon(s)) != ERR_OK) {
		reaper_close(&s->reaper);
		pool_close(&s->pool);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return e;
}

static void
free_server(struct http_server *s)
{
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	http_tls_unref(s->tls);
	router_free(s->router);
	arenas_clear(&s->arenas);
	pthread_mutex_destroy(&s->lock);
	free(s->name);
	free(s->address);
	free(s);
}

static enum err
check_authenticator(const struct http_config *c)
{
	const struct http_authenticator *a = &c->authenticator;

	if (c->tls != NULL &&
		(a->certificate == NULL || a->request == NULL || a->release == NULL ||
			a->refused == NULL))
		return err_set(ERR_INVALID,
			"listener \"%s\": a TLS listener needs an authenticator for its clients",
			c->name);
	return ERR_OK;
}

enum err
http_server_open(const struct http_config *config, struct http_server **out)
{
	struct http_server *s = mem_zalloc(1, sizeof(*s));
	enum err e;

	s->config = *config;
	s->name = mem_strdup(config->name);
	s->address = mem_strdup(config->address);
	s->config.name = s->name;
	s->config.address = s->address;
	s->tls = config->tls;
	s->listen_fd = -1;
	s->layout = strncmp(MHD_get_version(), "0.9.7", 5) == 0 ? LAYOUT_KNOWN : LAYOUT_UNKNOWN;
	pthread_mutex_init(&s->lock, NULL);
	arenas_init(&s->arenas);
	apply_defaults(&s->config);
	gnutls_global_set_time_function(wall_clock);
	e = check_authenticator(&s->config);
	if (e == ERR_OK)
		e = limits_check(&s->config);
	if (e == ERR_OK)
		e = router_new(config->routes, &s->router);
	if (e == ERR_OK)
		e = open_socket(s);
	if (e == ERR_OK)
		e = start_threads(s);
	if (e != ERR_OK) {
		free_server(s);
		return e;
	}
	limits_tell(&s->config);
	*out = s;
	return ERR_OK;
}

uint16_t
http_server_port(const struct http_server *s)
{
	return s->port;
}

void
http_server_reload(struct http_server *s, struct http_tls *tls)
{
	struct http_tls *old;

	pthread_mutex_lock(&s->lock);
	old = s->tls;
	s->tls = tls;
	pthread_mutex_unlock(&s->lock);
	http_tls_unref(old);
}

static bool
any_request(struct http_server *s)
{
	bool any = false;

	pthread_mutex_lock(&s->lock);
	for (struct http_conn *c = s->conns; !any && c != NULL; c = c->next)
		any = atomic_load_explicit(&c->phase, memory_order_relaxed) >= CONN_READING;
	pthread_mutex_unlock(&s->lock);
	return any;
}

/* MHD aborts the process when it is stopped with a suspended connection, so no request may be with
 * the pool any more, and none may get there: pool_drain() closes it first. When handlers do not
 * come back in time the listener is left as it is, for the process is about to end anyway. */
enum http_closing
http_server_close(struct http_server *s, unsigned deadline_s)
{
	const struct timespec nap = {.tv_nsec = DRAIN_POLL_NS};
	int64_t deadline = clock_monotonic_us() + (int64_t)deadline_s * 1000000;

	atomic_store(&s->draining, true);
	(void)MHD_quiesce_daemon(s->daemon);
	shutdown(s->listen_fd, SHUT_RDWR);
	while (any_request(s) && clock_monotonic_us() < deadline)
		nanosleep(&nap, NULL);
	if (!pool_drain(&s->pool, deadline)) {
		log_event(LOG_ERROR, "http.close", LOG_S("listener", s->name),
			LOG_S("reason",
				"requests still run after the deadline; the listener is abandoned"));
		return HTTP_ABANDONED;
	}
	MHD_stop_daemon(s->daemon);
	reaper_close(&s->reaper);
	pool_close(&s->pool);
	free_server(s);
	return HTTP_CLOSED;
}
