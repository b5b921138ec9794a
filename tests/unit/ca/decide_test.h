/* The signer's judgement with a key in memory instead of a token; test_made() comes first,
 * test_cleared() last. */
#ifndef CHANCERY_TESTS_DECIDE_TEST_H
#define CHANCERY_TESTS_DECIDE_TEST_H

#include "ca/signer/decide.h"
#include "lib/base/clock.h"
#include "tests/unit/unit.h"

enum { NOW = 1800000000, HOUR = 3600 };

static struct arena *arena;
static struct ca_profiles *profiles;
static EVP_PKEY *root_key, *ca_key, *subject_key;
static struct pki_signer signer;
static struct ca_issuer issuer = {.id = 7,
	.name = "issuing-1",
	.crl_url = "http://pki.example/crl/issuing-1.crl",
	.ocsp_url = "http://pki.example/ocsp",
	.ca_issuers_url = "http://pki.example/ca/issuing-1.cer"};
static struct ca_issuers issuers = {
	.item = &issuer, .count = 1, .all_count = 1, .first = "issuing-1"};
static struct ca_signing_issuer signing = {.issuer = &issuer, .signer = &signer};
static struct bytes subject_spki;

static inline struct bytes
name_of(const char *common_name)
{
	const struct pki_name_parts parts = {.common_name = common_name};
	struct bytes der;

	CHECK_OK(pki_name_build(&parts, arena, &der));
	return der;
}

struct ca_shape {
	const char *subject, *issuer;
	uint32_t key_usage;
	int64_t not_before, not_after;
};

/* A CA certificate for ca_key, signed by root_key. */
static inline void
make_ca(const struct ca_shape *shape, struct pki_cert *out)
{
	struct pki_signer root;
	struct pki_spki spki;
	struct bytes spki_der, der;
	uint8_t serial[PKI_SERIAL_SIZE], *key_id = arena_alloc(arena, 20);

	pki_signer_software(root_key, PKI_KEY_P256, &root);
	CHECK_OK(pki_spki_from_pkey(ca_key, arena, &spki_der));
	CHECK_OK(pki_spki_parse(spki_der, &spki));
	pki_spki_key_id(&spki, key_id);
	pki_serial_new(serial);
	const struct pki_cert_spec spec = {.serial = {serial, sizeof(serial)},
		.issuer = name_of(shape->issuer),
		.subject = name_of(shape->subject),
		.spki = spki_der,
		.not_before = shape->not_before,
		.not_after = shape->not_after,
		.key_usage = shape->key_usage,
		.is_ca = true,
		.path_len = 0,
		.subject_key_id = {key_id, 20},
		.authority_key_id = {key_id, 20}};
	CHECK_OK(pki_cert_issue(&spec, &root, arena, &der, out));
}

static inline void
test_made(void)
{
	arena = arena_new(0);
	clock_pin(NOW);
	CHECK_OK(ca_profiles_load(SHIPPED_PROFILES, &profiles));
	CHECK_OK(pki_key_generate_p256(&root_key));
	CHECK_OK(pki_key_generate_p256(&ca_key));
	CHECK_OK(pki_key_generate_p256(&subject_key));
	CHECK_OK(pki_spki_from_pkey(subject_key, arena, &subject_spki));
	pki_signer_software(ca_key, PKI_KEY_P256, &signer);
	make_ca(&(struct ca_shape){"Issuing", "Root", PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN,
			NOW - HOUR, NOW + 10000 * HOUR},
		&issuer.cert);
}

static const char *names[] = {"dns:a.example.org"};
static const char *grants[] = {"dns:*.example.org"};

static inline struct store_claim_item
request(void)
{
	return (struct store_claim_item){.id = 1,
		.protocol = CA_PROTOCOL_EST,
		.role = "chancery_gateway",
		.request_id = "r",
		.profile = "device",
		.identity = 3,
		.identity_name = "printer-1",
		.identity_kind = IDENTITY_DEVICE,
		.identity_state = IDENTITY_ACTIVE,
		.requester_active = true,
		.shown_live = true,
		.names = names,
		.name_count = 1,
		.spki = subject_spki,
		.created_at = NOW,
		.grants = grants,
		.grant_count = 1};
}

static inline struct store_claim_item
order(void)
{
	struct store_claim_item r = request();

	r.protocol = CA_PROTOCOL_ACME;
	r.profile = "workload";
	r.identity_kind = IDENTITY_WORKLOAD;
	r.grant_count = 0;
	r.acme_order = "o1";
	r.order_usable = true;
	r.authorized = names;
	r.authorized_count = 1;
	return r;
}

static inline struct decide
judge(void)
{
	return (struct decide){profiles, &issuers, &signing, arena, NOW};
}

static inline void
test_cleared(void)
{
	ca_profiles_release(profiles);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(subject_key);
	arena_free(arena);
	clock_unpin();
	CHECK(clock_now() != NOW);
}

#endif
