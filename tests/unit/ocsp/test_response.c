/* OCSP responses: built here, read and verified by OpenSSL (ocsp/CHECKS.md 25 to 43). */
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "lib/pki/cert.h"
#include "ocsp/response.h"
#include "tests/unit/unit.h"

enum { NOW = 1767225600 }; /* 2026-01-01, seconds */

static const uint8_t serial16[16] = {0x5a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

struct setup {
	struct arena *arena;
	EVP_PKEY *key;
	struct ocsp_responder responder;
	struct ocsp_issuer_hashes hashes;
};

/* A responder that is its own issuer: enough for OpenSSL to check the signature by the embedded
 * certificate. */
static void
set_up(struct setup *s)
{
	struct pki_name_parts name = {.common_name = "Responder"};
	uint8_t key_id[20];
	struct pki_cert_spec spec = {.serial = bytes_of(serial16, 16),
		.not_before = NOW - 100,
		.not_after = NOW + 86400,
		.key_usage = PKI_KU_DIGITAL_SIGNATURE,
		.eku = PKI_EKU_OCSP_SIGNING,
		.ocsp_nocheck = true,
		.path_len = -1};
	struct pki_spki spki;
	struct pki_cert cert;

	s->arena = arena_new(0);
	CHECK_OK(pki_key_generate_p256(&s->key));
	pki_signer_software(s->key, PKI_KEY_P256, &s->responder.signer);
	CHECK_OK(pki_spki_from_pkey(s->key, s->arena, &spec.spki));
	CHECK_OK(pki_spki_parse(spec.spki, &spki));
	pki_spki_key_id(&spki, key_id);
	CHECK_OK(pki_name_build(&name, s->arena, &spec.subject));
	spec.issuer = spec.subject;
	spec.authority_key_id = spec.subject_key_id = bytes_of(key_id, sizeof(key_id));
	CHECK_OK(pki_cert_issue(&spec, &s->responder.signer, s->arena, &s->responder.cert, &cert));
	memcpy(s->responder.key_hash, key_id, sizeof(key_id));
	s->responder.not_after = spec.not_after;
	ocsp_issuer_hashes_init(&s->hashes, spec.subject, spki.key);
}

static void
tear_down(struct setup *s)
{
	EVP_PKEY_free(s->key);
	arena_free(s->arena);
}

static OCSP_BASICRESP *
build_and_verify(
	struct setup *s, const struct ocsp_single *single, size_t count, struct bytes nonce)
{
	struct ocsp_times times = {NOW, NOW - 60, NOW + 3600};
	AUTO_BUF(der, OCSP_RESPONSE_MAX);
	OCSP_BASICRESP *basic = NULL;
	OCSP_RESPONSE *resp = NULL;
	const uint8_t *p;

	CHECK_OK(
		ocsp_response_build(&s->responder, &s->hashes, single, count, &times, nonce, &der));
	p = der.data;
	resp = d2i_OCSP_RESPONSE(NULL, &p, (long)der.len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(resp);
	CHECK(p == der.data + der.len);
	CHECK(OCSP_response_status(resp) == OCSP_RESPONSE_STATUS_SUCCESSFUL);
	basic = OCSP_response_get1_basic(resp);
	CU_ASSERT_PTR_NOT_NULL_FATAL(basic);
	CHECK(OCSP_basic_verify(basic, NULL, NULL, OCSP_NOVERIFY | OCSP_NOCHECKS) == 1);
	/* NOVERIFY skips the chain only when the signer was found; the signature itself was checked
	 * by the embedded key */
	CHECK(OCSP_resp_get0_certs(basic) != NULL && sk_X509_num(OCSP_resp_get0_certs(basic)) == 1);
	OCSP_RESPONSE_free(resp);
	return basic;
}

static struct ocsp_single
single_with(enum ocsp_hash hash, int status, enum pki_reason reason)
{
	struct ocsp_single s = {
		.hash = hash, .reason = reason, .revoked_at = status == OCSP_REVOKED ? NOW - 5 : 0};

	s.status = status;
	memcpy(s.serial, serial16, sizeof(s.serial));
	return s;
}

static void
test_statuses_are_read_back_by_openssl(void)
{
	static const struct {
		const char *name;
		enum ocsp_hash hash;
		int status;
		enum pki_reason reason;
		int expected, expected_reason;
	} cases[] = {
		{"good sha1", OCSP_SHA1, OCSP_GOOD, PKI_REASON_NONE, V_OCSP_CERTSTATUS_GOOD, -1},
		{"good sha256", OCSP_SHA256, OCSP_GOOD, PKI_REASON_NONE, V_OCSP_CERTSTATUS_GOOD,
			-1},
		{"revoked", OCSP_SHA1, OCSP_REVOKED, PKI_REASON_KEY_COMPROMISE,
			V_OCSP_CERTSTATUS_REVOKED, 1},
		{"no reason", OCSP_SHA1, OCSP_REVOKED, PKI_REASON_NONE, V_OCSP_CERTSTATUS_REVOKED,
			-1},
		{"unspecified is left out", OCSP_SHA256, OCSP_REVOKED, PKI_REASON_UNSPECIFIED,
			V_OCSP_CERTSTATUS_REVOKED, -1},
	};
	struct setup s;

	set_up(&s);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ocsp_single single =
			single_with(cases[i].hash, cases[i].status, cases[i].reason);
		OCSP_BASICRESP *basic = build_and_verify(&s, &single, 1, (struct bytes){NULL, 0});
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, 0);
		ASN1_GENERALIZEDTIME *revoked = NULL, *this_update = NULL, *next_update = NULL;
		int reason = -2,
		    status = OCSP_single_get0_status(
			    one, &reason, &revoked, &this_update, &next_update);

		CHECK_CASE(OCSP_resp_count(basic) == 1, cases[i].name);
		CHECK_CASE(status == cases[i].expected, cases[i].name);
		if (status == V_OCSP_CERTSTATUS_REVOKED)
			CHECK_CASE(reason == cases[i].expected_reason, cases[i].name);
		CHECK_CASE(this_update != NULL &&
				strcmp((const char *)this_update->data, "20251231235900Z") == 0,
			cases[i].name);
		CHECK_CASE(next_update != NULL &&
				strcmp((const char *)next_update->data, "20260101010000Z") == 0,
			cases[i].name);
		OCSP_BASICRESP_free(basic);
	}
	tear_down(&s);
}

static void
test_responder_is_named_by_key(void)
{
	struct setup s;
	struct ocsp_single single;
	const ASN1_OCTET_STRING *id = NULL;
	const X509_NAME *name = NULL;
	OCSP_BASICRESP *basic;

	set_up(&s);
	single = single_with(OCSP_SHA1, OCSP_GOOD, PKI_REASON_NONE);
	basic = build_and_verify(&s, &single, 1, (struct bytes){NULL, 0});
	CHECK(OCSP_resp_get0_id(basic, &id, &name) == 1 && id != NULL && name == NULL);
	CHECK(id != NULL && id->length == 20 && memcmp(id->data, s.responder.key_hash, 20) == 0);
	OCSP_BASICRESP_free(basic);
	tear_down(&s);
}

static void
test_nonce_is_echoed_and_only_when_asked(void)
{
	struct setup s;
	struct ocsp_single single;
	OCSP_BASICRESP *basic;
	int at;

	set_up(&s);
	single = single_with(OCSP_SHA1, OCSP_GOOD, PKI_REASON_NONE);
	basic = build_and_verify(&s, &single, 1, BYTES_LIT("0123456789abcdef"));
	at = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
	CU_ASSERT_FATAL(at >= 0);
	X509_EXTENSION *ext = OCSP_BASICRESP_get_ext(basic, at);
	CHECK(X509_EXTENSION_get_critical(ext) == 0);
	CHECK(X509_EXTENSION_get_data(ext)->length == 18 &&
		memcmp(X509_EXTENSION_get_data(ext)->data,
			"\x04\x10"
			"0123456789abcdef",
			18) == 0);
	OCSP_BASICRESP_free(basic);
	basic = build_and_verify(&s, &single, 1, (struct bytes){NULL, 0});
	CHECK(OCSP_BASICRESP_get_ext_count(basic) == 0);
	OCSP_BASICRESP_free(basic);
	tear_down(&s);
}

static void
test_several_certificates_get_an_answer_each(void)
{
	struct ocsp_single single[OCSP_IDS_MAX];
	OCSP_BASICRESP *basic;
	struct setup s;

	set_up(&s);
	for (int i = 0; i < OCSP_IDS_MAX; i++) {
		single[i] = single_with(OCSP_SHA256, OCSP_GOOD, PKI_REASON_NONE);
		single[i].serial[15] = (uint8_t)i;
	}
	basic = build_and_verify(&s, single, OCSP_IDS_MAX, BYTES_LIT("nonce"));
	CHECK(OCSP_resp_count(basic) == OCSP_IDS_MAX);
	OCSP_BASICRESP_free(basic);
	tear_down(&s);
}

static void
test_changed_octets_break_the_signature(void)
{
	struct ocsp_times times = {NOW, NOW - 60, NOW + 3600};
	struct ocsp_single single;
	struct setup s;
	AUTO_BUF(der, OCSP_RESPONSE_MAX);
	OCSP_RESPONSE *resp;
	const uint8_t *p;
	uint8_t *time;

	set_up(&s);
	single = single_with(OCSP_SHA1, OCSP_GOOD, PKI_REASON_NONE);
	CHECK_OK(ocsp_response_build(
		&s.responder, &s.hashes, &single, 1, &times, (struct bytes){NULL, 0}, &der));
	time = memmem(der.data, der.len, "20260101010000Z", 15);
	CU_ASSERT_PTR_NOT_NULL_FATAL(time);
	time[3] = '7';
	p = der.data;
	resp = d2i_OCSP_RESPONSE(NULL, &p, (long)der.len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(resp);
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(resp);
	CHECK(OCSP_basic_verify(basic, NULL, NULL, OCSP_NOVERIFY | OCSP_NOCHECKS) != 1);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(resp);
	tear_down(&s);
}

static void
test_error_responses_are_five_octets(void)
{
	struct bytes b = ocsp_error_response(OCSP_UNAUTHORIZED);
	const uint8_t *p = b.p;
	OCSP_RESPONSE *resp = d2i_OCSP_RESPONSE(NULL, &p, (long)b.n);

	CHECK(b.n == 5 && resp != NULL &&
		OCSP_response_status(resp) == OCSP_RESPONSE_STATUS_UNAUTHORIZED);
	OCSP_RESPONSE_free(resp);
}

static void
test_issuers_are_matched_by_both_hashes(void)
{
	struct ocsp_issuer_hashes h;
	struct ocsp_cert_id id = {.hash = OCSP_SHA256};

	ocsp_issuer_hashes_init(&h, BYTES_LIT("name"), BYTES_LIT("key"));
	id.name_hash = bytes_of(h.name[OCSP_SHA256], 32);
	id.key_hash = bytes_of(h.key[OCSP_SHA256], 32);
	CHECK(ocsp_issuer_hashes_match(&h, &id));
	id.key_hash = bytes_of(h.name[OCSP_SHA256], 32);
	CHECK(!ocsp_issuer_hashes_match(&h, &id));
	id.key_hash = bytes_of(h.key[OCSP_SHA256], 32);
	id.name_hash = bytes_of(h.key[OCSP_SHA256], 32);
	CHECK(!ocsp_issuer_hashes_match(&h, &id));
}

UNIT_MAIN("ocsp response",
	{"test_statuses_are_read_back_by_openssl", test_statuses_are_read_back_by_openssl},
	{"test_responder_is_named_by_key", test_responder_is_named_by_key},
	{"test_nonce_is_echoed_and_only_when_asked", test_nonce_is_echoed_and_only_when_asked},
	{"test_several_certificates_get_an_answer_each",
		test_several_certificates_get_an_answer_each},
	{"test_changed_octets_break_the_signature", test_changed_octets_break_the_signature},
	{"test_error_responses_are_five_octets", test_error_responses_are_five_octets},
	{"test_issuers_are_matched_by_both_hashes", test_issuers_are_matched_by_both_hashes})
