/* Nothing that does not read as it was specified leaves the builder. */
#include "tests/unit/pki/cert_spec.h"

static void
test_a_certificate_is_its_issuers(void)
{
	AUTO(EVP_PKEY) ca_key = fixed_key(CA_KEY);
	struct pki_cert_spec root = root_spec(), leaf = base_spec();
	struct pki_cert ca = {0}, cert = {0};
	struct bytes der;

	root.spki = spki_of(ca_key);
	root.subject_key_id = leaf.authority_key_id;
	CHECK_OK(issue(&root, &der, &ca));
	CHECK_OK(issue(&leaf, &der, &cert));
	CHECK_OK(pki_cert_verify_issued_by(&cert, &ca));
	CHECK_OK(pki_cert_verify_issued_by(&ca, &ca));
	CHECK_REASON(pki_cert_verify_issued_by(&ca, &cert), ERR_INVALID, "another name");

	leaf.authority_key_id = hex(subject_id);
	CHECK_OK(issue(&leaf, &der, &cert));
	CHECK_REASON(pki_cert_verify_issued_by(&cert, &ca), ERR_INVALID, "key identifier");
	leaf = base_spec();
	CHECK_OK(issue(&leaf, &der, &cert));
	ca.key_usage = PKI_KU_CRL_SIGN;
	CHECK_REASON(pki_cert_verify_issued_by(&cert, &ca), ERR_INVALID, "may not sign");
	ca.key_usage = PKI_KU_KEY_CERT_SIGN;
	ca.is_ca = false;
	CHECK_REASON(pki_cert_verify_issued_by(&cert, &ca), ERR_INVALID, "may not sign");
	ca.is_ca = true;
	CHECK_OK(pki_spki_parse(hex(P256_SPKI), &ca.spki));
	CHECK_ERR(pki_cert_verify_issued_by(&cert, &ca), ERR_INVALID);
	CHECK(err_word() == WORD_BAD_SIGNATURE);
}

static enum err
sign_with_too_much(void *ctx, struct bytes data, struct buf *signature)
{
	uint8_t zeros[521] = {0};

	(void)ctx;
	(void)data;
	return buf_append(signature, zeros, sizeof(zeros));
}

static void
test_a_signer_that_misbehaves_gets_no_certificate(void)
{
	struct pki_signer s = {.alg = PKI_SIG_ED25519, .sign = sign_with_too_much};
	struct pki_cert_spec spec = base_spec();
	struct bytes der = NOTHING;

	CHECK_ERR(pki_cert_issue(&spec, &s, A(), &der, NULL), ERR_LIMIT);
	CHECK(der.p == NULL);
}

static void
test_what_the_linter_refuses_is_not_signed(void)
{
	struct pki_signer s = {.alg = PKI_SIG_ED25519, .sign = NULL}; /* calling it would crash */
	struct pki_cert_spec spec = base_spec();
	struct bytes der;

	spec.not_after = spec.not_before;
	CHECK_REASON(
		pki_cert_issue(&spec, &s, A(), &der, NULL), ERR_INVALID, "validity_has_an_extent");
	CHECK(err_word() == WORD_LINT);
}

/* Values that the octets cannot carry come back different, and that is found. */
static void
test_a_specification_that_cannot_be_expressed_is_refused(void)
{
	struct pki_cert_spec spec = base_spec();
	struct bytes der;

	spec.path_len = 3; /* not a CA: ignored by the contract */
	CHECK_OK(issue(&spec, &der, NULL));
	spec = base_spec();
	spec.eku |= PKI_EKU_OTHER;
	CHECK_REASON(issue(&spec, &der, NULL), ERR_INTERNAL, "extended key usage");
	spec = base_spec();
	spec.serial = hex("000102030405060708090a0b0c0d0e0f10");
	CHECK_REASON(issue(&spec, &der, NULL), ERR_INTERNAL, "serial number");
	spec = base_spec();
	spec.not_after = INT64_C(253402300800);
	CHECK_ERR(issue(&spec, &der, NULL), ERR_LIMIT);
	spec = base_spec();
	spec.sans = SANS("dns:a.example");
	spec.sans.item[0].value = BYTES_LIT("A.example");
	CHECK_REASON(issue(&spec, &der, NULL), ERR_INTERNAL, "subject alternative names");
}

static void
test_serials_have_16_octets_and_differ(void)
{
	uint8_t a[PKI_SERIAL_SIZE], b[PKI_SERIAL_SIZE];

	for (int i = 0; i < 2000; i++) {
		pki_serial_new(a);
		pki_serial_new(b);
		CHECK(a[0] >= 0x01 && a[0] <= 0x7f && memcmp(a, b, sizeof(a)) != 0);
	}
}

static void
test_usage_names_are_rfc_5280s(void)
{
	CHECK(strcmp(pki_eku_name(0), "serverAuth") == 0 && PKI_EKU_SERVER_AUTH == 1 << 0);
	CHECK(strcmp(pki_eku_name(5), "OCSPSigning") == 0 && PKI_EKU_OCSP_SIGNING == 1 << 5);
	CHECK(strcmp(pki_key_usage_name(2), "keyEncipherment") == 0);
	CHECK(strcmp(pki_key_usage_name(PKI_KEY_USAGE_LEAF_COUNT - 1), "keyAgreement") == 0);
	CHECK(PKI_KU_KEY_CERT_SIGN == 1 << PKI_KEY_USAGE_LEAF_COUNT);
}

UNIT_MAIN("pki-cert-issue",
	{"test_a_certificate_is_its_issuers", test_a_certificate_is_its_issuers},
	{"test_a_signer_that_misbehaves_gets_no_certificate",
		test_a_signer_that_misbehaves_gets_no_certificate},
	{"test_what_the_linter_refuses_is_not_signed", test_what_the_linter_refuses_is_not_signed},
	{"test_a_specification_that_cannot_be_expressed_is_refused",
		test_a_specification_that_cannot_be_expressed_is_refused},
	{"test_serials_have_16_octets_and_differ", test_serials_have_16_octets_and_differ},
	{"test_usage_names_are_rfc_5280s", test_usage_names_are_rfc_5280s})
