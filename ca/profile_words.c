/*
 * The words of a profile, from the names of their enums. End-entity usages only: a profile that
 * could ask for keyCertSign would make every mistake in it a CA.
 */
#include "ca/profile_table.h"

static const char *
key_name(unsigned i)
{
	return pki_key_type_name((enum pki_key_type)i);
}

static const char *
san_name(unsigned i)
{
	return pki_san_type_name((enum pki_san_type)i);
}

static const char *
common_name(unsigned i)
{
	static const char *const name[] = {[CA_CN_IDENTITY] = "identity",
		[CA_CN_FIRST_NAME] = "first-name",
		[CA_CN_NONE] = "none"};

	return name[i];
}

static const char *
subject_serial_name(unsigned i)
{
	return i == CA_SUBJECT_SERIAL_IDENTITY ? "identity" : "none";
}

static const char *
csr_subject_name(unsigned i)
{
	static const char *const name[] = {[CA_CSR_SUBJECT_IGNORE] = "ignore",
		[CA_CSR_SUBJECT_REFUSE] = "refuse",
		[CA_CSR_SUBJECT_PIN] = "pin"};

	return name[i];
}

static const char *
wildcards_name(unsigned i)
{
	return i == CA_WILDCARDS_ALLOWED ? "allowed" : "refused";
}

const struct words profile_keys = {key_name, PKI_KEY_TYPE_COUNT};
const struct words profile_key_usages = {pki_key_usage_name, PKI_KEY_USAGE_LEAF_COUNT};
const struct words profile_extended_usages = {pki_eku_name, PKI_EKU_COUNT};
const struct words profile_name_types = {san_name, PKI_SAN_TYPE_COUNT};
const struct words profile_common_names = {common_name, CA_CN_NONE + 1};
const struct words profile_subject_serials = {subject_serial_name, CA_SUBJECT_SERIAL_IDENTITY + 1};
const struct words profile_csr_subjects = {csr_subject_name, CA_CSR_SUBJECT_PIN + 1};
const struct words profile_wildcards = {wildcards_name, CA_WILDCARDS_ALLOWED + 1};
