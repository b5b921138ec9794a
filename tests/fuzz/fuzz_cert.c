/*
 * Certificates, what the linter makes of their TBSCertificate, and CRLs with a walk over their
 * entries. What the linter passes, the parser reads.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/pki/crl.h"
#include "lib/pki/ext.h"

static void
walk_crl(struct bytes der)
{
	enum pki_reason reason;
	struct pki_crl crl;
	struct bytes serial;
	struct der at;
	int64_t t;
	enum err e;

	if (pki_crl_parse(der, &crl) != ERR_OK)
		return;
	at = der_open(crl.entries);
	do {
		const uint8_t *before = at.p;

		e = pki_crl_entry_next(&at, &serial, &t, &reason);
		HOLDS((e == ERR_OK) == (at.p > before));
	} while (e == ERR_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes in = bytes_of(data, size);
	struct pki_cert cert;

	walk_crl(in);
	if (pki_cert_parse(in, a, &cert) != ERR_OK)
		return 0;
	HOLDS(bytes_equal(cert.der, in));
	if (lint_tbs(cert.tbs, cert.sig_alg, a) == ERR_OK)
		HOLDS(cert.serial.n == PKI_SERIAL_SIZE &&
			(cert.subject_key_id.n > 0 || !cert.is_ca));
	return 0;
}
