/* A request that the gate lets pass, for tests that change one thing in it. */
#ifndef CHANCERY_TESTS_POLICY_TEST_H
#define CHANCERY_TESTS_POLICY_TEST_H

#include "ca/issuers.h"
#include "ca/policy.h"
#include "tests/unit/unit.h"

enum { NOW = 1800000000, HOUR = 3600, ISSUER_END = NOW + 1000 * HOUR };

static struct arena *arena;

static inline struct pki_sans
names_of(const char *const *texts, size_t count)
{
	struct pki_sans sans = {arena_array(arena, count, sizeof(*sans.item)), count};

	for (size_t i = 0; i < count; i++)
		CHECK_OK(pki_san_from_text(bytes_str(texts[i]), arena, &sans.item[i]));
	return sans;
}
#define NAMES(...)                                                                                 \
	names_of((const char *const[]){__VA_ARGS__},                                               \
		ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static const char *const grants[] = {
	"dns:*.example.org", "dns:**.deep.example.org", "ip:10.1.0.0/16", "uri:spiffe://mesh/*"};
static const char *const permitted[] = {
	"dns:**.example.org", "ip:10.0.0.0/8", "uri:spiffe://mesh/*"};

static inline struct ca_profile
profile(void)
{
	return (struct ca_profile){
		.name = "mesh",
		.requesters = 1 << IDENTITY_WORKLOAD,
		.protocols = 1 << CA_PROTOCOL_EST | 1 << CA_PROTOCOL_ACME,
		.keys = 1 << PKI_KEY_P256 | 1 << PKI_KEY_RSA,
		.rsa_min_bits = 3072,
		.lifetime = 8 * HOUR,
		.max_lifetime = 24 * HOUR,
		.backdate = 300,
		.key_usage = PKI_KU_DIGITAL_SIGNATURE,
		.rsa_key_usage = PKI_KU_DIGITAL_SIGNATURE | PKI_KU_KEY_ENCIPHERMENT,
		.eku = PKI_EKU_CLIENT_AUTH,
		.common_name = CA_CN_IDENTITY,
		.name_types = 1 << PKI_SAN_DNS | 1 << PKI_SAN_IP | 1 << PKI_SAN_URI,
		.permitted = permitted,
		.permitted_count = ARRAY_LEN(permitted),
		.names_min = 1,
		.names_max = 3,
		.wildcards = CA_WILDCARDS_REFUSED,
		.crl_url = true,
	};
}

/* A request that passes; each test changes one thing. */
static struct fixture {
	struct ca_profile profile;
	struct pki_spki spki;
	struct pki_sans names;
	struct ca_policy_request r;
} f;

static inline void
set_up(void)
{
	arena = arena_new(0);
	f = (struct fixture){.profile = profile(),
		.spki = {.type = PKI_KEY_P256,
			.bits = 256,
			.der = BYTES_LIT("spki"),
			.key = BYTES_LIT("point")}};
	f.names = NAMES("dns:a.example.org");
	f.r = (struct ca_policy_request){
		.profile = &f.profile,
		.protocol = CA_PROTOCOL_EST,
		.identity_name = "web-1",
		.kind = IDENTITY_WORKLOAD,
		.state = IDENTITY_ACTIVE,
		.spki = &f.spki,
		.names = &f.names,
		.grants = grants,
		.grant_count = ARRAY_LEN(grants),
		.now = NOW,
	};
}

static inline void
tear_down(void)
{
	arena_free(arena);
}

static inline void
refused(const char *what, enum err code, const char *word, const char *reason)
{
	struct ca_validity v;
	enum err e = ca_policy_check(&f.r, ISSUER_END, &v);

	CHECK_CASE(e == code, what);
	CHECK_CASE(strcmp(err_word_text(err_word()), word) == 0, what);
	CHECK_CASE(strstr(err_reason(), reason) != NULL, what);
	if (e != code || strcmp(err_word_text(err_word()), word) != 0 ||
		strstr(err_reason(), reason) == NULL)
		fprintf(stderr, "  %s, word %s: %s\n", err_name(e), err_word_text(err_word()),
			err_reason());
}

#endif
