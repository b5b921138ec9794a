/*
 * One TLS session: what is set before its first message, and the verdict inside the handshake.
 *
 * libmicrohttpd asks for a client certificate but neither insists on one nor verifies it. Both are
 * done here, by REQUIRE and a verify function: without a certificate the latter is never called.
 */
#include "lib/http/conn.h"

#include <gnutls/x509.h>

#include "lib/base/clock.h"
#include "lib/http/hello.h"

enum { HANDSHAKE_MESSAGE_MAX = 32 * 1024, EMPTY_CERTIFICATE_SIZE = 4, SUBJECT_MAX = 256 };

/* What a verdict of the application means in the handshake (RFC 8446 section 6.2). */
static const struct {
	enum tls_alert alert;
	const char *reason;
} verdict[] = {
	[HTTP_PEER_OK] = {TLS_ALERT_NONE, "accepted"},
	[HTTP_PEER_REVOKED] = {TLS_ALERT_REVOKED, "the client's certificate is revoked"},
	[HTTP_PEER_EXPIRED] = {TLS_ALERT_EXPIRED, "the client's certificate is not valid now"},
	[HTTP_PEER_UNKNOWN] = {TLS_ALERT_UNKNOWN,
		"the client's certificate belongs to no identity known here"},
	[HTTP_PEER_UNKNOWN_CA] = {TLS_ALERT_UNKNOWN_CA,
		"the client's certificate comes from an issuer that is not accepted"},
	[HTTP_PEER_BAD] = {TLS_ALERT_BAD_CERTIFICATE, "the client's certificate is not acceptable"},
	[HTTP_PEER_UNAVAILABLE] = {TLS_ALERT_INTERNAL,
		"the client's certificate cannot be checked now"},
};

struct http_conn *
conn_of_session(gnutls_session_t session)
{
	return conn_of(gnutls_session_get_ptr(session));
}

gnutls_session_t
tls_session_of(const struct http_conn *c)
{
	return MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
}

static void
describe_subject(const gnutls_datum_t *leaf, char out[SUBJECT_MAX])
{
	gnutls_x509_crt_t crt;
	size_t n = SUBJECT_MAX;

	out[0] = '\0';
	if (leaf == NULL || gnutls_x509_crt_init(&crt) < 0)
		return;
	if (gnutls_x509_crt_import(crt, leaf, GNUTLS_X509_FMT_DER) < 0 ||
		gnutls_x509_crt_get_dn(crt, out, &n) < 0)
		out[0] = '\0';
	gnutls_x509_crt_deinit(crt);
}

int
tls_refuse(
	struct http_conn *c, enum tls_alert alert, const char *reason, const gnutls_datum_t *leaf)
{
	char subject[SUBJECT_MAX];

	describe_subject(leaf, subject);
	access_log_refused(c, (int)alert, reason, subject[0] != '\0' ? subject : NULL);
	(void)gnutls_alert_send(
		tls_session_of(c), GNUTLS_AL_FATAL, (gnutls_alert_description_t)alert);
	return GNUTLS_E_CERTIFICATE_ERROR;
}

static void
remember_chain(struct http_conn *c, const gnutls_datum_t *certs, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		c->chain[i] = bytes_of(certs[i].data, certs[i].size);
	c->req.chain_count = count;
}

/* Who may well be a client of ours, and has proven its key: the application is told, too. */
static int
refuse_ours(struct http_conn *c, enum tls_alert alert, const char *reason,
	const gnutls_datum_t *leaf, enum http_chain chain)
{
	const struct http_authenticator *clients = &c->server->config.authenticator;
	int rc = tls_refuse(c, alert, reason, leaf);

	clients->refused(clients->ctx,
		&(struct http_refused){.leaf = bytes_of(leaf->data, leaf->size),
			.chain = chain,
			.operation = "tls.handshake",
			.reason = reason,
			.request_id = "",
			.peer = c->req.peer_address});
	return rc;
}

/* GnuTLS calls this when CertificateVerify, the proof that the client holds the key, has been
 * checked. */
static int
verify_client(gnutls_session_t session)
{
	struct http_conn *c = conn_of_session(session);
	const struct http_authenticator *clients = &c->server->config.authenticator;
	unsigned count = 0;
	const gnutls_datum_t *certs = gnutls_certificate_get_peers(session, &count);
	enum http_verdict v;
	enum tls_alert alert;
	const char *reason;

	if (certs == NULL || count == 0)
		return tls_refuse(c, TLS_ALERT_CERTIFICATE_REQUIRED,
			"the client presented no certificate", NULL);
	alert = verify_chain(c->tls, certs, count);
	if (alert == TLS_ALERT_EXPIRED || alert == TLS_ALERT_UNSUPPORTED_CERTIFICATE)
		return refuse_ours(c, alert, err_reason(), &certs[0], HTTP_CHAIN_REFUSED);
	if (alert != TLS_ALERT_NONE)
		return tls_refuse(c, alert, err_reason(), &certs[0]);
	remember_chain(c, certs, count);
	(void)err_set(ERR_DENIED, "%s", "");
	v = clients->certificate(clients->ctx, c->chain[0], &c->req.requester);
	reason = err_reason()[0] != '\0' ? err_reason() : verdict[v].reason;
	if (v == HTTP_PEER_UNAVAILABLE)
		return tls_refuse(c, verdict[v].alert, reason, &certs[0]);
	if (v != HTTP_PEER_OK)
		return refuse_ours(c, verdict[v].alert, reason, &certs[0], HTTP_CHAIN_VERIFIED);
	c->authenticated = true;
	return 0;
}

static int
check_hello(struct http_conn *c, const gnutls_datum_t *msg)
{
	enum tls_alert alert = hello_check(bytes_of(msg->data, msg->size));

	return alert == TLS_ALERT_NONE ? 0 : tls_refuse(c, alert, err_reason(), NULL);
}

static int
check_usage(struct http_conn *c, gnutls_session_t session)
{
	unsigned count = 0;
	const gnutls_datum_t *certs = gnutls_certificate_get_peers(session, &count);
	enum tls_alert alert = verify_key_usage(c->tls, certs, certs != NULL ? count : 0);

	return alert == TLS_ALERT_NONE ? 0 : tls_refuse(c, alert, err_reason(), &certs[0]);
}

static int
watch_handshake(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
	const gnutls_datum_t *msg)
{
	struct http_conn *c = conn_of_session(session);

	if (!incoming)
		return 0;
	c->hello_seen = true;
	if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO && when == GNUTLS_HOOK_PRE)
		return check_hello(c, msg);
	if (type == GNUTLS_HANDSHAKE_CERTIFICATE_PKT && when == GNUTLS_HOOK_PRE &&
		msg->size == EMPTY_CERTIFICATE_SIZE) {
		(void)tls_refuse(c, TLS_ALERT_CERTIFICATE_REQUIRED,
			"the client presented no certificate", NULL);
		return GNUTLS_E_CERTIFICATE_REQUIRED;
	}
	if (type == GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY && when == GNUTLS_HOOK_PRE)
		return check_usage(c, session);
	if (type == GNUTLS_HANDSHAKE_FINISHED && when == GNUTLS_HOOK_POST) {
		conn_enter(
			c, CONN_IDLE, clock_monotonic_us(), c->server->config.request_deadline_s);
		c->tls_held = 0;
	}
	return 0;
}

enum err
tls_session_start(struct http_conn *c)
{
	/* libmicrohttpd names them too, but goes on when none fits. */
	static const gnutls_datum_t protocols[] = {{(unsigned char *)(uintptr_t) "http/1.1", 8},
		{(unsigned char *)(uintptr_t) "http/1.0", 8}};
	gnutls_session_t session = tls_session_of(c);
	int rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls_credentials(c->tls));

	if (rc < 0)
		return tls_error(ERR_INTERNAL, rc, "TLS credentials");
	tls_io_start(c);
	rc = gnutls_alpn_set_protocols(
		session, protocols, ARRAY_LEN(protocols), GNUTLS_ALPN_MANDATORY);
	if (rc < 0)
		return tls_error(ERR_INTERNAL, rc, "TLS application protocols");
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
	gnutls_session_set_verify_function(session, verify_client);
	gnutls_handshake_set_max_packet_length(session, HANDSHAKE_MESSAGE_MAX);
	gnutls_handshake_set_hook_function(
		session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_BOTH, watch_handshake);
	return ERR_OK;
}

enum err
http_request_exporter(const struct http_request *r, uint8_t out[HTTP_EXPORTER_SIZE])
{
	static const char label[] = "EXPORTER-Channel-Binding";
	struct http_conn *c = r->conn;
	int rc;

	if (c->tls == NULL)
		return err_set(ERR_NOTFOUND, "no TLS, no exporter");
	rc = gnutls_prf_rfc5705(tls_session_of(c), sizeof(label) - 1, label, 0, NULL,
		HTTP_EXPORTER_SIZE, (char *)out);
	return rc < 0 ? tls_error(ERR_INTERNAL, rc, "TLS exporter") : ERR_OK;
}
