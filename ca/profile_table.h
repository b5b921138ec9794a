/* What the files of the profiles share. Private to ca/ and to what prints the manual. */
#ifndef CHANCERY_CA_PROFILE_TABLE_H
#define CHANCERY_CA_PROFILE_TABLE_H

#include "ca/profile.h"
#include "lib/base/words.h"
#include "lib/base/yaml.h"

/* What the table fills. */
struct profile_file {
	struct ca_profile *item;
	uint32_t count;
};
extern const struct yaml_table profile_table;

/* The words of a profile; each is the name of its enum or bit. */
extern const struct words profile_keys, profile_key_usages, profile_extended_usages,
	profile_name_types, profile_common_names, profile_subject_serials, profile_csr_subjects,
	profile_wildcards;

#endif
