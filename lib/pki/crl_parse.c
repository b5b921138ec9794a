/*
 * Reading CRLs (RFC 5280 section 5) of our own kind: version 2, complete, direct. The entries stay
 * encoded and are walked one at a time; a critical extension that would change what the list means
 * (a partial or indirect one) is refused.
 */
#include "lib/pki/crl.h"

#include "lib/pki/ext.h"
#include "lib/pki/oid.h"

enum { SERIAL_OCTETS_MAX = 20, VERSION_2 = 1 };

static enum err
refuse_crl(const char *why)
{
	return err_set(ERR_INVALID, "%s", why);
}

static enum err
read_number(struct bytes value, uint64_t *out)
{
	struct der d = der_open(value);
	struct bytes c;
	uint64_t n = 0;

	TRY(der_get_integer(&d, "cRLNumber", &c));
	TRY(der_finish(&d, "cRLNumber"));
	if (c.p[0] >= 0x80 || c.n > 9 || (c.n == 9 && c.p[0] != 0))
		return refuse_crl(
			"\"cRLNumber\" is negative or longer than 64 bits (RFC 5280 section 5.2.3)");
	for (size_t i = 0; i < c.n; i++)
		n = n << 8 | c.p[i];
	*out = n;
	return ERR_OK;
}

static enum err
read_authority_key_id(struct bytes value, struct bytes *out)
{
	struct der d;

	TRY(ext_open(value, DER_SEQUENCE, "authorityKeyIdentifier", &d));
	TRY(der_get(&d, DER_CONTEXT(0), "keyIdentifier", out));
	return der_finish(&d, "authorityKeyIdentifier");
}

static enum err
read_extensions(struct der *d, struct pki_crl *crl)
{
	struct ext_list list;
	struct der x;
	bool numbered = false;
	enum err e = der_enter(d, DER_CONTEXT_CONS(0), "crlExtensions", &x);

	if (e == ERR_OK)
		e = ext_list_get(&x, &list);
	if (e == ERR_OK)
		e = der_finish(&x, "crlExtensions");
	for (size_t i = 0; e == ERR_OK && i < list.count; i++) {
		const struct ext *ext = &list.item[i];

		if (bytes_equal(ext->oid, OID_CRL_NUMBER)) {
			numbered = true;
			e = read_number(ext->value, &crl->number);
		} else if (bytes_equal(ext->oid, OID_AUTHORITY_KEY_ID)) {
			e = read_authority_key_id(ext->value, &crl->authority_key_id);
		} else if (ext->critical) {
			e = refuse_crl("an unknown critical extension (RFC 5280 section 5.2)");
		}
	}
	if (e == ERR_OK && (!numbered || crl->authority_key_id.n == 0))
		return refuse_crl(
			"cRLNumber or authorityKeyIdentifier is missing (RFC 5280 section 5.2)");
	return e;
}

static enum err
read_times(struct der *d, struct pki_crl *crl)
{
	TRY(der_get_time(d, "thisUpdate", &crl->this_update));
	TRY(der_get_time(d, "nextUpdate", &crl->next_update));
	if (crl->this_update > crl->next_update)
		return refuse_crl("\"thisUpdate\" is later than \"nextUpdate\"");
	return ERR_OK;
}

static enum err
read_entries(struct der *d, struct pki_crl *crl)
{
	if (der_peek(d) != DER_SEQUENCE)
		return ERR_OK;
	TRY(der_get(d, DER_SEQUENCE, "revokedCertificates", &crl->entries));
	if (crl->entries.n == 0)
		return refuse_crl(
			"\"revokedCertificates\" is present and empty (RFC 5280 section 5.1.2.6)");
	return ERR_OK;
}

static enum err
read_tbs(struct bytes tbs, struct pki_crl *crl, enum pki_sig_alg *alg)
{
	struct der d;
	uint32_t version;

	TRY(ext_open(tbs, DER_SEQUENCE, "tbsCertList", &d));
	TRY(der_get_uint(&d, "version", &version));
	if (version != VERSION_2)
		return refuse_crl("\"version\" is not v2 (RFC 5280 section 5.1.2.1)");
	TRY(pki_sig_alg_get(&d, alg));
	TRY(der_get_whole(&d, DER_SEQUENCE, "issuer", &crl->issuer));
	TRY(pki_name_check(crl->issuer));
	TRY(read_times(&d, crl));
	TRY(read_entries(&d, crl));
	TRY(read_extensions(&d, crl));
	return der_finish(&d, "tbsCertList");
}

static enum err
read_crl(struct bytes der, struct pki_crl *crl)
{
	enum pki_sig_alg inner;
	struct der d;

	TRY(ext_open(der, DER_SEQUENCE, "CertificateList", &d));
	TRY(der_get_whole(&d, DER_SEQUENCE, "tbsCertList", &crl->tbs));
	TRY(read_tbs(crl->tbs, crl, &inner));
	TRY(pki_sig_alg_get(&d, &crl->sig_alg));
	if (crl->sig_alg != inner)
		return refuse_crl("the two signature algorithms differ (RFC 5280 section 5.1.1.2)");
	TRY(der_get_bits(&d, "signatureValue", &crl->signature));
	return der_finish(&d, "CertificateList");
}

enum err
pki_crl_parse(struct bytes der, struct pki_crl *out)
{
	struct pki_crl crl = {.der = der};
	enum err e = read_crl(der, &crl);

	if (e != ERR_OK)
		return err_set_word(e, WORD_BAD_CRL, "%s", err_reason());
	*out = crl;
	return ERR_OK;
}

static enum err
read_reason(struct bytes value, enum pki_reason *out)
{
	struct der d = der_open(value);
	struct bytes c;

	TRY(der_get(&d, DER_ENUMERATED, "reasonCode", &c));
	TRY(der_finish(&d, "reasonCode"));
	/* 7 is not used, 0 should be absent (section 5.3.1). */
	if (c.n != 1 || c.p[0] == 0 || c.p[0] == 7 || c.p[0] > PKI_REASON_AA_COMPROMISE)
		return refuse_crl("\"reasonCode\" is not a CRLReason (RFC 5280 section 5.3.1)");
	*out = (enum pki_reason)c.p[0];
	return ERR_OK;
}

static enum err
read_entry_extensions(struct der *d, enum pki_reason *reason)
{
	struct ext_list list;
	enum err e;

	if (der_at_end(d))
		return ERR_OK;
	e = ext_list_get(d, &list);
	for (size_t i = 0; e == ERR_OK && i < list.count; i++) {
		if (bytes_equal(list.item[i].oid, OID_REASON_CODE))
			e = read_reason(list.item[i].value, reason);
		else if (list.item[i].critical)
			e = refuse_crl(
				"an unknown critical entry extension (RFC 5280 section 5.3)");
	}
	return e;
}

enum err
pki_crl_entry_next(
	struct der *at, struct bytes *serial, int64_t *revoked_at, enum pki_reason *reason)
{
	enum pki_reason r = PKI_REASON_NONE;
	struct der next = *at, d;
	struct bytes number;
	int64_t t;
	enum err e;

	if (der_at_end(at))
		return ERR_NOTFOUND; /* the end of the walk, not a failure to explain */
	e = der_enter(&next, DER_SEQUENCE, "revokedCertificate", &d);
	if (e == ERR_OK)
		e = der_get_integer(&d, "userCertificate", &number);
	if (e == ERR_OK && (number.p[0] >= 0x80 || number.n > SERIAL_OCTETS_MAX))
		e = refuse_crl("\"userCertificate\" is negative or longer than 20 octets");
	if (e == ERR_OK)
		e = der_get_time(&d, "revocationDate", &t);
	if (e == ERR_OK)
		e = read_entry_extensions(&d, &r);
	if (e == ERR_OK)
		e = der_finish(&d, "revokedCertificate");
	if (e != ERR_OK)
		return err_set_word(e, WORD_BAD_CRL, "%s", err_reason());
	*serial = number;
	*revoked_at = t;
	*reason = r;
	*at = next;
	return ERR_OK;
}
