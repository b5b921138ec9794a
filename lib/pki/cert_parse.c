/*
 * Reading a certificate (RFC 5280 section 4), Chancery's own or a peer's. What this reader does not
 * understand and the certificate calls critical is refused; what is merely unknown is passed over.
 * It says what a certificate contains, never whether to trust it.
 */
#include "lib/pki/ext.h"
#include "lib/pki/oid.h"

enum { SERIAL_OCTETS_MAX = 20, VERSION_3 = 2 };

struct reading {
	struct arena *arena;
	struct pki_cert *cert;
};

static enum err
refuse_cert(const char *why)
{
	return err_set(ERR_INVALID, "%s", why);
}

static enum err
read_san(struct reading *r, const struct ext *x)
{
	r->cert->san_critical = x->critical;
	return pki_sans_parse(x->value, r->arena, &r->cert->sans);
}

static enum err
read_key_usage(struct reading *r, const struct ext *x)
{
	r->cert->has_key_usage = true;
	return ext_key_usage(x->value, &r->cert->key_usage);
}

static enum err
read_eku(struct reading *r, const struct ext *x)
{
	r->cert->has_eku = true;
	return eku_get(x->value, &r->cert->eku);
}

static enum err
read_basic_constraints(struct reading *r, const struct ext *x)
{
	return ext_basic_constraints(x->value, &r->cert->is_ca, &r->cert->path_len);
}

static enum err
read_subject_key_id(struct reading *r, const struct ext *x)
{
	struct der d = der_open(x->value);
	enum err e =
		der_get(&d, DER_OCTET_STRING, "subjectKeyIdentifier", &r->cert->subject_key_id);

	if (e == ERR_OK && r->cert->subject_key_id.n == 0)
		return refuse_cert("\"subjectKeyIdentifier\" is empty");
	return e == ERR_OK ? der_finish(&d, "subjectKeyIdentifier") : e;
}

/* authorityCertIssuer and authorityCertSerialNumber of other CAs are passed over. */
static enum err
read_authority_key_id(struct reading *r, const struct ext *x)
{
	static const uint8_t others[] = {DER_CONTEXT_CONS(1), DER_CONTEXT(2)};
	struct der d;

	TRY(ext_open(x->value, DER_SEQUENCE, "authorityKeyIdentifier", &d));
	if (der_peek(&d) == DER_CONTEXT(0))
		TRY(der_get(&d, DER_CONTEXT(0), "keyIdentifier", &r->cert->authority_key_id));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (der_peek(&d) == others[i])
			TRY(der_get(&d, others[i], "authorityCert", NULL));
	return der_finish(&d, "authorityKeyIdentifier");
}

/* The first URI among GeneralNames. */
static enum err
first_uri(struct der names, struct bytes *out)
{
	struct bytes v;
	uint8_t tag;

	while (!der_at_end(&names)) {
		TRY(der_get_any(&names, &tag, &v, NULL));
		if (tag == DER_CONTEXT(6) && out->n == 0)
			*out = v;
	}
	return ERR_OK;
}

static enum err
read_distribution_point(struct der point, struct bytes *uri)
{
	struct der name, full;
	enum err e;

	if (der_peek(&point) != DER_CONTEXT_CONS(0))
		return ERR_OK; /* cRLIssuer alone */
	e = der_enter(&point, DER_CONTEXT_CONS(0), "distributionPoint", &name);
	if (e != ERR_OK || der_peek(&name) != DER_CONTEXT_CONS(0))
		return e;
	TRY(der_enter(&name, DER_CONTEXT_CONS(0), "fullName", &full));
	return first_uri(full, uri);
}

static enum err
read_crl_points(struct reading *r, const struct ext *x)
{
	struct der list, point;

	TRY(ext_open(x->value, DER_SEQUENCE, "cRLDistributionPoints", &list));
	if (der_at_end(&list))
		return refuse_cert(
			"\"cRLDistributionPoints\" is empty (RFC 5280 section 4.2.1.13)");
	while (!der_at_end(&list)) {
		TRY(der_enter(&list, DER_SEQUENCE, "DistributionPoint", &point));
		TRY(read_distribution_point(point, &r->cert->crl_url));
	}
	return ERR_OK;
}

static enum err
read_access(struct reading *r, struct der d)
{
	struct bytes method, v;
	uint8_t tag;
	enum err e = der_get_oid(&d, "accessMethod", &method);

	if (e == ERR_OK)
		e = der_get_any(&d, &tag, &v, NULL);
	if (e == ERR_OK)
		e = der_finish(&d, "AccessDescription");
	if (e != ERR_OK || tag != DER_CONTEXT(6))
		return e;
	if (bytes_equal(method, OID_AD_OCSP) && r->cert->ocsp_url.n == 0)
		r->cert->ocsp_url = v;
	if (bytes_equal(method, OID_AD_CA_ISSUERS) && r->cert->ca_issuers_url.n == 0)
		r->cert->ca_issuers_url = v;
	return ERR_OK;
}

static enum err
read_info_access(struct reading *r, const struct ext *x)
{
	struct der list, one;

	TRY(ext_open(x->value, DER_SEQUENCE, "authorityInfoAccess", &list));
	if (der_at_end(&list))
		return refuse_cert("\"authorityInfoAccess\" is empty (RFC 5280 section 4.2.2.1)");
	while (!der_at_end(&list)) {
		TRY(der_enter(&list, DER_SEQUENCE, "AccessDescription", &one));
		TRY(read_access(r, one));
	}
	return ERR_OK;
}

static enum err
read_nocheck(struct reading *r, const struct ext *x)
{
	r->cert->ocsp_nocheck = true;
	return bytes_equal(x->value, BYTES_LIT("\x05\x00"))
		? ERR_OK
		: refuse_cert("\"id-pkix-ocsp-nocheck\" is not NULL (RFC 6960 section 4.2.2.2.1)");
}

static enum err
read_name_constraints(struct reading *r, const struct ext *x)
{
	r->cert->name_constraints = x->value;
	return name_constraints_check(x->value);
}

static const struct {
	struct bytes oid;
	enum err (*read)(struct reading *r, const struct ext *x);
} readers[] = {
	{OID_AUTHORITY_KEY_ID, read_authority_key_id},
	{OID_SUBJECT_KEY_ID, read_subject_key_id},
	{OID_BASIC_CONSTRAINTS, read_basic_constraints},
	{OID_KEY_USAGE, read_key_usage},
	{OID_EXT_KEY_USAGE, read_eku},
	{OID_SUBJECT_ALT_NAME, read_san},
	{OID_NAME_CONSTRAINTS, read_name_constraints},
	{OID_CRL_DISTRIBUTION_POINTS, read_crl_points},
	{OID_AUTHORITY_INFO_ACCESS, read_info_access},
	{OID_OCSP_NOCHECK, read_nocheck},
};

static enum err
read_extension(struct reading *r, const struct ext *x)
{
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		if (bytes_equal(readers[i].oid, x->oid))
			return readers[i].read(r, x);
	return x->critical ? refuse_cert("an unknown critical extension (RFC 5280 section 4.2)")
			   : ERR_OK;
}

static enum err
read_extensions(struct der *d, struct reading *r, struct ext_list *list)
{
	struct der x;

	TRY(der_enter(d, DER_CONTEXT_CONS(3), "extensions", &x));
	TRY(ext_list_get(&x, list));
	TRY(der_finish(&x, "extensions"));
	for (size_t i = 0; i < list->count; i++)
		TRY(read_extension(r, &list->item[i]));
	return ERR_OK;
}

static enum err
read_version(struct der *d)
{
	struct der v;
	uint32_t version;

	TRY(der_enter(d, DER_CONTEXT_CONS(0), "version", &v));
	TRY(der_get_uint(&v, "version", &version));
	TRY(der_finish(&v, "version"));
	if (version != VERSION_3)
		return refuse_cert("\"version\" is not v3 (RFC 5280 section 4.1.2.1)");
	return ERR_OK;
}

static enum err
read_serial(struct der *d, struct bytes *out)
{
	TRY(der_get_integer(d, "serialNumber", out));
	if (out->p[0] >= 0x80 || (out->n == 1 && out->p[0] == 0) || out->n > SERIAL_OCTETS_MAX)
		return refuse_cert(
			"\"serialNumber\" is not positive or longer than 20 octets (RFC 5280 section 4.1.2.2)");
	return ERR_OK;
}

static enum err
read_validity(struct der *d, struct pki_cert *c)
{
	struct der v;

	TRY(der_enter(d, DER_SEQUENCE, "validity", &v));
	TRY(der_get_time(&v, "notBefore", &c->not_before));
	TRY(der_get_time(&v, "notAfter", &c->not_after));
	TRY(der_finish(&v, "validity"));
	if (c->not_before > c->not_after)
		return refuse_cert("\"notBefore\" is later than \"notAfter\"");
	return ERR_OK;
}

static enum err
read_name(struct der *d, const char *what, struct bytes *out)
{
	TRY(der_get_whole(d, DER_SEQUENCE, what, out));
	return pki_name_check(*out);
}

static enum err
read_spki(struct der *d, struct pki_spki *out)
{
	struct bytes whole;

	TRY(der_get_whole(d, DER_SEQUENCE, "subjectPublicKeyInfo", &whole));
	return pki_spki_parse(whole, out);
}

enum err
cert_tbs_read(struct bytes tbs, struct arena *a, struct cert_tbs *out)
{
	struct reading r = {.arena = a, .cert = &out->cert};
	struct der d = der_open(tbs);

	out->cert = (struct pki_cert){.tbs = tbs, .path_len = -1};
	TRY(ext_open(tbs, DER_SEQUENCE, "tbsCertificate", &d));
	TRY(read_version(&d));
	TRY(read_serial(&d, &out->cert.serial));
	TRY(pki_sig_alg_get(&d, &out->inner_alg));
	TRY(read_name(&d, "issuer", &out->cert.issuer));
	TRY(read_validity(&d, &out->cert));
	TRY(read_name(&d, "subject", &out->cert.subject));
	TRY(read_spki(&d, &out->cert.spki));
	TRY(read_extensions(&d, &r, &out->exts));
	return der_finish(&d, "tbsCertificate");
}

static enum err
read_cert(struct bytes der, struct arena *a, struct cert_tbs *out)
{
	enum pki_sig_alg alg;
	struct bytes tbs, signature;
	struct der d;

	TRY(ext_open(der, DER_SEQUENCE, "Certificate", &d));
	TRY(der_get_whole(&d, DER_SEQUENCE, "tbsCertificate", &tbs));
	TRY(cert_tbs_read(tbs, a, out));
	TRY(pki_sig_alg_get(&d, &alg));
	if (alg != out->inner_alg)
		return refuse_cert(
			"the two signature algorithms differ (RFC 5280 section 4.1.1.2)");
	TRY(der_get_bits(&d, "signatureValue", &signature));
	out->cert.der = der;
	out->cert.sig_alg = alg;
	out->cert.signature = signature;
	return der_finish(&d, "Certificate");
}

enum err
pki_cert_parse(struct bytes der, struct arena *a, struct pki_cert *out)
{
	struct cert_tbs read;
	enum err e;

	if (der.n > PKI_CERT_MAX)
		return err_set_word(ERR_INVALID, WORD_BAD_CERTIFICATE, "more than 16384 octets");
	e = read_cert(der, a, &read);
	if (e != ERR_OK)
		return err_set_word(e, WORD_BAD_CERTIFICATE, "%s", err_reason());
	*out = read.cert;
	return ERR_OK;
}

static enum err
not_issued(const char *why)
{
	return err_set_word(ERR_INVALID, WORD_BAD_CERTIFICATE, "not issued by this CA: %s", why);
}

enum err
pki_cert_verify_issued_by(const struct pki_cert *cert, const struct pki_cert *issuer)
{
	AUTO(EVP_PKEY) key = NULL;

	if (!bytes_equal(cert->issuer, issuer->subject))
		return not_issued("its issuer is another name");
	if (cert->authority_key_id.n > 0 && issuer->subject_key_id.n > 0 &&
		!bytes_equal(cert->authority_key_id, issuer->subject_key_id))
		return not_issued("its authority key identifier is another");
	if (!issuer->is_ca ||
		(issuer->has_key_usage && (issuer->key_usage & PKI_KU_KEY_CERT_SIGN) == 0))
		return not_issued(
			"the issuer may not sign certificates (RFC 5280 section 4.2.1.9)");
	TRY(pki_key_judge(&issuer->spki, &key));
	return pki_verify(key, cert->sig_alg, cert->tbs, cert->signature);
}
