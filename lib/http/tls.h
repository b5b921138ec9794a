/*
 * Private to lib/http: a listener's certificate, key and client trust as one immutable object, and
 * the judgement of a client's chain against it. A reload replaces the object; connections keep
 * theirs.
 */
#ifndef CHANCERY_HTTP_TLS_H
#define CHANCERY_HTTP_TLS_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "lib/http/chain_cache.h"
#include "lib/http/server.h"

/* TLS alerts of RFC 8446 section 6.2 this server sends. */
enum tls_alert {
	TLS_ALERT_NONE = 0,
	TLS_ALERT_UNEXPECTED_MESSAGE = 10,
	TLS_ALERT_BAD_CERTIFICATE = 42,
	TLS_ALERT_UNSUPPORTED_CERTIFICATE = 43,
	TLS_ALERT_REVOKED = 44,
	TLS_ALERT_EXPIRED = 45, /* "has expired or is not currently valid" */
	TLS_ALERT_UNKNOWN = 46,
	TLS_ALERT_ILLEGAL_PARAMETER = 47,
	TLS_ALERT_UNKNOWN_CA = 48,
	TLS_ALERT_DECODE_ERROR = 50,
	TLS_ALERT_DECRYPT_ERROR = 51,
	TLS_ALERT_PROTOCOL_VERSION = 70,
	TLS_ALERT_INTERNAL = 80,
	TLS_ALERT_MISSING_EXTENSION = 109,
	TLS_ALERT_CERTIFICATE_REQUIRED = 116,
	TLS_ALERT_NO_APPLICATION_PROTOCOL = 120,
};

struct http_conn;

struct http_tls *http_tls_ref(struct http_tls *t);
void http_tls_unref(struct http_tls *t); /* NULL is fine */
gnutls_certificate_credentials_t tls_credentials(const struct http_tls *t);
gnutls_x509_trust_list_t tls_trust(const struct http_tls *t);
struct cache *tls_chains(struct http_tls *t);
/* The first moment at which one of the anchors that are valid now is valid no more. */
int64_t tls_anchors_until(const struct http_tls *t, int64_t now);

/* verify.c: TLS_ALERT_NONE when the chain leads to an anchor, all its certificates are valid now,
 * and the leaf is an end-entity certificate for client authentication; otherwise the alert, with
 * err_reason(). */
enum tls_alert verify_chain(struct http_tls *t, const gnutls_datum_t *certs, size_t count);

/* Before GnuTLS looks at CertificateVerify, where it would refuse this with an alert that says less. */
enum tls_alert verify_key_usage(struct http_tls *t, const gnutls_datum_t *certs, size_t count);

/* tls_session.c */
struct http_conn *conn_of_session(gnutls_session_t session);
gnutls_session_t tls_session_of(const struct http_conn *c);
/* Sends the alert and logs why, with the leaf's subject (NULL: no leaf); returns GnuTLS' error for
 * a callback to return. */
int tls_refuse(
	struct http_conn *c, enum tls_alert alert, const char *reason, const gnutls_datum_t *leaf);

/* tls_io.c: octets a peer may make GnuTLS keep: a whole handshake with its Certificate of 32 KiB
 * and record headers fits twice. */
enum { TLS_HELD_MAX = 64 * 1024 };
/* Lets GnuTLS read this connection through the count. The file also stands in for
 * gnutls_handshake() and gnutls_record_recv(), which libmicrohttpd calls. */
void tls_io_start(struct http_conn *c);

/* err_set() with the text GnuTLS has for its code. */
enum err tls_error(enum err code, int gnutls_code, const char *what);

#endif
