/*
 * Refusals say to the client what is not allowed; to the operator who reads the log they also say how far it
 * was from being allowed. Both are guesses from what the identity holds now: nothing is decided by
 * them, and nothing of them is told to the client.
 */
#include "ca/advice.h"

static size_t
common_length(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] != '\0' && a[n] == b[n])
		n++;
	return n;
}

/* From their ends, as DNS names and mail addresses are related. */
static size_t
common_tail(const char *a, const char *b)
{
	size_t n = 0, la = strlen(a), lb = strlen(b);

	while (n < la && n < lb && a[la - 1 - n] == b[lb - 1 - n])
		n++;
	return n;
}

/* How much of a name is in a pattern of its type; 0: of another type, or nothing. */
static size_t
measure_likeness(const struct pki_san *san, const char *text, const char *pattern)
{
	size_t type = strcspn(text, ":") + 1;

	if (strncmp(text, pattern, type) != 0)
		return 0;
	return san->type == PKI_SAN_DNS || san->type == PKI_SAN_EMAIL
		? common_tail(text + type, pattern + type)
		: common_length(text + type, pattern + type);
}

static const char *
nearest_grant(const struct ca_policy_request *r, struct arena *a)
{
	const char *nearest = NULL;
	size_t best = 0, i = 0;

	while (i < r->names->count &&
		ca_policy_granted(
			&(struct pki_sans){&r->names->item[i], 1}, r->grants, r->grant_count))
		i++;
	for (size_t k = 0; i < r->names->count && k < r->grant_count; k++) {
		const struct pki_san *san = &r->names->item[i];
		size_t like = measure_likeness(san, pki_san_text(a, san), r->grants[k]);

		if (like > best) {
			best = like;
			nearest = r->grants[k];
		}
	}
	return nearest;
}

static const char *
passing_profile(struct ca_front *g, struct arena *a, int64_t identity,
	const struct ca_policy_request *r, int64_t issuer_not_after)
{
	const struct ca_profiles *profiles = ca_front_profiles(g, a);
	struct ca_validity ignored;

	for (size_t i = 0; i < profiles->count; i++) {
		struct ca_policy_request other = *r;

		other.profile = &profiles->item[i];
		if (other.profile == r->profile ||
			ca_authenticator_grants(g->clients, a, identity, other.profile->name,
				&other.grants, &other.grant_count) != ERR_OK)
			continue;
		if (ca_policy_check(&other, issuer_not_after, &ignored) == ERR_OK)
			return other.profile->name;
	}
	return NULL;
}

void
ca_advise(struct ca_front *g, struct arena *a, int64_t identity, const struct ca_policy_request *r,
	int64_t issuer_not_after)
{
	const char *reason = arena_strdup(a, err_reason()), *grant = nearest_grant(r, a), *profile;
	enum err_word word = err_word();

	profile = passing_profile(g, a, identity, r, issuer_not_after);
	(void)err_set_word(ERR_DENIED, word, "%s", reason);
	if (grant != NULL)
		grant = arena_printf(a, "the nearest grant is \"%s\"", grant);
	if (profile != NULL)
		profile = arena_printf(a, "profile \"%s\" would allow this request", profile);
	if (grant != NULL || profile != NULL)
		err_advise("%s%s%s", grant != NULL ? grant : "",
			grant != NULL && profile != NULL ? "; " : "",
			profile != NULL ? profile : "");
}
