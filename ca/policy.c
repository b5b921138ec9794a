/*
 * The one gate: identity, requester, protocol, key, names, validity, in this order; the first
 * refusal is the answer.
 *
 * Front ends ask early so that a client gets a good error at once; the signer asks finally, with
 * facts it read itself in the claiming transaction. Pure on purpose: the same facts give the same
 * answer in both places. Every name must be within the profile AND either granted to the identity
 * or proven by a challenge: a profile that permits anything grants nothing.
 */
#include "ca/policy.h"

typedef enum err check_fn(const struct ca_policy_request *r);

static enum err
check_state(const struct ca_policy_request *r)
{
	if (r->state == IDENTITY_ACTIVE)
		return ERR_OK;
	return err_set_word(ERR_DENIED, WORD_IDENTITY_BLOCKED, "identity \"%s\" is %s",
		r->identity_name, identity_state_name(r->state));
}

enum err
ca_policy_requester(const struct ca_profile *profile, enum identity_kind kind)
{
	AUTO_STRUCT(arena) a = NULL;
	const char *list = "";

	if (profile->requesters & 1U << kind)
		return ERR_OK;
	a = arena_new(0);
	for (unsigned k = 0; k < IDENTITY_KIND_COUNT; k++)
		if (profile->requesters & 1U << k)
			list = arena_printf(a, "%s%s\"%s\"", list, list[0] != '\0' ? ", " : "",
				identity_kind_name((enum identity_kind)k));
	return err_set_word(ERR_DENIED, WORD_REQUESTER_NOT_ALLOWED,
		"profile \"%s\" is not for identities of kind \"%s\", only for %s; another profile may be (EST: a label leads to it)",
		profile->name, identity_kind_name(kind), list);
}

static enum err
check_requester(const struct ca_policy_request *r)
{
	return ca_policy_requester(r->profile, r->kind);
}

static enum err
check_protocol(const struct ca_policy_request *r)
{
	if (r->profile->protocols & 1U << r->protocol)
		return ERR_OK;
	return err_set_word(ERR_DENIED, WORD_PROTOCOL_NOT_ALLOWED,
		"profile \"%s\" is not offered over \"%s\"", r->profile->name,
		ca_protocol_name(r->protocol));
}

static enum err
check_key(const struct ca_policy_request *r)
{
	if (!(r->profile->keys & 1U << r->spki->type))
		return err_set_word(ERR_INVALID, WORD_BAD_KEY,
			"profile \"%s\" does not allow \"%s\" keys", r->profile->name,
			pki_key_type_name(r->spki->type));
	if (r->spki->type == PKI_KEY_RSA && r->spki->bits < r->profile->rsa_min_bits)
		return err_set_word(ERR_INVALID, WORD_BAD_KEY,
			"profile \"%s\" wants RSA keys of at least %u bits, this one has %u",
			r->profile->name, r->profile->rsa_min_bits, r->spki->bits);
	return ERR_OK;
}

static enum err
check_name_count(const struct ca_policy_request *r)
{
	const struct ca_profile *p = r->profile;

	if (r->names->count < p->names_min)
		return err_set_word(ERR_INVALID, WORD_TOO_FEW_NAMES,
			"profile \"%s\" wants at least %u names, asked for %zu", p->name,
			p->names_min, r->names->count);
	if (r->names->count > p->names_max)
		return err_set_word(ERR_INVALID, WORD_TOO_MANY_NAMES,
			"profile \"%s\" allows at most %u names, asked for %zu", p->name,
			p->names_max, r->names->count);
	return ERR_OK;
}

static bool
is_wildcard(const struct pki_san *san)
{
	return san->type == PKI_SAN_DNS && san->value.n > 2 && san->value.p[0] == '*' &&
		san->value.p[1] == '.';
}

static bool
is_covered(const struct pki_san *san, const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pki_pattern_covers(bytes_str(patterns[i]), san))
			return true;
	return false;
}

/* The word of the refusal, or NULL when the profile lets this name through. */
static enum err_word
profile_refuses(const struct ca_profile *p, const struct pki_san *san)
{
	if (!(p->name_types & 1U << san->type))
		return WORD_NAME_TYPE_NOT_ALLOWED;
	if (p->wildcards == CA_WILDCARDS_REFUSED && is_wildcard(san))
		return WORD_WILDCARD_NOT_ALLOWED;
	if (p->permitted_count > 0 && !is_covered(san, p->permitted, p->permitted_count))
		return WORD_NAME_NOT_ALLOWED;
	return WORD_OK;
}

/* Proven texts are exact: never patterns, or a proof of one name would be a grant. */
static bool
is_authorized(const struct ca_policy_request *r, const char *text)
{
	for (size_t i = 0; i < r->authorized_count; i++)
		if (strcmp(r->authorized[i], text) == 0)
			return true;
	return false;
}

/* The usual case, and the hot one: granted. Text is made only for names that need a closer look. */
static bool
plainly_granted(const struct ca_policy_request *r, const struct pki_san *san)
{
	return profile_refuses(r->profile, san) == WORD_OK &&
		is_covered(san, r->grants, r->grant_count);
}

static enum err_word
request_refuses(const struct ca_policy_request *r, const struct pki_san *san, const char *text)
{
	enum err_word word = profile_refuses(r->profile, san);

	return word != WORD_OK ? word : is_authorized(r, text) ? WORD_OK : WORD_NAME_NOT_ALLOWED;
}

/* Names everything that offends, so that one round mends the request; the word is that of the
 * first. */
static enum err
check_names_closely(const struct ca_policy_request *r)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	enum err_word first = WORD_OK;
	const char *list = "", *next = "";

	for (size_t i = 0; i < r->names->count; i++) {
		const struct pki_san *san = &r->names->item[i];
		const char *text = pki_san_text(a, san);
		enum err_word word =
			plainly_granted(r, san) ? WORD_OK : request_refuses(r, san, text);

		if (word == WORD_OK)
			continue;
		list = arena_printf(a, "%s%s\"%s\"", list, first != WORD_OK ? ", " : "", text);
		if (first == WORD_OK)
			first = word;
		if (next[0] == '\0' && profile_refuses(r->profile, san) == WORD_OK)
			next = arena_printf(a,
				"; an operator can grant it: ca-admin grant add %s %s %s",
				r->identity_name, r->profile->name, text);
	}
	if (first == WORD_OK)
		return ERR_OK;
	return err_set_word(ERR_DENIED, first,
		"identity \"%s\" may not have these names under profile \"%s\": %s%s",
		r->identity_name, r->profile->name, list, next);
}

static enum err
check_names(const struct ca_policy_request *r)
{
	for (size_t i = 0; i < r->names->count; i++)
		if (!plainly_granted(r, &r->names->item[i]))
			return check_names_closely(r);
	return ERR_OK;
}

static check_fn *const checks[] = {
	check_state,
	check_requester,
	check_protocol,
	check_key,
	check_name_count,
	check_names,
};

static enum err
bad_validity(const struct ca_profile *p, const char *why)
{
	return err_set_word(ERR_INVALID, WORD_BAD_VALIDITY, "profile \"%s\": %s", p->name, why);
}

/* What was asked for must lie within max_lifetime from now; what was not asked for is lifetime,
 * backdated. */
static enum err
decide_validity(
	const struct ca_policy_request *r, int64_t issuer_not_after, struct ca_validity *out)
{
	const struct ca_profile *p = r->profile;
	int64_t from = r->not_before != 0 ? r->not_before : r->now - p->backdate;
	int64_t start = from > r->now ? from : r->now;
	int64_t until = r->not_after != 0 ? r->not_after : start + p->lifetime;

	if (from < r->now - p->backdate)
		return bad_validity(p, "notBefore lies too far in the past");
	if (until <= start)
		return bad_validity(p, "notAfter lies before notBefore or in the past");
	if (until - r->now > p->max_lifetime)
		return bad_validity(p, "notAfter lies beyond the maximum lifetime");
	if (issuer_not_after <= start)
		return err_set_word(ERR_DENIED, WORD_BAD_VALIDITY,
			"the issuing CA's certificate ends before this one would begin");
	out->not_before = from;
	out->not_after = until < issuer_not_after ? until : issuer_not_after;
	return ERR_OK;
}

enum err
ca_policy_check(
	const struct ca_policy_request *r, int64_t issuer_not_after, struct ca_validity *out)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		TRY(checks[i](r));
	return decide_validity(r, issuer_not_after, out);
}

bool
ca_policy_granted(const struct pki_sans *names, const char *const *grants, size_t grant_count)
{
	for (size_t i = 0; i < names->count; i++)
		if (!is_covered(&names->item[i], grants, grant_count))
			return false;
	return names->count > 0;
}

size_t
ca_policy_refused_names(const struct ca_profile *profile, const struct pki_sans *names,
	struct arena *a, const char **reason)
{
	size_t refused = 0;

	for (size_t i = 0; i < names->count; i++) {
		enum err_word word = profile_refuses(profile, &names->item[i]);

		reason[i] = word == WORD_OK
			? NULL
			: arena_printf(a, "%s: profile \"%s\" does not permit \"%s\"",
				  err_word_text(word), profile->name,
				  pki_san_text(a, &names->item[i]));
		refused += word != WORD_OK;
	}
	return refused;
}
