/*
 * What stands between libmicrohttpd and GnuTLS on a connection.
 *
 * What arrives is counted before GnuTLS keeps it. GnuTLS gathers a handshake message as long as the
 * peer announces it, up to 16 MiB, and looks at its own limit only when the message is whole (RFC
 * 8446 section 4: any length fits into the field). So octets that lead to nothing are bounded here:
 * all of a handshake, and after it those that bring no data.
 *
 * libmicrohttpd ends a connection on GnuTLS' errors without the alert that RFC 8446 section 6.2
 * demands, and shows neither the error nor that data came. So its calls go through functions of ours
 * (library.c) that look at the result. Nothing else in the program calls GnuTLS for a session.
 */
#include "lib/http/conn.h"

#include <errno.h>
#include <stdio.h>

#include "lib/http/tls.h"

enum { RECORD_HEAD = 5, RECORD_ALERT = 21, ALERT_SIZE = 2, ALERT_FOLLOWS = -1 };

typedef int handshake_call(gnutls_session_t session);
typedef ssize_t recv_call(gnutls_session_t session, void *data, size_t n);

/* What GnuTLS says and what the peer is told; its own choice of alerts is good but for these. */
static const struct {
	int code;
	enum tls_alert alert;
	const char *reason;
} failure[] = {
	{GNUTLS_E_PK_SIG_VERIFY_FAILED, TLS_ALERT_DECRYPT_ERROR,
		"the client did not prove that it holds its certificate's key"},
	{GNUTLS_E_ERROR_IN_FINISHED_PACKET, TLS_ALERT_DECRYPT_ERROR,
		"the client's Finished is wrong (RFC 8446 section 4.4.4)"},
	{GNUTLS_E_NO_CERTIFICATE_FOUND, TLS_ALERT_UNEXPECTED_MESSAGE,
		"the client's Certificate is missing (RFC 8446 section 4.4)"},
	{GNUTLS_E_NO_APPLICATION_PROTOCOL, TLS_ALERT_NO_APPLICATION_PROTOCOL,
		"the client offers application protocols, but neither http/1.1 nor http/1.0 (RFC 7301 section 3.2)"},
};

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

/* OpenSSL sends the alert about our certificate in plain text, before it takes its own keys, and
 * GnuTLS calls that a record that does not decrypt. GnuTLS reads a record's head by itself. */
static void
note_plain_alert(struct http_conn *c, const uint8_t *data, ssize_t n)
{
	if (n == RECORD_HEAD)
		c->tls_alert = data[0] == RECORD_ALERT && data[4] == ALERT_SIZE ? ALERT_FOLLOWS : 0;
	else if (c->tls_alert == ALERT_FOLLOWS)
		c->tls_alert = n == ALERT_SIZE ? data[1] : 0;
}

static ssize_t
pull_octets(gnutls_transport_ptr_t conn, void *data, size_t n)
{
	struct http_conn *c = conn;
	ssize_t got;

	errno = ECONNABORTED;
	if (c->tls_held > TLS_HELD_MAX)
		return -1;
	got = recv(c->fd, data, n, 0);
	if (got <= 0) {
		c->tls_ended = got == 0 || (errno != EAGAIN && errno != EINTR);
		return got;
	}
	note_plain_alert(c, data, got);
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

/* The client's own alert: most of them say that it does not like our certificate. */
static void
log_client_alert(struct http_conn *c, int alert)
{
	const char *name = gnutls_alert_get_name((gnutls_alert_description_t)alert);
	char reason[192];

	snprintf(reason, sizeof(reason),
		"the client sent alert %d, %s: does it trust our root, does it call us by a name of enroll.names?",
		alert, name != NULL ? name : "unknown");
	access_log_refused(c, TLS_ALERT_NONE, reason, NULL);
}

static void
refuse_code(struct http_conn *c, int code)
{
	int level;
	enum tls_alert alert = (enum tls_alert)gnutls_error_to_alert(code, &level);
	char text[192];
	const char *reason = text;

	snprintf(text, sizeof(text), "the client does not speak TLS as agreed: %s",
		gnutls_strerror(code));
	for (size_t i = 0; i < ARRAY_LEN(failure); i++)
		if (failure[i].code == code) {
			alert = failure[i].alert;
			reason = failure[i].reason;
		}
	c->linger = true;
	(void)tls_refuse(c, alert, reason, NULL);
}

/* Neither a callback that refused already nor a client that just left is told anything. */
static void
end_connection(struct http_conn *c, int code)
{
	if (c->refusal_logged || c->tls_ended || code == GNUTLS_E_PUSH_ERROR)
		return;
	if (code == GNUTLS_E_FATAL_ALERT_RECEIVED || code == GNUTLS_E_WARNING_ALERT_RECEIVED)
		log_client_alert(c, (int)gnutls_alert_get(tls_session_of(c)));
	else if (code == GNUTLS_E_DECRYPTION_FAILED && c->tls_alert > 0)
		log_client_alert(c, c->tls_alert);
	else
		refuse_code(c, code);
}

static bool
is_failure(ssize_t result)
{
	return result < 0 && result != GNUTLS_E_AGAIN && result != GNUTLS_E_INTERRUPTED;
}

int
gnutls_handshake(gnutls_session_t session)
{
	static _Atomic(void *) known;
	handshake_call *call = (handshake_call *)library_call(&known, "gnutls_handshake");
	int rc = call(session);

	if (is_failure(rc))
		end_connection(conn_of_session(session), rc);
	return rc;
}

ssize_t
gnutls_record_recv(gnutls_session_t session, void *data, size_t n)
{
	static _Atomic(void *) known;
	recv_call *call = (recv_call *)library_call(&known, "gnutls_record_recv");
	ssize_t got = call(session, data, n);

	if (got > 0)
		conn_of_session(session)->tls_held = 0;
	else if (is_failure(got))
		end_connection(conn_of_session(session), (int)got);
	return got;
}
