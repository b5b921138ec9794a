/* Published objects and bundles as they are answered; see internal.h. */
#include <stdio.h>
#include <stdlib.h>

#include "crl/internal.h"
#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/base/random.h"

void
object_replace(struct http_prepared **slot, struct http_prepared *made)
{
	if (*slot != NULL)
		http_prepared_unref(*slot);
	*slot = made;
}

struct http_prepared *
object_prepare(const char *type, struct bytes body, int64_t last_modified, int64_t expires,
	int64_t max_age)
{
	char modified[CLOCK_IMF_SIZE], end[CLOCK_IMF_SIZE], etag[2 * SHA256_SIZE + 3], cache[64];
	struct http_header field[4];
	uint8_t digest[SHA256_SIZE];
	size_t n = 0;

	sha256(body, digest);
	etag[0] = '"';
	hex_encode(bytes_of(digest, sizeof(digest)), etag + 1);
	memcpy(etag + 1 + 2 * SHA256_SIZE, "\"", 2);
	snprintf(cache, sizeof(cache), "public, max-age=%lld", (long long)max_age);
	field[n++] = (struct http_header){"ETag", etag};
	field[n++] = (struct http_header){"Cache-Control", cache};
	if (last_modified != 0) {
		clock_format_imf(last_modified, modified);
		field[n++] = (struct http_header){"Last-Modified", modified};
	}
	if (expires != 0) {
		clock_format_imf(expires, end);
		field[n++] = (struct http_header){"Expires", end};
	}
	return http_prepared_new(200, type, body, field, n);
}

struct published *
published_new(const struct store_issuer *issuer, bool configured)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct published *p = mem_zalloc(1, sizeof(*p));
	char *pem = pem_string(a, "CERTIFICATE", issuer->der);

	p->id = issuer->id;
	p->name = mem_strdup(issuer->name);
	p->root = issuer->kind == ISSUER_ROOT;
	p->expected = p->root || configured;
	p->state = issuer->state;
	p->der = mem_alloc(issuer->der.n);
	memcpy(p->der, issuer->der.p, issuer->der.n);
	p->der_n = issuer->der.n;
	p->object[OBJECT_CERT] =
		object_prepare("application/pkix-cert", issuer->der, 0, 0, CA_MAX_AGE_S);
	p->object[OBJECT_CERT_PEM] =
		object_prepare("application/x-pem-file", bytes_str(pem), 0, 0, CA_MAX_AGE_S);
	return p;
}

void
published_free(struct published *p)
{
	for (size_t k = 0; k < OBJECT_COUNT; k++)
		object_replace(&p->object[k], NULL);
	free(p->name);
	free(p->der);
	free(p);
}

/* Issuing CAs first, roots last: what `openssl verify -untrusted` and servers' chain files want. */
struct http_prepared *
bundle_of_certificates(const struct crl_service *c)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const char **text = arena_array(a, c->count + 1, sizeof(*text));
	struct http_prepared *made;
	size_t n = 0, total = 0, at = 0;
	char *all;

	for (int root = 0; root <= 1; root++)
		for (size_t i = 0; i < c->count; i++)
			if (c->issuer[i]->root == (root != 0)) {
				text[n] = pem_string(a, "CERTIFICATE",
					bytes_of(c->issuer[i]->der, c->issuer[i]->der_n));
				total += strlen(text[n++]);
			}
	all = mem_alloc(total + 1);
	for (size_t i = 0; i < n; i++) {
		memcpy(all + at, text[i], strlen(text[i]));
		at += strlen(text[i]);
	}
	made = object_prepare("application/x-pem-file", bytes_of(all, total), 0, 0, CA_MAX_AGE_S);
	free(all);
	return made;
}

static struct bytes
crl_text(const struct published *p)
{
	return p->object[OBJECT_CRL_PEM] != NULL ? http_prepared_body(p->object[OBJECT_CRL_PEM])
						 : (struct bytes){NULL, 0};
}

/* Every CRL, the root's included: nginx, HAProxy and Envoy check the whole chain and refuse
 * everybody without it. */
struct http_prepared *
bundle_of_crls(const struct crl_service *c)
{
	int64_t modified = 0, expires = INT64_MAX;
	struct http_prepared *made;
	size_t total = 0, at = 0;
	char *text;

	for (size_t i = 0; i < c->count; i++)
		total += crl_text(c->issuer[i]).n;
	text = mem_alloc(total + 1);
	for (size_t i = 0; i < c->count; i++) {
		const struct published *p = c->issuer[i];
		struct bytes one = crl_text(p);

		if (one.n == 0)
			continue;
		memcpy(text + at, one.p, one.n);
		at += one.n;
		modified = p->this_update > modified ? p->this_update : modified;
		expires = p->next_update < expires ? p->next_update : expires;
	}
	made = at == 0 ? NULL
		       : object_prepare("application/x-pem-file", bytes_of(text, at), modified,
				 expires, CRL_MAX_AGE_S);
	free(text);
	return made;
}
