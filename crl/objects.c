/* Published objects and bundles as they are answered; see internal.h. */
#include <stdio.h>
#include <stdlib.h>

#include "crl/internal.h"
#include "lib/base/hex.h"

enum { CA_MAX_AGE_S = 3600 };

void
object_replace(struct http_prepared **slot, struct http_prepared *made)
{
	if (*slot != NULL)
		http_prepared_unref(*slot);
	*slot = made;
}

void
object_fields_init(struct object_fields *f, const uint8_t digest[SHA256_SIZE], int64_t max_age)
{
	f->etag[0] = '"';
	hex_encode(bytes_of(digest, SHA256_SIZE), f->etag + 1);
	memcpy(f->etag + 1 + 2 * SHA256_SIZE, "\"", 2);
	snprintf(f->cache, sizeof(f->cache), "public, max-age=%lld", (long long)max_age);
	f->field[0] = (struct http_header){"ETag", f->etag};
	f->field[1] = (struct http_header){"Cache-Control", f->cache};
	f->count = 2;
}

void
object_fields_times(struct object_fields *f, int64_t last_modified, int64_t expires)
{
	clock_format_imf(last_modified, f->modified);
	clock_format_imf(expires, f->expires);
	f->field[f->count++] = (struct http_header){"Last-Modified", f->modified};
	f->field[f->count++] = (struct http_header){"Expires", f->expires};
}

static struct http_prepared *
prepare_certificate(const char *type, struct bytes body)
{
	uint8_t digest[SHA256_SIZE];
	struct object_fields f;

	sha256(body, digest);
	object_fields_init(&f, digest, CA_MAX_AGE_S);
	return http_prepared_new(200, type, body, f.field, f.count);
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
	p->object[OBJECT_CERT] = prepare_certificate("application/pkix-cert", issuer->der);
	p->object[OBJECT_CERT_PEM] = prepare_certificate("application/x-pem-file", bytes_str(pem));
	return p;
}

void
published_free(struct published *p)
{
	for (size_t k = 0; k < OBJECT_COUNT; k++)
		object_replace(&p->object[k], NULL);
	crl_held_release(p->crl);
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
	made = prepare_certificate("application/x-pem-file", bytes_of(all, total));
	free(all);
	return made;
}
