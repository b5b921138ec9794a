#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include "tests/unit/pki/cert_spec.h"

AUTO_DEFINE(PKCS7, PKCS7_free)

static void
test_certs_only_is_read_by_openssl_in_order(void)
{
	struct pki_cert_spec one = base_spec(), two = root_spec();
	struct bytes certs[2], out = {0}, again = {0}, text = test_file("golden/certs-only.hex");
	const unsigned char *p;
	AUTO(PKCS7) p7 = NULL;
	STACK_OF(X509) * list;

	CHECK_OK(issue(&one, &certs[0], NULL));
	CHECK_OK(issue(&two, &certs[1], NULL));
	CHECK_OK(pki_certs_only(certs, 2, A(), &out));
	CHECK_OK(pki_certs_only(certs, 2, A(), &again));
	CHECK(bytes_equal(out, again));
	CHECK(bytes_equal(out, hex(arena_string(A(), text))));
	if (!bytes_equal(out, hex(arena_string(A(), text))))
		fprintf(stderr, "%s\n", hex_string(A(), out));
	free((void *)text.p);
	p = out.p;
	p7 = d2i_PKCS7(NULL, &p, (long)out.n);
	CHECK(p7 != NULL && p == out.p + out.n && PKCS7_type_is_signed(p7));
	if (p7 == NULL)
		return;
	list = p7->d.sign->cert;
	CHECK(sk_X509_num(list) == 2 && sk_PKCS7_SIGNER_INFO_num(p7->d.sign->signer_info) == 0);
	for (int i = 0; i < 2; i++) {
		unsigned char *der = NULL;
		int n = i2d_X509(sk_X509_value(list, i), &der);

		CHECK(n > 0 && bytes_equal(bytes_of(der, (size_t)n), certs[i]));
		OPENSSL_free(der);
	}
}

static void
test_a_message_has_room_for_hundreds_of_certificates_and_ends_at_its_octets(void)
{
	static uint8_t octets[40000];
	struct bytes certs[300], out;

	for (size_t i = 0; i < ARRAY_LEN(certs); i++)
		certs[i] = bytes_of(octets, 1000);
	CHECK_OK(pki_certs_only(certs, 300, A(), &out));
	CHECK(out.n > 300 * 1000);
	for (size_t i = 0; i < ARRAY_LEN(certs); i++)
		certs[i] = bytes_of(octets, sizeof(octets));
	CHECK_REASON(pki_certs_only(certs, 300, A(), &out), ERR_LIMIT, "octets");
}

UNIT_MAIN("pki-certs-only",
	{"test_certs_only_is_read_by_openssl_in_order",
		test_certs_only_is_read_by_openssl_in_order},
	{"test_a_message_has_room_for_hundreds_of_certificates_and_ends_at_its_octets",
		test_a_message_has_room_for_hundreds_of_certificates_and_ends_at_its_octets})
