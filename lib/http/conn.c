/*
 * A connection from accept to close: registered for the reaper, given its TLS settings, and at the
 * end everything it holds released. MHD calls both notifications on the connection's network
 * thread; in the last one the TLS session is gone already, so nothing here may touch it.
 */
#include "lib/http/conn.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/base/log.h"
#include "lib/base/random.h"
#include "lib/http/tls.h"

enum { HANDSHAKE_SECONDS = 10 };

struct http_conn *
conn_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void
conn_enter(struct http_conn *c, enum conn_phase phase, int64_t now_us, unsigned seconds)
{
	int64_t deadline = seconds > 0 ? now_us + (int64_t)seconds * 1000000 : 0;

	atomic_store_explicit(&c->phase, (int)phase, memory_order_relaxed);
	atomic_store_explicit(&c->deadline_us, deadline, memory_order_relaxed);
}

/* MHD sees the end of the stream and closes the connection itself; it owns the descriptor. */
void
conn_close_socket(struct http_conn *c)
{
	shutdown(c->fd, SHUT_RDWR);
}

/* Made when first needed: most answers of a plain listener need none. */
const char *
conn_request_id(struct http_conn *c)
{
	uint8_t raw[HTTP_REQUEST_ID_SIZE - 1];

	if (c->req.id[0] != '\0')
		return c->req.id;
	random_bytes(raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++)
		c->req.id[i] = base64url_alphabet[raw[i] & 63];
	return c->req.id;
}

static void
write_address(const struct sockaddr *sa, char out[INET6_ADDRSTRLEN])
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)sa;
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)sa;

	if (sa->sa_family == AF_INET)
		inet_ntop(AF_INET, &four->sin_addr, out, INET6_ADDRSTRLEN);
	else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], out, INET6_ADDRSTRLEN);
	else if (sa->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &six->sin6_addr, out, INET6_ADDRSTRLEN);
}

static void
enlist_connection(struct http_conn *c)
{
	struct http_server *s = c->server;

	pthread_mutex_lock(&s->lock);
	c->next = s->conns;
	if (c->next != NULL)
		c->next->prev = c;
	s->conns = c;
	if (s->tls != NULL)
		c->tls = http_tls_ref(s->tls);
	pthread_mutex_unlock(&s->lock);
}

static void
delist_connection(struct http_conn *c)
{
	struct http_server *s = c->server;

	pthread_mutex_lock(&s->lock);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&s->lock);
}

static void
start_connection(struct http_server *s, struct MHD_Connection *mhd, void **context)
{
	struct http_conn *c = mem_zalloc(1, sizeof(*c));

	c->server = s;
	c->mhd = mhd;
	c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	c->req.conn = c;
	c->req.listener = s->name;
	c->req.app = s->config.app;
	c->req.chain = c->chain;
	write_address(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
		c->req.peer_address);
	enlist_connection(c);
	*context = c;
	if (c->tls == NULL) {
		conn_enter(c, CONN_IDLE, clock_monotonic_us(), s->config.request_deadline_s);
		return;
	}
	conn_enter(c, CONN_HANDSHAKE, clock_monotonic_us(), HANDSHAKE_SECONDS);
	if (tls_session_start(c) != ERR_OK) {
		log_failure("tls.session", ERR_INTERNAL);
		conn_close_socket(c);
	}
}

/* A handshake that ended without a verdict of ours or an error of GnuTLS still gets its line, so
 * that nobody has to guess. */
static const char *
handshake_end(const struct http_conn *c)
{
	if (atomic_load(&c->expired))
		return "the TLS handshake took longer than 10 s";
	if (c->authenticated)
		return "the client left after its certificate was accepted";
	return c->hello_seen
		? "the client left before it showed a certificate: does it trust our root, does it call us by a name of "
		  "enroll.names?"
		: "the client left without a ClientHello";
}

static void
finish_connection(struct http_conn *c)
{
	struct http_server *s = c->server;

	if (atomic_load(&c->phase) == CONN_HANDSHAKE) {
		if (!c->refusal_logged)
			access_log_refused(c, TLS_ALERT_NONE, handshake_end(c), NULL);
		c->linger = true;
	}
	delist_connection(c);
	if (c->linger && !atomic_load(&c->expired))
		reaper_linger(&s->reaper, c->fd);
	if (c->req.requester != NULL)
		s->config.authenticator.release(s->config.authenticator.ctx, c->req.requester);
	http_tls_unref(c->tls);
	free(c);
}

void
conn_notify(void *server, struct MHD_Connection *mhd, void **context,
	enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		start_connection(server, mhd, context);
	else if (*context != NULL)
		finish_connection(*context);
}
