/*
 * Every member of a profile, one row each; reading, refusals, the JSON for display and the manual
 * page are made from them. What looks at two members is profile.c's part.
 */
#include "ca/profile_table.h"

#include "lib/base/duration.h"

enum {
	PROFILES_MAX = 64,
	LIST_MAX = 100,
	APPROVALS_MAX = 9,
	TEXT_MAX = 200,
	NAME_MAX_LENGTH = 64,
	SUBJECT_MAX = 64,
	LIFETIME_MIN = 10,
	RSA_MIN_BITS = 2048,
	RSA_MAX_BITS = 4096
};

#define MEMBER(key, kind, c_type, member, ...)                                                     \
	{                                                                                          \
		.path = "profiles.*." key, .type = kind,                                           \
		.at = YAML_AT(c_type, struct ca_profile, member), __VA_ARGS__                      \
	}
#define TEXT(key, member, most, ...)                                                               \
	MEMBER(key, YAML_TEXT, const char *, member, .max = (most), __VA_ARGS__)
#define FLAG(key, member, ...) MEMBER(key, YAML_FLAG, bool, member, __VA_ARGS__)
#define WORD(key, c_type, member, from, ...)                                                       \
	MEMBER(key, YAML_WORD, c_type, member, .words = (from), __VA_ARGS__)
#define SET(key, member, least, from, ...)                                                         \
	MEMBER(key, YAML_SET, uint32_t, member, .min = (least), .max = LIST_MAX, .words = (from),  \
		__VA_ARGS__)
#define NUMBER(key, member, low, high, ...)                                                        \
	MEMBER(key, YAML_NUMBER, uint32_t, member, .min = (low), .max = (high), __VA_ARGS__)
#define DURATION(key, member, low, high, ...)                                                      \
	MEMBER(key, YAML_DURATION, int64_t, member, .min = (low), .max = (high), __VA_ARGS__)
#define SECTION(key, ...)                                                                          \
	{                                                                                          \
		.path = "profiles.*." key, .type = YAML_SECTION, __VA_ARGS__                       \
	}

static bool
is_profile_name(const char *text)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	return strlen(text) <= NAME_MAX_LENGTH && text[strspn(text, alphabet)] == '\0';
}

static const struct yaml_form form_name = {
	.matches = is_profile_name, .wanted = "1 to 64 of a-z 0-9 -"};

static const struct yaml_row rows[] = {
	{.path = "profiles",
		.type = YAML_LIST,
		.need = YAML_REQUIRED,
		.at = YAML_AT(struct ca_profile *, struct profile_file, item),
		.count_at = offsetof(struct profile_file, count),
		.size = sizeof(struct ca_profile),
		.min = 1,
		.max = PROFILES_MAX,
		.help = "what may be certified, for whom, for how long"},
	TEXT("name", name, TEXT_MAX, .min = 1, .need = YAML_REQUIRED, .form = &form_name,
		.unique = true, .help = "what grants, orders and commands call it"),
	TEXT("description", description, TEXT_MAX, .fallback = "",
		.help = "for people; the ACME directory shows it"),
	TEXT("issuer", issuer, TEXT_MAX, .min = 1,
		.help = "the issuing CA; the first of the configuration when left out"),
	SET("requesters", requesters, 1, &identity_kind_words, .need = YAML_REQUIRED,
		.help = "kinds of identities that may have it"),
	SET("protocols", protocols, 1, &ca_protocol_words, .need = YAML_REQUIRED,
		.help = "ways to ask for it; internal is for the programs' own certificates"),
	SET("keys", keys, 1, &profile_keys, .need = YAML_REQUIRED, .help = "allowed types of keys"),
	NUMBER("rsa_min_bits", rsa_min_bits, RSA_MIN_BITS, RSA_MAX_BITS, .fallback = "2048",
		.help = "the shortest RSA key"),
	DURATION("lifetime", lifetime, LIFETIME_MIN, DURATION_MAX, .need = YAML_REQUIRED,
		.help = "of a certificate when the request says nothing"),
	DURATION("max_lifetime", max_lifetime, LIFETIME_MIN, DURATION_MAX,
		.help = "the longest a request may ask for; lifetime when left out"),
	DURATION("backdate", backdate, 0, DAY, .fallback = "0s",
		.help = "how far notBefore lies back, for clocks that are behind"),
	DURATION("renew_expired", renew_expired, 0, DURATION_MAX, .fallback = "0s",
		.help = "only 0s: the handshake refuses expired certificates"),
	FLAG("same_key_renewal", same_key_renewal, .fallback = "true",
		.help = "whether a renewal may keep its key"),
	SET("key_usage", key_usage, 1, &profile_key_usages, .need = YAML_REQUIRED,
		.help = "keyUsage (RFC 5280 section 4.2.1.3)"),
	SET("rsa_key_usage", rsa_key_usage, 1, &profile_key_usages,
		.help = "keyUsage for RSA keys; that of key_usage when left out"),
	SET("extended_key_usage", eku, 1, &profile_extended_usages, .need = YAML_REQUIRED,
		.help = "extKeyUsage (RFC 5280 section 4.2.1.12)"),
	SECTION("approval", .help = "requests wait for operators; not when left out"),
	NUMBER("approval.operators", approvals, 0, APPROVALS_MAX, .fallback = "0",
		.help = "so many operators other than the asker must approve "
			"(`ca-admin request approve`)"),
	DURATION("approval.within", approval_within, 60, 365 * DAY, .fallback = "7d",
		.help = "how long they have; then the request is refused"),
	SECTION("subject", .help = "the distinguished name"),
	WORD("subject.common_name", enum ca_common_name, common_name, &profile_common_names,
		.fallback = "identity", .help = "CN"),
	TEXT("subject.organization", organization, SUBJECT_MAX, .min = 1, .help = "O"),
	TEXT("subject.organizational_unit", organizational_unit, SUBJECT_MAX, .min = 1,
		.help = "OU"),
	WORD("subject.serial_number", enum ca_subject_serial, serial_number,
		&profile_subject_serials, .fallback = "none", .help = "serialNumber"),
	WORD("csr_subject", enum ca_csr_subject, csr_subject, &profile_csr_subjects,
		.fallback = "ignore",
		.help = "what a subject in a request means that is not empty and not the one above: nothing, "
			"a refusal, or (pin) that its CN must be the identity's name"),
	SECTION("names", .help = "the subject alternative names; none when left out"),
	SET("names.types", name_types, 0, &profile_name_types, .need = YAML_REQUIRED,
		.help = "allowed types"),
	MEMBER("names.permitted", YAML_TEXTS, const char *const *, permitted,
		.count_at = offsetof(struct ca_profile, permitted_count), .min = 1, .max = LIST_MAX,
		.help = "patterns, one of which a name must match; any name when left out"),
	NUMBER("names.min", names_min, 0, PKI_SANS_MAX, .fallback = "0",
		.help = "at least so many"),
	NUMBER("names.max", names_max, 0, PKI_SANS_MAX,
		.help = "at most so many; 20 when left out, 0 without types"),
	WORD("names.wildcards", enum ca_wildcards, wildcards, &profile_wildcards,
		.fallback = "refused", .help = "DNS names like *.example.org"),
	FLAG("ocsp_nocheck", ocsp_nocheck, .fallback = "false",
		.help = "id-pkix-ocsp-nocheck, for OCSP responders only"),
	FLAG("crl_url", crl_url, .fallback = "true", .help = "the issuer's CRL distribution point"),
	FLAG("ocsp_url", ocsp_url, .fallback = "true", .help = "the OCSP responder's URL"),
	FLAG("ca_issuers_url", ca_issuers_url, .fallback = "true",
		.help = "the URL of the issuer's certificate"),
};

const struct yaml_table profile_table = {rows, ARRAY_LEN(rows)};
