/* Bodies both ways: what base64 may look like, and that answers are one line or short lines of the
 * same octets. */
#include "est/internal.h"
#include "lib/base/hex.h"
#include "tests/unit/unit.h"

static struct bytes
request(struct arena *a)
{
	AUTO(EVP_PKEY) key = NULL;
	AUTO_BUF(out, PKI_CSR_MAX);
	struct pki_signer signer;
	struct pki_sans names = {arena_alloc(a, sizeof(struct pki_san)), 1};
	struct bytes subject, spki;

	CHECK_OK(pki_san_from_text(BYTES_LIT("dns:a.example.org"), a, names.item));
	CHECK_OK(pki_key_generate_p256(&key));
	CHECK_OK(pki_spki_from_pkey(key, a, &spki));
	CHECK_OK(pki_name_build(&(struct pki_name_parts){.common_name = "a"}, a, &subject));
	pki_signer_software(key, PKI_KEY_P256, &signer);
	CHECK_OK(pki_csr_build(subject, &names, spki, &signer, &out));
	return arena_bytes(a, buf_bytes(&out));
}

static void
test_both_shapes_of_lines_decode_to_the_same_request(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes der = request(a), one = est_encode(a, der, EST_ONE_LINE),
		     wrapped = est_encode(a, der, EST_WRAPPED);
	struct pki_csr csr;

	CHECK(memchr(one.p, '\n', one.n) == NULL);
	CHECK(wrapped.n == one.n + (one.n + 63) / 64 && wrapped.p[wrapped.n - 1] == '\n');
	for (size_t i = 64; i < wrapped.n; i += 65)
		CHECK(wrapped.p[i] == '\n');
	CHECK_OK(est_csr_decode(a, one, &csr));
	CHECK(bytes_equal(csr.der, der));
	CHECK_OK(est_csr_decode(a, wrapped, &csr));
	CHECK(bytes_equal(csr.der, der) && csr.sans.count == 1);
}

static void
test_a_line_that_fits_exactly_has_no_empty_line_behind(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	uint8_t octets[96] = {0};

	CHECK(est_encode(a, bytes_of(octets, 48), EST_WRAPPED).n == 65);
	CHECK(est_encode(a, bytes_of(octets, 96), EST_WRAPPED).n == 130);
	CHECK(est_encode(a, bytes_of(octets, 49), EST_WRAPPED).n == 70);
}

static void
test_what_is_no_base64_of_a_request_is_refused_by_name(void)
{
	static const struct {
		const char *what, *body, *word;
	} cases[] = {
		{"a letter outside the alphabet", "MII*", "bad-base64"},
		{"base64url", "-_-_", "bad-base64"},
		{"padding missing", "MIIBAA", "bad-base64"},
		{"text behind the padding", "MIIBAA==MIIB", "bad-base64"},
		{"PEM", "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n",
			"bad-base64"},
		{"raw DER", "0\x82\x01\x01\x01", "bad-base64"},
		{"nothing", "", "bad-csr"},
		{"white space", " \r\n\t", "bad-csr"},
		{"no request", "MAA=", "bad-csr"},
	};
	AUTO_STRUCT(arena) a = arena_new(0);
	struct pki_csr csr;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CHECK_CASE(est_csr_decode(a, bytes_str(cases[i].body), &csr) == ERR_INVALID,
			cases[i].what);
		CHECK_CASE(strcmp(err_word_text(err_word()), cases[i].word) == 0, cases[i].what);
	}
}

static void
test_octets_behind_the_request_are_refused(void)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes der = request(a);
	uint8_t *more = arena_alloc(a, der.n + 1);
	struct pki_csr csr;

	memcpy(more, der.p, der.n);
	CHECK_ERR(est_csr_decode(a, est_encode(a, bytes_of(more, der.n + 1), EST_ONE_LINE), &csr),
		ERR_INVALID);
	CHECK_OK(est_csr_decode(a, est_encode(a, bytes_of(more, der.n), EST_ONE_LINE), &csr));
}

UNIT_MAIN("body",
	{"test_both_shapes_of_lines_decode_to_the_same_request",
		test_both_shapes_of_lines_decode_to_the_same_request},
	{"test_a_line_that_fits_exactly_has_no_empty_line_behind",
		test_a_line_that_fits_exactly_has_no_empty_line_behind},
	{"test_what_is_no_base64_of_a_request_is_refused_by_name",
		test_what_is_no_base64_of_a_request_is_refused_by_name},
	{"test_octets_behind_the_request_are_refused", test_octets_behind_the_request_are_refused})
