/*
 * Published objects are made once and swapped in whole: a reader sees the old or the new one, never
 * a mix (ocsp/CHECKS.md 97), and they go on being served while database and HSM are away
 * (ocsp/CHECKS.md 100). Before a CRL replaces another its signature is verified and its number must
 * be higher, so that no node goes back (ocsp/CHECKS.md 98).
 */
#include "crl/internal.h"

#include <stdlib.h>

#include "lib/pki/cert.h"
#include "lib/pki/crl.h"

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

/* Everything is made before: requests are answered on network threads, which wait for nothing but the
 * swap. What is replaced is given back when nobody waits any more. */
static void
swap_object(struct crl_service *c, struct http_prepared **slot, struct http_prepared *made)
{
	struct http_prepared *old = *slot;

	pthread_rwlock_wrlock(&c->lock);
	*slot = made;
	pthread_rwlock_unlock(&c->lock);
	http_prepared_unref(old);
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
		swap_object(c, &c->bundle[BUNDLE_CA], bundle_of_certificates(c));
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

static int64_t
served_number(const struct published *p)
{
	return p->crl != NULL ? p->crl->number : 0;
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
	if (e == ERR_OK && (int64_t)crl->number <= served_number(p))
		e = err_set(ERR_CONFLICT, "its number is not above the one being served");
	if (e == ERR_OK)
		e = pki_spki_pkey(&cert.spki, &key);
	if (e == ERR_OK)
		e = pki_verify(key, crl->sig_alg, crl->tbs, crl->signature);
	return e == ERR_OK ? ERR_OK
			   : err_context(e, "CRL %lld of \"%s\"", (long long)number, p->name);
}

/* Takes next over. The bundle may be one number behind for a moment, never ahead and never mixed
 * within. */
static void
swap_crl(struct crl_service *c, struct published *p, struct crl_held *next)
{
	struct crl_held *old = p->crl;

	swap_object(c, &p->object[OBJECT_CRL], crl_as_der(next));
	swap_object(c, &p->object[OBJECT_CRL_PEM], crl_as_pem(next));
	pthread_rwlock_wrlock(&c->lock);
	p->crl = next;
	pthread_rwlock_unlock(&c->lock);
	crl_held_release(old);
	swap_object(c, &c->bundle[BUNDLE_CRL], bundle_of_crls(c));
}

static enum err
publish_crl(struct crl_service *c, struct published *p, const struct store_crl_state *row)
{
	AUTO_STRUCT(crl_held) next = crl_held_new();
	struct pki_crl crl;

	TRY(store_crl_read(c->store, row, &next->der));
	TRY(check_crl(p, buf_bytes(&next->der), row->number, &crl));
	sha256(buf_bytes(&next->der), next->digest);
	next->number = row->number;
	next->this_update = crl.this_update;
	next->next_update = crl.next_update;
	next->entries = row->entries;
	swap_crl(c, p, next);
	next = NULL;
	log_event(LOG_INFO, "crl.serve", LOG_S("issuer", p->name), LOG_I("number", row->number),
		LOG_I("entries", row->entries));
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
	if (row->number <= served_number(p) || row->number == p->refused)
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
		static const struct crl_held none;
		const struct published *p = c->issuer[i];
		const struct crl_held *crl = p->crl != NULL ? p->crl : &none;

		(*out)[i] = (struct crl_state){arena_strdup(a, p->name), p->expected,
			p->expected && !p->root, crl->number, crl->this_update, crl->next_update,
			p->refused, p->build_ms, p->waiting_ms, crl->entries, p->state};
	}
	pthread_rwlock_unlock(&c->lock);
}
