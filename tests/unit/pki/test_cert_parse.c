/* Certificates are read strictly: what OpenSSL made, and what nobody should. */
#include "lib/pki/ext.h"
#include "tests/unit/pki/cert_spec.h"

static void
test_openssls_certificates_are_read(void)
{
	struct bytes der = test_file("data/cert-openssl.der"),
		     root = test_file("data/root-openssl.der");
	struct pki_sans want = SANS("dns:a.example", "ip:10.0.0.1", "email:a@b.c");
	struct pki_cert c = {0}, r = {0};

	CHECK_OK(pki_cert_parse(der, A(), &c));
	CHECK(pki_sans_equal(&c.sans, &want) && !c.san_critical);
	CHECK(c.has_eku && c.eku == (PKI_EKU_SERVER_AUTH | PKI_EKU_OCSP_SIGNING) && c.ocsp_nocheck);
	CHECK(bytes_equal(c.crl_url, BYTES_LIT("http://a/b")));
	CHECK(bytes_equal(c.ocsp_url, BYTES_LIT("http://o/")) &&
		bytes_equal(c.ca_issuers_url, BYTES_LIT("http://c/")));
	CHECK(c.name_constraints.n > 0 && c.spki.type == PKI_KEY_RSA &&
		c.sig_alg == PKI_SIG_RSA_SHA256);
	CHECK_OK(pki_cert_parse(root, A(), &r));
	CHECK(r.is_ca && r.path_len == -1 &&
		r.key_usage == (PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN));
	CHECK_OK(pki_cert_verify_issued_by(&r, &r));
	CHECK_REASON(pki_cert_verify_issued_by(&c, &r), ERR_INVALID, "another name");
	free((void *)der.p);
	free((void *)root.p);
}

static void
test_every_flipped_octet_of_a_tbs_changes_or_refuses(void)
{
	struct pki_cert_spec spec = workload_spec();
	AUTO(EVP_PKEY) key = fixed_key(CA_KEY);
	struct bytes der = {0};
	uint8_t *octets;

	CHECK_OK(issue(&spec, &der, NULL));
	octets = malloc(der.n);
	memcpy(octets, der.p, der.n);
	for (size_t i = 0; i < der.n; i++) {
		AUTO_STRUCT(arena) a = arena_new(0);
		struct pki_cert c;

		octets[i] ^= 0x01;
		if (pki_cert_parse(bytes_of(octets, der.n), a, &c) == ERR_OK)
			CHECK_CASE(pki_verify(key, c.sig_alg, c.tbs, c.signature) != ERR_OK,
				arena_printf(A(), "octet %zu", i));
		octets[i] ^= 0x01;
	}
	free(octets);
}

static struct bytes
with_extension(struct bytes ext)
{
	AUTO(EVP_PKEY) key = fixed_key(CA_KEY);
	AUTO_BUF(out, PKI_CERT_MAX);
	struct pki_signer s;

	pki_signer_software(key, PKI_KEY_ED25519, &s);
	CHECK_OK(pki_sign(&s,
		SEQ(hex("a003020102 020101 300506032b6570"), dn("ca"),
			SEQ(hex("170d3236303130313030303030305a 170d3237303130313030303030305a")),
			dn("x"), hex(P256_SPKI), TLV(0xa3, SEQ(ext))),
		&out));
	return arena_bytes(A(), buf_bytes(&out));
}

static void
test_bad_extensions_are_refused(void)
{
	static const struct {
		const char *name, *oid, *critical, *value;
	} cases[] = {
		{"unknown critical", "2a0304", "0101ff", "0500"},
		{"critical policies", "551d20", "0101ff", "3000"},
		{"empty extKeyUsage", "551d25", "", "3000"},
		{"empty subjectKeyIdentifier", "551d0e", "", "0400"},
		{"empty cRLDistributionPoints", "551d1f", "", "3000"},
		{"empty authorityInfoAccess", "2b06010505070101", "", "3000"},
		{"nocheck that is no NULL", "2b0601050507300105", "", "3000"},
		{"nameConstraints without subtree", "551d1e", "0101ff", "3000"},
		{"nameConstraints with minimum", "551d1e", "0101ff",
			"300c a00a 3008 8203 612e62 800101"},
		{"nameConstraints with a bad mask", "551d1e", "0101ff",
			"300e a00c 300a 8708 0a000000 ff00ff00"},
		{"nameConstraints with host bits", "551d1e", "0101ff",
			"300e a00c 300a 8708 0a000001 ff000000"},
		{"nameConstraints with a directoryName", "551d1e", "0101ff",
			"3008 a006 3004 a402 3000"},
		{"nameConstraints of a dot", "551d1e", "0101ff", "3007 a005 3003 82012e"},
		{"empty subtrees", "551d1e", "0101ff", "3002 a000"},
		{"negative path length", "551d13", "0101ff", "3006 0101ff 0201ff"},
		{"octets after keyUsage", "551d0f", "0101ff", "03020780 00"},
		{"keyUsage as OCTET STRING", "551d0f", "0101ff", "0401 80"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes ext = SEQ(TLV(DER_OID, hex(cases[i].oid)), hex(cases[i].critical),
			TLV(DER_OCTET_STRING, hex(cases[i].value)));
		struct pki_cert c;

		CHECK_CASE(
			pki_cert_parse(with_extension(ext), A(), &c) == ERR_INVALID, cases[i].name);
		CHECK_CASE(err_word() == WORD_BAD_CERTIFICATE, cases[i].name);
	}
	CHECK_OK(pki_cert_parse(
		with_extension(hex("3009 06032a0304 0402 0500")), A(), &(struct pki_cert){0}));
}

static void
test_certificates_out_of_bounds_are_refused(void)
{
	struct pki_cert c;
	struct bytes good = with_extension(hex("3009 06032a0304 0402 0500"));

	CHECK_ERR(pki_cert_parse(NOTHING, A(), &c), ERR_INVALID);
	CHECK_ERR(pki_cert_parse(JOIN(good, hex("00")), A(), &c), ERR_INVALID);
	CHECK_REASON(pki_cert_parse(
			     SEQ(bytes_of(arena_alloc(A(), PKI_CERT_MAX), PKI_CERT_MAX)), A(), &c),
		ERR_INVALID, "16384");
	for (size_t i = 0; i < good.n; i++)
		CHECK_ERR(pki_cert_parse(bytes_of(good.p, i), A(), &c), ERR_INVALID);
}

static void
test_the_outer_fields_belong_to_the_inner(void)
{
	struct bytes good = with_extension(hex("3009 06032a0304 0402 0500")), tbs, alg, signature;
	struct pki_cert c = {0};

	CHECK_OK(pki_cert_parse(good, A(), &c));
	tbs = c.tbs;
	alg = hex("300506032b6570");
	signature = TLV(DER_BIT_STRING, hex("00"), c.signature);
	CHECK_OK(pki_cert_parse(SEQ(tbs, alg, signature), A(), &c));
	CHECK_REASON(pki_cert_parse(SEQ(tbs, hex("300a06082a8648ce3d040302"), signature), A(), &c),
		ERR_INVALID, "algorithms differ");
	CHECK_REASON(pki_cert_parse(SEQ(tbs, alg, signature, hex("0500")), A(), &c), ERR_INVALID,
		"too many");
}

UNIT_MAIN("pki-cert-parse",
	{"test_openssls_certificates_are_read", test_openssls_certificates_are_read},
	{"test_every_flipped_octet_of_a_tbs_changes_or_refuses",
		test_every_flipped_octet_of_a_tbs_changes_or_refuses},
	{"test_bad_extensions_are_refused", test_bad_extensions_are_refused},
	{"test_certificates_out_of_bounds_are_refused",
		test_certificates_out_of_bounds_are_refused},
	{"test_the_outer_fields_belong_to_the_inner", test_the_outer_fields_belong_to_the_inner})
