/*
 * The only road to a signature on a certificate: build, lint, sign, parse, compare. The comparison
 * is made against the specification and not against our own encoder's memory, so a mistake in
 * writer or reader, or a signing module that returns something else, stops the certificate instead
 * of shipping it.
 */
#include "lib/pki/ext.h"

#include "lib/base/random.h"

static enum err
refuse_difference(const char *what)
{
	return err_set(
		ERR_INTERNAL, "the certificate made differs from its specification in %s", what);
}

static bool
url_equal(struct bytes got, const char *wanted)
{
	return bytes_equal(got, bytes_str(wanted));
}

static bool
name_constraints_equal(struct bytes got, const struct pki_name_constraints *wanted)
{
	uint8_t room[PKI_CERT_MAX];
	struct derw w;
	struct bytes der;

	if (wanted == NULL)
		return got.n == 0;
	derw_init(&w, room, sizeof(room));
	name_constraints_put(&w, wanted);
	return derw_done(&w, &der) == ERR_OK && bytes_equal(got, der);
}

static enum err
compare_identity(const struct pki_cert *c, const struct pki_cert_spec *s)
{
	if (!bytes_equal(c->serial, s->serial))
		return refuse_difference("the serial number");
	if (!bytes_equal(c->issuer, s->issuer) || !bytes_equal(c->subject, s->subject))
		return refuse_difference("a name");
	if (c->not_before != s->not_before || c->not_after != s->not_after)
		return refuse_difference("the validity");
	if (!bytes_equal(c->spki.der, s->spki))
		return refuse_difference("the public key");
	if (!pki_sans_equal(&c->sans, &s->sans) ||
		c->san_critical != (s->sans.count > 0 && pki_name_empty(s->subject)))
		return refuse_difference("the subject alternative names");
	return ERR_OK;
}

static enum err
compare_powers(const struct pki_cert *c, const struct pki_cert_spec *s)
{
	if (c->is_ca != s->is_ca || c->path_len != (s->is_ca ? s->path_len : -1))
		return refuse_difference("the basic constraints");
	if (c->key_usage != s->key_usage || c->has_key_usage != (s->key_usage != 0))
		return refuse_difference("the key usage");
	if (c->eku != s->eku || c->has_eku != (s->eku != 0))
		return refuse_difference("the extended key usage");
	if (!name_constraints_equal(c->name_constraints, s->name_constraints))
		return refuse_difference("the name constraints");
	return ERR_OK;
}

static enum err
compare_references(const struct pki_cert *c, const struct pki_cert_spec *s)
{
	if (!bytes_equal(c->subject_key_id, s->subject_key_id) ||
		!bytes_equal(c->authority_key_id, s->authority_key_id))
		return refuse_difference("a key identifier");
	if (!url_equal(c->crl_url, s->crl_url) || !url_equal(c->ocsp_url, s->ocsp_url) ||
		!url_equal(c->ca_issuers_url, s->ca_issuers_url))
		return refuse_difference("a URL");
	return c->ocsp_nocheck == s->ocsp_nocheck ? ERR_OK : refuse_difference("ocsp-nocheck");
}

static enum err
compare_certs(const struct pki_cert *c, const struct pki_cert_spec *s, struct bytes tbs,
	enum pki_sig_alg alg)
{
	if (!bytes_equal(c->tbs, tbs) || c->sig_alg != alg)
		return refuse_difference("the octets that were linted");
	TRY(compare_identity(c, s));
	TRY(compare_powers(c, s));
	return compare_references(c, s);
}

static enum err
sign_and_compare(const struct pki_cert_spec *spec, struct bytes tbs, const struct pki_signer *s,
	struct arena *a, struct bytes *der, struct pki_cert *parsed)
{
	AUTO_BUF(signed_der, PKI_CERT_MAX);
	struct pki_cert cert;
	struct bytes made;
	enum err e;

	TRY(pki_sign(s, tbs, &signed_der));
	made = arena_bytes(a, buf_bytes(&signed_der));
	e = pki_cert_parse(made, a, &cert);
	if (e != ERR_OK)
		return err_context(ERR_INTERNAL, "the certificate made cannot be read");
	TRY(compare_certs(&cert, spec, tbs, s->alg));
	*der = made;
	if (parsed != NULL)
		*parsed = cert;
	return ERR_OK;
}

enum err
pki_cert_issue(const struct pki_cert_spec *spec, const struct pki_signer *s, struct arena *a,
	struct bytes *der, struct pki_cert *parsed)
{
	uint8_t room[PKI_CERT_MAX];
	struct derw w;
	struct bytes tbs;

	derw_init(&w, room, sizeof(room));
	cert_tbs_put(&w, spec, s->alg);
	TRY(derw_done(&w, &tbs));
	TRY(lint_tbs(tbs, s->alg, a));
	return sign_and_compare(spec, tbs, s, a, der, parsed);
}

void
pki_serial_new(uint8_t out[PKI_SERIAL_SIZE])
{
	do {
		random_bytes(out, PKI_SERIAL_SIZE);
		out[0] &= 0x7f;
	} while (out[0] == 0);
}
