/* Specifications of the golden certificates, each of a kind, and their issuing. */
#ifndef CHANCERY_TESTS_CERT_SPEC_H
#define CHANCERY_TESTS_CERT_SPEC_H

#include "tests/unit/pki/keys.h"
#include "tests/unit/pki/pki_test.h"

enum { CA_KEY = 1 };

static const char serial_hex[] = "0102030405060708090a0b0c0d0e0f10";
static const char subject_id[] = "000102030405060708090a0b0c0d0e0f10111213";
static const char issuer_id[] = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff00010203";

static inline struct pki_cert_spec
base_spec(void)
{
	return (struct pki_cert_spec){
		.serial = hex(serial_hex),
		.issuer = dn("Issuing CA"),
		.subject = dn("device-1"),
		.spki = hex(P256_SPKI),
		.not_before = 1800000000,
		.not_after = 1800028800,
		.key_usage = PKI_KU_DIGITAL_SIGNATURE,
		.eku = PKI_EKU_CLIENT_AUTH,
		.path_len = -1,
		.subject_key_id = hex(subject_id),
		.authority_key_id = hex(issuer_id),
		.crl_url = "http://pki.example/1.crl",
		.ocsp_url = "http://pki.example/ocsp",
		.ca_issuers_url = "http://pki.example/1.cer",
	};
}

static inline struct pki_cert_spec
workload_spec(void)
{
	struct pki_cert_spec s = base_spec();

	s.subject = dn(NULL);
	s.eku |= PKI_EKU_SERVER_AUTH;
	s.sans = SANS("dns:a.example", "dns:*.b.example", "ip:10.0.0.1", "ip:2001:db8::1",
		"uri:spiffe://x/y", "email:a@example.org", "other:1.3.6.1.4.1.311.20.2.3:0c0161");
	return s;
}

static inline struct pki_cert_spec
rsa_spec(void)
{
	struct pki_cert_spec s = base_spec();

	s.spki = hex(RSA_SPKI);
	s.key_usage |= PKI_KU_KEY_ENCIPHERMENT;
	s.sans = SANS("dns:a.example");
	s.ocsp_url = s.ca_issuers_url = NULL;
	return s;
}

static inline struct pki_cert_spec
root_spec(void)
{
	struct pki_cert_spec s = base_spec();

	s.subject = s.issuer;
	s.spki = hex(P384_SPKI);
	s.not_after = INT64_C(2550000000); /* 2050: GeneralizedTime */
	s.key_usage = PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN;
	s.eku = 0;
	s.is_ca = true;
	s.authority_key_id = NOTHING;
	s.crl_url = s.ocsp_url = s.ca_issuers_url = NULL;
	return s;
}

static inline struct pki_cert_spec
issuing_ca_spec(void)
{
	static struct pki_name_constraints nc;
	static struct pki_san permitted[3], excluded[1];
	struct pki_cert_spec s = root_spec();

	permitted[0] = (struct pki_san){PKI_SAN_DNS, BYTES_LIT("example")};
	permitted[1] = (struct pki_san){PKI_SAN_IP, hex("0a000000 ff000000")};
	permitted[2] = (struct pki_san){PKI_SAN_EMAIL, BYTES_LIT(".example")};
	excluded[0] = (struct pki_san){PKI_SAN_URI, BYTES_LIT(".bad.example")};
	nc = (struct pki_name_constraints){{permitted, 3}, {excluded, 1}};
	s.subject = dn("Lower CA");
	s.path_len = 0;
	s.key_usage |= PKI_KU_DIGITAL_SIGNATURE;
	s.authority_key_id = hex(issuer_id);
	s.name_constraints = &nc;
	return s;
}

static inline struct pki_cert_spec
responder_spec(void)
{
	struct pki_cert_spec s = base_spec();

	s.eku = PKI_EKU_OCSP_SIGNING;
	s.ocsp_nocheck = true;
	s.ocsp_url = NULL;
	return s;
}

static const struct {
	const char *name;
	struct pki_cert_spec (*spec)(void);
} goldens[] = {
	{"workload", workload_spec},
	{"rsa-device", rsa_spec},
	{"root", root_spec},
	{"issuing-ca", issuing_ca_spec},
	{"ocsp-responder", responder_spec},
};

static inline enum err
issue(const struct pki_cert_spec *spec, struct bytes *der, struct pki_cert *parsed)
{
	AUTO(EVP_PKEY) key = fixed_key(CA_KEY);
	struct pki_signer s;

	pki_signer_software(key, PKI_KEY_ED25519, &s);
	return pki_cert_issue(spec, &s, A(), der, parsed);
}

#endif
