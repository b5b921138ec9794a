/*
 * http_tls: credentials and trust list made from DER. The key is the listener's own short-lived
 * one; the caller's copy is wiped here, and GnuTLS keeps the only other.
 */
#include "lib/http/tls.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "lib/http/conn.h"

struct http_tls {
	atomic_uint refs;
	gnutls_certificate_credentials_t cred;
	gnutls_x509_trust_list_t trust;
	int64_t *anchor_until; /* notAfter of each anchor */
	size_t anchors;
	struct cache *chains; /* that verified before: chain_cache.h */
};

enum { ANCHORS_MAX = 256 };

enum err
tls_error(enum err code, int gnutls_code, const char *what)
{
	return err_set(code, "%s: %s", what, gnutls_strerror(gnutls_code));
}

static void
destroy_tls(struct http_tls *t)
{
	if (t->cred != NULL)
		gnutls_certificate_free_credentials(t->cred);
	if (t->trust != NULL)
		gnutls_x509_trust_list_deinit(t->trust, 1);
	cache_free(t->chains);
	free(t->anchor_until);
	free(t);
}

struct http_tls *
http_tls_ref(struct http_tls *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void
http_tls_unref(struct http_tls *t)
{
	if (t != NULL && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1)
		destroy_tls(t);
}

gnutls_certificate_credentials_t
tls_credentials(const struct http_tls *t)
{
	return t->cred;
}

gnutls_x509_trust_list_t
tls_trust(const struct http_tls *t)
{
	return t->trust;
}

struct cache *
tls_chains(struct http_tls *t)
{
	return t->chains;
}

int64_t
tls_anchors_until(const struct http_tls *t, int64_t now)
{
	int64_t until = INT64_MAX;

	for (size_t i = 0; i < t->anchors; i++)
		if (t->anchor_until[i] > now && t->anchor_until[i] < until)
			until = t->anchor_until[i];
	return until;
}

static gnutls_datum_t
datum_of(struct bytes b)
{
	return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)b.p, .size = (unsigned)b.n};
}

static enum err
add_anchor(struct http_tls *t, struct bytes der)
{
	gnutls_x509_crt_t crt;
	gnutls_datum_t d = datum_of(der);
	int rc = gnutls_x509_crt_init(&crt);

	if (rc < 0)
		return tls_error(ERR_INTERNAL, rc, "trust anchor");
	rc = gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER);
	if (rc < 0) {
		gnutls_x509_crt_deinit(crt);
		return tls_error(ERR_INVALID, rc, "trust anchor is not a certificate");
	}
	t->anchor_until[t->anchors++] = gnutls_x509_crt_get_expiration_time(crt);
	if (gnutls_x509_trust_list_add_cas(t->trust, &crt, 1, 0) == 1)
		return ERR_OK;
	gnutls_x509_crt_deinit(crt);
	return err_set(ERR_INTERNAL, "GnuTLS refuses a trust anchor");
}

static enum err
add_anchors(struct http_tls *t, const struct bytes *anchors, size_t count)
{
	int rc = gnutls_x509_trust_list_init(&t->trust, 0);

	if (rc < 0)
		return tls_error(ERR_INTERNAL, rc, "trust list");
	if (count == 0 || count > ANCHORS_MAX)
		return err_set(ERR_INVALID,
			"a TLS listener needs 1 to %d trust anchors for its clients, not %zu",
			ANCHORS_MAX, count);
	t->anchor_until = mem_zalloc(count, sizeof(t->anchor_until[0]));
	for (size_t i = 0; i < count; i++)
		TRY(add_anchor(t, anchors[i]));
	return ERR_OK;
}

static enum err
import_key(struct bytes key_pkcs8, gnutls_privkey_t *out)
{
	gnutls_datum_t d = datum_of(key_pkcs8);
	gnutls_privkey_t key;
	int rc = gnutls_privkey_init(&key);

	if (rc < 0)
		return tls_error(ERR_INTERNAL, rc, "server key");
	rc = gnutls_privkey_import_x509_raw(key, &d, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN);
	if (rc < 0) {
		gnutls_privkey_deinit(key);
		return tls_error(ERR_INVALID, rc, "server key is not unencrypted PKCS #8");
	}
	*out = key;
	return ERR_OK;
}

static enum err
import_chain(const struct bytes *chain, size_t count, gnutls_pcert_st *out)
{
	for (size_t i = 0; i < count; i++) {
		gnutls_datum_t d = datum_of(chain[i]);
		int rc = gnutls_pcert_import_x509_raw(&out[i], &d, GNUTLS_X509_FMT_DER, 0);

		if (rc >= 0)
			continue;
		while (i-- > 0)
			gnutls_pcert_deinit(&out[i]);
		return tls_error(
			ERR_INVALID, rc, "server chain holds something that is not a certificate");
	}
	return ERR_OK;
}

/* Key and chain belong to the credentials once they were taken, and to us when they were not. */
static enum err
set_key(struct http_tls *t, const struct bytes *chain, size_t count, struct bytes key_pkcs8)
{
	gnutls_pcert_st pcert[CONN_CHAIN_MAX];
	gnutls_privkey_t key;
	enum err e;
	int rc;

	if (count == 0 || count > CONN_CHAIN_MAX)
		return err_set(ERR_INVALID, "a server chain has 1 to %d certificates, not %zu",
			CONN_CHAIN_MAX, count);
	TRY(import_key(key_pkcs8, &key));
	e = import_chain(chain, count, pcert);
	if (e != ERR_OK) {
		gnutls_privkey_deinit(key);
		return e;
	}
	rc = gnutls_certificate_set_key(t->cred, NULL, 0, pcert, (int)count, key);
	if (rc >= 0)
		return ERR_OK;
	for (size_t i = 0; i < count; i++)
		gnutls_pcert_deinit(&pcert[i]);
	gnutls_privkey_deinit(key);

	return tls_error(ERR_INVALID, rc, "server certificate and key");
}

enum err
http_tls_new(const struct bytes *chain, size_t chain_count, struct bytes key_pkcs8,
	const struct bytes *anchors, size_t anchor_count, struct http_tls **out)
{
	struct http_tls *t = mem_zalloc(1, sizeof(*t));
	int rc = gnutls_certificate_allocate_credentials(&t->cred);
	enum err e;

	atomic_init(&t->refs, 1);
	t->chains = chain_cache_new();
	e = rc < 0 ? tls_error(ERR_INTERNAL, rc, "credentials")
		   : set_key(t, chain, chain_count, key_pkcs8);
	explicit_bzero((void *)(uintptr_t)key_pkcs8.p, key_pkcs8.n);
	if (e == ERR_OK)
		e = add_anchors(t, anchors, anchor_count);
	if (e != ERR_OK) {
		destroy_tls(t);
		return e;
	}
	*out = t;
	return ERR_OK;
}
