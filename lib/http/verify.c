/*
 * Judging a client's chain: RFC 5280 section 6 by GnuTLS against the listener's own trust list,
 * then what the leaf may be used for. Stricter than RFC 5280 in one point: a leaf without an
 * extended key usage is refused, and anyExtendedKeyUsage does not stand for clientAuth, because
 * certificates of the same issuers exist for servers and responders and none of them may log in
 * here.
 */
#include <gnutls/x509.h>

#include "lib/base/clock.h"
#include "lib/http/conn.h"
#include "lib/http/tls.h"

enum { OID_MAX = 64, PURPOSES_MAX = 16 };

struct parsed {
	gnutls_x509_crt_t crt[CONN_CHAIN_MAX];
	unsigned count;
};

/* In order of what an operator should hear first when several are set. */
static const struct {
	unsigned status;
	enum tls_alert alert;
	const char *reason;
} verdict[] = {
	{GNUTLS_CERT_SIGNER_NOT_FOUND, TLS_ALERT_UNKNOWN_CA,
		"the client's chain does not lead to a trust anchor of this listener"},
	{GNUTLS_CERT_SIGNER_NOT_CA, TLS_ALERT_BAD_CERTIFICATE,
		"an issuer in the client's chain is not a CA"},
	{GNUTLS_CERT_SIGNATURE_FAILURE, TLS_ALERT_BAD_CERTIFICATE,
		"a signature in the client's chain is wrong"},
	{GNUTLS_CERT_INSECURE_ALGORITHM, TLS_ALERT_BAD_CERTIFICATE,
		"the client's chain uses an algorithm or key size that is not secure"},
	{GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, TLS_ALERT_BAD_CERTIFICATE,
		"the client's chain violates a constraint of its issuer (RFC 5280 section 6.1)"},
	{GNUTLS_CERT_EXPIRED, TLS_ALERT_EXPIRED, "a certificate in the client's chain has expired"},
	{GNUTLS_CERT_NOT_ACTIVATED, TLS_ALERT_EXPIRED,
		"a certificate in the client's chain is not valid yet"},
	{GNUTLS_CERT_PURPOSE_MISMATCH, TLS_ALERT_UNSUPPORTED_CERTIFICATE,
		"the client's certificate is not for client authentication (RFC 5280 section 4.2.1.12)"},
};

static enum tls_alert
refuse_chain(enum tls_alert alert, const char *reason)
{
	(void)err_set(ERR_DENIED, "%s", reason);
	return alert;
}

static void
clear_parsed(struct parsed *p)
{
	while (p->count > 0)
		gnutls_x509_crt_deinit(p->crt[--p->count]);
}

static enum tls_alert
parse_chain(const gnutls_datum_t *certs, size_t count, struct parsed *p)
{
	for (size_t i = 0; i < count; i++) {
		if (gnutls_x509_crt_init(&p->crt[i]) < 0)
			return refuse_chain(
				TLS_ALERT_INTERNAL, "out of memory for the client's chain");
		p->count++;
		if (gnutls_x509_crt_import(p->crt[i], &certs[i], GNUTLS_X509_FMT_DER) < 0)
			return refuse_chain(TLS_ALERT_BAD_CERTIFICATE,
				"the client's chain holds something that is not a certificate");
	}
	return TLS_ALERT_NONE;
}

static bool
for_client_auth(gnutls_x509_crt_t leaf)
{
	for (unsigned i = 0; i < PURPOSES_MAX; i++) {
		char oid[OID_MAX];
		size_t n = sizeof(oid);

		if (gnutls_x509_crt_get_key_purpose_oid(leaf, i, oid, &n, NULL) < 0)
			return false;
		if (strcmp(oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0)
			return true;
	}
	return false;
}

static enum tls_alert
judge_leaf(gnutls_x509_crt_t leaf)
{
	if (gnutls_x509_crt_get_ca_status(leaf, NULL) > 0)
		return refuse_chain(TLS_ALERT_UNSUPPORTED_CERTIFICATE,
			"the client authenticates with a CA certificate");
	if (!for_client_auth(leaf))
		return refuse_chain(TLS_ALERT_UNSUPPORTED_CERTIFICATE,
			"the client's certificate does not name client authentication as a purpose (RFC 5280 section 4.2.1.12)");
	return TLS_ALERT_NONE;
}

static enum tls_alert
judge_path(struct http_tls *t, struct parsed *p)
{
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
	unsigned status = 0;
	int rc = gnutls_x509_trust_list_verify_crt2(tls_trust(t), p->crt, p->count, &purpose, 1,
		GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM), &status, NULL);

	if (rc < 0)
		return refuse_chain(TLS_ALERT_BAD_CERTIFICATE, gnutls_strerror(rc));
	if (status == 0)
		return TLS_ALERT_NONE;
	for (size_t i = 0; i < ARRAY_LEN(verdict); i++)
		if (status & verdict[i].status)
			return refuse_chain(verdict[i].alert, verdict[i].reason);
	return refuse_chain(TLS_ALERT_BAD_CERTIFICATE, "the client's chain does not verify");
}

static int64_t
first_expiry(const struct http_tls *t, const struct parsed *p, int64_t now)
{
	int64_t until = tls_anchors_until(t, now);

	for (unsigned i = 0; i < p->count; i++) {
		int64_t end = gnutls_x509_crt_get_expiration_time(p->crt[i]);

		until = end < until ? end : until;
	}
	return until;
}

static enum tls_alert
verify_parsed(struct http_tls *t, struct parsed *p, const uint8_t key[SHA256_SIZE])
{
	int64_t now = clock_now();
	enum tls_alert alert = judge_path(t, p);

	if (alert == TLS_ALERT_NONE)
		alert = judge_leaf(p->crt[0]);
	if (alert == TLS_ALERT_NONE)
		chain_cache_put(tls_chains(t), key, now, first_expiry(t, p, now));
	return alert;
}

static bool
known_chain(struct http_tls *t, const gnutls_datum_t *certs, size_t count, uint8_t key[SHA256_SIZE])
{
	struct bytes der[CONN_CHAIN_MAX] = {{NULL, 0}};

	for (size_t i = 0; i < count; i++)
		der[i] = bytes_of(certs[i].data, certs[i].size);
	chain_cache_key(der, count, key);
	return chain_cache_find(tls_chains(t), key, clock_now());
}

enum tls_alert
verify_key_usage(struct http_tls *t, const gnutls_datum_t *certs, size_t count)
{
	struct parsed p = {.count = 0};
	uint8_t key[SHA256_SIZE];
	unsigned usage = 0;
	enum tls_alert alert;

	if (count == 0 || count > CONN_CHAIN_MAX || known_chain(t, certs, count, key))
		return TLS_ALERT_NONE;
	alert = parse_chain(certs, 1, &p);
	if (alert == TLS_ALERT_NONE && gnutls_x509_crt_get_key_usage(p.crt[0], &usage, NULL) >= 0 &&
		!(usage & GNUTLS_KEY_DIGITAL_SIGNATURE))
		alert = refuse_chain(TLS_ALERT_UNSUPPORTED_CERTIFICATE,
			"the key usage of the client's certificate does not allow signatures (RFC 5280 section 4.2.1.3)");
	clear_parsed(&p);
	return alert;
}

enum tls_alert
verify_chain(struct http_tls *t, const gnutls_datum_t *certs, size_t count)
{
	uint8_t key[SHA256_SIZE];
	struct parsed p = {.count = 0};
	enum tls_alert alert;

	if (count > CONN_CHAIN_MAX)
		return refuse_chain(TLS_ALERT_BAD_CERTIFICATE,
			"the client's chain has more certificates than this server looks at");
	if (known_chain(t, certs, count, key))
		return TLS_ALERT_NONE;
	alert = parse_chain(certs, count, &p);
	if (alert == TLS_ALERT_NONE)
		alert = verify_parsed(t, &p, key);
	clear_parsed(&p);
	return alert;
}
