/*
 * Published objects are made once and swapped in whole: a reader sees the old or the new one, never
 * a mix (ocsp/CHECKS.md 97), and they go on being served while database and HSM are away
 * (ocsp/CHECKS.md 100). Before a CRL replaces another its signature is verified and its number must
 * be higher, so that no node goes back (ocsp/CHECKS.md 98).
 */
#include "crl/internal.h"

#include <stdlib.h>

#include "lib/base/hex.h"
#include "lib/pki/cert.h"
#include "lib/pki/crl.h"
#include "lib/store/crl.h"

enum { PEM_ROOM = 1 << 20 };

static struct published *
find_id(struct crl_service *c, int16_t id)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->issuer[i]->id == id)
			return c->issuer[i];
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
add_issuer(struct crl_service *c, const struct store_issuer *row)
{
	struct published *made = published_new(row, is_configured(c, row->name));

	pthread_rwlock_wrlock(&c->lock);
	if (c->count == c->room) {
		c->room = c->room == 0 ? 8 : c->room * 2;
		c->issuer = mem_realloc(c->issuer, c->room * sizeof(struct published *));
	}
	c->issuer[c->count++] = made;
	pthread_rwlock_unlock(&c->lock);
}

static void
keep_state(struct crl_service *c, struct published *p, enum issuer_state state)
{
	pthread_rwlock_wrlock(&c->lock);
	p->state = state;
	pthread_rwlock_unlock(&c->lock);
}

static void
swap_bundle(struct crl_service *c, enum bundle which, struct http_prepared *made)
{
	pthread_rwlock_wrlock(&c->lock);
	object_replace(&c->bundle[which], made);
	pthread_rwlock_unlock(&c->lock);
}

static enum err
read_issuers(struct crl_service *c)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_issuer *rows;
	size_t count, before = c->count;

	TRY(store_issuer_list(c->store, a, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		struct published *known = find_id(c, rows[i].id);

		if (known == NULL)
			add_issuer(c, &rows[i]);
		else
			keep_state(c, known, rows[i].state);
	}
	if (c->count != before)
		swap_bundle(c, BUNDLE_CA, bundle_of_certificates(c));
	return ERR_OK;
}

static enum err
follow_issuers(struct crl_service *c)
{
	struct store_issuer_place next;
	bool changed;

	TRY(store_issuer_changes(c->store, &c->issuers_at, &next, &changed));
	if (changed)
		TRY(read_issuers(c));
	c->issuers_at = next;
	return ERR_OK;
}

/* Signature, issuer and number, before anybody may fetch it. */
static enum err
check_crl(const struct published *p, struct bytes der, int64_t number, struct pki_crl *crl)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO(EVP_PKEY) key = NULL;
	struct pki_cert cert;
	enum err e = pki_crl_parse(der, crl);

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
			   : err_context(e, "CRL %lld of \"%s\"", (long long)number, p->name);
}

static struct http_prepared *
prepare_pem(struct bytes octets, const struct pki_crl *crl)
{
	AUTO_STRUCT(arena) a = arena_new(PEM_ROOM + octets.n * 3); /* base64, and that in lines */

	return object_prepare("application/x-pem-file",
		bytes_str(pem_string(a, "X509 CRL", octets)), crl->this_update, crl->next_update,
		CRL_MAX_AGE_S);
}

/* Everything is made first, hashed and all: requests are answered on network threads, which must
 * not wait for megabytes. Between the two swaps the bundle may be one number behind, never ahead
 * and never mixed within. */
static void
swap_crl(struct crl_service *c, struct published *p, const struct store_crl_state *row,
	struct bytes octets, const struct pki_crl *crl)
{
	struct http_prepared *der = object_prepare(
		"application/pkix-crl", octets, crl->this_update, crl->next_update, CRL_MAX_AGE_S);
	struct http_prepared *pem = prepare_pem(octets, crl);

	pthread_rwlock_wrlock(&c->lock);
	p->crl_number = row->number;
	p->this_update = crl->this_update;
	p->next_update = crl->next_update;
	p->entries = row->entries;
	object_replace(&p->object[OBJECT_CRL], der);
	object_replace(&p->object[OBJECT_CRL_PEM], pem);
	pthread_rwlock_unlock(&c->lock);
	swap_bundle(c, BUNDLE_CRL, bundle_of_crls(c));
	log_event(LOG_INFO, "crl.serve", LOG_S("issuer", p->name), LOG_I("number", row->number),
		LOG_I("entries", row->entries));
}

static enum err
publish_crl(struct crl_service *c, struct published *p, const struct store_crl_state *row)
{
	AUTO_BUF(der, STORE_CRL_OCTETS_MAX);
	struct pki_crl crl;

	TRY(store_crl_read(c->store, row, &der));
	TRY(check_crl(p, buf_bytes(&der), row->number, &crl));
	swap_crl(c, p, row, buf_bytes(&der), &crl);
	return ERR_OK;
}

/* Of one issuer. What is refused is said once and not read again: the next one has a higher number,
 * and the old one is served until it ends. */
static enum err
refresh_crl(struct crl_service *c, const struct store_crl_state *row)
{
	struct published *p = find_id(c, row->issuer);
	enum err e;

	if (p == NULL)
		return ERR_OK;
	pthread_rwlock_wrlock(&c->lock);
	p->build_ms = row->build_ms;
	p->waiting_ms = row->waiting_ms;
	p->refused = row->number == p->refused ? p->refused : 0;
	pthread_rwlock_unlock(&c->lock);
	if (row->number <= p->crl_number || row->number == p->refused)
		return ERR_OK;
	e = publish_crl(c, p, row);
	if (e == ERR_UNAVAILABLE || e == ERR_NOTFOUND)
		return e;
	if (e != ERR_OK)
		log_failure("crl.feed", e);
	pthread_rwlock_wrlock(&c->lock);
	p->refused = e == ERR_OK ? 0 : row->number;
	pthread_rwlock_unlock(&c->lock);
	return ERR_OK;
}

/* One cycle of the follower: new issuers, then CRLs newer than what is served. Only this thread
 * changes the table. A CRL that is refused does not keep the others back. */
static enum err
refresh_objects(void *ctx)
{
	struct crl_service *c = ctx;
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_crl_state *rows;
	size_t count;

	TRY(follow_issuers(c));
	TRY(store_crl_states(c->store, a, &rows, &count));
	for (size_t i = 0; i < count; i++)
		TRY(refresh_crl(c, &rows[i]));
	return ERR_OK;
}

enum err
crl_serve_open(struct store *store, const struct config *config, struct crl_service **out)
{
	struct crl_service *c = mem_zalloc(1, sizeof(*c));
	enum err e;

	c->store = store;
	c->config = config;
	pthread_rwlock_init(&c->lock, NULL);
	e = refresh_objects(c);
	if (e == ERR_UNAVAILABLE) {
		crl_serve_close(c);
		return e;
	}
	if (e != ERR_OK) /* the others may be served */
		log_failure("crl.feed", e);
	c->feed = db_follow(store_db(store), 1u << STORE_BELL_CRL, "crl.feed", refresh_objects, c);
	*out = c;
	return ERR_OK;
}

void
crl_serve_close(struct crl_service *c)
{
	if (c == NULL)
		return;
	db_follower_stop(c->feed);
	for (size_t i = 0; i < c->count; i++)
		published_free(c->issuer[i]);
	free(c->issuer);
	for (size_t k = 0; k < BUNDLE_COUNT; k++)
		object_replace(&c->bundle[k], NULL);
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
		const struct published *p = c->issuer[i];

		(*out)[i] = (struct crl_state){arena_strdup(a, p->name), p->expected,
			p->expected && !p->root, p->crl_number, p->this_update, p->next_update,
			p->refused, p->build_ms, p->waiting_ms, p->entries, p->state};
	}
	pthread_rwlock_unlock(&c->lock);
}
