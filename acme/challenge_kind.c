/*
 * What each kind of challenge can prove. Their names are those of schema/words.txt; how one is
 * looked at stands in acme/validator/validator.c.
 */
#include "acme/challenge_kind.h"

static const struct {
	unsigned types; /* 1 << enum pki_san_type */
	enum { WILDCARDS_REFUSED, WILDCARDS_PROVEN } wildcards;
} kinds[ACME_CHALLENGE_TYPE_COUNT] = {
	/* RFC 8555 section 8.3, for addresses RFC 8738 section 4 */
	[ACME_CHALLENGE_HTTP_01] = {1U << PKI_SAN_DNS | 1U << PKI_SAN_IP, WILDCARDS_REFUSED},
};

unsigned
challenge_kinds_for(const struct pki_san *san)
{
	bool wildcard =
		san->type == PKI_SAN_DNS && san->value.n > 2 && memcmp(san->value.p, "*.", 2) == 0;
	unsigned set = 0;

	for (unsigned k = 0; k < ACME_CHALLENGE_TYPE_COUNT; k++)
		if (kinds[k].types & 1U << san->type &&
			(!wildcard || kinds[k].wildcards == WILDCARDS_PROVEN))
			set |= 1U << k;
	return set;
}

const char *
challenge_kind_list(struct arena *a)
{
	const char *list = "";

	for (unsigned k = 0; k < ACME_CHALLENGE_TYPE_COUNT; k++)
		list = arena_printf(a, "%s%s%s", list, k > 0 ? ", " : "",
			acme_challenge_type_name((enum acme_challenge_type)k));
	return list;
}
