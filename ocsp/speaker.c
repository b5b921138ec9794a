/*
 * Who may answer: each issuer's delegated responder (RFC 6960 section 4.2.2.2). Its key is made in
 * memory, certified by the CA through the same queue as everything else, and replaced before two
 * thirds of its certificate's life. While no signer answers, the one request stays in the queue and
 * is looked at again; only a refusal makes a new one, after a growing pause.
 */
#include "ocsp/service.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/pki/cert.h"
#include "lib/store/queue/request.h"

enum { LOOK_MS = 250, SAY_AFTER_S = 3, GIVE_UP_S = 300, FIRST_RETRY_S = 2, LAST_RETRY_S = 300 };

static void
drop_responder(struct speaker *s)
{
	free((void *)(uintptr_t)s->responder.cert.p);
	EVP_PKEY_free(s->key);
	s->responder = (struct ocsp_responder){.not_after = 0};
	s->key = NULL;
	s->ready = false;
}

static void
drop_attempt(struct speaker *s)
{
	EVP_PKEY_free(s->attempt.key);
	memset(&s->attempt, 0, sizeof(s->attempt));
}

void
speaker_clear(struct ocsp_service *o)
{
	for (size_t i = 0; i < o->count; i++) {
		drop_responder(&o->speaker[i]);
		drop_attempt(&o->speaker[i]);
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

static bool
is_wanted(const struct ocsp_service *o, const struct store_issuer *issuer)
{
	bool configured = false;

	for (uint32_t i = 0; i < o->config->issuers_count; i++)
		configured = configured || strcmp(o->config->issuers[i].name, issuer->name) == 0;
	return configured && strcmp(issuer->state, "active") == 0;
}

static void
add_speaker(struct ocsp_service *o, const struct store_issuer *issuer, const struct pki_cert *cert)
{
	struct speaker *s = &o->speaker[o->count];

	*s = (struct speaker){
		.id = issuer->id, .name = mem_strdup(issuer->name), .wanted = is_wanted(o, issuer)};
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
		if (strcmp(issuers[i].kind, "issuing") != 0 ||
			find_speaker(o, issuers[i].id) != NULL)
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
static void
install(struct ocsp_service *o, struct speaker *s, const struct pki_cert *cert)
{
	uint8_t *copy = mem_alloc(cert->der.n);

	memcpy(copy, cert->der.p, cert->der.n);
	pthread_rwlock_wrlock(&o->lock);
	drop_responder(s);
	s->key = s->attempt.key;
	s->attempt.key = NULL;
	s->responder.cert = bytes_of(copy, cert->der.n);
	s->responder.not_after = cert->not_after;
	s->responder_not_before = cert->not_before;
	pki_spki_key_id(&cert->spki, s->responder.key_hash);
	pki_signer_software(s->key, PKI_KEY_P256, &s->responder.signer);
	s->ready = true;
	o->generation++;
	pthread_rwlock_unlock(&o->lock);
	drop_attempt(s);
	s->retry_s = 0;
	s->away = false;
	log_event(LOG_INFO, "ocsp.responder", LOG_S("outcome", "ok"), LOG_S("issuer", s->name),
		LOG_I("seconds", cert->not_after - clock_now()));
}

static enum err
check_certificate(
	const struct speaker *s, struct arena *a, int16_t issuer, const struct pki_cert *cert)
{
	struct bytes spki;
	enum err e = pki_spki_from_pkey(s->attempt.key, a, &spki);

	if (e != ERR_OK)
		return e;
	if (issuer != s->id)
		return err_set(ERR_INTERNAL,
			"the responder of \"%s\" was certified by another issuing CA", s->name);
	if (!bytes_equal(cert->spki.der, spki))
		return err_set(ERR_INTERNAL,
			"the certificate of the responder of \"%s\" holds another key", s->name);
	if ((cert->eku & PKI_EKU_OCSP_SIGNING) == 0 || !cert->ocsp_nocheck)
		return err_set(ERR_INVALID,
			"the profile of the OCSP responder must set extended_key_usage: [OCSPSigning] and ocsp_nocheck: true");
	return ERR_OK;
}

static enum err
ask(struct ocsp_service *o, struct speaker *s)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	AUTO(EVP_PKEY) key = NULL;
	struct bytes spki;
	int64_t request;
	enum err e = pki_key_generate_p256(&key);

	if (e == ERR_OK)
		e = pki_spki_from_pkey(key, a, &spki);
	if (e == ERR_OK)
		e = store_responder_request(o->store, OCSP_IDENTITY, o->config->ocsp.profile,
			s->name, spki, random_id(a), &request);
	if (e == ERR_NOTFOUND)
		return err_set(ERR_NOTFOUND,
			"there is no service identity \"" OCSP_IDENTITY "\"; run: ca-admin init");
	if (e != ERR_OK)
		return e;
	s->attempt.key = key;
	key = NULL;
	s->attempt.request = request;
	s->attempt.began_at = clock_now();
	return ERR_OK;
}

static enum err
still_waiting(struct speaker *s, int64_t now)
{
	if (now >= s->attempt.began_at + GIVE_UP_S)
		return err_set(ERR_UNAVAILABLE, "no signer answered within %d seconds", GIVE_UP_S);
	if (now >= s->attempt.began_at + SAY_AFTER_S && !s->attempt.told) {
		s->attempt.told = true;
		log_event(LOG_WARNING, "ocsp.responder", LOG_S("outcome", "unavailable"),
			LOG_S("issuer", s->name),
			LOG_S("reason", "no signer has answered yet; is chancery-signer running?"));
	}
	return ERR_OK;
}

/* One step towards a certificate: ask, or look for the answer. */
static enum err
step(struct ocsp_service *o, struct speaker *s)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_result result;
	struct pki_cert cert;
	enum err e = s->attempt.key == NULL ? ask(o, s) : ERR_OK;

	if (e == ERR_OK)
		e = store_request_wait(o->store, a, s->attempt.request, LOOK_MS, &result);
	if (e == ERR_OK && result.state == STORE_RESULT_PENDING)
		return still_waiting(s, clock_now());
	if (e == ERR_OK && result.state == STORE_RESULT_REFUSED)
		e = err_set(result.refusal_class,
			"the signer refused the responder's certificate: %s", result.refusal);
	if (e == ERR_OK)
		e = pki_cert_parse(result.der, a, &cert);
	if (e == ERR_OK)
		e = check_certificate(s, a, result.issuer, &cert);
	if (e == ERR_OK)
		install(o, s, &cert);
	return e;
}

static bool
due(const struct speaker *s, int64_t now)
{
	int64_t life = s->responder.not_after - s->responder_not_before;

	return now >= s->retry_at && (!s->ready || now >= s->responder_not_before + life * 2 / 3);
}

/* Being refused is told each time, with growing pauses; a database or signer that is away is told
 * once and asked again soon. */
static void
plan_retry(struct speaker *s, enum err e)
{
	bool away = e == ERR_UNAVAILABLE;

	drop_attempt(s);
	if (!away || !s->away)
		log_failure("ocsp.responder", err_context(e, "issuing CA \"%s\"", s->name));
	s->away = away;
	s->retry_s = away || s->retry_s == 0 ? FIRST_RETRY_S
		: s->retry_s < LAST_RETRY_S  ? s->retry_s * 2
					     : LAST_RETRY_S;
	s->retry_at = clock_now() + s->retry_s;
}

void
speaker_renew(struct ocsp_service *o)
{
	for (size_t i = 0; i < o->count; i++) {
		struct speaker *s = &o->speaker[i];
		enum err e = due(s, clock_now()) ? step(o, s) : ERR_OK;

		if (e != ERR_OK)
			plan_retry(s, e);
	}
}
