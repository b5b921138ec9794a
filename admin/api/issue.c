/*
 * Certificates on an operator's word. The same gate as for everybody: the names must be covered by
 * the identity's grants, the profile must allow administration, and the signer checks both again.
 * An operator renews only its own certificate.
 */
#include "admin/api/internal.h"

#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/pki/csr.h"
#include "lib/store/audit.h"

/* REPEAT_S: asking again with the same request, after a lost answer, gives the same certificate. */
enum { WAIT_MS = 10000, REPEAT_S = 900 };

/* The issuing certificate, PEM. */
static const char *
chain_pem(struct api_call *c, int16_t issuer)
{
	const struct ca_issuer *i = ca_issuers_find(ca_front_issuers(c->g, c->arena), issuer);

	return i != NULL ? pem_string(c->arena, "CERTIFICATE", i->cert.der) : "";
}

static enum err
answer_certificate(struct api_call *c, const struct store_result *result)
{
	struct pki_cert cert;
	enum err e = pki_cert_parse(result->der, c->arena, &cert);

	if (e != ERR_OK)
		return err_context(ERR_INTERNAL, "issued certificate");
	c->answer = json_pack("{s:s, s:s, s:s}", "serial",
		hex_string(c->arena, bytes_of(result->serial, STORE_SERIAL_SIZE)), "pem",
		pem_string(c->arena, "CERTIFICATE", result->der), "chain",
		chain_pem(c, result->issuer));
	api_put_time(c->answer, "not_before", cert.not_before);
	api_put_time(c->answer, "not_after", cert.not_after);
	return ERR_OK;
}

/* Who asked: the signer's own event knows only for whom. A refusal is recorded as such by the door. */
static enum err
record_request(struct api_call *c, const char *identity, const char *profile)
{
	AUTO(json_t) detail = json_pack("{s:s}", "profile", profile);
	const struct store_audit event = {.actor = c->actor,
		.operation = api_audit_name(c->op),
		.object = identity,
		.outcome = "ok",
		.request_id = c->req->id,
		.detail_json = json_text(c->arena, detail)};

	return store_audit_add(c->g->store, &event);
}

static enum err
issue_certificate(struct api_call *c, const struct ca_issue *i, const struct pki_csr *csr)
{
	struct store_result result;
	int64_t request;

	if (csr->asks_ca)
		return err_set_word(
			ERR_DENIED, WORD_BAD_CSR, "the request asks for a CA certificate");
	TRY(ca_policy_csr_subject(i->profile, i->identity_name, i->names, csr->subject));
	TRY(ca_issue(c->g, c->req, i, &request, &result));
	TRY(record_request(c, i->identity_name, i->profile->name));
	if (result.state == STORE_RESULT_PENDING && i->profile->approvals > 0)
		return err_set_word(ERR_UNAVAILABLE, WORD_APPROVAL_WAITING,
			"request %lld waits for the approval of %u other operators (`ca-admin request approve %lld`); "
			"then give the same command again",
			(long long)request, i->profile->approvals, (long long)request);
	if (result.state == STORE_RESULT_PENDING)
		return err_set_word(ERR_UNAVAILABLE, WORD_SIGNER_WAITING,
			"the signer has not answered yet; the request waits in the queue: "
			"give the same command again within 15 minutes");
	return answer_certificate(c, &result);
}

/* Who has another operator's certificate can be him. */
static enum config_guarded
guard_of_certificate(const struct api_call *c, const struct store_identity *i)
{
	return i->kind == IDENTITY_OPERATOR && i->id != c->requester->identity
		? GUARDED_OPERATOR_CERTIFICATE
		: GUARDED_COUNT;
}

enum err
api_issue(struct api_call *c)
{
	const struct pki_csr *csr = &api_value(c, "csr")->csr;
	int64_t lifetime = api_value(c, "lifetime")->number;
	struct pki_sans names;
	struct ca_issue i = {.protocol = CA_PROTOCOL_ADMIN,
		.spki = &csr->spki,
		.names = &names,
		.not_after = lifetime > 0 ? clock_now() + lifetime : 0,
		.repeat_window = REPEAT_S,
		.wait_ms = WAIT_MS};
	struct store_identity identity;
	enum api_way way;

	TRY(ca_profiles_get(ca_front_profiles(c->g, c->arena), api_text(c, "profile"), &i.profile));
	TRY(api_find_identity(c, api_text(c, "identity"), &identity));
	TRY(api_check_over(c, identity.kind));
	TRY(ca_policy_csr_names(csr, identity.name, NULL, c->arena, &names));
	TRY(api_ask_second(c, guard_of_certificate(c, &identity), identity.name, &way));
	if (way == API_WAITS)
		return ERR_OK;
	i.requester = c->requester;
	i.identity = identity.id;
	i.identity_name = identity.name;
	i.kind = identity.kind;
	return issue_certificate(c, &i, csr);
}

/* A new certificate for the caller itself: a new key, the same names, the same profile. */
enum err
api_renew(struct api_call *c)
{
	const struct ca_presented *old = c->requester->certificate;
	const struct pki_csr *csr = &api_value(c, "csr")->csr;
	struct ca_issue i = {.protocol = CA_PROTOCOL_ADMIN,
		.wait_ms = WAIT_MS,
		.requester = c->requester,
		.identity = c->requester->identity,
		.identity_name = c->requester->identity_name,
		.kind = c->requester->kind,
		.spki = &csr->spki};

	if (old == NULL)
		return err_set(ERR_DENIED,
			"a renewal needs the certificate it replaces as TLS client certificate");
	TRY(ca_profiles_get(ca_front_profiles(c->g, c->arena), old->profile, &i.profile));
	i.renewed_from = old->serial;
	i.names = &old->cert.sans;
	if (csr->sans.count > 0 && !pki_sans_equal(&csr->sans, i.names))
		return err_set_word(ERR_DENIED, WORD_NAME_NOT_ALLOWED,
			"a renewal keeps the names of the certificate it replaces");
	return issue_certificate(c, &i, csr);
}
