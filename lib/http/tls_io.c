/*
 * What arrives on a TLS connection, counted before GnuTLS keeps it. GnuTLS gathers a handshake
 * message as long as the peer announces it, up to 16 MiB, and looks at its own limit only when the
 * message is whole (RFC 8446 section 4: any length fits into the field). So octets that lead to
 * nothing are bounded here: all of a handshake, and after it those that bring no data.
 *
 * libmicrohttpd reads by gnutls_record_recv(), and only there it shows that data came. The program's
 * own function of that name is what the dynamic linker gives libmicrohttpd; it calls GnuTLS' one.
 */
#include "lib/http/conn.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>

#include "lib/http/tls.h"

typedef ssize_t record_recv(gnutls_session_t session, void *data, size_t n);

static void
refuse_octets(struct http_conn *c)
{
	char reason[128];

	snprintf(reason, sizeof(reason), "more than %d octets %s (RFC 8446 section 4)",
		TLS_HELD_MAX,
		atomic_load(&c->phase) == CONN_HANDSHAKE
			? "before the end of the handshake"
			: "after the handshake that brought no data");
	c->linger = true;
	(void)tls_refuse(c, TLS_ALERT_DECODE_ERROR, reason, NULL);
}

static ssize_t
pull_octets(gnutls_transport_ptr_t conn, void *data, size_t n)
{
	struct http_conn *c = conn;
	ssize_t got = -1;

	errno = ECONNABORTED;
	if (c->tls_held > TLS_HELD_MAX || (got = recv(c->fd, data, n, 0)) <= 0)
		return got;
	c->tls_held += (unsigned)got;
	if (c->tls_held <= TLS_HELD_MAX)
		return got;
	refuse_octets(c);
	errno = ECONNABORTED;
	return -1;
}

void
tls_io_start(struct http_conn *c)
{
	gnutls_session_t session = tls_session_of(c);

	gnutls_transport_set_ptr2(session, c, (gnutls_transport_ptr_t)(intptr_t)c->fd);
	gnutls_transport_set_pull_function(session, pull_octets);
}

ssize_t
gnutls_record_recv(gnutls_session_t session, void *data, size_t n)
{
	static _Atomic(record_recv *) library;
	record_recv *call = atomic_load_explicit(&library, memory_order_relaxed);
	ssize_t got;

	if (call == NULL) {
		call = (record_recv *)dlsym(RTLD_NEXT, "gnutls_record_recv");
		atomic_store_explicit(&library, call, memory_order_relaxed);
	}
	got = call(session, data, n);
	if (got > 0)
		conn_of_session(session)->tls_held = 0;
	return got;
}
