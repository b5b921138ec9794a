/* Every member of a ceremony plan, one row each; reading, refusals and the manual page are made
 * from them. What looks at two members is plan.c's part. */
#include "ca/ceremony/plan_table.h"

#include "lib/base/words.h"

enum {
	TEXT_MAX = 200,
	SUBJECT_MAX = 64,
	PATH_LENGTH_MAX = 1000,
	URL_MAX = 500,
	LIST_MAX = 100,
	REVOKED_MAX = 1000,
	ROOT_DAYS_MAX = 10950,
	ISSUING_DAYS_MAX = 5475,
	CRL_DAYS_MAX = 400
};

#define SECTION(name, ...)                                                                         \
	{                                                                                          \
		.path = name, .type = YAML_SECTION, __VA_ARGS__                                    \
	}
#define VALUE(member, kind, c_type, ...)                                                           \
	{                                                                                          \
		.path = #member, .type = kind, .at = YAML_AT(c_type, struct plan_file, member),    \
		__VA_ARGS__                                                                        \
	}
#define TEXT(member, most, ...)                                                                    \
	VALUE(member, YAML_TEXT, const char *, .min = 1, .max = (most), __VA_ARGS__)
#define FILE_PATH(member, ...) TEXT(member, PATH_LENGTH_MAX, __VA_ARGS__)
#define DAYS(member, most, ...)                                                                    \
	VALUE(member, YAML_NUMBER, uint32_t, .min = 1, .max = (most), __VA_ARGS__)
#define TEXTS(member, ...)                                                                         \
	VALUE(member, YAML_TEXTS, const char *const *,                                             \
		.count_at = offsetof(struct plan_file, member##_count), .min = 1, .max = LIST_MAX, \
		__VA_ARGS__)
#define SUBJECT(member)                                                                            \
	SECTION(#member, .need = YAML_REQUIRED, .help = "the distinguished name"),                 \
		TEXT(member.common_name, SUBJECT_MAX, .need = YAML_REQUIRED, .help = "CN"),        \
		TEXT(member.organization, SUBJECT_MAX, .help = "O"),                               \
		TEXT(member.organizational_unit, SUBJECT_MAX, .help = "OU"),                       \
		TEXT(member.country, 2, .form = &form_country, .help = "C")
#define REVOKED(member, least, most, ...)                                                          \
	{                                                                                          \
		.path = "crl.revoked.*." #member, .type = YAML_TEXT,                               \
		.at = YAML_AT(const char *, struct plan_revoked, member), .min = (least),          \
		.max = (most), __VA_ARGS__                                                         \
	}
#define REFUSED(name, why)                                                                         \
	{                                                                                          \
		.path = name, .type = YAML_REFUSED, .help = why                                    \
	}

static bool
is_country(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2 && text[2] == '\0';
}

static const char *
key_name(unsigned i)
{
	return pki_key_type_name((enum pki_key_type)i);
}

static const struct yaml_form form_country = {
	.matches = is_country, .wanted = "a country code of two capital letters"};
static const struct words key_types = {key_name, PKI_KEY_RSA + 1}; /* libp11 sees no others */

static const struct yaml_row rows[] = {
	TEXT(ceremony, TEXT_MAX, .help = "a title, which the evidence records"),
	TEXTS(operators, .help = "who is present, which the evidence records"),

	SECTION("token", .help = "the PKCS#11 token"),
	FILE_PATH(token.module, .need = YAML_REQUIRED, .help = "the PKCS#11 module of the system"),
	FILE_PATH(token.module_config, .help = "SoftHSM's configuration; leave it out for others"),
	TEXT(token.label, 32, .need = YAML_REQUIRED, .help = "of the token"),
	FILE_PATH(token.pin_file, .need = YAML_REQUIRED,
		.help = "holds the PIN in one line; must not be readable by others (mode 0600)"),
	FILE_PATH(token.so_pin_file,
		.help = "holds the security officer's PIN, for \"ca-ceremony token\""),
	REFUSED("token.pin", "a PIN is never written in a plan; name a file with pin_file"),
	REFUSED("token.so_pin", "a PIN is never written in a plan; name a file with so_pin_file"),
	REFUSED("token.token", "the token is named by label"),

	SECTION("key", .help = "the CA's key in the token"),
	TEXT(key.label, SUBJECT_MAX, .need = YAML_REQUIRED, .help = "CKA_LABEL"),
	VALUE(key.type, YAML_WORD, enum pki_key_type, .words = &key_types,
		.help = "of a key to be made: p384 for a root and p256 for an issuing CA when left out"),
	VALUE(key.rsa_bits, YAML_NUMBER, uint32_t, .min = 3072, .max = 4096,
		.help = "of an RSA key: 3072 or 4096"),

	FILE_PATH(issuer_certificate, .help = "the root's, for \"sign\" and \"crl\""),

	SECTION("root", .help = "the root to be made"),
	SUBJECT(root.subject),
	DAYS(root.days, ROOT_DAYS_MAX, .fallback = "7300", .help = "days it lasts"),
	FILE_PATH(root.certificate, .need = YAML_REQUIRED, .help = "where it is written"),
	REFUSED("root.path_length", "a root has no path length limit"),

	SECTION("crl", .help = "the root's CRL"),
	FILE_PATH(crl.file, .need = YAML_REQUIRED, .help = "where it is written"),
	FILE_PATH(crl.previous, .help = "the CRL this one follows"),
	DAYS(crl.days, CRL_DAYS_MAX, .fallback = "180",
		.help = "days until the next one must be there"),
	VALUE(crl.revoked, YAML_LIST, struct plan_revoked *,
		.count_at = offsetof(struct plan_file, crl.revoked_count),
		.size = sizeof(struct plan_revoked), .min = 1, .max = REVOKED_MAX,
		.help = "every revoked certificate, those of the previous CRL too"),
	REVOKED(serial, 2, 40, .need = YAML_REQUIRED, .help = "in hexadecimal"),
	REVOKED(date, 1, TEXT_MAX, .need = YAML_REQUIRED, .help = "like 2026-11-21T12:00:00Z"),
	REVOKED(reason, 1, TEXT_MAX,
		.help = "a CRLReason like cACompromise (RFC 5280 section 5.3.1)"),
	REFUSED("crl.number", "the number is made from the time and the previous CRL"),

	SECTION("request", .help = "the request of an issuing CA"),
	SUBJECT(request.subject),
	FILE_PATH(request.file, .need = YAML_REQUIRED, .help = "where it is written"),

	SECTION("sign", .help = "the certificate of an issuing CA"),
	FILE_PATH(sign.csr, .need = YAML_REQUIRED, .help = "its request"),
	VALUE(sign.csr_key_sha256, YAML_TEXT, const char *, .min = 64, .max = 64,
		.help = "SHA-256 of the request's public key, from the paper of its ceremony"),
	SUBJECT(sign.subject),
	DAYS(sign.days, ISSUING_DAYS_MAX, .fallback = "1825", .help = "days it lasts"),
	FILE_PATH(sign.certificate, .need = YAML_REQUIRED, .help = "where it is written"),
	TEXT(sign.crl_url, URL_MAX, .help = "where the root's CRL will be"),
	TEXT(sign.ca_issuers_url, URL_MAX, .help = "where the root's certificate will be"),
	SECTION("sign.name_constraints",
		.help = "names that relying parties accept from it; any when left out"),
	TEXTS(sign.name_constraints.permitted,
		.help = "written dns:example.org, ip:10.0.0.0/8, email:example.org, uri:example.org"),
	TEXTS(sign.name_constraints.excluded, .help = "exceptions, written alike"),
	REFUSED("sign.path_length", "an issuing CA always has path length 0"),

	FILE_PATH(evidence,
		.help = "what was done, step by step; its signature is written beside it, with .sig"),
};

const struct yaml_table plan_table = {rows, ARRAY_LEN(rows)};
