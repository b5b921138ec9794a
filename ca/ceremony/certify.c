/*
 * Root and issuing CA certificates (RFC 5280 section 4): root, request and sign. Everything in a
 * certificate comes from the plan; a CSR proves possession of a key and nothing else.
 */
#include "ca/ceremony/ceremony.h"

#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/base/random.h"
#include "lib/pki/csr.h"

/* What all CA certificates share: serial, keyCertSign and cRLSign, identifiers, times from now on.
 */
static void
fill_ca(struct pki_cert_spec *spec, struct arena *a, struct bytes spki_der,
	const struct pki_spki *spki, uint32_t days)
{
	uint8_t *serial = arena_alloc(a, PKI_SERIAL_SIZE), *key_id = arena_alloc(a, SHA1_SIZE);

	pki_serial_new(serial);
	pki_spki_key_id(spki, key_id);
	spec->serial = bytes_of(serial, PKI_SERIAL_SIZE);
	spec->spki = spki_der;
	spec->subject_key_id = bytes_of(key_id, SHA1_SIZE);
	spec->key_usage = PKI_KU_KEY_CERT_SIGN | PKI_KU_CRL_SIGN;
	spec->is_ca = true;
	spec->not_before = clock_now();
	spec->not_after = spec->not_before + plan_days(days) - 1;
}

static void
tell_certificate(struct ceremony *c, const struct pki_cert *cert)
{
	struct arena *a = c->plan->arena;
	char until[CLOCK_RFC3339_SIZE];

	clock_format_rfc3339(cert->not_after, until);
	record_step(c->record, "certified \"%s\", serial %s, until %s",
		pki_name_text(a, cert->subject), hex_string(a, cert->serial), until);
}

static enum err
self_sign(struct ceremony *c, struct pki_cert *root, struct bytes *der)
{
	const struct plan_root *plan = &c->plan->file.root;
	struct arena *a = c->plan->arena;
	struct pki_cert_spec spec = {.path_len = -1};
	struct pki_spki spki;
	enum err e;

	TRY(plan_subject(c->plan, "root.subject", &plan->subject, &spec.subject));
	TRY(pki_spki_parse(ca_key_spki(c->key), &spki));
	fill_ca(&spec, a, ca_key_spki(c->key), &spki, plan->days);
	spec.issuer = spec.subject;
	TRY(pki_cert_issue(&spec, ca_key_signer(c->key), a, der, root));
	if ((e = pki_cert_verify_issued_by(root, root)) != ERR_OK)
		return err_context(e, "the certificate just made");
	tell_certificate(c, root);
	return ERR_OK;
}

/* Words of the plan that would only be looked at after the key is made. */
static enum err
check_root_plan(struct plan *p)
{
	enum pki_key_type type;
	struct bytes subject;

	if (p->file.crl.previous != NULL)
		return yaml_refuse(
			p->doc, "crl.previous", "a new root has no previous CRL; remove it");
	if (p->file.crl.revoked_count > 0)
		return yaml_refuse(p->doc, "crl.revoked",
			"a new root has certified nothing that could be revoked; remove it");
	TRY(plan_key_type(p, PKI_KEY_P384, &type));
	return plan_subject(p, "root.subject", &p->file.root.subject, &subject);
}

enum err
ceremony_root(struct plan *p)
{
	const char *outputs[] = {p->file.root.certificate, p->file.crl.file};

	AUTO_CEREMONY(c);
	struct pki_cert root;
	struct bytes der;

	TRY(check_root_plan(p));
	TRY(ceremony_open(&c, p, "root", outputs, ARRAY_LEN(outputs)));
	TRY(ceremony_key_new(&c, PKI_KEY_P384));
	TRY(self_sign(&c, &root, &der));
	TRY(record_write(
		c.record, RECORD_CERTIFICATE, p->file.root.certificate, "CERTIFICATE", der));
	TRY(ceremony_crl_write(&c, &root, NULL));
	return record_finish(c.record, c.key);
}

enum err
ceremony_request(struct plan *p)
{
	const struct plan_request *plan = &p->file.request;
	const char *outputs[] = {plan->file};

	AUTO_CEREMONY(c);
	AUTO_BUF(csr, PKI_CSR_MAX);
	struct pki_csr parsed;
	enum pki_key_type type;
	struct bytes subject;

	TRY(plan_subject(p, "request.subject", &plan->subject, &subject));
	TRY(plan_key_type(p, PKI_KEY_P256, &type));
	TRY(ceremony_open(&c, p, "request", outputs, ARRAY_LEN(outputs)));
	TRY(ceremony_key_new(&c, PKI_KEY_P256));
	TRY(pki_csr_build(subject, NULL, ca_key_spki(c.key), ca_key_signer(c.key), &csr));
	TRY(pki_csr_parse(buf_bytes(&csr), p->arena, &parsed));
	record_step(c.record, "request for \"%s\", signed by its key",
		pki_name_text(p->arena, subject));
	TRY(record_write(
		c.record, RECORD_REQUEST, plan->file, "CERTIFICATE REQUEST", buf_bytes(&csr)));
	return record_finish(c.record, c.key);
}

/* The request that the plan means: by its subject, and by the key's hash when the plan carries it.
 */
static enum err
read_request(struct ceremony *c, struct pki_csr *out)
{
	const struct plan_sign *plan = &c->plan->file.sign;
	struct arena *a = c->plan->arena;
	struct bytes der, subject;
	uint8_t digest[SHA256_SIZE];
	const char *hash;
	enum err e;

	TRY(plan_subject(c->plan, "sign.subject", &plan->subject, &subject));
	TRY(record_read(c->record, RECORD_REQUEST, plan->csr, "CERTIFICATE REQUEST", &der));
	if ((e = pki_csr_parse(der, a, out)) != ERR_OK)
		return err_context(e, "request \"%s\"", plan->csr);
	if (!bytes_equal(out->subject, subject))
		return yaml_refuse(c->plan->doc, "sign.subject",
			"the request asks for \"%s\", the plan says \"%s\"",
			pki_name_text(a, out->subject), pki_name_text(a, subject));
	pki_spki_hash(&out->spki, digest);
	hash = hex_string(a, bytes_of(digest, sizeof(digest)));
	if (plan->csr_key_sha256 != NULL && strcasecmp(hash, plan->csr_key_sha256) != 0)
		return yaml_refuse(c->plan->doc, "sign.csr_key_sha256",
			"the request's public key has SHA-256 %s", hash);
	record_step(c->record, "the request proves possession of the key with SHA-256 %s", hash);
	return ERR_OK;
}

static enum err
check_against_issuer(struct ceremony *c, const struct pki_cert *issuer, const struct pki_csr *csr,
	const struct pki_cert_spec *spec)
{
	char until[CLOCK_RFC3339_SIZE];

	clock_format_rfc3339(issuer->not_after, until);
	if (bytes_equal(csr->spki.der, issuer->spki.der))
		return yaml_refuse(c->plan->doc, "sign.csr",
			"the request is for the issuer's own key; an issuing CA has its own key in its own token");
	if (bytes_equal(csr->subject, issuer->subject))
		return yaml_refuse(c->plan->doc, "sign.subject",
			"the issuing CA cannot have the issuer's name");
	if (clock_now() < issuer->not_before || clock_now() > issuer->not_after)
		return yaml_refuse(c->plan->doc, "issuer_certificate",
			"the issuer's certificate is not valid now; check the clock of this machine");
	if (spec->not_after > issuer->not_after)
		return yaml_refuse(c->plan->doc, "sign.days",
			"would outlive the issuer, which ends %s", until);
	if (issuer->path_len == 0)
		return yaml_refuse(c->plan->doc, "issuer_certificate",
			"has path length 0 and may not certify CAs");
	return ERR_OK;
}

static enum err
certify_csr(struct ceremony *c, struct bytes *der)
{
	const struct plan_sign *plan = &c->plan->file.sign;
	struct arena *a = c->plan->arena;
	struct pki_cert_spec spec = {
		.path_len = 0, .crl_url = plan->crl_url, .ca_issuers_url = plan->ca_issuers_url};
	struct pki_cert issuer, made;
	struct pki_csr csr;
	enum err e;

	TRY(ceremony_issuer(c, &issuer));
	TRY(read_request(c, &csr));
	TRY(plan_name_constraints(c->plan, &spec.name_constraints));
	fill_ca(&spec, a, csr.spki.der, &csr.spki, plan->days);
	spec.subject = csr.subject;
	spec.issuer = issuer.subject;
	spec.authority_key_id = issuer.subject_key_id;
	TRY(check_against_issuer(c, &issuer, &csr, &spec));
	TRY(pki_cert_issue(&spec, ca_key_signer(c->key), a, der, &made));
	if ((e = pki_cert_verify_issued_by(&made, &issuer)) != ERR_OK)
		return err_context(e, "the certificate just made");
	tell_certificate(c, &made);
	return ERR_OK;
}

enum err
ceremony_sign(struct plan *p)
{
	const struct plan_sign *plan = &p->file.sign;
	const char *outputs[] = {plan->certificate};

	AUTO_CEREMONY(c);
	struct bytes der;

	TRY(ceremony_open(&c, p, "sign", outputs, ARRAY_LEN(outputs)));
	TRY(ceremony_key_use(&c));
	TRY(certify_csr(&c, &der));
	TRY(record_write(c.record, RECORD_CERTIFICATE, plan->certificate, "CERTIFICATE", der));
	return record_finish(c.record, c.key);
}
