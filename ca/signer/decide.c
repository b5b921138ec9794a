/*
 * The signer's judgement. It believes nothing a front end concluded: identity, grants, order,
 * predecessor and names are facts that the claiming transaction read, the policy is asked again,
 * and the certificate is built from the profile. What the row brings of its own is a public key and
 * a wish.
 */
#include "ca/signer/decide.h"

#include "ca/policy.h"
#include "lib/base/clock.h"
#include "lib/pki/spki.h"

enum { LOOK_AGAIN_S = 5, GIVE_UP_S = 86400 };

static enum err
check_order(const struct store_claim_item *r)
{
	if (r->protocol == CA_PROTOCOL_ACME && r->acme_order == NULL)
		return err_set_word(ERR_DENIED, WORD_ORDER_NOT_USABLE,
			"an acme request names its order (RFC 8555 section 7.4)");
	if (r->acme_order != NULL && !r->order_usable)
		return err_set_word(ERR_DENIED, WORD_ORDER_NOT_USABLE,
			"order \"%s\" does not authorize this request: it is not identity "
			"\"%s\"'s, has other names, or its account is not valid",
			r->acme_order, r->identity_name);
	return ERR_OK;
}

/* Whoever asked may still ask, and with the certificate that was shown (its key may be in other
 * hands); a key that was compromised once is nobody's again. */
static enum err
check_asked(const struct store_claim_item *r)
{
	if (!r->requester_active)
		return err_set_word(ERR_DENIED, WORD_IDENTITY_BLOCKED,
			"who asked for it is blocked meanwhile, or is an operator without the role for it");
	if (!r->shown_live)
		return err_set_word(ERR_DENIED, WORD_CERTIFICATE_REVOKED,
			"the certificate it was asked for with is revoked, or another identity's");
	if (r->key_blocked)
		return err_set_word(ERR_DENIED, WORD_KEY_BLOCKED,
			"the key was revoked as compromised; make a new one");
	return ERR_OK;
}

/* What each program may ask for; it was asked when the row was written, too. Who is none of them owns
 * the database. Only the status program is certified as a responder, and as nothing else. */
static enum err
check_role(const struct store_claim_item *r, const struct ca_profile *profile)
{
	static const struct {
		const char *role;
		unsigned protocols;
		bool responder;
	} rows[] = {
		{"chancery_gateway",
			1U << CA_PROTOCOL_EST | 1U << CA_PROTOCOL_ACME | 1U << CA_PROTOCOL_INTERNAL,
			false},
		{"chancery_admin", 1U << CA_PROTOCOL_ADMIN | 1U << CA_PROTOCOL_INTERNAL, false},
		{"chancery_status", 1U << CA_PROTOCOL_INTERNAL, true},
		{"chancery_signer", 0, false},
		{"chancery_validator", 0, false},
	};
	bool responder = (profile->eku & PKI_EKU_OCSP_SIGNING) != 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(r->role, rows[i].role) == 0 &&
			(!(rows[i].protocols & 1U << r->protocol) ||
				responder != rows[i].responder))
			return err_set_word(ERR_DENIED, WORD_PROTOCOL_NOT_ALLOWED,
				"role \"%s\" may not ask for profile \"%s\" over \"%s\"", r->role,
				profile->name, ca_protocol_name(r->protocol));
	return ERR_OK;
}

static enum err
check_predecessor(const struct store_claim_item *r)
{
	if (r->has_renewed_from && !r->renewed_from_live)
		return err_set_word(ERR_DENIED, WORD_CERTIFICATE_REVOKED,
			"the certificate to renew is revoked, or is not identity \"%s\"'s",
			r->identity_name);
	return ERR_OK;
}

static enum err
read_names(const struct store_claim_item *r, struct arena *a, struct pki_sans *out)
{
	if (r->name_count > PKI_SANS_MAX)
		return err_set_word(ERR_INVALID, WORD_TOO_MANY_NAMES, "%zu names; at most %d",
			r->name_count, PKI_SANS_MAX);
	out->item = arena_array(a, r->name_count + 1, sizeof(*out->item));
	out->count = r->name_count;
	for (size_t i = 0; i < r->name_count; i++)
		TRY(pki_san_from_text(bytes_str(r->names[i]), a, &out->item[i]));
	return ERR_OK;
}

/* Only a program's own request may choose among the issuing CAs, and only where the profile leaves
 * the choice. */
static enum err
check_issuer_wish(const struct store_claim_item *r, const struct ca_profile *profile)
{
	if (r->issuer == NULL)
		return ERR_OK;
	if (r->protocol != CA_PROTOCOL_INTERNAL)
		return err_set_word(ERR_DENIED, WORD_ISSUER_NOT_ALLOWED,
			"a request by \"%s\" cannot choose its issuing CA",
			ca_protocol_name(r->protocol));
	if (profile->issuer != NULL && strcmp(profile->issuer, r->issuer) != 0)
		return err_set_word(ERR_DENIED, WORD_ISSUER_NOT_ALLOWED,
			"profile \"%s\" is certified by issuing CA \"%s\", not by \"%s\"",
			profile->name, profile->issuer, r->issuer);
	return ERR_OK;
}

static enum err
find_issuer(const struct decide *d, const struct ca_profile *profile, const char *wish,
	const struct ca_signing_issuer **out)
{
	const struct ca_issuer *issuer;

	TRY(wish != NULL ? ca_issuers_named(d->issuers, wish, profile, &issuer)
			 : ca_issuers_for(d->issuers, profile, &issuer));
	*out = &d->signing[issuer - d->issuers->item];
	if ((*out)->signer == NULL)
		return err_set_word(ERR_UNAVAILABLE, WORD_NO_ISSUER,
			"issuing CA \"%s\" cannot sign now; `ca-admin status` says why",
			issuer->name);
	return ERR_OK;
}

/* The signer refuses what relying parties would refuse: a certificate that nobody accepts is an
 * outage that looks like a success. */
static enum err
check_constraints(const struct ca_issuer *issuer, const struct pki_sans *names, struct arena *a)
{
	enum err e = issuer->cert.name_constraints.n > 0
		? pki_name_constraints_allow(issuer->cert.name_constraints, names, a)
		: ERR_OK;

	return e == ERR_OK ? e : err_context(e, "issuing CA \"%s\"", issuer->name);
}

/* Whether operators have yet to approve: asked last, so that they are not troubled with what would
 * be refused anyway. */
static enum err
check_approval(const struct decide *d, const struct store_claim_item *r,
	const struct ca_profile *profile, bool *wanted)
{
	*wanted = r->approvals < profile->approvals;
	if (!*wanted || d->now < r->created_at + profile->approval_within)
		return ERR_OK;
	return err_set_word(ERR_DENIED, WORD_APPROVAL_EXPIRED,
		"%lld of %u operators have approved within %lld hours; ask again",
		(long long)r->approvals, profile->approvals,
		(long long)(profile->approval_within / 3600));
}

static void
hold_for_approval(const struct decide *d, const struct store_claim_item *r,
	const struct ca_profile *profile, struct store_outcome *out)
{
	*out = (struct store_outcome){.kind = STORE_OUTCOME_HELD,
		.hold = STORE_HOLD_APPROVAL,
		.until = r->created_at + profile->approval_within,
		.hold_reason =
			arena_printf(d->arena, "profile \"%s\" wants the approval of %u operators",
				profile->name, profile->approvals),
		.approvals_needed = profile->approvals};
}

static enum err
issue_certificate(const struct decide *d, const struct store_claim_item *r,
	const struct ca_policy_request *policy, const struct ca_signing_issuer *signing,
	struct store_outcome *out)
{
	const struct pki_cert *ca = &signing->issuer->cert;
	uint8_t *spki_hash = arena_alloc(d->arena, 32);
	struct ca_validity validity;
	struct pki_cert_spec spec;
	bool held;

	TRY(ca_policy_check(policy, ca->not_after, &validity));
	TRY(check_constraints(signing->issuer, policy->names, d->arena));
	TRY(check_approval(d, r, policy->profile, &held));
	if (held) {
		hold_for_approval(d, r, policy->profile, out);
		return ERR_OK;
	}
	if (validity.not_before < ca->not_before)
		validity.not_before = ca->not_before; /* backdating must not reach behind the CA's
							 own beginning */
	TRY(ca_policy_spec(policy, signing->issuer, &validity, d->arena, &spec));
	pki_serial_new(out->serial);
	spec.serial = bytes_of(out->serial, sizeof(out->serial));
	TRY(pki_cert_issue(&spec, signing->signer, d->arena, &out->der, NULL));
	pki_spki_hash(policy->spki, spki_hash);
	out->spki_hash = bytes_of(spki_hash, 32);
	out->issuer = signing->issuer->id;
	out->not_before = validity.not_before;
	out->not_after = validity.not_after;
	return ERR_OK;
}

static enum err
certify_request(const struct decide *d, const struct store_claim_item *r, struct store_outcome *out)
{
	struct ca_policy_request policy = {
		.identity_name = r->identity_name,
		.kind = r->identity_kind,
		.state = r->identity_state,
		.grants = r->grants,
		.grant_count = r->grant_count,
		.authorized = r->authorized,
		.authorized_count = r->authorized_count,
		.protocol = r->protocol,
		.not_before = r->not_before,
		.not_after = r->not_after,
		.now = d->now,
	};
	const struct ca_signing_issuer *signing = NULL;
	struct pki_spki spki;
	struct pki_sans names;

	policy.spki = &spki;
	policy.names = &names;
	TRY(ca_profiles_get(d->profiles, r->profile, &policy.profile));
	TRY(check_asked(r));
	TRY(check_role(r, policy.profile));
	TRY(check_order(r));
	TRY(check_predecessor(r));
	TRY(read_names(r, d->arena, &names));
	TRY(pki_spki_parse(r->spki, &spki));
	TRY(check_issuer_wish(r, policy.profile));
	TRY(find_issuer(d, policy.profile, r->issuer, &signing));
	return issue_certificate(d, r, &policy, signing, out);
}

/* What may pass is not an outcome: the request waits and is looked at again, up to a day; and a day
 * more than operators have, where they must approve. */
static bool
may_pass(const struct decide *d, const struct store_claim_item *r, enum err e)
{
	const struct ca_profile *profile = NULL;
	int64_t patience = GIVE_UP_S;

	if (e != ERR_UNAVAILABLE)
		return false;
	for (size_t i = 0; i < d->profiles->count; i++)
		if (strcmp(d->profiles->item[i].name, r->profile) == 0)
			profile = &d->profiles->item[i];
	if (profile != NULL && profile->approvals > 0)
		patience += profile->approval_within;
	return d->now < r->created_at + patience;
}

enum err
decide(const struct decide *d, const struct store_claim_item *request, struct store_outcome *out)
{
	enum err e;

	*out = (struct store_outcome){.kind = STORE_OUTCOME_ISSUED};
	e = certify_request(d, request, out);
	if (e == ERR_OK || (e == ERR_UNAVAILABLE && err_word() == WORD_HSM))
		return e;
	if (may_pass(d, request, e))
		*out = (struct store_outcome){.kind = STORE_OUTCOME_HELD,
			.hold = STORE_HOLD_UNAVAILABLE,
			.until = d->now + LOOK_AGAIN_S,
			.hold_reason = arena_strdup(d->arena, err_reason())};
	else
		*out = (struct store_outcome){
			.kind = STORE_OUTCOME_REFUSED,
			.refusal_class = e,
			.refusal_word = err_word(),
			.refusal = arena_strdup(d->arena, err_reason()),
		};
	return ERR_OK;
}

enum err
decide_issuer_usable(const struct ca_issuer *issuer, const struct ca_key *key, int64_t now)
{
	const struct pki_cert *cert = &issuer->cert;
	const uint32_t usages = PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN;
	char when[CLOCK_RFC3339_SIZE];

	if (bytes_equal(cert->issuer, cert->subject))
		return err_set_word(ERR_DENIED, WORD_SELF_SIGNED_ISSUER,
			"issuing CA \"%s\" has a self-signed certificate: a root never signs online; "
			"make an issuing CA with ca-ceremony request and sign, then `ca-admin issuer import`",
			issuer->name);
	if (!cert->is_ca || !cert->has_key_usage || (cert->key_usage & usages) != usages)
		return err_set_word(ERR_DENIED, WORD_BAD_ISSUER,
			"the certificate of issuing CA \"%s\" may not sign certificates and CRLs "
			"(RFC 5280 section 4.2.1.3)",
			issuer->name);
	clock_format_rfc3339(now < cert->not_before ? cert->not_before : cert->not_after, when);
	if (now < cert->not_before)
		return err_set_word(ERR_DENIED, WORD_BAD_ISSUER,
			"the certificate of issuing CA \"%s\" is valid only from %s; check this machine's clock",
			issuer->name, when);
	if (now >= cert->not_after)
		return err_set_word(ERR_DENIED, WORD_BAD_ISSUER,
			"the certificate of issuing CA \"%s\" ended %s; certify a new issuing CA with ca-ceremony "
			"and import it",
			issuer->name, when);
	if (ca_key_matches(key, cert->spki.der) != ERR_OK)
		return err_context(ERR_DENIED, "issuing CA \"%s\"", issuer->name);
	return ERR_OK;
}
