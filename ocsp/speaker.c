/*
 * Who may answer: each issuer's delegated responder (RFC 6960 section 4.2.2.2). Its key is made in memory, certified by the CA
 * through the same queue as everything else, and replaced before two thirds of its certificate's life.
 */
#include "ocsp/service.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/pki/cert.h"
#include "lib/store/request.h"

enum { CERTIFICATE_WAIT_MS = 3000, RETRY_S = 2 };

static void
drop_responder(struct speaker *s)
{
	free((void *)(uintptr_t)s->responder.cert.p);
	EVP_PKEY_free(s->key);
	s->responder = (struct ocsp_responder){.not_after = 0};
	s->key = NULL;
	s->ready = false;
}

void
speaker_clear(struct ocsp_service *o)
{
	for (size_t i = 0; i < o->count; i++) {
		drop_responder(&o->speaker[i]);
		free(o->speaker[i].name);
	}
	o->count = 0;
}

static struct speaker *
find_speaker(struct ocsp_service *o, int16_t issuer)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->speaker[i].id == issuer)
			return &o->speaker[i];
	return NULL;
}

static void
add_speaker(struct ocsp_service *o, const struct store_issuer *issuer, const struct pki_cert *cert)
{
	struct speaker *s = &o->speaker[o->count];

	*s = (struct speaker){.id = issuer->id, .name = mem_strdup(issuer->name)};
	ocsp_issuer_hashes_init(&s->hashes, cert->subject, cert->spki.key);
	pthread_rwlock_wrlock(&o->lock);
	o->count++;
	pthread_rwlock_unlock(&o->lock);
}

/* Adds issuing CAs that appeared; they are never taken away while the program runs. */
enum err
speaker_load(struct ocsp_service *o)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_issuer *issuers;
	struct pki_cert cert;
	size_t count;
	enum err e = store_issuer_list(o->store, a, &issuers, &count);

	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		if (strcmp(issuers[i].kind, "issuing") != 0 || find_speaker(o, issuers[i].id) != NULL)
			continue;
		if (o->count == OCSP_ISSUERS_MAX)
			return err_set(ERR_LIMIT, "more than %d issuing CAs", OCSP_ISSUERS_MAX);
		e = pki_cert_parse(issuers[i].der, a, &cert);
		if (e == ERR_OK)
			add_speaker(o, &issuers[i], &cert);
	}
	return e;
}

/* Puts a new key in the issuer's speaker; answers signed with the old one stop being served. */
static enum err
install(struct ocsp_service *o, int16_t issuer, EVP_PKEY **key, const struct pki_cert *cert)
{
	struct speaker *s = find_speaker(o, issuer);
	uint8_t *copy;

	if (s == NULL)
		return err_set(ERR_CONFLICT, "the responder's certificate comes from an issuer that is not known here yet");
	copy = mem_alloc(cert->der.n);
	memcpy(copy, cert->der.p, cert->der.n);
	pthread_rwlock_wrlock(&o->lock);
	drop_responder(s);
	s->key = *key;
	*key = NULL;
	s->responder.cert = bytes_of(copy, cert->der.n);
	s->responder.not_after = cert->not_after;
	s->responder_not_before = cert->not_before;
	pki_spki_key_id(&cert->spki, s->responder.key_hash);
	pki_signer_software(s->key, PKI_KEY_P256, &s->responder.signer);
	s->ready = true;
	o->generation++;
	pthread_rwlock_unlock(&o->lock);
	return ERR_OK;
}

static enum err
check_certificate(const struct pki_cert *cert, struct bytes spki)
{
	if (!bytes_equal(cert->spki.der, spki))
		return err_set(ERR_INTERNAL, "the responder's certificate holds another key");
	if ((cert->eku & PKI_EKU_OCSP_SIGNING) == 0 || !cert->ocsp_nocheck)
		return err_set(ERR_INVALID,
			"the profile of the OCSP responder must set extended_key_usage: [OCSPSigning] and ocsp_nocheck: true");
	return ERR_OK;
}

static enum err
obtain(struct ocsp_service *o)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO(EVP_PKEY) key = NULL;
	struct store_result result;
	struct pki_cert cert;
	struct bytes spki;
	int64_t request;
	enum err e = pki_key_generate_p256(&key);

	if (e == ERR_OK)
		e = pki_spki_from_pkey(key, a, &spki);
	if (e == ERR_OK)
		e = store_responder_request(o->store, OCSP_IDENTITY, o->config->ocsp.profile, spki, random_id(a), &request);
	if (e == ERR_NOTFOUND)
		return err_set(ERR_NOTFOUND, "there is no service identity \"" OCSP_IDENTITY "\"; run: ca-admin init");
	if (e == ERR_OK)
		e = store_request_wait(o->store, a, request, CERTIFICATE_WAIT_MS, &result);
	if (e == ERR_OK && result.state == STORE_RESULT_PENDING)
		e = err_set(ERR_UNAVAILABLE, "no signer answered within %d ms; is chancery-signer running?", CERTIFICATE_WAIT_MS);
	if (e == ERR_OK && result.state == STORE_RESULT_REFUSED)
		e = err_set(result.refusal_class, "the signer refused the responder's certificate: %s", result.refusal);
	if (e == ERR_OK)
		e = pki_cert_parse(result.der, a, &cert);
	if (e == ERR_OK)
		e = check_certificate(&cert, spki);
	if (e == ERR_OK)
		e = install(o, result.issuer, &key, &cert);
	if (e == ERR_OK)
		log_event(LOG_INFO, "ocsp.responder", LOG_S("outcome", "ok"), LOG_I("issuer", result.issuer),
			LOG_I("seconds", cert.not_after - clock_now()));
	return e;
}

static bool
due(const struct ocsp_service *o, int64_t now)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct speaker *s = &o->speaker[i];
		int64_t life = s->responder.not_after - s->responder_not_before;

		if (s->ready && now < s->responder_not_before + life * 2 / 3)
			return false;
	}
	return o->count > 0;
}

void
speaker_renew(struct ocsp_service *o)
{
	int64_t now = clock_now();
	enum err e;

	if (!due(o, now) || now < o->renewal_tried_at + RETRY_S)
		return;
	o->renewal_tried_at = now;
	e = obtain(o);
	if (e != ERR_OK)
		log_failure("ocsp.responder", e);
}
