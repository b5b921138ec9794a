/*
 * The one gate: may this identity have a certificate with these names and this key under this
 * profile? Front ends ask it early for a good error; the signer asks it finally, with facts it read
 * itself. Pure: no I/O, no clock but the one given.
 */
#ifndef CHANCERY_CA_POLICY_H
#define CHANCERY_CA_POLICY_H

#include "ca/profile.h"
#include "lib/pki/csr.h"
#include "lib/store/identity.h"

struct ca_policy_request {
	const struct ca_profile *profile;
	enum ca_protocol protocol;
	const char *identity_name;
	enum identity_kind kind;
	enum identity_state state;
	const struct pki_spki *spki;
	const struct pki_sans *names;
	const char *const *grants; /* patterns the identity holds for this profile */
	size_t grant_count;
	const char *const *authorized; /* exact canonical texts proven by challenges (wildcards as
					  "dns:*.x") */
	size_t authorized_count;
	int64_t not_before, not_after; /* asked for; 0: profile decides */
	int64_t now;
};

struct ca_validity {
	int64_t not_before, not_after;
};

/* ERR_OK and the validity to certify, or ERR_DENIED / ERR_INVALID with a word: identity-blocked,
 * requester-not-allowed, protocol-not-allowed, bad-key, name-type-not-allowed, name-not-allowed
 * (all offending names in the reason), too-many-names, too-few-names, wildcard-not-allowed,
 * bad-validity. An ended lifetime is clipped to issuer_not_after. */
enum err ca_policy_check(const struct ca_policy_request *r, int64_t issuer_not_after,
	struct ca_validity *out) MUST_CHECK;
/* May identities of this kind ask for this profile? ERR_DENIED (word "requester-not-allowed"). */
enum err ca_policy_requester(const struct ca_profile *profile, enum identity_kind kind) MUST_CHECK;
/* Is every name covered by a grant of the identity? For ACME: such an order is born ready. */
bool ca_policy_granted(const struct pki_sans *names, const char *const *grants, size_t grant_count);
/* How many of the names the profile itself refuses, whoever asks; for ACME subproblems. reason has
 * names->count places: why name i is refused (in the arena), or NULL when it is not. */
size_t ca_policy_refused_names(const struct ca_profile *profile, const struct pki_sans *names,
	struct arena *a, const char **reason);
/* Subject Name DER that this profile gives this identity and these names. */
enum err ca_policy_subject(const struct ca_profile *profile, const char *identity_name,
	const struct pki_sans *names, struct arena *a, struct bytes *der) MUST_CHECK;
/* The names a CSR asks for: those of subjectAltName, and its commonName where that is one more: a DNS name
 * with a dot or an address, unless it is the identity's name, or any one of known (NULL: none), which are
 * the names that could be meant (RFC 8555 section 7.4). ERR_INVALID (word "too-many-names"). */
enum err ca_policy_csr_names(const struct pki_csr *csr, const char *identity_name,
	const struct pki_sans *known, struct arena *a, struct pki_sans *out) MUST_CHECK;
/* As sets. ERR_INVALID with this word; the reason is the rule and which names differ. */
enum err ca_policy_same_names(const struct pki_sans *asked, const struct pki_sans *wanted,
	enum err_word word, const char *rule) MUST_CHECK;
/* May a CSR with this subject be accepted? Empty and what the profile gives may always; more as the profile's
 * csr_subject says. ERR_INVALID (word "bad-csr"). */
enum err ca_policy_csr_subject(const struct ca_profile *profile, const char *identity_name,
	const struct pki_sans *names, struct bytes subject) MUST_CHECK;

struct ca_issuer;
/* Everything of a certificate but serial and signature. */
enum err ca_policy_spec(const struct ca_policy_request *r, const struct ca_issuer *issuer,
	const struct ca_validity *validity, struct arena *a, struct pki_cert_spec *out) MUST_CHECK;

#endif
