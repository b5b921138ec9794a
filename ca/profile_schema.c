/* The shape of the profile file: keys, kinds and counts. What the words mean is profile.c's part.
 */
#include "ca/profile_raw.h"

#define OPTIONAL_POINTER (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
enum { TEXT_MAX = 200, LIST_MAX = 100, PROFILES_MAX = 64 };

static const struct cyaml_schema_value word = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

static const struct cyaml_schema_field subject_fields[] = {
	CYAML_FIELD_STRING_PTR(
		"common_name", OPTIONAL_POINTER, struct raw_subject, common_name, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR(
		"organization", OPTIONAL_POINTER, struct raw_subject, organization, 1, 64),
	CYAML_FIELD_STRING_PTR("organizational_unit", OPTIONAL_POINTER, struct raw_subject,
		organizational_unit, 1, 64),
	CYAML_FIELD_STRING_PTR(
		"serial_number", OPTIONAL_POINTER, struct raw_subject, serial_number, 1, TEXT_MAX),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field names_fields[] = {
	CYAML_FIELD_SEQUENCE(
		"types", CYAML_FLAG_POINTER, struct raw_names, types, &word, 0, LIST_MAX),
	CYAML_FIELD_SEQUENCE(
		"permitted", OPTIONAL_POINTER, struct raw_names, permitted, &word, 1, LIST_MAX),
	CYAML_FIELD_UINT("min", CYAML_FLAG_OPTIONAL, struct raw_names, min),
	CYAML_FIELD_UINT("max", CYAML_FLAG_OPTIONAL, struct raw_names, max),
	CYAML_FIELD_STRING_PTR(
		"wildcards", OPTIONAL_POINTER, struct raw_names, wildcards, 1, TEXT_MAX),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field profile_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct raw_profile, name, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR(
		"description", OPTIONAL_POINTER, struct raw_profile, description, 0, TEXT_MAX),
	CYAML_FIELD_STRING_PTR("issuer", OPTIONAL_POINTER, struct raw_profile, issuer, 1, TEXT_MAX),
	CYAML_FIELD_SEQUENCE("requesters", CYAML_FLAG_POINTER, struct raw_profile, requesters,
		&word, 1, LIST_MAX),
	CYAML_FIELD_SEQUENCE(
		"protocols", CYAML_FLAG_POINTER, struct raw_profile, protocols, &word, 1, LIST_MAX),
	CYAML_FIELD_SEQUENCE(
		"keys", CYAML_FLAG_POINTER, struct raw_profile, keys, &word, 1, LIST_MAX),
	CYAML_FIELD_UINT("rsa_min_bits", CYAML_FLAG_OPTIONAL, struct raw_profile, rsa_min_bits),
	CYAML_FIELD_STRING_PTR(
		"lifetime", CYAML_FLAG_POINTER, struct raw_profile, lifetime, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR(
		"max_lifetime", OPTIONAL_POINTER, struct raw_profile, max_lifetime, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR(
		"backdate", OPTIONAL_POINTER, struct raw_profile, backdate, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR(
		"renew_expired", OPTIONAL_POINTER, struct raw_profile, renew_expired, 1, TEXT_MAX),
	CYAML_FIELD_BOOL(
		"same_key_renewal", CYAML_FLAG_OPTIONAL, struct raw_profile, same_key_renewal),
	CYAML_FIELD_SEQUENCE(
		"key_usage", CYAML_FLAG_POINTER, struct raw_profile, key_usage, &word, 1, LIST_MAX),
	CYAML_FIELD_SEQUENCE("rsa_key_usage", OPTIONAL_POINTER, struct raw_profile, rsa_key_usage,
		&word, 1, LIST_MAX),
	CYAML_FIELD_SEQUENCE("extended_key_usage", CYAML_FLAG_POINTER, struct raw_profile,
		extended_key_usage, &word, 1, LIST_MAX),
	CYAML_FIELD_MAPPING_PTR(
		"subject", OPTIONAL_POINTER, struct raw_profile, subject, subject_fields),
	CYAML_FIELD_MAPPING_PTR("names", OPTIONAL_POINTER, struct raw_profile, names, names_fields),
	CYAML_FIELD_BOOL("ocsp_nocheck", CYAML_FLAG_OPTIONAL, struct raw_profile, ocsp_nocheck),
	CYAML_FIELD_BOOL("crl_url", CYAML_FLAG_OPTIONAL, struct raw_profile, crl_url),
	CYAML_FIELD_BOOL("ocsp_url", CYAML_FLAG_OPTIONAL, struct raw_profile, ocsp_url),
	CYAML_FIELD_BOOL("ca_issuers_url", CYAML_FLAG_OPTIONAL, struct raw_profile, ca_issuers_url),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_value profile = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_profile, profile_fields)};

static const struct cyaml_schema_field file_fields[] = {
	CYAML_FIELD_SEQUENCE("profiles", CYAML_FLAG_POINTER, struct raw_profiles, profiles,
		&profile, 1, PROFILES_MAX),
	CYAML_FIELD_END,
};

const struct cyaml_schema_value ca_profile_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_profiles, file_fields),
};
