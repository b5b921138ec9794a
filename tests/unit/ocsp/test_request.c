/* OCSP requests: ocsp/CHECKS.md 3 to 23 as far as they are about octets. OpenSSL makes the honest
 * ones. */
#include <openssl/ocsp.h>
#include <openssl/rand.h>

#include "lib/base/hex.h"
#include "lib/base/random.h"
#include "ocsp/request.h"
#include "tests/unit/unit.h"

static const uint8_t serial16[16] = {0x5a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff};

/* A request of OpenSSL for `count` serials, with a nonce of nonce_n octets (0: none), in a static
 * buffer. */
static struct bytes
make_request(const EVP_MD *md, int count, int nonce_n)
{
	static uint8_t der[8192];
	uint8_t *p = der, nonce[200] = {7};
	X509_NAME *name = X509_NAME_new();
	ASN1_BIT_STRING *key = ASN1_BIT_STRING_new();
	OCSP_REQUEST *req = OCSP_REQUEST_new();
	int n;

	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"Issuing", -1, -1, 0);
	ASN1_BIT_STRING_set(key, (uint8_t *)(uintptr_t) "key octets", 10);
	for (int i = 0; i < count; i++) {
		BIGNUM *bn = BN_bin2bn(serial16, 16, NULL);
		ASN1_INTEGER *serial;

		BN_add_word(bn, (BN_ULONG)i);
		serial = BN_to_ASN1_INTEGER(bn, NULL);
		OCSP_request_add0_id(req, OCSP_cert_id_new(md, name, key, serial));
		ASN1_INTEGER_free(serial);
		BN_free(bn);
	}
	if (nonce_n > 0)
		OCSP_request_add1_nonce(req, nonce, nonce_n);
	n = i2d_OCSP_REQUEST(req, &p);
	OCSP_REQUEST_free(req);
	ASN1_BIT_STRING_free(key);
	X509_NAME_free(name);
	return bytes_of(der, (size_t)n);
}

static void
test_openssl_requests_are_read(void)
{
	struct ocsp_request r;
	uint8_t digest[32];

	CHECK_OK(ocsp_request_parse(make_request(EVP_sha1(), 1, 16), &r));
	CHECK(r.count == 1 && r.id[0].hash == OCSP_SHA1 && r.nonce.n == 16 && !r.unanswerable);
	CHECK(bytes_equal(r.id[0].serial, bytes_of(serial16, 16)));
	sha1(BYTES_LIT("key octets"), digest);
	CHECK(bytes_equal(r.id[0].key_hash, bytes_of(digest, 20)));
	CHECK_OK(ocsp_request_parse(make_request(EVP_sha256(), 3, 0), &r));
	CHECK(r.count == 3 && r.id[2].hash == OCSP_SHA256 && r.nonce.n == 0);
}

static void
test_unknown_hash_is_unanswerable_not_malformed(void)
{
	struct ocsp_request r;

	CHECK_OK(ocsp_request_parse(make_request(EVP_sha384(), 1, 0), &r));
	CHECK(r.unanswerable);
}

static void
test_nonce_length_is_bounded(void)
{
	static const struct {
		int n;
		enum err expected;
	} cases[] = {{1, ERR_OK}, {16, ERR_OK}, {32, ERR_OK}, {128, ERR_OK}, {129, ERR_INVALID}};
	struct ocsp_request r;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_ERR(ocsp_request_parse(make_request(EVP_sha1(), 1, cases[i].n), &r),
			cases[i].expected);
}

static void
test_count_of_certificates_is_bounded(void)
{
	struct ocsp_request r;

	CHECK_OK(ocsp_request_parse(make_request(EVP_sha1(), OCSP_IDS_MAX, 0), &r));
	CHECK_REASON(ocsp_request_parse(make_request(EVP_sha1(), OCSP_IDS_MAX + 1, 0), &r),
		ERR_INVALID, "more than 16");
	CHECK_ERR(ocsp_request_parse(make_request(EVP_sha1(), 0, 0), &r), ERR_INVALID);
}

static void
test_damaged_requests_are_refused(void)
{
	static const struct {
		const char *name, *hex, *words;
	} cases[] = {
		{"empty", "", ""},
		{"an empty list", "3004300230 00", "empty requestList"},
		{"version 2", "30 09 3007 a003 020101 3000", "only v1"},
		{"indefinite length", "3080 3002 3000 0000", ""},
		{"trailing octet", "3004 3002 3000 00", "OCSPRequest"},
		{"list is not a sequence", "3004 3002 0500", "requestList"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ocsp_request r;
		uint8_t der[64];
		char packed[128];
		size_t n = 0;

		for (const char *p = cases[i].hex; *p != '\0'; p++)
			if (*p != ' ')
				packed[n++] = *p;
		CHECK_OK(hex_decode(bytes_of(packed, n), der, sizeof(der), &n));
		CHECK_CASE(ocsp_request_parse(bytes_of(der, n), &r) == ERR_INVALID, cases[i].name);
		CHECK_CASE(strstr(err_reason(), cases[i].words) != NULL, cases[i].name);
	}
}

/* Every truncation and every trailing octet of a good request is refused. */
static void
test_requests_are_consumed_exactly(void)
{
	struct bytes good = make_request(EVP_sha256(), 1, 32);
	uint8_t longer[1024] = {0};
	struct ocsp_request r;

	for (size_t n = 0; n < good.n; n++)
		CHECK_ERR(ocsp_request_parse(bytes_of(good.p, n), &r), ERR_INVALID);
	memcpy(longer, good.p, good.n);
	CHECK_ERR(ocsp_request_parse(bytes_of(longer, good.n + 1), &r), ERR_INVALID);
}

static void
test_get_paths_are_decoded_as_clients_send_them(void)
{
	static const struct {
		const char *name, *path;
		enum err expected;
	} cases[] = {
		{"plain", "AAEC+/8=", ERR_OK},
		{"escaped", "AAEC%2B%2F8%3D", ERR_OK},
		{"lower-case escapes", "AAEC%2b%2f8%3d", ERR_OK},
		{"base64url without padding", "AAEC-_8", ERR_OK},
		{"leading slashes", "//AAEC+/8=", ERR_OK},
		{"an escaped leading slash", "%2FAAEC+/8=", ERR_OK},
		{"space for plus by form decoding", "AAEC%20/8=", ERR_OK},
		{"white space", "AAEC +/8=", ERR_INVALID},
		{"a broken escape", "AAEC%2", ERR_INVALID},
		{"data after padding", "AAEC+/8=AA", ERR_INVALID},
		{"one character left", "AAECA", ERR_INVALID},
		{"not base64", "AAEC!", ERR_INVALID},
		{"three padding characters", "AAEC===", ERR_INVALID},
	};
	static const uint8_t expected[] = {0, 1, 2, 0xfb, 0xff};
	uint8_t room[OCSP_REQUEST_MAX];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes der = {NULL, 0};
		enum err e = ocsp_get_decode(cases[i].path, room, &der);

		CHECK_CASE(e == cases[i].expected, cases[i].name);
		if (e == ERR_OK)
			CHECK_CASE(bytes_equal(der, bytes_of(expected, sizeof(expected))),
				cases[i].name);
	}
}

static void
test_double_slashes_inside_are_data(void)
{
	static const uint8_t expected[] = {0xff, 0xff, 0xff};
	uint8_t room[OCSP_REQUEST_MAX];
	struct bytes der;

	/* "////" is three octets of ones; a leading slash is not (boulder#884 became an outage). */
	CHECK_OK(ocsp_get_decode("AAAA////", room, &der));
	CHECK(der.n == 6 && memcmp(der.p + 3, expected, 3) == 0);
}

static void
test_too_long_paths_are_refused(void)
{
	static char path[2 * OCSP_REQUEST_MAX];
	uint8_t room[OCSP_REQUEST_MAX];
	struct bytes der;

	memset(path, 'A', sizeof(path) - 1);
	CHECK(ocsp_get_decode(path, room, &der) != ERR_OK);
}

UNIT_MAIN("ocsp request", {"test_openssl_requests_are_read", test_openssl_requests_are_read},
	{"test_unknown_hash_is_unanswerable_not_malformed",
		test_unknown_hash_is_unanswerable_not_malformed},
	{"test_nonce_length_is_bounded", test_nonce_length_is_bounded},
	{"test_count_of_certificates_is_bounded", test_count_of_certificates_is_bounded},
	{"test_damaged_requests_are_refused", test_damaged_requests_are_refused},
	{"test_requests_are_consumed_exactly", test_requests_are_consumed_exactly},
	{"test_get_paths_are_decoded_as_clients_send_them",
		test_get_paths_are_decoded_as_clients_send_them},
	{"test_double_slashes_inside_are_data", test_double_slashes_inside_are_data},
	{"test_too_long_paths_are_refused", test_too_long_paths_are_refused})
