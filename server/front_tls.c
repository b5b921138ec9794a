/* What a front asks for, and what it makes of it; the life of key and certificate is ca/own.c's. */
#include "server/front_tls.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "lib/base/random.h"

AUTO_DEFINE(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)

struct front_tls {
	const struct front_program *program;
	const struct config_listener *listener;
	struct ca_own own;
};

static enum err
ask_for_certificate(void *ctx, struct bytes spki, int64_t *request)
{
	struct front_tls *t = ctx;
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_own_request r = {.profile = t->listener->profile,
		.name_count = t->listener->names_count,
		.spki = spki,
		.request_id = random_id(a)};
	const char **names;

	TRY(ca_own_names(t->listener, t->program->listener, a, &names));
	r.names = names;
	return store_own_request(t->own.store, &r, request);
}

struct front_tls *
front_tls_new(struct store *store, const struct config *config, const struct front_program *program)
{
	struct front_tls *t = mem_zalloc(1, sizeof(*t));

	t->program = program;
	t->listener = program->settings(config);
	t->own = (struct ca_own){
		.store = store, .what = program->own, .ask = ask_for_certificate, .ctx = t};
	return t;
}

void
front_tls_free(struct front_tls *t)
{
	if (t == NULL)
		return;
	ca_own_clear(&t->own);
	free(t);
}

struct ca_own *
front_tls_own(struct front_tls *t)
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
		return err_openssl(ERR_INTERNAL, "cannot encode the listener's key");
	TRY(buf_reserve(out, (size_t)n, &room));
	i2d_PKCS8_PRIV_KEY_INFO(p8, &room);
	out->len += (size_t)n;
	return ERR_OK;
}

enum err
front_tls_credentials(
	const struct front_tls *t, const struct ca_issuers *issuers, struct http_tls **out)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO_BUF(key, 4096); /* wiped by its scope */
	const struct ca_issuer *issuer = ca_issuers_find(issuers, t->own.issuer);
	struct bytes *anchors = arena_array(a, issuers->all_count + 1, sizeof(*anchors));
	size_t n = 0;

	TRY(private_key(t->own.key, &key));
	if (issuer == NULL)
		return err_set(ERR_CONFLICT, "the issuer of %s is not known here", t->own.what);
	const struct bytes chain[] = {t->own.cert.der, issuer->cert.der};

	anchors[n++] = issuers->root;
	for (size_t i = 0; i < issuers->all_count; i++)
		if (issuers->item[i].state != ISSUER_REVOKED)
			anchors[n++] = issuers->item[i].cert.der;
	return http_tls_new(chain, ARRAY_LEN(chain), buf_bytes(&key), anchors, n, out);
}
