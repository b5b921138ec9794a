/*
 * Life of the gateway's TLS key: P-256 in memory, never written anywhere; its certificate comes
 * through the same queue, policy and builder as all others (protocol "internal"). The old key
 * serves until the new certificate is there.
 */
#include "server/gateway_tls.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"

AUTO_DEFINE(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)

struct gateway_tls {
	struct store *store;
	const struct config *config;
	EVP_PKEY *key;	     /* in use */
	struct arena *arena; /* owns der */
	struct bytes der;
	int16_t issuer;
	int64_t obtained_at, not_after;
	EVP_PKEY *next_key; /* asked for */
	int64_t request;    /* 0: nothing asked */
};

struct gateway_tls *
gateway_tls_new(struct store *store, const struct config *config)
{
	struct gateway_tls *t = mem_zalloc(1, sizeof(*t));

	t->store = store;
	t->config = config;
	return t;
}

static void
forget_next(struct gateway_tls *t)
{
	EVP_PKEY_free(t->next_key);
	t->next_key = NULL;
	t->request = 0;
}

void
gateway_tls_free(struct gateway_tls *t)
{
	if (t == NULL)
		return;
	forget_next(t);
	EVP_PKEY_free(t->key);
	arena_free(t->arena);
	free(t);
}

bool
gateway_tls_due(const struct gateway_tls *t, int64_t now)
{
	/* Before two thirds of its life, so that an outage of the signer of many hours is survived
	 * by a day's certificate. Counted from when it came: a backdated notBefore would make short
	 * lives look half over at once. */
	return t->key == NULL || now >= t->obtained_at + (t->not_after - t->obtained_at) * 3 / 5;
}

int64_t
gateway_tls_not_after(const struct gateway_tls *t)
{
	return t->not_after;
}

static const char *
canonical(struct arena *a, const char *name)
{
	uint8_t address[16];

	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return arena_printf(a, "ip:%s", name);
	return arena_printf(a, "dns:%s", name);
}

/* In the one spelling the database has. */
static enum err
read_names(const struct config *config, struct arena *a, const char ***out)
{
	const char **list = arena_array(a, config->enroll.names_count, sizeof(*list));

	for (uint32_t i = 0; i < config->enroll.names_count; i++) {
		struct pki_san san;
		enum err e = pki_san_from_text(
			bytes_str(canonical(a, config->enroll.names[i])), a, &san);

		if (e != ERR_OK)
			return err_context(e, "enroll.names");
		list[i] = pki_san_text(a, &san);
	}
	*out = list;
	return ERR_OK;
}

static enum err
find_identity(struct gateway_tls *t, struct arena *a, int64_t *id)
{
	struct store_identity identity;
	enum err e = store_identity_find(t->store, a, GATEWAY_IDENTITY, &identity);

	if (e == ERR_NOTFOUND)
		return err_set(ERR_NOTFOUND,
			"there is no service identity \"%s\" yet; run `ca-admin init`",
			GATEWAY_IDENTITY);
	if (e == ERR_OK)
		*id = identity.id;
	return e;
}

static enum err
ask(struct gateway_tls *t)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_request_new r = {
		.protocol = ca_protocol_name(CA_PROTOCOL_INTERNAL),
		.request_id = random_id(a),
		.profile = t->config->enroll.profile,
		.name_count = t->config->enroll.names_count,
	};
	const char **names;
	enum err e;

	if ((e = find_identity(t, a, &r.identity)) != ERR_OK ||
		(e = read_names(t->config, a, &names)) != ERR_OK ||
		(e = pki_key_generate_p256(&t->next_key)) != ERR_OK)
		return e;
	r.names = names;
	e = pki_spki_from_pkey(t->next_key, a, &r.spki);
	if (e == ERR_OK)
		e = store_request_add(t->store, &r, &t->request);
	if (e != ERR_OK)
		forget_next(t);
	return e;
}

static enum err
take(struct gateway_tls *t, struct arena *a, const struct store_result *result)
{
	struct pki_cert cert;
	enum err e = pki_cert_parse(result->der, a, &cert);

	if (e != ERR_OK) {
		forget_next(t);
		return e;
	}
	EVP_PKEY_free(t->key);
	arena_free(t->arena);
	t->key = t->next_key;
	t->next_key = NULL;
	t->request = 0;
	t->arena = arena_new(0);
	t->der = arena_bytes(t->arena, result->der);
	t->issuer = result->issuer;
	t->obtained_at = clock_now();
	t->not_after = cert.not_after;
	return ERR_OK;
}

enum err
gateway_tls_obtain(struct gateway_tls *t, int64_t wait_ms)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_result result;
	enum err e;

	if (t->request == 0 && (e = ask(t)) != ERR_OK)
		return e;
	e = store_request_wait(t->store, a, t->request, wait_ms, &result);
	if (e != ERR_OK)
		return e; /* the request waits in its row */
	switch (result.state) {
	case STORE_RESULT_DONE:
		return take(t, a, &result);
	case STORE_RESULT_REFUSED:
		forget_next(t);
		return err_set(result.refusal_class,
			"the signer refused the gateway's own certificate: %s", result.refusal);
	case STORE_RESULT_PENDING:
		break;
	}
	return err_set(ERR_UNAVAILABLE,
		"request %lld for the gateway's own certificate waits for a signer; is chancery-signer running?",
		(long long)t->request);
}

static enum err
private_key(EVP_PKEY *key, struct buf *out)
{
	AUTO(PKCS8_PRIV_KEY_INFO) p8 = EVP_PKEY2PKCS8(key);
	uint8_t *room;
	int n = p8 != NULL ? i2d_PKCS8_PRIV_KEY_INFO(p8, NULL) : -1;
	enum err e;

	if (n <= 0)
		return err_openssl(ERR_INTERNAL, "cannot encode the gateway's key");
	if ((e = buf_reserve(out, (size_t)n, &room)) != ERR_OK)
		return e;
	i2d_PKCS8_PRIV_KEY_INFO(p8, &room);
	out->len += (size_t)n;
	return ERR_OK;
}

enum err
gateway_tls_credentials(
	const struct gateway_tls *t, const struct ca_issuers *issuers, struct http_tls **out)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_BUF(key, 4096); /* wiped by its scope */
	const struct ca_issuer *issuer = ca_issuers_find(issuers, t->issuer);
	struct bytes *anchors = arena_array(a, issuers->all_count + 1, sizeof(*anchors));
	enum err e = private_key(t->key, &key);

	if (e != ERR_OK)
		return e;
	if (issuer == NULL)
		return err_set(ERR_CONFLICT,
			"the issuer of the gateway's own certificate is not known here");
	const struct bytes chain[] = {t->der, issuer->cert.der};
	anchors[0] = issuers->root;
	for (size_t i = 0; i < issuers->all_count; i++)
		anchors[i + 1] = issuers->item[i].cert.der;
	return http_tls_new(
		chain, ARRAY_LEN(chain), buf_bytes(&key), anchors, issuers->all_count + 1, out);
}
