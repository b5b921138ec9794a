/*
 * finalize (RFC 8555 section 7.4): a CSR for exactly the names of the order becomes a row in the
 * issuance queue, once. The answer waits a moment for the signer, because many clients handle
 * "processing" badly. A CSR that is refused leaves the order as it was, so that the client can send
 * a better one.
 */
#include "acme/order.h"
#include "acme/resources.h"
#include "lib/base/hex.h"
#include "lib/pki/csr.h"

static enum err
not_ready(enum acme_order_status status)
{
	static const char *const why[] = {
		[ACME_ORDER_PENDING] = "authorizations are not valid yet",
		[ACME_ORDER_READY] = "it is being finalized by another request",
		[ACME_ORDER_PROCESSING] = "it is being processed already",
		[ACME_ORDER_VALID] = "it has its certificate already",
		[ACME_ORDER_INVALID] = "it is invalid",
	};

	return err_set_word(ERR_CONFLICT, WORD_ORDER_NOT_READY,
		"the order cannot be finalized: %s (RFC 8555 section 7.4)", why[status]);
}

/* As commonName a DNS name may stand, an address may only be repeated (RFC 8738 section 7). */
static enum err
check_addresses(const struct pki_csr *csr, const struct pki_sans *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (names->item[i].type == PKI_SAN_IP &&
			!pki_sans_contain(&csr->sans, &names->item[i]))
			return err_set_word(ERR_INVALID, WORD_BAD_CSR,
				"the CSR has an address as commonName that is no iPAddress of its subjectAltName (RFC 8738 section 7)");
	return ERR_OK;
}

static enum err
check_csr(struct call *c, const struct ca_profile *profile, const struct pki_sans *names,
	const struct pki_csr *csr)
{
	struct pki_sans asked;

	TRY(ca_policy_csr_names(csr, c->requester->identity_name, names, c->arena, &asked));
	TRY(ca_policy_same_names(&asked, names, WORD_BAD_CSR,
		"the names in the CSR are not exactly those of the order (RFC 8555 section 7.4)"));
	TRY(check_addresses(csr, names));
	if (csr->asks_ca)
		return err_set_word(ERR_INVALID, WORD_BAD_CSR, "the CSR asks for a CA certificate");
	if (jwk_is_spki(&c->account->jwk, &csr->spki))
		return err_set_word(ERR_INVALID, WORD_BAD_CSR,
			"the CSR has the account's own key (RFC 8555 section 11.1)");
	return ca_policy_csr_subject(profile, c->requester->identity_name, names, csr->subject);
}

static enum err
read_csr(struct call *c, const struct ca_profile *profile, const struct pki_sans *names,
	struct pki_csr *csr)
{
	const char *text;
	struct bytes der;
	enum err e;

	TRY(json_get_string(c->payload, "csr", &text));
	e = base64url_decode(c->arena, bytes_str(text), &der);
	if (e != ERR_OK)
		return err_context(ERR_INVALID, "\"csr\" (RFC 8555 section 6.1)");
	TRY(pki_csr_parse(der, c->arena, csr));
	return check_csr(c, profile, names, csr);
}

/* Something was refused or lost: if the request has been recorded all the same, the order says how
 * it ended. */
static enum err
after_failure(struct call *c, enum err code)
{
	enum err_word word = err_word();
	const char *reason = arena_strdup(c->arena, err_reason());
	struct store_order o;

	if (order_get(c, call_id(c), &o) != ERR_OK)
		return err_set_word(code, word, "%s", reason);
	if (code == ERR_CONFLICT)
		return not_ready(o.status);
	return o.request != 0 ? order_put(c, 200, &o) : err_set_word(code, word, "%s", reason);
}

static enum err
issue_for_order(struct call *c, struct store_order *o, const struct ca_profile *profile,
	const struct pki_sans *names, const struct pki_csr *csr)
{
	struct ca_issue wanted = {
		.profile = profile,
		.protocol = CA_PROTOCOL_ACME,
		.requester = c->requester,
		.identity = c->requester->identity,
		.identity_name = c->requester->identity_name,
		.kind = c->requester->kind,
		.spki = &csr->spki,
		.names = names,
		.not_before = o->not_before,
		.not_after = o->not_after,
		.acme_order = o->id,
		.wait_ms = c->acme->config->finalize_wait * 1000,
	};
	enum err e = ca_issue(c->front, c->req, &wanted, &o->request, &o->result);

	if (e != ERR_OK)
		return after_failure(c, e);
	o->status = o->result.state == STORE_RESULT_DONE ? ACME_ORDER_VALID : ACME_ORDER_PROCESSING;
	if (o->status == ACME_ORDER_VALID)
		order_remember(c->acme, o);
	return order_put(c, 200, o);
}

static enum err
finalize_order(struct call *c)
{
	const struct ca_profile *profile;
	struct store_order o;
	struct pki_sans names;
	struct pki_csr csr;

	TRY(order_get_cached(c, call_id(c), &o));
	if (o.status != ACME_ORDER_READY)
		TRY(not_ready(o.status));
	TRY(ca_profiles_get(ca_front_profiles(c->front, c->arena), o.profile, &profile));
	TRY(order_names(c, &o, &names));
	TRY(read_csr(c, profile, &names, &csr));
	return issue_for_order(c, &o, profile, &names, &csr);
}

const struct resource finalize_resource = {.key = CALL_KEY_ACCOUNT, .post = finalize_order};
