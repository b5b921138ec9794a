/* A CRL as it is sent; see internal.h. A list of millions is held once: its PEM form and the bundle are
 * made of the same octets on their way out. */
#include <stdlib.h>

#include "crl/internal.h"
#include "lib/base/hex.h"

#define PEM_LABEL "X509 CRL"

enum { MAX_AGE_S = 60 };

/* PEM blocks, one behind the other. */
struct text {
	size_t count;
	struct crl_held *crl[];
};

static void
free_held(struct counted *c)
{
	struct crl_held *h = (struct crl_held *)c;

	buf_clear(&h->der);
	free(h);
}

struct crl_held *
crl_held_new(void)
{
	struct crl_held *h = mem_zalloc(1, sizeof(*h));

	counted_init(&h->counted, free_held);
	h->der.max = STORE_CRL_OCTETS_MAX;
	return h;
}

static void
copy_der(const void *ctx, size_t at, char *out, size_t n)
{
	const struct crl_held *h = ctx;

	memcpy(out, h->der.data + at, n);
}

void
crl_held_release(struct crl_held *h)
{
	if (h != NULL)
		counted_release(&h->counted);
}

static void
release_held(void *ctx)
{
	crl_held_release(ctx);
}

static struct http_prepared *
prepare_crl(const char *type, const struct http_body *body, const uint8_t digest[SHA256_SIZE],
	int64_t modified, int64_t expires)
{
	struct object_fields f;

	object_fields_init(&f, digest, MAX_AGE_S);
	object_fields_times(&f, modified, expires);
	return http_prepared_of(200, type, body, f.field, f.count);
}

struct http_prepared *
crl_as_der(struct crl_held *h)
{
	struct http_body body = {h->der.len, copy_der, release_held, counted_ref(&h->counted)};

	return prepare_crl(
		"application/pkix-crl", &body, h->digest, h->this_update, h->next_update);
}

static void
copy_text(const void *ctx, size_t at, char *out, size_t n)
{
	const struct text *t = ctx;

	for (size_t i = 0; n > 0; i++) {
		struct bytes der = buf_bytes(&t->crl[i]->der);
		size_t size = pem_size(PEM_LABEL, der), take;

		if (at >= size) {
			at -= size;
			continue;
		}
		take = size - at < n ? size - at : n;
		pem_copy(PEM_LABEL, der, at, out, take);
		out += take;
		n -= take;
		at = 0;
	}
}

static void
free_text(void *ctx)
{
	struct text *t = ctx;

	for (size_t i = 0; i < t->count; i++)
		crl_held_release(t->crl[i]);
	free(t);
}

/* Takes t over. The tag is made of the CRLs' tags. */
static struct http_prepared *
prepare_text(struct text *t)
{
	uint8_t *digests = mem_alloc(t->count * SHA256_SIZE), digest[SHA256_SIZE];
	int64_t modified = 0, expires = INT64_MAX;
	size_t size = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct crl_held *h = t->crl[i];

		memcpy(digests + i * SHA256_SIZE, h->digest, SHA256_SIZE);
		size += pem_size(PEM_LABEL, buf_bytes(&h->der));
		modified = h->this_update > modified ? h->this_update : modified;
		expires = h->next_update < expires ? h->next_update : expires;
	}
	sha256(bytes_of(digests, t->count * SHA256_SIZE), digest);
	free(digests);
	return prepare_crl("application/x-pem-file",
		&(struct http_body){size, copy_text, free_text, t}, digest, modified, expires);
}

static struct text *
text_new(size_t room)
{
	return mem_zalloc(1, sizeof(struct text) + room * sizeof(struct crl_held *));
}

struct http_prepared *
crl_as_pem(struct crl_held *h)
{
	struct text *t = text_new(1);

	t->crl[t->count++] = counted_ref(&h->counted);
	return prepare_text(t);
}

/* Every CRL, the root's included: nginx, HAProxy and Envoy check the whole chain and refuse
 * everybody without it. */
struct http_prepared *
bundle_of_crls(const struct crl_service *c)
{
	struct text *t = text_new(c->count);

	for (size_t i = 0; i < c->count; i++)
		if (c->issuer[i]->crl != NULL)
			t->crl[t->count++] = counted_ref(&c->issuer[i]->crl->counted);
	if (t->count > 0)
		return prepare_text(t);
	free(t);
	return NULL;
}
