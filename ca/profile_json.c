/* The definition of a profile as it is in force, defaults included, with the words of the profile
 * file. */
#include "ca/profile_json.h"

#include "lib/base/json.h"
#include "lib/store/identity.h"

static const char *
key_word(unsigned i)
{
	return pki_key_type_name((enum pki_key_type)i);
}

static const char *
kind_word(unsigned i)
{
	return identity_kind_name((enum identity_kind)i);
}

static const char *
protocol_word(unsigned i)
{
	return ca_protocol_name((enum ca_protocol)i);
}

static const char *
san_word(unsigned i)
{
	return pki_san_type_name((enum pki_san_type)i);
}

static const char *
usage_word(unsigned i)
{
	static const char *const name[] = {"digitalSignature", "contentCommitment",
		"keyEncipherment", "dataEncipherment", "keyAgreement"};

	return name[i];
}

static const char *
extended_word(unsigned i)
{
	static const char *const name[] = {"serverAuth", "clientAuth", "codeSigning",
		"emailProtection", "timeStamping", "OCSPSigning"};

	return name[i];
}

static json_t *
words(unsigned set, unsigned count, const char *(*word)(unsigned))
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		if (set & 1U << i)
			json_array_append_new(list, json_string(word(i)));
	return list;
}

static json_t *
strings(const char *const *item, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(item[i]));
	return list;
}

static json_t *
subject(const struct ca_profile *p)
{
	static const char *const common_name[] = {[CA_CN_IDENTITY] = "identity",
		[CA_CN_FIRST_NAME] = "first-name",
		[CA_CN_NONE] = "none"};

	return json_pack("{s:s, s:s, s:s*, s:s*}", "common_name", common_name[p->common_name],
		"serial_number",
		p->serial_number == CA_SUBJECT_SERIAL_IDENTITY ? "identity" : "none",
		"organization", p->organization, "organizational_unit", p->organizational_unit);
}

static json_t *
names(const struct ca_profile *p)
{
	return json_pack("{s:o, s:o, s:i, s:i, s:s}", "types",
		words(p->name_types, PKI_SAN_TYPE_COUNT, san_word), "permitted",
		strings(p->permitted, p->permitted_count), "min", (int)p->names_min, "max",
		(int)p->names_max, "wildcards",
		p->wildcards == CA_WILDCARDS_ALLOWED ? "allowed" : "refused");
}

const char *
ca_profile_json(struct arena *a, const struct ca_profile *p)
{
	AUTO(json_t) top = json_pack("{s:s, s:s, s:s*}", "name", p->name, "description",
		p->description, "issuer", p->issuer);
	AUTO(json_t) rest = json_pack(
		"{s:o, s:o, s:o, s:i, s:I, s:I, s:I, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b}",
		"requesters", words(p->requesters, IDENTITY_KIND_COUNT, kind_word), "protocols",
		words(p->protocols, CA_PROTOCOL_COUNT, protocol_word), "keys",
		words(p->keys, PKI_KEY_TYPE_COUNT, key_word), "rsa_min_bits", (int)p->rsa_min_bits,
		"lifetime", (json_int_t)p->lifetime, "max_lifetime", (json_int_t)p->max_lifetime,
		"backdate", (json_int_t)p->backdate, "renew_expired", (json_int_t)p->renew_expired,
		"same_key_renewal", p->same_key == CA_SAME_KEY_ALLOWED, "key_usage",
		words(p->key_usage, 5, usage_word), "rsa_key_usage",
		words(p->rsa_key_usage, 5, usage_word), "extended_key_usage",
		words(p->eku, 6, extended_word), "subject", subject(p), "names", names(p),
		"ocsp_nocheck", p->ocsp_nocheck, "crl_url", p->crl_url, "ocsp_url", p->ocsp_url,
		"ca_issuers_url", p->ca_issuers_url);

	json_object_update(top, rest);
	return json_text(a, top);
}
