/*
 * Published objects are made once and swapped in whole: a reader sees the old or the new one, never
 * a mix (ocsp/CHECKS.md 97), and they go on being served while database and HSM are away
 * (ocsp/CHECKS.md 100). Before a CRL replaces another its signature is verified and its number must
 * be higher, so that no node goes back (ocsp/CHECKS.md 98).
 */
#include "crl/serve.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "ca/public.h"
#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/base/random.h"
#include "lib/pki/cert.h"
#include "lib/pki/crl.h"
#include "lib/db/follow.h"

enum { ISSUERS_MAX = 32, CRL_MAX_AGE_S = 60, CA_MAX_AGE_S = 3600 };

/* What is published of an issuer, and of all of them together. */
enum object { OBJECT_CRL, OBJECT_CRL_PEM, OBJECT_CERT, OBJECT_CERT_PEM, OBJECT_COUNT };
enum bundle { BUNDLE_CRL, BUNDLE_CA, BUNDLE_COUNT };

struct published {
	int16_t id;
	char *name;
	bool root, expected;
	uint8_t *der; /* certificate */
	size_t der_n;
	int64_t crl_number, this_update, next_update;
	int entries;
	char *crl_pem_text;
	struct http_prepared *object[OBJECT_COUNT];
};

struct crl_service {
	struct store *store;
	const struct config *config;
	struct db_follower *feed;
	pthread_rwlock_t lock;
	struct published issuer[ISSUERS_MAX];
	size_t count;
	struct http_prepared *bundle[BUNDLE_COUNT];
};

static void
replace(struct http_prepared **slot, struct http_prepared *made)
{
	if (*slot != NULL)
		http_prepared_unref(*slot);
	*slot = made;
}

/* last_modified 0: no such header. */
static struct http_prepared *
prepare(const char *type, struct bytes body, int64_t last_modified, int64_t expires,
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

static struct published *
find_id(struct crl_service *c, int16_t id)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->issuer[i].id == id)
			return &c->issuer[i];
	return NULL;
}

static bool
is_configured(const struct crl_service *c, const char *name)
{
	for (uint32_t i = 0; i < c->config->issuers_count; i++)
		if (strcmp(c->config->issuers[i].name, name) == 0)
			return true;
	return false;
}

static void
add_issuer(struct crl_service *c, const struct store_issuer *issuer)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct published *p = &c->issuer[c->count];
	char *pem = pem_string(a, "CERTIFICATE", issuer->der);

	*p = (struct published){.id = issuer->id,
		.name = mem_strdup(issuer->name),
		.root = strcmp(issuer->kind, "root") == 0};
	p->expected = p->root || is_configured(c, issuer->name);
	p->der = mem_alloc(issuer->der.n);
	memcpy(p->der, issuer->der.p, issuer->der.n);
	p->der_n = issuer->der.n;
	p->object[OBJECT_CERT] = prepare("application/pkix-cert", issuer->der, 0, 0, CA_MAX_AGE_S);
	p->object[OBJECT_CERT_PEM] =
		prepare("application/x-pem-file", bytes_str(pem), 0, 0, CA_MAX_AGE_S);
	c->count++;
}

/* Issuing CAs first, roots last: what `openssl verify -untrusted` and servers' chain files want. */
static void
make_ca_bundle(struct crl_service *c)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const char *text = "";

	for (int root = 0; root <= 1; root++)
		for (size_t i = 0; i < c->count; i++)
			if (c->issuer[i].root == (root != 0))
				text = arena_printf(a, "%s%s", text,
					pem_string(a, "CERTIFICATE",
						bytes_of(c->issuer[i].der, c->issuer[i].der_n)));
	replace(&c->bundle[BUNDLE_CA],
		prepare("application/x-pem-file", bytes_str(text), 0, 0, CA_MAX_AGE_S));
}

/* Every CRL, the root's included: nginx, HAProxy and Envoy check the whole chain and refuse
 * everybody without it. */
static struct http_prepared *
make_crl_bundle(const struct crl_service *c)
{
	int64_t modified = 0, expires = INT64_MAX;
	struct http_prepared *made;
	size_t total = 0, at = 0;
	char *text;

	for (size_t i = 0; i < c->count; i++)
		total += c->issuer[i].crl_pem_text != NULL ? strlen(c->issuer[i].crl_pem_text) : 0;
	text = mem_alloc(total + 1);
	for (size_t i = 0; i < c->count; i++) {
		const struct published *p = &c->issuer[i];
		size_t n = p->crl_pem_text != NULL ? strlen(p->crl_pem_text) : 0;

		if (n == 0)
			continue;
		memcpy(text + at, p->crl_pem_text, n);
		at += n;
		modified = p->this_update > modified ? p->this_update : modified;
		expires = p->next_update < expires ? p->next_update : expires;
	}
	made = at == 0 ? NULL
		       : prepare("application/x-pem-file", bytes_of(text, at), modified, expires,
				 CRL_MAX_AGE_S);
	free(text);
	return made;
}

static enum err
load_issuers(struct crl_service *c)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_issuer *issuers;
	size_t count, before = c->count;
	enum err e = store_issuer_list(c->store, a, &issuers, &count);

	if (e != ERR_OK)
		return e;
	pthread_rwlock_wrlock(&c->lock);
	for (size_t i = 0; i < count && c->count < ISSUERS_MAX; i++)
		if (find_id(c, issuers[i].id) == NULL)
			add_issuer(c, &issuers[i]);
	if (c->count != before)
		make_ca_bundle(c);
	pthread_rwlock_unlock(&c->lock);
	return ERR_OK;
}

/* Signature, issuer and number, before anybody may fetch it. */
static enum err
check_crl(const struct published *p, const struct store_crl *row, struct pki_crl *crl)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO(EVP_PKEY) key = NULL;
	struct pki_cert cert;
	enum err e = pki_crl_parse(row->der, crl);

	if (e == ERR_OK)
		e = pki_cert_parse(bytes_of(p->der, p->der_n), a, &cert);
	if (e == ERR_OK && !bytes_equal(crl->issuer, cert.subject))
		e = err_set(ERR_INVALID, "its issuer is not the subject of \"%s\"", p->name);
	if (e == ERR_OK && (int64_t)crl->number <= p->crl_number)
		e = err_set(ERR_CONFLICT, "its number is not above the one being served");
	if (e == ERR_OK)
		e = pki_spki_pkey(&cert.spki, &key);
	if (e == ERR_OK)
		e = pki_verify(key, crl->sig_alg, crl->tbs, crl->signature);
	return e == ERR_OK ? ERR_OK
			   : err_context(e, "CRL %lld of \"%s\"", (long long)row->number, p->name);
}

/* Everything is made first, hashed and all: requests are answered on network threads, which must
 * not wait for megabytes. Between the two swaps the bundle may be one number behind, never ahead
 * and never mixed within. */
static enum err
publish(struct crl_service *c, const struct store_crl *row)
{
	struct published *p = find_id(c, row->issuer);
	AUTO_STRUCT(arena) a = arena_new((size_t)1 << 30);
	struct http_prepared *der, *pem, *bundle;
	struct pki_crl crl;
	char *text;
	enum err e;

	if (p == NULL)
		return ERR_OK;
	e = check_crl(p, row, &crl);
	if (e != ERR_OK)
		return e;
	text = pem_string(a, "X509 CRL", row->der);
	der = prepare(
		"application/pkix-crl", row->der, crl.this_update, crl.next_update, CRL_MAX_AGE_S);
	pem = prepare("application/x-pem-file", bytes_str(text), crl.this_update, crl.next_update,
		CRL_MAX_AGE_S);
	free(p->crl_pem_text);
	p->crl_pem_text = mem_strdup(text);
	pthread_rwlock_wrlock(&c->lock);
	p->crl_number = row->number;
	p->this_update = crl.this_update;
	p->next_update = crl.next_update;
	p->entries = row->entries;
	replace(&p->object[OBJECT_CRL], der);
	replace(&p->object[OBJECT_CRL_PEM], pem);
	pthread_rwlock_unlock(&c->lock);
	bundle = make_crl_bundle(c);
	pthread_rwlock_wrlock(&c->lock);
	replace(&c->bundle[BUNDLE_CRL], bundle);
	pthread_rwlock_unlock(&c->lock);
	log_event(LOG_INFO, "crl.serve", LOG_S("issuer", p->name), LOG_I("number", row->number),
		LOG_I("entries", row->entries));
	return ERR_OK;
}

/* The number served of each issuer, by id: ids have gaps, each refused import makes one. */
static int64_t *
served_numbers(const struct crl_service *c, struct arena *a, size_t *count)
{
	int64_t *known;
	int16_t last = 0;

	for (size_t i = 0; i < c->count; i++)
		last = c->issuer[i].id > last ? c->issuer[i].id : last;
	*count = (size_t)last + 1;
	known = arena_array(a, *count, sizeof(*known));
	for (size_t i = 0; i < c->count; i++)
		known[c->issuer[i].id] = c->issuer[i].crl_number;
	return known;
}

/* One cycle of the follower: new issuers, then CRLs newer than what is served. Only this thread
 * changes the table. A CRL that is refused does not keep the others back. */
static enum err
refresh(void *ctx)
{
	struct crl_service *c = ctx;
	AUTO_STRUCT(arena) a = arena_new((size_t)1 << 30);
	struct store_crl *rows;
	size_t count, known_count;
	enum err e = load_issuers(c), refused = ERR_OK;
	const int64_t *known = served_numbers(c, a, &known_count);

	if (e == ERR_OK)
		e = store_crl_latest(c->store, a, known, known_count, &rows, &count);
	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		enum err one = publish(c, &rows[i]);

		refused = one != ERR_OK ? one : refused;
	}
	return e != ERR_OK ? e : refused;
}

enum err
crl_serve_open(struct store *store, const struct config *config, struct crl_service **out)
{
	struct crl_service *c = mem_zalloc(1, sizeof(*c));
	enum err e;

	c->store = store;
	c->config = config;
	pthread_rwlock_init(
		&c->lock, NULL); /* held for a pointer swap by writers, for a look by readers */
	e = refresh(c);
	if (e == ERR_UNAVAILABLE) {
		crl_serve_close(c);
		return e;
	}
	if (e != ERR_OK) /* a CRL that is not fit to be served; the others are */
		log_failure("crl.feed", e);
	c->feed = db_follow(store_db(store), 1u << STORE_BELL_CRL, "crl.feed", refresh, c);
	*out = c;
	return ERR_OK;
}

void
crl_serve_close(struct crl_service *c)
{
	if (c == NULL)
		return;
	db_follower_stop(c->feed);
	for (size_t i = 0; i < c->count; i++) {
		struct published *p = &c->issuer[i];

		free(p->name);
		free(p->der);
		free(p->crl_pem_text);
		for (size_t k = 0; k < OBJECT_COUNT; k++)
			replace(&p->object[k], NULL);
	}
	for (size_t k = 0; k < BUNDLE_COUNT; k++)
		replace(&c->bundle[k], NULL);
	pthread_rwlock_destroy(&c->lock);
	free(c);
}

void
crl_serve_states(struct crl_service *c, struct arena *a, struct crl_state **out, size_t *count)
{
	pthread_rwlock_rdlock(&c->lock);
	*out = arena_array(a, c->count, sizeof(**out));
	*count = c->count;
	for (size_t i = 0; i < c->count; i++) {
		const struct published *p = &c->issuer[i];

		(*out)[i] = (struct crl_state){arena_strdup(a, p->name), p->expected, p->crl_number,
			p->this_update, p->next_update, p->entries};
	}
	pthread_rwlock_unlock(&c->lock);
}

static void
not_found(struct http_request *req, struct http_response *resp, const char *what)
{
	resp->status = 404;
	resp->content_type = "text/plain";
	resp->body = bytes_str(arena_printf(req->arena, "not-found: %s\n", what));
}

/* The files of one folder: a suffix after the issuer's name, and bundle.pem. */
struct folder {
	struct {
		const char *suffix;
		enum object object;
	} file[2];
	enum bundle bundle;
};

static const struct folder crl_folder = {
	{{".crl", OBJECT_CRL}, {".pem", OBJECT_CRL_PEM}}, BUNDLE_CRL};
static const struct folder ca_folder = {
	{{".cer", OBJECT_CERT}, {".pem", OBJECT_CERT_PEM}}, BUNDLE_CA};

/* The place of the object with this file name; NULL: there is no such name. The caller holds the
 * lock. */
static struct http_prepared *const *
find_object(const struct crl_service *c, const struct folder *folder, const char *file)
{
	if (strcmp(file, "bundle.pem") == 0)
		return &c->bundle[folder->bundle];
	for (size_t i = 0; i < c->count; i++) {
		size_t n = strlen(c->issuer[i].name);

		if (strncmp(c->issuer[i].name, file, n) != 0)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(folder->file); k++)
			if (strcmp(file + n, folder->file[k].suffix) == 0)
				return &c->issuer[i].object[folder->file[k].object];
	}
	return NULL;
}

/* The route's argument is the folder. */
static void
handle_object(struct http_request *req, struct http_response *resp)
{
	struct crl_service *c = ((struct ca_public *)req->app)->crl;
	struct http_prepared *const *object;

	pthread_rwlock_rdlock(&c->lock);
	object = find_object(c, req->route->arg, req->param[0]);
	if (object != NULL && *object != NULL)
		resp->prepared = http_prepared_ref(*object);
	pthread_rwlock_unlock(&c->lock);
	if (resp->prepared == NULL)
		not_found(req, resp,
			object == NULL
				? "no issuer has this name; GET / lists what is here"
				: "it has not been published yet; is chancery-signer running?");
}

const struct http_route crl_routes[] = {
	{.pattern = "/crl/{}",
		.methods = HTTP_GET,
		.handler = handle_object,
		.run = HTTP_RUN_INLINE,
		.operation = "crl.get",
		.arg = &crl_folder},
	{.pattern = "/ca/{}",
		.methods = HTTP_GET,
		.handler = handle_object,
		.run = HTTP_RUN_INLINE,
		.operation = "ca.get",
		.arg = &ca_folder},
	{.pattern = NULL},
};
