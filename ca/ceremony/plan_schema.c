/* The shape of a ceremony plan: keys, kinds and counts. What the words mean is plan.c's part. */
#include "ca/ceremony/plan.h"

#define OPTIONAL_POINTER (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
enum { TEXT_MAX = 200, PATH_LENGTH_MAX = 1000, URL_MAX = 500, LIST_MAX = 100, REVOKED_MAX = 1000 };

static const struct cyaml_schema_value word = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

static const struct cyaml_schema_field token_fields[] = {
	CYAML_FIELD_STRING_PTR(
		"module", CYAML_FLAG_POINTER, struct plan_token, module, 1, PATH_LENGTH_MAX),
	CYAML_FIELD_STRING_PTR("module_config", OPTIONAL_POINTER, struct plan_token, module_config,
		1, PATH_LENGTH_MAX),
	CYAML_FIELD_STRING_PTR("label", CYAML_FLAG_POINTER, struct plan_token, label, 1, 32),
	CYAML_FIELD_STRING_PTR(
		"pin_file", CYAML_FLAG_POINTER, struct plan_token, pin_file, 1, PATH_LENGTH_MAX),
	CYAML_FIELD_STRING_PTR("so_pin_file", OPTIONAL_POINTER, struct plan_token, so_pin_file, 1,
		PATH_LENGTH_MAX),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field key_fields[] = {
	CYAML_FIELD_STRING_PTR("label", CYAML_FLAG_POINTER, struct plan_key, label, 1, 64),
	CYAML_FIELD_STRING_PTR("type", OPTIONAL_POINTER, struct plan_key, type, 1, TEXT_MAX),
	CYAML_FIELD_UINT("rsa_bits", CYAML_FLAG_OPTIONAL, struct plan_key, rsa_bits),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field subject_fields[] = {
	CYAML_FIELD_STRING_PTR(
		"common_name", CYAML_FLAG_POINTER, struct plan_subject, common_name, 1, 64),
	CYAML_FIELD_STRING_PTR(
		"organization", OPTIONAL_POINTER, struct plan_subject, organization, 1, 64),
	CYAML_FIELD_STRING_PTR("organizational_unit", OPTIONAL_POINTER, struct plan_subject,
		organizational_unit, 1, 64),
	CYAML_FIELD_STRING_PTR("country", OPTIONAL_POINTER, struct plan_subject, country, 2, 2),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field root_fields[] = {
	CYAML_FIELD_MAPPING_PTR(
		"subject", CYAML_FLAG_POINTER, struct plan_root, subject, subject_fields),
	CYAML_FIELD_UINT("days", CYAML_FLAG_OPTIONAL, struct plan_root, days),
	CYAML_FIELD_STRING_PTR("certificate", CYAML_FLAG_POINTER, struct plan_root, certificate, 1,
		PATH_LENGTH_MAX),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field revoked_fields[] = {
	CYAML_FIELD_STRING_PTR("serial", CYAML_FLAG_POINTER, struct plan_revoked, serial, 2, 40),
	CYAML_FIELD_STRING_PTR("date", CYAML_FLAG_POINTER, struct plan_revoked, date, 1, TEXT_MAX),
	CYAML_FIELD_STRING_PTR(
		"reason", OPTIONAL_POINTER, struct plan_revoked, reason, 1, TEXT_MAX),
	CYAML_FIELD_END,
};
static const struct cyaml_schema_value revoked = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_revoked, revoked_fields),
};

static const struct cyaml_schema_field crl_fields[] = {
	CYAML_FIELD_STRING_PTR(
		"file", CYAML_FLAG_POINTER, struct plan_crl, file, 1, PATH_LENGTH_MAX),
	CYAML_FIELD_STRING_PTR(
		"previous", OPTIONAL_POINTER, struct plan_crl, previous, 1, PATH_LENGTH_MAX),
	CYAML_FIELD_UINT("days", CYAML_FLAG_OPTIONAL, struct plan_crl, days),
	CYAML_FIELD_SEQUENCE(
		"revoked", OPTIONAL_POINTER, struct plan_crl, revoked, &revoked, 1, REVOKED_MAX),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field request_fields[] = {
	CYAML_FIELD_MAPPING_PTR(
		"subject", CYAML_FLAG_POINTER, struct plan_request, subject, subject_fields),
	CYAML_FIELD_STRING_PTR(
		"file", CYAML_FLAG_POINTER, struct plan_request, file, 1, PATH_LENGTH_MAX),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field constraints_fields[] = {
	CYAML_FIELD_SEQUENCE("permitted", OPTIONAL_POINTER, struct plan_constraints, permitted,
		&word, 1, LIST_MAX),
	CYAML_FIELD_SEQUENCE("excluded", OPTIONAL_POINTER, struct plan_constraints, excluded, &word,
		1, LIST_MAX),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field sign_fields[] = {
	CYAML_FIELD_STRING_PTR(
		"csr", CYAML_FLAG_POINTER, struct plan_sign, csr, 1, PATH_LENGTH_MAX),
	CYAML_FIELD_STRING_PTR(
		"csr_key_sha256", OPTIONAL_POINTER, struct plan_sign, csr_key_sha256, 64, 64),
	CYAML_FIELD_MAPPING_PTR(
		"subject", CYAML_FLAG_POINTER, struct plan_sign, subject, subject_fields),
	CYAML_FIELD_UINT("days", CYAML_FLAG_OPTIONAL, struct plan_sign, days),
	CYAML_FIELD_STRING_PTR("certificate", CYAML_FLAG_POINTER, struct plan_sign, certificate, 1,
		PATH_LENGTH_MAX),
	CYAML_FIELD_STRING_PTR("crl_url", OPTIONAL_POINTER, struct plan_sign, crl_url, 1, URL_MAX),
	CYAML_FIELD_STRING_PTR(
		"ca_issuers_url", OPTIONAL_POINTER, struct plan_sign, ca_issuers_url, 1, URL_MAX),
	CYAML_FIELD_MAPPING_PTR("name_constraints", OPTIONAL_POINTER, struct plan_sign,
		name_constraints, constraints_fields),
	CYAML_FIELD_END,
};

static const struct cyaml_schema_field file_fields[] = {
	CYAML_FIELD_STRING_PTR(
		"ceremony", OPTIONAL_POINTER, struct plan_file, ceremony, 1, TEXT_MAX),
	CYAML_FIELD_SEQUENCE(
		"operators", OPTIONAL_POINTER, struct plan_file, operators, &word, 1, LIST_MAX),
	CYAML_FIELD_MAPPING_PTR("token", OPTIONAL_POINTER, struct plan_file, token, token_fields),
	CYAML_FIELD_MAPPING_PTR("key", OPTIONAL_POINTER, struct plan_file, key, key_fields),
	CYAML_FIELD_STRING_PTR("issuer_certificate", OPTIONAL_POINTER, struct plan_file,
		issuer_certificate, 1, PATH_LENGTH_MAX),
	CYAML_FIELD_MAPPING_PTR("root", OPTIONAL_POINTER, struct plan_file, root, root_fields),
	CYAML_FIELD_MAPPING_PTR("crl", OPTIONAL_POINTER, struct plan_file, crl, crl_fields),
	CYAML_FIELD_MAPPING_PTR(
		"request", OPTIONAL_POINTER, struct plan_file, request, request_fields),
	CYAML_FIELD_MAPPING_PTR("sign", OPTIONAL_POINTER, struct plan_file, sign, sign_fields),
	CYAML_FIELD_STRING_PTR(
		"evidence", OPTIONAL_POINTER, struct plan_file, evidence, 1, PATH_LENGTH_MAX),
	CYAML_FIELD_END,
};

const struct cyaml_schema_value plan_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct plan_file, file_fields),
};
