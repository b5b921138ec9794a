/*
 * Certificate profiles: what may be certified, for whom, for how long. Read from one YAML file by
 * every program that decides (gateway early, signer finally); an error names file, line and what is
 * allowed.
 *
 *   profiles:
 *     - name: workload
 *       description: servers and clients of the mesh
 *       requesters: [workload, service]          # identity kinds
 *       protocols: [acme, est, admin]            # est, acme, admin, internal
 *       issuer: issuing-1                        # optional, default: the first configured
 *       keys: [p256, p384, ed25519, rsa]         # allowed key types
 *       rsa_min_bits: 2048
 *       lifetime: 8h
 *       max_lifetime: 24h                        # an ACME notAfter may ask up to this; default:
 * lifetime backdate: 5m renew_expired: 0s                        # nothing else yet: the handshake
 * refuses expired certificates same_key_renewal: true key_usage: [digitalSignature]            #
 * keyEncipherment is added for RSA keys when "rsa_key_usage" says so rsa_key_usage:
 * [digitalSignature, keyEncipherment] extended_key_usage: [clientAuth, serverAuth] subject: {
 * common_name: identity | first-name | none, organization: X, organizational_unit: Y,
 * serial_number: identity } names: { types: [dns, ip, uri], permitted: ["dns:**.example.org",
 * "ip:10.0.0.0/8"], min: 0, max: 20, wildcards: refused | allowed } ocsp_nocheck: false crl_url:
 * true                            # put the issuer's CRL URL in; ocsp_url, ca_issuers_url alike
 */
#ifndef CHANCERY_CA_PROFILE_H
#define CHANCERY_CA_PROFILE_H

#include "lib/base/counted.h"
#include "lib/pki/cert.h"

enum ca_protocol {
	CA_PROTOCOL_EST,
	CA_PROTOCOL_ACME,
	CA_PROTOCOL_ADMIN,
	CA_PROTOCOL_INTERNAL,
	CA_PROTOCOL_COUNT
};
const char *ca_protocol_name(enum ca_protocol p);
enum err ca_protocol_parse(const char *text, enum ca_protocol *out) MUST_CHECK;

struct ca_profile {
	const char *name, *description;
	const char *issuer;  /* NULL: first configured issuer */
	unsigned requesters; /* 1 << enum identity_kind */
	unsigned protocols;  /* 1 << enum ca_protocol */
	unsigned keys;	     /* 1 << enum pki_key_type */
	unsigned rsa_min_bits;
	int64_t lifetime, max_lifetime, backdate, renew_expired; /* seconds */
	enum ca_same_key { CA_SAME_KEY_ALLOWED, CA_SAME_KEY_REFUSED } same_key;
	uint32_t key_usage, rsa_key_usage, eku;
	enum ca_common_name { CA_CN_IDENTITY, CA_CN_FIRST_NAME, CA_CN_NONE } common_name;
	enum ca_subject_serial { CA_SUBJECT_SERIAL_NONE, CA_SUBJECT_SERIAL_IDENTITY } serial_number;
	const char *organization, *organizational_unit;
	unsigned name_types; /* 1 << enum pki_san_type */
	const char *const
		*permitted; /* patterns; count 0: anything of the types (grants still decide) */
	size_t permitted_count;
	unsigned names_min, names_max;
	enum ca_wildcards { CA_WILDCARDS_REFUSED, CA_WILDCARDS_ALLOWED } wildcards;
	bool ocsp_nocheck, crl_url, ocsp_url, ca_issuers_url;
	const char *json; /* the definition as JSON text, for display */
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
