/*
 * Who may answer: each issuing CA's delegated responder (RFC 6960 section 4.2.2.2), whose key and
 * certificate live as ca/own.h says. Answers are signed by other threads, so they have a copy of
 * the certificate and a reference to the key, replaced under the lock. While no signer answers, the
 * one request stays in the queue and is looked at again; only a refusal makes a new one, after a
 * growing pause.
 */
#include "ocsp/service.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/store/issuer.h"

enum {
	LOOK_MS = 250, /* for all that wait together */
	SAY_AFTER_S = 3,
	FIRST_RETRY_MS = 2000,
	LAST_RETRY_MS = 300000
};

static void
drop_responder(struct ocsp_issuer *i)
{
	free((void *)(uintptr_t)i->responder.cert.p);
	EVP_PKEY_free(i->key);
	i->responder = (struct ocsp_responder){.not_after = 0};
	i->key = NULL;
	i->ready = false;
}

void
responder_clear(struct ocsp_service *o)
{
	for (size_t n = 0; n < o->count; n++) {
		drop_responder(o->issuer[n]);
		ca_own_clear(&o->issuer[n]->own);
		free(o->issuer[n]->name);
		free(o->issuer[n]);
	}
	free(o->issuer);
	o->issuer = NULL;
	o->count = o->room = 0;
}

static struct ocsp_issuer *
find_issuer(struct ocsp_service *o, int16_t id)
{
	for (size_t n = 0; n < o->count; n++)
		if (o->issuer[n]->id == id)
			return o->issuer[n];
	return NULL;
}

static bool
is_wanted(const struct ocsp_service *o, const struct store_issuer *issuer)
{
	bool configured = false;

	for (uint32_t i = 0; i < o->config->issuers_count; i++)
		configured = configured || strcmp(o->config->issuers[i].name, issuer->name) == 0;
	return configured && issuer->state == ISSUER_ACTIVE;
}

static enum err
ask_for_certificate(void *ctx, struct bytes spki, int64_t *request)
{
	const struct ocsp_issuer *i = ctx;
	AUTO_STRUCT(arena) a = arena_new(0);
	const struct store_own_request r = {.profile = i->service->config->ocsp.profile,
		.issuer = i->name,
		.spki = spki,
		.request_id = random_id(a)};

	return store_own_request(i->service->store, &r, request);
}

static enum err
check_certificate(void *ctx, const struct pki_cert *cert, int16_t issuer)
{
	const struct ocsp_issuer *i = ctx;

	if (issuer != i->id)
		return err_set(ERR_INTERNAL, "it was certified by another issuing CA");
	if ((cert->eku & PKI_EKU_OCSP_SIGNING) == 0 || !cert->ocsp_nocheck)
		return err_set(ERR_INVALID,
			"the profile of the OCSP responder must set extended_key_usage: [OCSPSigning] and ocsp_nocheck: true");
	return ERR_OK;
}

static struct ocsp_issuer *
issuer_new(struct ocsp_service *o, const struct store_issuer *row, const struct pki_cert *cert)
{
	struct ocsp_issuer *i = mem_zalloc(1, sizeof(*i));

	i->id = row->id;
	i->name = mem_strdup(row->name);
	i->wanted = is_wanted(o, row);
	i->asks = row->state != ISSUER_REVOKED;
	i->service = o;
	i->own = (struct ca_own){.store = o->store,
		.what = "the OCSP responder's certificate",
		.ask = ask_for_certificate,
		.check = check_certificate,
		.ctx = i};
	i->retry.event = "ocsp.responder";
	i->retry.first_ms = FIRST_RETRY_MS;
	ocsp_issuer_hashes_init(&i->hashes, cert->subject, cert->spki.key);
	return i;
}

/* Readers hold the lock while they look at the list, so growing it happens under it too. */
static void
add_issuer(struct ocsp_service *o, struct ocsp_issuer *i)
{
	pthread_rwlock_wrlock(&o->lock);
	if (o->count == o->room) {
		o->room = o->room == 0 ? 8 : o->room * 2;
		o->issuer = mem_realloc(o->issuer, o->room * sizeof(struct ocsp_issuer *));
	}
	o->issuer[o->count++] = i;
	pthread_rwlock_unlock(&o->lock);
}

/* Adds an issuing CA that appeared, or sees whether it still wants a responder; they are never taken
 * away while the program runs. */
static enum err
load_issuer(struct ocsp_service *o, struct arena *a, const struct store_issuer *row)
{
	struct ocsp_issuer *i = find_issuer(o, row->id);
	struct pki_cert cert;

	if (i != NULL) {
		pthread_rwlock_wrlock(&o->lock);
		i->wanted = is_wanted(o, row);
		i->asks = row->state != ISSUER_REVOKED;
		pthread_rwlock_unlock(&o->lock);
		return ERR_OK;
	}
	TRY(pki_cert_parse(row->der, a, &cert));
	add_issuer(o, issuer_new(o, row, &cert));
	return ERR_OK;
}

static enum err
read_issuers(struct ocsp_service *o)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_issuer *rows;
	size_t count;

	TRY(store_issuer_list(o->store, a, &rows, &count));
	for (size_t n = 0; n < count; n++)
		if (rows[n].kind == ISSUER_ISSUING)
			TRY(load_issuer(o, a, &rows[n]));
	return ERR_OK;
}

enum err
responder_load(struct ocsp_service *o)
{
	struct store_issuer_place next;
	bool changed;

	TRY(store_issuer_changes(o->store, &o->issuers_at, &next, &changed));
	if (changed)
		TRY(read_issuers(o));
	o->issuers_at = next;
	return ERR_OK;
}

/* Answers are signed with the new key from now on; those signed with the old one stop being served.
 */
static void
install_responder(struct ocsp_service *o, struct ocsp_issuer *i)
{
	const struct pki_cert *cert = &i->own.cert;
	uint8_t *copy = mem_alloc(cert->der.n);

	memcpy(copy, cert->der.p, cert->der.n);
	EVP_PKEY_up_ref(i->own.key);
	pthread_rwlock_wrlock(&o->lock);
	drop_responder(i);
	i->key = i->own.key;
	i->responder.cert = bytes_of(copy, cert->der.n);
	i->responder.not_after = cert->not_after;
	pki_spki_key_id(&cert->spki, i->responder.key_hash);
	pki_signer_software(i->key, PKI_KEY_P256, &i->responder.signer);
	i->ready = true;
	o->generation++;
	pthread_rwlock_unlock(&o->lock);
	log_event(LOG_INFO, "ocsp.responder", LOG_S("outcome", "ok"), LOG_S("issuer", i->name),
		LOG_I("seconds", cert->not_after - clock_now()));
}

/* No signer certifies for a CA that is revoked; the responder it has answers to its end. */
static bool
is_due(const struct ocsp_issuer *i, int64_t now)
{
	return i->asks && retry_due(&i->retry) && ca_own_due(&i->own, now);
}

/* A signer that takes its time is no trouble yet. What may pass is tried again soon, a refusal
 * after growing pauses. */
static void
plan_retry(struct ocsp_issuer *i, enum err e)
{
	if (err_word() == WORD_SIGNER_WAITING && clock_now() < i->own.asked_at + SAY_AFTER_S)
		return;
	i->retry.last_ms = e == ERR_UNAVAILABLE ? FIRST_RETRY_MS : LAST_RETRY_MS;
	retry_failed(&i->retry, err_context(e, "issuing CA \"%s\"", i->name));
}

void
responder_renew(struct ocsp_service *o)
{
	int64_t now = clock_now();
	size_t waiting = 0;

	for (size_t n = 0; n < o->count; n++)
		waiting += is_due(o->issuer[n], now);
	for (size_t n = 0; n < o->count; n++) {
		struct ocsp_issuer *i = o->issuer[n];

		if (!is_due(i, now))
			continue;
		enum err e =
			ca_own_obtain(&i->own, LOOK_MS / (int64_t)(waiting > 0 ? waiting : 1) + 1);
		if (e != ERR_OK) {
			plan_retry(i, e);
			continue;
		}
		(void)retry_succeeded(&i->retry);
		install_responder(o, i);
	}
}
