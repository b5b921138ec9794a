/* The configuration's shape for libcyaml, and loading it; see config.h. Values are judged in
 * config_values.c. */
#include "lib/base/config.h"

#include <stdlib.h>

#include "lib/base/config_rules.h"
#include "lib/base/yaml.h"

enum { TEXT_MAX = 1024 };

#define REQUIRED_TEXT(key, type, member)                                                           \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, TEXT_MAX)
#define OPTIONAL_TEXT(key, type, member)                                                           \
	CYAML_FIELD_STRING_PTR(                                                                    \
		key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, TEXT_MAX)
#define DURATION(key, type, member)                                                                \
	CYAML_FIELD_STRING_PTR(                                                                    \
		key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member##_text, 1, 32)
#define NUMBER(key, type, member) CYAML_FIELD_UINT(key, CYAML_FLAG_OPTIONAL, type, member)
#define FLAG(key, type, member) CYAML_FIELD_BOOL(key, CYAML_FLAG_OPTIONAL, type, member)
#define SECTION(key, member, fields)                                                               \
	CYAML_FIELD_MAPPING(key, CYAML_FLAG_OPTIONAL, struct config, member, fields)
#define REQUIRED_SECTION(key, member, fields)                                                      \
	CYAML_FIELD_MAPPING(key, CYAML_FLAG_DEFAULT, struct config, member, fields)
#define OPTIONAL_LIST(key, type, member, entry, max)                                               \
	CYAML_FIELD_SEQUENCE(                                                                      \
		key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, entry, 0, max)
#define REQUIRED_LIST(key, type, member, entry, max)                                               \
	CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER, type, member, entry, 1, max)

static const cyaml_schema_value_t text_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

static const cyaml_schema_field_t database_fields[] = {
	OPTIONAL_TEXT("host", struct config_database, host),
	NUMBER("port", struct config_database, port),
	OPTIONAL_TEXT("name", struct config_database, name),
	OPTIONAL_TEXT("sslmode", struct config_database, sslmode),
	OPTIONAL_TEXT("passfile", struct config_database, passfile),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t hsm_fields[] = {
	OPTIONAL_TEXT("module", struct config_hsm, module),
	OPTIONAL_TEXT("module_config", struct config_hsm, module_config),
	REQUIRED_TEXT("token", struct config_hsm, token),
	OPTIONAL_TEXT("pin_file", struct config_hsm, pin_file),
	CYAML_FIELD_INT("pin_fd", CYAML_FLAG_OPTIONAL, struct config_hsm, pin_fd),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t signer_fields[] = {
	NUMBER("processes", struct config_signer, processes),
	NUMBER("batch", struct config_signer, batch),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t issuer_fields[] = {
	REQUIRED_TEXT("name", struct config_issuer, name),
	REQUIRED_TEXT("key", struct config_issuer, key),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t issuer_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_issuer, issuer_fields)};

static const cyaml_schema_field_t enroll_fields[] = {
	OPTIONAL_TEXT("address", struct config_enroll, address),
	NUMBER("port", struct config_enroll, port),
	REQUIRED_LIST("base_urls", struct config_enroll, base_urls, &text_schema, 16),
	REQUIRED_LIST("names", struct config_enroll, names, &text_schema, 32),
	OPTIONAL_TEXT("profile", struct config_enroll, profile),
	NUMBER("workers", struct config_enroll, workers),
	NUMBER("queue", struct config_enroll, queue),
	NUMBER("connections", struct config_enroll, connections),
	NUMBER("connections_per_address", struct config_enroll, connections_per_address),
	DURATION("request_deadline", struct config_enroll, request_deadline),
	DURATION("idle_timeout", struct config_enroll, idle_timeout),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t public_fields[] = {
	OPTIONAL_TEXT("address", struct config_public, address),
	NUMBER("port", struct config_public, port),
	REQUIRED_TEXT("base_url", struct config_public, base_url),
	NUMBER("connections", struct config_public, connections),
	NUMBER("connections_per_address", struct config_public, connections_per_address),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t acme_fields[] = {
	OPTIONAL_TEXT("default_profile", struct config_acme, default_profile),
	DURATION("order_lifetime", struct config_acme, order_lifetime),
	DURATION("authorization_lifetime", struct config_acme, authorization_lifetime),
	DURATION("finalize_wait", struct config_acme, finalize_wait),
	DURATION("nonce_lifetime", struct config_acme, nonce_lifetime),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t label_fields[] = {
	REQUIRED_TEXT("name", struct config_est_label, name),
	REQUIRED_TEXT("profile", struct config_est_label, profile),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t label_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_est_label, label_fields)};

static const cyaml_schema_field_t est_fields[] = {
	OPTIONAL_TEXT("default_profile", struct config_est, default_profile),
	DURATION("wait", struct config_est, wait),
	DURATION("retry_after", struct config_est, retry_after),
	OPTIONAL_LIST("labels", struct config_est, labels, &label_schema, 64),
	OPTIONAL_LIST("wrap_user_agents", struct config_est, wrap_user_agents, &text_schema, 32),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t validator_fields[] = {
	OPTIONAL_LIST("allow", struct config_validator, allow, &text_schema, 256),
	OPTIONAL_LIST("deny", struct config_validator, deny, &text_schema, 256),
	FLAG("allow_special", struct config_validator, allow_special),
	NUMBER("http_port", struct config_validator, http_port),
	OPTIONAL_LIST("resolver", struct config_validator, resolver, &text_schema, 8),
	DURATION("timeout", struct config_validator, timeout),
	NUMBER("concurrency", struct config_validator, concurrency),
	NUMBER("attempts", struct config_validator, attempts),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t crl_fields[] = {
	DURATION("lifetime", struct config_crl, lifetime),
	DURATION("refresh", struct config_crl, refresh),
	DURATION("backdate", struct config_crl, backdate),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t ocsp_fields[] = {
	DURATION("validity", struct config_ocsp, validity),
	OPTIONAL_TEXT("profile", struct config_ocsp, profile),
	DURATION("backdate", struct config_ocsp, backdate),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t metrics_fields[] = {
	OPTIONAL_TEXT("address", struct config_metrics, address),
	NUMBER("port", struct config_metrics, port),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t launcher_fields[] = {
	FLAG("users", struct config_launcher, users),
	CYAML_FIELD_END,
};

static const cyaml_strval_t log_formats[] = {{"kv", LOG_FORMAT_KV}, {"json", LOG_FORMAT_JSON}};
static const cyaml_strval_t log_levels[] = {
	{"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warning", LOG_WARNING}, {"error", LOG_ERROR}};
static const cyaml_schema_field_t log_fields[] = {
	CYAML_FIELD_ENUM("format", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_log,
		format, log_formats, ARRAY_LEN(log_formats)),
	CYAML_FIELD_ENUM("level", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct config_log, level,
		log_levels, ARRAY_LEN(log_levels)),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t config_fields[] = {
	OPTIONAL_TEXT("instance", struct config, instance),
	OPTIONAL_TEXT("run_directory", struct config, run_directory),
	OPTIONAL_TEXT("state_directory", struct config, state_directory),
	OPTIONAL_TEXT("profiles", struct config, profiles),
	SECTION("database", database, database_fields),
	REQUIRED_SECTION("hsm", hsm, hsm_fields),
	SECTION("signer", signer, signer_fields),
	REQUIRED_LIST("issuers", struct config, issuers, &issuer_schema, 16),
	REQUIRED_SECTION("enroll", enroll, enroll_fields),
	REQUIRED_SECTION("public", public, public_fields),
	SECTION("acme", acme, acme_fields),
	SECTION("est", est, est_fields),
	SECTION("validator", validator, validator_fields),
	SECTION("crl", crl, crl_fields),
	SECTION("ocsp", ocsp, ocsp_fields),
	SECTION("metrics", metrics, metrics_fields),
	SECTION("launcher", launcher, launcher_fields),
	SECTION("log", log, log_fields),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t config_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, config_fields)};

static const struct yaml_hint hints[] = {
	{"hsm.pin",
		"a PIN does not belong in the configuration; write it to a file only the signer can read and name that "
		"with \"pin_file\""},
	{"hsm.so_pin", "no program needs the security officer's PIN"},
	{"database.password",
		"a password does not belong in the configuration; name a libpq password file with \"passfile\""},
	{"database.user",
		"each program logs in with its own role (chancery_gateway, ...); remove it"},
	{"database.role_prefix",
		"the schema names its roles chancery_owner, chancery_gateway and so on; remove it"},
	{NULL, NULL},
};

enum err
config_load(const char *path, struct config **out)
{
	AUTO_STRUCT(config) c = NULL;
	struct yaml_doc *doc;
	void *data = NULL;
	enum err e = yaml_load_checked(path, &config_schema, hints, &data, &doc);

	if (e == ERR_NOTFOUND)
		return err_context(e, "configuration");
	if (e != ERR_OK)
		return e;
	c = data;
	c->doc = doc;
	e = config_values_apply(c);
	if (e != ERR_OK)
		return e;
	*out = c;
	c = NULL;
	return ERR_OK;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	yaml_doc_free(c->doc);
	yaml_data_free(&config_schema, c);
}

enum err
config_duration_parse(const char *text, int64_t *seconds)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	enum { DIGITS_MAX = 9 };
	const int64_t max = INT64_C(10) * 366 * 86400;
	size_t digits = strspn(text, "0123456789");

	for (size_t i = 0; i < ARRAY_LEN(units) && digits > 0 && digits <= DIGITS_MAX; i++) {
		int64_t value;

		if (text[digits] != units[i].letter || text[digits + 1] != '\0')
			continue;
		value = strtoll(text, NULL, 10) * units[i].seconds;
		if (value > max)
			return err_set(ERR_INVALID, "\"%s\" is longer than ten years", text);
		*seconds = value;
		return ERR_OK;
	}
	return err_set(ERR_INVALID, "\"%s\" is not a duration like 30s, 5m, 8h or 7d", text);
}
