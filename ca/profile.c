/*
 * Reads the profile file: words become bits and seconds, everything is checked for sense, and what
 * is wrong is refused with file, line and the words allowed. A profile that loads can be issued
 * from.
 */
#include "ca/profile.h"

#include <stdlib.h>

#include "ca/profile_json.h"
#include "ca/profile_raw.h"
#include "lib/base/duration.h"
#include "lib/store/identity.h"

enum {
	RSA_MIN_BITS = 2048,
	RSA_MAX_BITS = 4096,
	NAME_MAX_LENGTH = 64,
	BACKDATE_MAX = DAY,
	LIFETIME_MIN = 10
};

static const char *const protocol_name[CA_PROTOCOL_COUNT] = {
	[CA_PROTOCOL_EST] = "est",
	[CA_PROTOCOL_ACME] = "acme",
	[CA_PROTOCOL_ADMIN] = "admin",
	[CA_PROTOCOL_INTERNAL] = "internal",
};

const char *
ca_protocol_name(enum ca_protocol p)
{
	return protocol_name[p];
}

enum err
ca_protocol_parse(const char *text, enum ca_protocol *out)
{
	for (unsigned i = 0; i < CA_PROTOCOL_COUNT; i++)
		if (strcmp(text, protocol_name[i]) == 0) {
			*out = (enum ca_protocol)i;
			return ERR_OK;
		}
	return err_set(
		ERR_INVALID, "unknown protocol \"%s\"; allowed: est, acme, admin, internal", text);
}

/* What a list or a choice may say, and the number each word stands for. End-entity usages only: a
 * profile that could ask for keyCertSign would make every mistake in it a CA. */
struct word {
	const char *text;
	unsigned value;
};
struct vocabulary {
	const struct word *word;
	size_t count;
};
#define VOCABULARY(name, ...)                                                                      \
	static const struct word name##_words[] = {__VA_ARGS__};                                   \
	static const struct vocabulary name = {name##_words, ARRAY_LEN(name##_words)}

VOCABULARY(kinds, {"workload", 1 << IDENTITY_WORKLOAD}, {"device", 1 << IDENTITY_DEVICE},
	{"user", 1 << IDENTITY_USER}, {"operator", 1 << IDENTITY_OPERATOR},
	{"service", 1 << IDENTITY_SERVICE});
VOCABULARY(protocols, {"est", 1 << CA_PROTOCOL_EST}, {"acme", 1 << CA_PROTOCOL_ACME},
	{"admin", 1 << CA_PROTOCOL_ADMIN}, {"internal", 1 << CA_PROTOCOL_INTERNAL});
VOCABULARY(key_types, {"p256", 1 << PKI_KEY_P256}, {"p384", 1 << PKI_KEY_P384},
	{"rsa", 1 << PKI_KEY_RSA}, {"ed25519", 1 << PKI_KEY_ED25519});
VOCABULARY(key_usages, {"digitalSignature", PKI_KU_DIGITAL_SIGNATURE},
	{"contentCommitment", PKI_KU_CONTENT_COMMITMENT},
	{"keyEncipherment", PKI_KU_KEY_ENCIPHERMENT},
	{"dataEncipherment", PKI_KU_DATA_ENCIPHERMENT}, {"keyAgreement", PKI_KU_KEY_AGREEMENT});
VOCABULARY(extended_usages, {"serverAuth", PKI_EKU_SERVER_AUTH},
	{"clientAuth", PKI_EKU_CLIENT_AUTH}, {"codeSigning", PKI_EKU_CODE_SIGNING},
	{"emailProtection", PKI_EKU_EMAIL_PROTECTION}, {"timeStamping", PKI_EKU_TIME_STAMPING},
	{"OCSPSigning", PKI_EKU_OCSP_SIGNING});
VOCABULARY(name_types, {"dns", 1 << PKI_SAN_DNS}, {"ip", 1 << PKI_SAN_IP},
	{"uri", 1 << PKI_SAN_URI}, {"email", 1 << PKI_SAN_EMAIL}, {"other", 1 << PKI_SAN_OTHER});
VOCABULARY(common_names, {"identity", CA_CN_IDENTITY}, {"first-name", CA_CN_FIRST_NAME},
	{"none", CA_CN_NONE});
VOCABULARY(subject_serials, {"none", CA_SUBJECT_SERIAL_NONE},
	{"identity", CA_SUBJECT_SERIAL_IDENTITY});
VOCABULARY(wildcards, {"refused", CA_WILDCARDS_REFUSED}, {"allowed", CA_WILDCARDS_ALLOWED});

/* One profile being read: where it stands in the file, and where its memory lives. */
struct reader {
	const struct yaml_doc *doc;
	struct arena *arena;
	unsigned index;
};

static const char *
path_of(const struct reader *r, const char *key)
{
	return arena_printf(r->arena, "profiles.%u.%s", r->index, key);
}

static bool
present(const struct reader *r, const char *key)
{
	return yaml_present(r->doc, path_of(r, key));
}

static const char *
allowed_words(const struct vocabulary *v, struct arena *a)
{
	const char *list = v->word[0].text;

	for (size_t i = 1; i < v->count; i++)
		list = arena_printf(a, "%s, %s", list, v->word[i].text);
	return list;
}

static enum err
read_word(const struct reader *r, const char *key, const char *text, const struct vocabulary *v,
	unsigned *out)
{
	for (size_t i = 0; i < v->count; i++)
		if (strcmp(text, v->word[i].text) == 0) {
			*out = v->word[i].value;
			return ERR_OK;
		}
	return yaml_refuse(r->doc, path_of(r, key), "\"%s\" is not known here; allowed: %s", text,
		allowed_words(v, r->arena));
}

static enum err
read_set(const struct reader *r, const char *key, char *const *item, uint32_t count,
	const struct vocabulary *v, unsigned *out)
{
	unsigned set = 0;

	for (uint32_t i = 0; i < count; i++) {
		const char *element = arena_printf(r->arena, "%s.%u", key, i);
		unsigned bit;
		enum err e = read_word(r, element, item[i], v, &bit);

		if (e != ERR_OK)
			return e;
		if (set & bit)
			return yaml_refuse(r->doc, path_of(r, element),
				"\"%s\" stands here twice; allowed: each word once", item[i]);
		set |= bit;
	}
	*out = set;
	return ERR_OK;
}

static enum err
read_duration(
	const struct reader *r, const char *key, const char *text, int64_t absent, int64_t *out)
{
	if (text == NULL) {
		*out = absent;
		return ERR_OK;
	}
	if (duration_parse(text, out) != ERR_OK)
		return yaml_refuse(r->doc, path_of(r, key),
			"\"%s\" is not a duration; allowed: 30s, 5m, 8h, 7d", text);
	return ERR_OK;
}

static const char *
copy(const struct reader *r, const char *text)
{
	return text == NULL ? NULL : arena_strdup(r->arena, text);
}

static enum err
read_texts(const struct reader *r, const struct raw_profile *raw, struct ca_profile *p)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	if (strlen(raw->name) > NAME_MAX_LENGTH || raw->name[strspn(raw->name, alphabet)] != '\0')
		return yaml_refuse(r->doc, path_of(r, "name"),
			"profile name \"%s\" does not fit; allowed: 1 to %d of a-z 0-9 -",
			raw->name, NAME_MAX_LENGTH);
	p->name = copy(r, raw->name);
	p->description = raw->description != NULL ? copy(r, raw->description) : "";
	p->issuer = copy(r, raw->issuer);
	return ERR_OK;
}

static enum err
read_keys(const struct reader *r, const struct raw_profile *raw, struct ca_profile *p)
{
	enum err e = read_set(r, "keys", raw->keys, raw->keys_count, &key_types, &p->keys);

	if (e != ERR_OK)
		return e;
	p->rsa_min_bits = present(r, "rsa_min_bits") ? raw->rsa_min_bits : RSA_MIN_BITS;
	if (p->rsa_min_bits < RSA_MIN_BITS || p->rsa_min_bits > RSA_MAX_BITS)
		return yaml_refuse(r->doc, path_of(r, "rsa_min_bits"),
			"%u does not fit; allowed: %d to %d", p->rsa_min_bits, RSA_MIN_BITS,
			RSA_MAX_BITS);
	p->same_key = !present(r, "same_key_renewal") || raw->same_key_renewal
		? CA_SAME_KEY_ALLOWED
		: CA_SAME_KEY_REFUSED;
	return ERR_OK;
}

static enum err
read_usages(const struct reader *r, const struct raw_profile *raw, struct ca_profile *p)
{
	unsigned usage, rsa_usage, extended;
	enum err e;

	if ((e = read_set(r, "key_usage", raw->key_usage, raw->key_usage_count, &key_usages,
		     &usage)) != ERR_OK ||
		(e = read_set(r, "rsa_key_usage", raw->rsa_key_usage, raw->rsa_key_usage_count,
			 &key_usages, &rsa_usage)) != ERR_OK ||
		(e = read_set(r, "extended_key_usage", raw->extended_key_usage,
			 raw->extended_key_usage_count, &extended_usages, &extended)) != ERR_OK)
		return e;
	p->key_usage = usage;
	p->rsa_key_usage = raw->rsa_key_usage_count > 0 ? rsa_usage : usage;
	p->eku = extended;
	return ERR_OK;
}

static enum err
read_times(const struct reader *r, const struct raw_profile *raw, struct ca_profile *p)
{
	enum err e;

	if ((e = read_duration(r, "lifetime", raw->lifetime, 0, &p->lifetime)) != ERR_OK ||
		(e = read_duration(r, "max_lifetime", raw->max_lifetime, p->lifetime,
			 &p->max_lifetime)) != ERR_OK ||
		(e = read_duration(r, "backdate", raw->backdate, 0, &p->backdate)) != ERR_OK ||
		(e = read_duration(r, "renew_expired", raw->renew_expired, 0, &p->renew_expired)) !=
			ERR_OK)
		return e;
	if (p->lifetime < LIFETIME_MIN)
		return yaml_refuse(r->doc, path_of(r, "lifetime"),
			"a lifetime of %s is too short; allowed: 10s or more", raw->lifetime);
	if (p->max_lifetime < p->lifetime)
		return yaml_refuse(r->doc, path_of(r, "max_lifetime"),
			"%s is shorter than lifetime; allowed: %s or more", raw->max_lifetime,
			raw->lifetime);
	if (p->backdate > BACKDATE_MAX)
		return yaml_refuse(r->doc, path_of(r, "backdate"),
			"%s is too long; allowed: up to 1d", raw->backdate);
	if (p->renew_expired != 0)
		return yaml_refuse(r->doc, path_of(r, "renew_expired"),
			"renew_expired: expired certificates are refused in the TLS handshake; allowed: 0s");
	return ERR_OK;
}

static enum err
read_subject(const struct reader *r, const struct raw_subject *raw, struct ca_profile *p)
{
	unsigned common_name = CA_CN_IDENTITY, serial = CA_SUBJECT_SERIAL_NONE;
	enum err e;

	if (raw != NULL && raw->common_name != NULL &&
		(e = read_word(r, "subject.common_name", raw->common_name, &common_names,
			 &common_name)) != ERR_OK)
		return e;
	if (raw != NULL && raw->serial_number != NULL &&
		(e = read_word(r, "subject.serial_number", raw->serial_number, &subject_serials,
			 &serial)) != ERR_OK)
		return e;
	p->common_name = (enum ca_common_name)common_name;
	p->serial_number = (enum ca_subject_serial)serial;
	p->organization = raw != NULL ? copy(r, raw->organization) : NULL;
	p->organizational_unit = raw != NULL ? copy(r, raw->organizational_unit) : NULL;
	return ERR_OK;
}

static enum err
read_permitted(const struct reader *r, const struct raw_names *raw, struct ca_profile *p)
{
	const char **list = arena_array(r->arena, raw->permitted_count, sizeof(*list));

	for (uint32_t i = 0; i < raw->permitted_count; i++) {
		const char *element = arena_printf(r->arena, "names.permitted.%u", i),
			   *colon = strchr(raw->permitted[i], ':');
		enum pki_san_type type;

		if (pki_pattern_check(bytes_str(raw->permitted[i])) != ERR_OK)
			return yaml_refuse(r->doc, path_of(r, element),
				"%s; allowed: dns:host, dns:*.suffix, dns:**.suffix, "
				"ip:10.0.0.0/8, uri:prefix*, email:*@domain",
				err_reason());
		if (pki_san_type_parse(
			    bytes_of(raw->permitted[i], (size_t)(colon - raw->permitted[i])),
			    &type) != ERR_OK ||
			!(p->name_types & 1U << type))
			return yaml_refuse(r->doc, path_of(r, element),
				"\"%s\" is of a type that names.types does not have",
				raw->permitted[i]);
		list[i] = arena_strdup(r->arena, raw->permitted[i]);
	}
	p->permitted = list;
	p->permitted_count = raw->permitted_count;
	return ERR_OK;
}

static enum err
read_names(const struct reader *r, const struct raw_names *raw, struct ca_profile *p)
{
	unsigned wildcard = CA_WILDCARDS_REFUSED;
	enum err e;

	if (raw == NULL)
		return ERR_OK; /* a certificate without names */
	if ((e = read_set(r, "names.types", raw->types, raw->types_count, &name_types,
		     &p->name_types)) != ERR_OK ||
		(raw->wildcards != NULL &&
			(e = read_word(r, "names.wildcards", raw->wildcards, &wildcards,
				 &wildcard)) != ERR_OK) ||
		(e = read_permitted(r, raw, p)) != ERR_OK)
		return e;
	p->wildcards = (enum ca_wildcards)wildcard;
	p->names_min = raw->min;
	p->names_max = present(r, "names.max") ? raw->max : p->name_types != 0 ? 20 : 0;
	if (p->names_max > PKI_SANS_MAX || (p->name_types == 0 && p->names_max > 0))
		return yaml_refuse(r->doc, path_of(r, "names.max"),
			"%u does not fit; allowed: up to %d, 0 without types", p->names_max,
			p->name_types != 0 ? PKI_SANS_MAX : 0);
	if (p->names_min > p->names_max)
		return yaml_refuse(r->doc, path_of(r, "names.min"),
			"%u is more than names.max; allowed: up to %u", p->names_min, p->names_max);
	return ERR_OK;
}

static void
read_urls(const struct reader *r, const struct raw_profile *raw, struct ca_profile *p)
{
	p->ocsp_nocheck = raw->ocsp_nocheck;
	p->crl_url = !present(r, "crl_url") || raw->crl_url;
	p->ocsp_url = !present(r, "ocsp_url") || raw->ocsp_url;
	p->ca_issuers_url = !present(r, "ca_issuers_url") || raw->ca_issuers_url;
}

/* What no single key gets wrong. */
static enum err
check_sense(const struct reader *r, const struct ca_profile *p)
{
	bool nameless = p->common_name == CA_CN_NONE &&
		p->serial_number == CA_SUBJECT_SERIAL_NONE && p->organization == NULL &&
		p->organizational_unit == NULL;

	if (nameless && p->names_min == 0)
		return yaml_refuse(r->doc, path_of(r, "subject"),
			"neither subject nor names would be there "
			"(RFC 5280 section 4.1.2.6); allowed: a subject, or names.min of at least 1");
	if (p->ocsp_nocheck && !(p->eku & PKI_EKU_OCSP_SIGNING))
		return yaml_refuse(r->doc, path_of(r, "ocsp_nocheck"),
			"only a responder may go unchecked "
			"(RFC 6960 section 4.2.2.2.1); allowed: with extended_key_usage OCSPSigning");
	if (p->eku & PKI_EKU_OCSP_SIGNING && p->protocols != 1U << CA_PROTOCOL_INTERNAL)
		return yaml_refuse(r->doc, path_of(r, "protocols"),
			"a responder's certificate speaks for the CA; allowed: internal");
	return ERR_OK;
}

static enum err
read_profile(const struct reader *r, const struct raw_profile *raw, struct ca_profile *p)
{
	enum err e;

	if ((e = read_texts(r, raw, p)) != ERR_OK ||
		(e = read_set(r, "requesters", raw->requesters, raw->requesters_count, &kinds,
			 &p->requesters)) != ERR_OK ||
		(e = read_set(r, "protocols", raw->protocols, raw->protocols_count, &protocols,
			 &p->protocols)) != ERR_OK ||
		(e = read_keys(r, raw, p)) != ERR_OK || (e = read_usages(r, raw, p)) != ERR_OK ||
		(e = read_times(r, raw, p)) != ERR_OK ||
		(e = read_subject(r, raw->subject, p)) != ERR_OK ||
		(e = read_names(r, raw->names, p)) != ERR_OK)
		return e;
	read_urls(r, raw, p);
	return check_sense(r, p);
}

static enum err
read_file(const struct yaml_doc *doc, const struct raw_profiles *raw, struct ca_profiles *out)
{
	struct ca_profile *item = arena_array(out->arena, raw->profiles_count, sizeof(*item));

	for (uint32_t i = 0; i < raw->profiles_count; i++) {
		struct reader r = {.doc = doc, .arena = out->arena, .index = i};
		enum err e = read_profile(&r, &raw->profiles[i], &item[i]);

		if (e != ERR_OK)
			return e;
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(item[i].name, item[j].name) == 0)
				return yaml_refuse(doc, path_of(&r, "name"),
					"profile \"%s\" stands here twice; allowed: each name once",
					item[i].name);
		item[i].json = ca_profile_json(out->arena, &item[i]);
	}
	out->item = item;
	out->count = raw->profiles_count;
	return ERR_OK;
}

static void
free_profiles(struct counted *c)
{
	struct ca_profiles *p = (struct ca_profiles *)c;

	arena_free(p->arena);
	free(p);
}

enum err
ca_profiles_load(const char *path, struct ca_profiles **out)
{
	AUTO_STRUCT(yaml_doc) doc = NULL;
	AUTO_STRUCT(ca_profiles) profiles = NULL;
	void *raw = NULL;
	enum err e = yaml_load_checked(path, &ca_profile_schema, NULL, &raw, &doc);

	if (e != ERR_OK)
		return e;
	profiles = mem_zalloc(1, sizeof(*profiles));
	counted_init(&profiles->counted, free_profiles);
	profiles->arena = arena_new(0);
	e = read_file(doc, raw, profiles);
	yaml_data_free(&ca_profile_schema, raw);
	if (e != ERR_OK)
		return e;
	*out = profiles;
	profiles = NULL;
	return ERR_OK;
}

void
ca_profiles_release(struct ca_profiles *p)
{
	if (p != NULL)
		counted_release(&p->counted);
}

static const struct ca_profile *
find(const struct ca_profiles *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->item[i].name, name) == 0)
			return &p->item[i];
	return NULL;
}

enum err
ca_profiles_get(const struct ca_profiles *p, const char *name, const struct ca_profile **out)
{
	const struct ca_profile *found = find(p, name);

	if (found == NULL) {
		AUTO_STRUCT(arena) a = arena_new(0);
		const char *list = "";

		for (size_t i = 0; i < p->count; i++)
			list = arena_printf(a, "%s%s%s", list, i > 0 ? ", " : "", p->item[i].name);
		return err_set_word(ERR_NOTFOUND, "unknown-profile",
			"there is no profile \"%s\"; there are: %s", name, list);
	}
	*out = found;
	return ERR_OK;
}
