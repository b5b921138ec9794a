/*
 * PKCS #10 requests (RFC 2986). Everything a client asks for is either understood and reported or
 * refused; nothing asked is lost between here and policy. Two divergences from DER: the SET OF
 * attributes need not be sorted (strongSwan writes them in another order, and the signature covers
 * the octets as they are), and unknown attributes are ignored after their form was checked.
 */
#include "lib/pki/csr.h"

#include "lib/pki/ext.h"
#include "lib/pki/oid.h"

enum { ATTRIBUTES_MAX = 16, PASSWORD_MAX = 255 };

static enum err
refuse_csr(const char *why)
{
	return err_set_word(ERR_INVALID, WORD_BAD_CSR, "%s", why);
}

struct reading {
	struct arena *arena;
	struct pki_csr *csr;
	bool saw_extensions;
};

static enum err
take_extension(struct reading *r, const struct ext *x)
{
	int path_len;

	if (bytes_equal(x->oid, OID_SUBJECT_ALT_NAME))
		return pki_sans_parse(x->value, r->arena, &r->csr->sans);
	if (bytes_equal(x->oid, OID_BASIC_CONSTRAINTS))
		return ext_basic_constraints(x->value, &r->csr->asks_ca, &path_len);
	if (bytes_equal(x->oid, OID_KEY_USAGE))
		return ext_key_usage(x->value, &r->csr->key_usage);
	r->csr->other_extensions++;
	return ERR_OK;
}

/* One Extensions value, once per request: a second attribute, or a second value, could carry names
 * that a reader of the first never sees. */
static enum err
take_extension_request(struct reading *r, struct der values)
{
	struct ext_list list;

	if (r->saw_extensions)
		return refuse_csr("a second extensionRequest attribute (RFC 2985 section 5.4.2)");
	r->saw_extensions = true;
	TRY(ext_list_get(&values, &list));
	TRY(der_finish(&values, "extensionRequest"));
	for (size_t i = 0; i < list.count; i++)
		TRY(take_extension(r, &list.item[i]));
	return ERR_OK;
}

static enum err
take_challenge_password(struct reading *r, struct der values)
{
	struct bytes text;
	uint8_t tag;

	if (r->csr->has_challenge_password)
		return refuse_csr("a second challengePassword attribute (RFC 2985 section 5.4.1)");
	TRY(der_get_any(&values, &tag, &text, NULL));
	TRY(der_finish(&values, "challengePassword"));
	if (tag != DER_UTF8_STRING && tag != DER_PRINTABLE_STRING && tag != DER_IA5_STRING)
		return refuse_csr(
			"challengePassword is not a UTF8String or PrintableString (RFC 2985 section 5.4.1)");
	if (text.n == 0 || text.n > PASSWORD_MAX)
		return refuse_csr(
			"challengePassword has no octet or more than 255 (RFC 2985 section 5.4.1)");
	r->csr->has_challenge_password = true;
	r->csr->challenge_password = text;
	return ERR_OK;
}

static enum err
take_attribute(struct reading *r, struct der *attributes)
{
	struct der d, values;
	struct bytes oid;

	TRY(der_enter(attributes, DER_SEQUENCE, "Attribute", &d));
	TRY(der_get_oid(&d, "attribute type", &oid));
	TRY(der_enter(&d, DER_SET, "attribute values", &values));
	TRY(der_finish(&d, "Attribute"));
	if (bytes_equal(oid, OID_EXTENSION_REQUEST))
		return take_extension_request(r, values);
	if (bytes_equal(oid, OID_CHALLENGE_PASSWORD))
		return take_challenge_password(r, values);
	if (bytes_equal(oid, OID_MS_EXTENSION_REQUEST))
		return refuse_csr(
			"extensions in Microsoft's attribute; the PKCS #9 extensionRequest is understood");
	return ERR_OK;
}

static enum err
read_attributes(struct reading *r, struct der attributes)
{
	for (size_t n = 0; !der_at_end(&attributes); n++) {
		if (n == ATTRIBUTES_MAX)
			return refuse_csr("more than 16 attributes");
		TRY(take_attribute(r, &attributes));
	}
	return ERR_OK;
}

static enum err
read_info(struct bytes info, struct reading *r)
{
	struct der d = der_open(info), attributes;
	struct bytes spki;
	uint32_t version;

	TRY(der_enter(&d, DER_SEQUENCE, "certificationRequestInfo", &d));
	TRY(der_get_uint(&d, "version", &version));
	if (version != 0)
		return refuse_csr("the version is not v1 (RFC 2986 section 4.1)");
	TRY(der_get_whole(&d, DER_SEQUENCE, "subject", &r->csr->subject));
	TRY(pki_name_check(r->csr->subject));
	TRY(der_get_whole(&d, DER_SEQUENCE, "subjectPKInfo", &spki));
	TRY(pki_spki_parse(spki, &r->csr->spki));
	TRY(der_enter(&d, DER_CONTEXT_CONS(0), "attributes", &attributes));
	TRY(der_finish(&d, "certificationRequestInfo"));
	return read_attributes(r, attributes);
}

/* Proof of possession: the request is signed by the key it asks a certificate for (section 3); a
 * weak key proves nothing. */
static enum err
verify_possession(const struct pki_spki *spki, enum pki_sig_alg alg, struct bytes info,
	struct bytes signature)
{
	AUTO(EVP_PKEY) key = NULL;

	TRY(pki_key_judge(spki, &key));
	return pki_verify(key, alg, info, signature);
}

static enum err
read_csr(struct bytes der, struct arena *a, struct pki_csr *csr)
{
	struct reading r = {.arena = a, .csr = csr};
	struct der top = der_open(der), d;
	struct bytes info, signature;
	enum pki_sig_alg alg;

	TRY(der_enter(&top, DER_SEQUENCE, "CertificationRequest", &d));
	TRY(der_finish(&top, "CertificationRequest"));
	TRY(der_get_whole(&d, DER_SEQUENCE, "certificationRequestInfo", &info));
	TRY(pki_sig_alg_get(&d, &alg));
	TRY(der_get_bits(&d, "signature", &signature));
	TRY(der_finish(&d, "CertificationRequest"));
	TRY(read_info(info, &r));
	return verify_possession(&csr->spki, alg, info, signature);
}

enum err
pki_csr_parse(struct bytes der, struct arena *a, struct pki_csr *out)
{
	struct pki_csr csr = {.der = der};
	enum err e;

	if (der.n > PKI_CSR_MAX)
		return refuse_csr("more than 16384 octets");
	e = read_csr(der, a, &csr);
	if (e != ERR_OK)
		return der_reword(e, WORD_BAD_CSR);
	*out = csr;
	return ERR_OK;
}

/* ---- writing ---- */

static void
put_attributes(struct derw *w, const struct pki_sans *sans)
{
	size_t mark = derw_mark(w);

	if (sans != NULL && sans->count > 0) {
		pki_sans_put(w, sans);
		ext_wrap(w, OID_SUBJECT_ALT_NAME, false, mark);
		derw_wrap(w, DER_SEQUENCE, mark);
		derw_wrap(w, DER_SET, mark);
		derw_oid(w, OID_EXTENSION_REQUEST);
		derw_wrap(w, DER_SEQUENCE, mark);
	}
	derw_wrap(w, DER_CONTEXT_CONS(0), mark);
}

enum err
pki_csr_build(struct bytes subject, const struct pki_sans *sans, struct bytes spki,
	const struct pki_signer *s, struct buf *out)
{
	uint8_t room[PKI_CSR_MAX];
	struct derw w;
	struct bytes info;

	derw_init(&w, room, sizeof(room));
	put_attributes(&w, sans);
	derw_raw(&w, spki);
	derw_raw(&w, subject);
	derw_uint(&w, 0);
	derw_wrap(&w, DER_SEQUENCE, 0);
	TRY(derw_done(&w, &info));
	return pki_sign(s, info, out);
}
