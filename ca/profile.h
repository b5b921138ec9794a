/*
 * Certificate profiles: what may be certified, for whom, for how long. Read from one YAML file by
 * every program that decides (gateway early, signer finally); an error names file, line and what is
 * allowed. profile_table.c says what each member is for; deploy/profiles.yaml is a sample.
 */
#ifndef CHANCERY_CA_PROFILE_H
#define CHANCERY_CA_PROFILE_H

#include "lib/base/counted.h"
#include "lib/pki/cert.h"
#include "schema/words.h"

struct ca_profile {
	const char *name, *description;
	const char *issuer;  /* NULL: first configured issuer */
	unsigned requesters; /* 1 << enum identity_kind */
	unsigned protocols;  /* 1 << enum ca_protocol */
	unsigned keys;	     /* 1 << enum pki_key_type */
	unsigned rsa_min_bits;
	int64_t lifetime, max_lifetime, backdate, renew_expired; /* seconds */
	unsigned approvals;	 /* operators, other than the asker, who must approve; 0: none */
	int64_t approval_within; /* seconds; then the request is refused */
	uint32_t key_usage, rsa_key_usage, eku;
	enum ca_common_name { CA_CN_IDENTITY, CA_CN_FIRST_NAME, CA_CN_NONE } common_name;
	enum ca_subject_serial { CA_SUBJECT_SERIAL_NONE, CA_SUBJECT_SERIAL_IDENTITY } serial_number;
	const char *organization, *organizational_unit;
	/* What a subject beyond the profile's own means in a CSR: nothing, a refusal, or that its
	 * commonName must be the identity's name. */
	enum ca_csr_subject {
		CA_CSR_SUBJECT_IGNORE,
		CA_CSR_SUBJECT_REFUSE,
		CA_CSR_SUBJECT_PIN
	} csr_subject;
	unsigned name_types; /* 1 << enum pki_san_type */
	const char *const
		*permitted; /* patterns; count 0: anything of the types (grants still decide) */
	uint32_t permitted_count;
	unsigned names_min, names_max;
	enum ca_wildcards { CA_WILDCARDS_REFUSED, CA_WILDCARDS_ALLOWED } wildcards;
	bool same_key_renewal, ocsp_nocheck, crl_url, ocsp_url, ca_issuers_url;
};

struct ca_profiles {
	struct counted counted;
	const struct ca_profile *item;
	size_t count;
	struct arena *arena; /* owns everything above */
};

/* A new set with one reference, the caller's. ERR_INVALID with "FILE:LINE: what; allowed: ..." */
enum err ca_profiles_load(const char *path, struct ca_profiles **out) MUST_CHECK;
void ca_profiles_release(struct ca_profiles *p);
/* ERR_NOTFOUND (word "unknown-profile") lists the names there are. */
enum err ca_profiles_get(
	const struct ca_profiles *p, const char *name, const struct ca_profile **out) MUST_CHECK;

AUTO_STRUCT_DEFINE(ca_profiles, ca_profiles_release)

#endif
