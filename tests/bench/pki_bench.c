/*
 * Microseconds of CPU per operation of lib/pki, one thread, printed beside the bare signature and
 * verification of the same run. Not a test: figures depend on the machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/pki/crl.h"
#include "lib/pki/csr.h"
#include "lib/pki/ext.h"

struct world {
	struct arena *arena;
	EVP_PKEY *key;
	struct pki_signer signer, null_signer;
	struct bytes spki, csr, tbs, cert, message, signature;
	struct pki_cert_spec spec;
	uint8_t serial[PKI_SERIAL_SIZE];
};

static void
must(enum err e)
{
	if (e == ERR_OK)
		return;
	fprintf(stderr, "%s\n", err_reason());
	exit(1);
}

/* Stands for an HSM that takes no time: what remains is this folder's own work. */
static enum err
sign_with_nothing(void *ctx, struct bytes data, struct buf *signature)
{
	static const uint8_t zeros[71];

	(void)ctx;
	(void)data;
	return buf_append(signature, zeros, sizeof(zeros));
}

static struct bytes
keep(struct world *w, struct buf *b)
{
	struct bytes kept = arena_bytes(w->arena, buf_bytes(b));

	buf_clear(b);
	return kept;
}

static struct bytes
build_tbs(const struct world *w, struct arena *a)
{
	struct derw d;
	struct bytes tbs;

	derw_init(&d, arena_alloc(a, PKI_CERT_MAX), PKI_CERT_MAX);
	cert_tbs_put(&d, &w->spec, PKI_SIG_ECDSA_SHA256);
	must(derw_done(&d, &tbs));
	return tbs;
}

static void
make_world(struct world *w)
{
	static const char *const names[] = {
		"dns:a.example", "dns:b.example", "uri:spiffe://example/a"};
	struct pki_name_parts issuer = {.common_name = "Issuing CA", .organization = "Example"};
	struct pki_name_parts subject = {.common_name = "device-1"};
	struct pki_spki spki;
	AUTO_BUF(out, PKI_CERT_MAX);

	w->arena = arena_new(0);
	must(pki_key_generate_p256(&w->key));
	pki_signer_software(w->key, PKI_KEY_P256, &w->signer);
	w->null_signer = w->signer;
	w->null_signer.sign = sign_with_nothing;
	must(pki_spki_from_pkey(w->key, w->arena, &w->spki));
	must(pki_spki_parse(w->spki, &spki));
	w->spec = (struct pki_cert_spec){.serial = bytes_of(w->serial, sizeof(w->serial)),
		.spki = w->spki,
		.not_before = 1800000000,
		.not_after = 1800028800,
		.key_usage = PKI_KU_DIGITAL_SIGNATURE,
		.eku = PKI_EKU_CLIENT_AUTH | PKI_EKU_SERVER_AUTH,
		.path_len = -1,
		.subject_key_id = bytes_of("01234567890123456789", 20),
		.authority_key_id = bytes_of("98765432109876543210", 20),
		.crl_url = "http://pki.example/a.crl",
		.ocsp_url = "http://pki.example/ocsp",
		.ca_issuers_url = "http://pki.example/a.cer"};
	pki_serial_new(w->serial);
	must(pki_name_build(&issuer, w->arena, &w->spec.issuer));
	must(pki_name_build(&subject, w->arena, &w->spec.subject));
	w->spec.sans.item = arena_array(w->arena, ARRAY_LEN(names), sizeof(*w->spec.sans.item));
	w->spec.sans.count = ARRAY_LEN(names);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		must(pki_san_from_text(bytes_str(names[i]), w->arena, &w->spec.sans.item[i]));
	must(pki_csr_build(w->spec.subject, &w->spec.sans, w->spki, &w->signer, &out));
	w->csr = keep(w, &out);
	w->tbs = build_tbs(w, w->arena);
	must(w->signer.sign(w->key, w->tbs, &out));
	w->signature = keep(w, &out);
	must(pki_cert_issue(&w->spec, &w->signer, w->arena, &w->cert, NULL));
}

static void
csr_parse(struct world *w, struct arena *a)
{
	struct pki_csr csr;

	must(pki_csr_parse(w->csr, a, &csr));
}

static void
build(struct world *w, struct arena *a)
{
	(void)build_tbs(w, a);
}

static void
lint(struct world *w, struct arena *a)
{
	must(lint_tbs(w->tbs, PKI_SIG_ECDSA_SHA256, a));
}

static void
parse(struct world *w, struct arena *a)
{
	struct pki_cert cert;

	must(pki_cert_parse(w->cert, a, &cert));
}

static void
issue_unsigned(struct world *w, struct arena *a)
{
	struct bytes der;

	must(pki_cert_issue(&w->spec, &w->null_signer, a, &der, NULL));
}

static void
issue(struct world *w, struct arena *a)
{
	struct bytes der;

	must(pki_cert_issue(&w->spec, &w->signer, a, &der, NULL));
}

static void
sign(struct world *w, struct arena *a)
{
	AUTO_BUF(out, 128);

	(void)a;
	must(w->signer.sign(w->key, w->tbs, &out));
}

static void
verify(struct world *w, struct arena *a)
{
	(void)a;
	must(pki_verify(w->key, PKI_SIG_ECDSA_SHA256, w->tbs, w->signature));
}

static void
make_key(struct world *w, struct arena *a)
{
	AUTO(EVP_PKEY) key = NULL;
	struct pki_spki spki;

	(void)a;
	must(pki_spki_parse(w->spki, &spki));
	must(pki_spki_pkey(&spki, &key));
}

static void
crl_of_1000(struct world *w, struct arena *a)
{
	AUTO_BUF(entries, 1 << 20);
	AUTO_BUF(out, 1 << 20);
	struct pki_crl_spec spec = {.issuer = w->spec.issuer,
		.authority_key_id = w->spec.authority_key_id,
		.number = 1,
		.this_update = 1800000000,
		.next_update = 1800086400};

	(void)a;
	for (int i = 0; i < 1000; i++)
		must(pki_crl_entry_append(
			&entries, w->spec.serial, 1800000000 - i, PKI_REASON_SUPERSEDED));
	spec.entries = buf_bytes(&entries);
	must(pki_crl_build(&spec, &w->signer, &out));
}

static const struct {
	const char *name;
	void (*run)(struct world *w, struct arena *a);
	int times;
} rows[] = {
	{"P-256 sign (software)", sign, 4000},
	{"P-256 verify, key ready", verify, 2000},
	{"SPKI to EVP_PKEY, P-256", make_key, 4000},
	{"CSR parse with proof of possession", csr_parse, 2000},
	{"build TBSCertificate", build, 40000},
	{"lint TBSCertificate", lint, 40000},
	{"parse certificate", parse, 40000},
	{"issue without signature", issue_unsigned, 20000},
	{"issue with software signature", issue, 4000},
	{"CRL of 1000 entries, signed", crl_of_1000, 200},
};

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int
main(void)
{
	struct world w = {0};
	struct arena *a = arena_new(0);

	make_world(&w);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		double start = cpu_us();

		for (int k = 0; k < rows[i].times; k++) {
			arena_reset(a);
			rows[i].run(&w, a);
		}
		printf("%-36s %8.2f us\n", rows[i].name, (cpu_us() - start) / rows[i].times);
	}
	arena_free(a);
	arena_free(w.arena);
	EVP_PKEY_free(w.key);
	return 0;
}
