/* See own.h. A request that no signer has answered stays in its row and is looked at again; after
 * GIVE_UP_S a new one is made, for the old one may be gone. When clocks do not agree a certificate
 * may be of the future, which nobody would accept, or over already: then there is a pause, and what is
 * in use stays. */
#include "ca/own.h"

#include <arpa/inet.h>

#include "lib/base/clock.h"

enum { GIVE_UP_S = 300, REST_US = 60 * 1000000, MINUTE_S = 60 };

enum err
ca_own_names(
	const struct config_listener *l, const char *section, struct arena *a, const char ***out)
{
	const char **list = arena_array(a, l->names_count, sizeof(*list));

	for (uint32_t i = 0; i < l->names_count; i++) {
		uint8_t address[16];
		bool ip = inet_pton(AF_INET, l->names[i], address) == 1 ||
			inet_pton(AF_INET6, l->names[i], address) == 1;
		struct pki_san san;
		enum err e = pki_san_from_text(
			bytes_str(arena_printf(a, "%s:%s", ip ? "ip" : "dns", l->names[i])), a,
			&san);

		if (e != ERR_OK)
			return err_context(e, "%s.names", section);
		list[i] = pki_san_text(a, &san);
	}
	*out = list;
	return ERR_OK;
}

static void
forget_next(struct ca_own *o)
{
	EVP_PKEY_free(o->next_key);
	o->next_key = NULL;
	o->request = 0;
}

static void
forget_present(struct ca_own *o)
{
	EVP_PKEY_free(o->key);
	arena_free(o->arena);
	o->key = NULL;
	o->arena = NULL;
}

void
ca_own_clear(struct ca_own *o)
{
	forget_next(o);
	forget_present(o);
}

bool
ca_own_due(const struct ca_own *o, int64_t now)
{
	return o->key == NULL || pki_cert_due(&o->cert, o->obtained_at, now);
}

static enum err
ask_signer(struct ca_own *o)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes spki;
	enum err e = pki_key_generate_p256(&o->next_key);

	if (e == ERR_OK)
		e = pki_spki_from_pkey(o->next_key, a, &spki);
	if (e == ERR_OK)
		e = o->ask(o->ctx, spki, &o->request);
	if (e != ERR_OK)
		forget_next(o);
	o->asked_at = clock_now();
	return e;
}

static enum err
check_times(const struct ca_own *o, const struct pki_cert *cert)
{
	int64_t now = clock_now();

	if (cert->not_before > now + MINUTE_S || cert->not_after <= now)
		return err_set(ERR_UNAVAILABLE,
			"%s is not valid at this machine's time; set the clocks of this machine and the signer's",
			o->what);
	return ERR_OK;
}

static enum err
check_result(const struct ca_own *o, struct arena *a, const struct pki_cert *cert, int16_t issuer)
{
	struct bytes spki;

	TRY(pki_spki_from_pkey(o->next_key, a, &spki));
	if (!bytes_equal(cert->spki.der, spki))
		TRY(err_set(ERR_INTERNAL, "%s holds another key", o->what));
	TRY(check_times(o, cert));
	if (o->check != NULL)
		TRY(o->check(o->ctx, cert, issuer));
	return ERR_OK;
}

static enum err
take_result(struct ca_own *o, const struct store_result *result)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct pki_cert cert;
	enum err e = pki_cert_parse(arena_bytes(a, result->der), a, &cert);

	if (e == ERR_OK)
		e = check_result(o, a, &cert, result->issuer);
	if (e != ERR_OK) {
		o->rests_until = clock_monotonic_us() + REST_US;
		forget_next(o);
		return e;
	}
	forget_present(o);
	o->key = o->next_key;
	o->next_key = NULL;
	o->request = 0;
	o->arena = a;
	a = NULL;
	o->cert = cert;
	o->issuer = result->issuer;
	o->obtained_at = clock_now();
	return ERR_OK;
}

static enum err
still_waiting(struct ca_own *o)
{
	(void)err_set_word(ERR_UNAVAILABLE, WORD_SIGNER_WAITING,
		"request %lld for %s waits for a signer; is chancery-signer running?",
		(long long)o->request, o->what);
	if (clock_now() >= o->asked_at + GIVE_UP_S)
		forget_next(o);
	return ERR_UNAVAILABLE;
}

enum err
ca_own_obtain(struct ca_own *o, int64_t wait_ms)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct store_result result;

	if (o->request == 0 && clock_monotonic_us() < o->rests_until)
		return err_set(ERR_UNAVAILABLE,
			"%s: what the signer made last was of no use; waiting a minute", o->what);
	if (o->request == 0)
		TRY(ask_signer(o));
	/* The request waits in its row. */
	TRY(store_request_wait(o->store, a, o->request, wait_ms, &result));
	switch (result.state) {
	case STORE_RESULT_DONE:
		return take_result(o, &result);
	case STORE_RESULT_REFUSED:
		forget_next(o);
		return err_set(
			result.refusal_class, "the signer refused %s: %s", o->what, result.refusal);
	default:
		break;
	}
	return still_waiting(o);
}
