/* The issuing CAs as every program but ca-ceremony sees them: read from the database, put into the
 * configured order. */
#ifndef CHANCERY_CA_ISSUERS_H
#define CHANCERY_CA_ISSUERS_H

#include "ca/profile.h"
#include "lib/base/config.h"
#include "lib/base/counted.h"
#include "lib/store/store.h"
#include "schema/words.h"

/* An issuing CA without its key. */
struct ca_issuer {
	int16_t id;
	enum issuer_state state;
	const char *name;
	const char *key_label; /* in the signer's token, where the configuration does not say */
	const char *const *profiles; /* that it certifies under */
	size_t profile_count;	     /* 0: under any */
	struct pki_cert cert;
	const char *crl_url, *ocsp_url, *ca_issuers_url; /* from public.base_url: BASE/crl/NAME.crl,
							    BASE/ocsp, BASE/ca/NAME.cer */
};

/* One look at the table. */
struct ca_issuers {
	struct counted counted;
	struct arena *arena; /* of what follows */
	const struct ca_issuer
		*item; /* the first count: active, in the order of the configuration */
	size_t count;
	size_t all_count;  /* then those that only have certificates out: retired, revoked, or not
			      configured here */
	struct bytes root; /* DER of the first one's root */
	const char *first; /* name of the first configured, which profiles without an issuer mean */
	const char *const *missing; /* names of those that are configured but not active */
	size_t missing_count;
};

/* The remedy for a missing one, after its name. */
#define CA_ISSUERS_MISSING                                                                         \
	"is configured but not active in the database; run `ca-admin issuer import` (`issuer activate` if it is retired; if it is revoked, put another one into the configuration)"

/* A new set with one reference, the caller's. What is missing is told and does not keep the others
 * from working; count may be 0. ERR_NOTFOUND, with the remedy, when no issuing CA is imported at all,
 * or a root is not. */
enum err ca_issuers_load(
	struct store *store, const struct config *config, struct ca_issuers **out) MUST_CHECK;
/* ERR_NOTFOUND, with the remedy: none of the configured issuers is active. */
enum err ca_issuers_require(const struct ca_issuers *issuers) MUST_CHECK;
void ca_issuers_release(struct ca_issuers *issuers);
/* The same issuers in the same order, under the same root? */
bool ca_issuers_equal(const struct ca_issuers *a, const struct ca_issuers *b);
/* By id, active or not; NULL when there is none. */
const struct ca_issuer *ca_issuers_find(const struct ca_issuers *issuers, int16_t id);
/* The one that certifies under this profile: another one never stands in; an OCSP responder's may be
 * one that is retired or not configured here. ERR_UNAVAILABLE (word
 * "no-issuer"): it is not active here. ERR_DENIED (word "issuer-not-allowed"): it is limited to
 * other profiles. */
enum err ca_issuers_for(const struct ca_issuers *issuers, const struct ca_profile *profile,
	const struct ca_issuer **out) MUST_CHECK;
/* The same for the one of this name, whatever the profile says. */
enum err ca_issuers_named(const struct ca_issuers *issuers, const char *name,
	const struct ca_profile *profile, const struct ca_issuer **out) MUST_CHECK;

AUTO_STRUCT_DEFINE(ca_issuers, ca_issuers_release)

#endif
