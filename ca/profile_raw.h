/* The profile file as libcyaml reads it, before profile.c gives its words a meaning. Private to
 * ca/. */
#ifndef CHANCERY_CA_PROFILE_RAW_H
#define CHANCERY_CA_PROFILE_RAW_H

#include "lib/base/yaml.h"

struct raw_subject {
	char *common_name, *organization, *organizational_unit, *serial_number;
};

struct raw_names {
	char **types, **permitted, *wildcards;
	uint32_t types_count, permitted_count, min, max;
};

struct raw_profile {
	char *name, *description, *issuer;
	char **requesters, **protocols, **keys, **key_usage, **rsa_key_usage, **extended_key_usage;
	uint32_t requesters_count, protocols_count, keys_count, key_usage_count,
		rsa_key_usage_count, extended_key_usage_count;
	uint32_t rsa_min_bits;
	char *lifetime, *max_lifetime, *backdate, *renew_expired;
	bool same_key_renewal, ocsp_nocheck, crl_url, ocsp_url, ca_issuers_url;
	struct raw_subject *subject;
	struct raw_names *names;
};

struct raw_profiles {
	struct raw_profile *profiles;
	uint32_t profiles_count;
};

extern const struct cyaml_schema_value ca_profile_schema;

#endif
