/* What the gateway asks for, and what it makes of it; the life of key and certificate is ca/own.c's.
 */
#include "server/front_tls.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "lib/base/random.h"

AUTO_DEFINE(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)

struct gateway_tls {
	const struct config *config;
	struct ca_own own;
};

static const char *
canonical_name(struct arena *a, const char *name)
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
			bytes_str(canonical_name(a, config->enroll.names[i])), a, &san);

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
	enum err e = store_identity_find(t->own.store, a, GATEWAY_IDENTITY, &identity);

	if (e == ERR_NOTFOUND)
		return err_set(ERR_NOTFOUND,
			"there is no service identity \"%s\" yet; run `ca-admin init`",
			GATEWAY_IDENTITY);
	if (e == ERR_OK)
		*id = identity.id;
	return e;
}

static enum err
ask_for_certificate(void *ctx, struct bytes spki, int64_t *request)
{
	struct gateway_tls *t = ctx;
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_request_new r = {
		.protocol = CA_PROTOCOL_INTERNAL,
		.request_id = random_id(a),
		.profile = t->config->enroll.profile,
		.name_count = t->config->enroll.names_count,
		.spki = spki,
	};
	const char **names;

	TRY(find_identity(t, a, &r.identity));
	TRY(read_names(t->config, a, &names));
	r.names = names;
	return store_request_add(t->own.store, &r, request);
}

struct gateway_tls *
gateway_tls_new(struct store *store, const struct config *config)
{
	struct gateway_tls *t = mem_zalloc(1, sizeof(*t));

	t->config = config;
	t->own = (struct ca_own){.store = store,
		.what = "the gateway's own certificate",
		.ask = ask_for_certificate,
		.ctx = t};
	return t;
}

void
gateway_tls_free(struct gateway_tls *t)
{
	if (t == NULL)
		return;
	ca_own_clear(&t->own);
	free(t);
}

struct ca_own *
gateway_tls_own(struct gateway_tls *t)
{
	return &t->own;
}

static enum err
private_key(EVP_PKEY *key, struct buf *out)
{
	AUTO(PKCS8_PRIV_KEY_INFO) p8 = EVP_PKEY2PKCS8(key);
	uint8_t *room;
	int n = p8 != NULL ? i2d_PKCS8_PRIV_KEY_INFO(p8, NULL) : -1;

	if (n <= 0)
		return err_openssl(ERR_INTERNAL, "cannot encode the gateway's key");
	TRY(buf_reserve(out, (size_t)n, &room));
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
	const struct ca_issuer *issuer = ca_issuers_find(issuers, t->own.issuer);
	struct bytes *anchors = arena_array(a, issuers->all_count + 1, sizeof(*anchors));

	TRY(private_key(t->own.key, &key));
	if (issuer == NULL)
		return err_set(ERR_CONFLICT,
			"the issuer of the gateway's own certificate is not known here");
	const struct bytes chain[] = {t->own.cert.der, issuer->cert.der};

	anchors[0] = issuers->root;
	for (size_t i = 0; i < issuers->all_count; i++)
		anchors[i + 1] = issuers->item[i].cert.der;
	return http_tls_new(
		chain, ARRAY_LEN(chain), buf_bytes(&key), anchors, issuers->all_count + 1, out);
}
