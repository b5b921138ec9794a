/*
 * Writing a TBSCertificate (RFC 5280 section 4.1) from a specification: one row per extension, in
 * the order they appear. The writer expresses what it is told; whether that may be signed, the
 * linter decides from the octets.
 */
#include "lib/pki/ext.h"
#include "lib/pki/oid.h"

static bool
has_authority_key_id(const struct pki_cert_spec *s)
{
	return s->authority_key_id.n > 0;
}

static void
put_authority_key_id(struct derw *w, const struct pki_cert_spec *s)
{
	size_t mark = derw_mark(w);

	derw_element(w, DER_CONTEXT(0), s->authority_key_id);
	derw_wrap(w, DER_SEQUENCE, mark);
}

static bool
has_subject_key_id(const struct pki_cert_spec *s)
{
	return s->subject_key_id.n > 0;
}

static void
put_subject_key_id(struct derw *w, const struct pki_cert_spec *s)
{
	derw_element(w, DER_OCTET_STRING, s->subject_key_id);
}

static bool
is_ca(const struct pki_cert_spec *s)
{
	return s->is_ca;
}

static void
put_basic_constraints(struct derw *w, const struct pki_cert_spec *s)
{
	size_t mark = derw_mark(w);

	if (s->path_len >= 0)
		derw_uint(w, (uint64_t)s->path_len);
	derw_boolean(w, true);
	derw_wrap(w, DER_SEQUENCE, mark);
}

static bool
has_key_usage(const struct pki_cert_spec *s)
{
	return s->key_usage != 0;
}

static void
put_key_usage(struct derw *w, const struct pki_cert_spec *s)
{
	derw_named_bits(w, s->key_usage);
}

static bool
has_eku(const struct pki_cert_spec *s)
{
	return s->eku != 0;
}

static void
put_eku(struct derw *w, const struct pki_cert_spec *s)
{
	eku_put(w, s->eku);
}

static bool
has_sans(const struct pki_cert_spec *s)
{
	return s->sans.count > 0;
}

static bool
has_empty_subject(const struct pki_cert_spec *s)
{
	return pki_name_empty(s->subject);
}

static void
put_sans(struct derw *w, const struct pki_cert_spec *s)
{
	pki_sans_put(w, &s->sans);
}

static bool
has_name_constraints(const struct pki_cert_spec *s)
{
	return s->name_constraints != NULL;
}

static void
put_name_constraints(struct derw *w, const struct pki_cert_spec *s)
{
	name_constraints_put(w, s->name_constraints);
}

static bool
has_crl_url(const struct pki_cert_spec *s)
{
	return s->crl_url != NULL;
}

static void
put_crl_points(struct derw *w, const struct pki_cert_spec *s)
{
	size_t mark = derw_mark(w);

	derw_element(w, DER_CONTEXT(6), bytes_str(s->crl_url));
	derw_wrap(w, DER_CONTEXT_CONS(0), mark); /* fullName */
	derw_wrap(w, DER_CONTEXT_CONS(0), mark); /* distributionPoint */
	derw_wrap(w, DER_SEQUENCE, mark);
	derw_wrap(w, DER_SEQUENCE, mark);
}

static bool
has_info_access(const struct pki_cert_spec *s)
{
	return s->ocsp_url != NULL || s->ca_issuers_url != NULL;
}

static void
put_access(struct derw *w, struct bytes method, const char *url)
{
	size_t mark = derw_mark(w);

	if (url == NULL)
		return;
	derw_element(w, DER_CONTEXT(6), bytes_str(url));
	derw_oid(w, method);
	derw_wrap(w, DER_SEQUENCE, mark);
}

static void
put_info_access(struct derw *w, const struct pki_cert_spec *s)
{
	size_t mark = derw_mark(w);

	put_access(w, OID_AD_CA_ISSUERS, s->ca_issuers_url);
	put_access(w, OID_AD_OCSP, s->ocsp_url);
	derw_wrap(w, DER_SEQUENCE, mark);
}

static bool
has_nocheck(const struct pki_cert_spec *s)
{
	return s->ocsp_nocheck;
}

static void
put_nocheck(struct derw *w, const struct pki_cert_spec *s)
{
	(void)s;
	derw_null(w);
}

static bool
always_true(const struct pki_cert_spec *s)
{
	(void)s;
	return true;
}

static bool
never_true(const struct pki_cert_spec *s)
{
	(void)s;
	return false;
}

/* The order of the certificate; golden files hold it. */
static const struct {
	struct bytes oid;
	bool (*present)(const struct pki_cert_spec *s);
	bool (*critical)(const struct pki_cert_spec *s);
	void (*put)(struct derw *w, const struct pki_cert_spec *s);
} rows[] = {
	{OID_AUTHORITY_KEY_ID, has_authority_key_id, never_true, put_authority_key_id},
	{OID_SUBJECT_KEY_ID, has_subject_key_id, never_true, put_subject_key_id},
	{OID_BASIC_CONSTRAINTS, is_ca, always_true, put_basic_constraints},
	{OID_KEY_USAGE, has_key_usage, always_true, put_key_usage},
	{OID_EXT_KEY_USAGE, has_eku, never_true, put_eku},
	{OID_SUBJECT_ALT_NAME, has_sans, has_empty_subject, put_sans},
	{OID_NAME_CONSTRAINTS, has_name_constraints, always_true, put_name_constraints},
	{OID_CRL_DISTRIBUTION_POINTS, has_crl_url, never_true, put_crl_points},
	{OID_AUTHORITY_INFO_ACCESS, has_info_access, never_true, put_info_access},
	{OID_OCSP_NOCHECK, has_nocheck, never_true, put_nocheck},
};

static void
put_extensions(struct derw *w, const struct pki_cert_spec *s)
{
	size_t all = derw_mark(w);

	for (size_t i = ARRAY_LEN(rows); i-- > 0;) {
		size_t mark = derw_mark(w);

		if (!rows[i].present(s))
			continue;
		rows[i].put(w, s);
		ext_wrap(w, rows[i].oid, rows[i].critical(s), mark);
	}
	derw_wrap(w, DER_SEQUENCE, all);
	derw_wrap(w, DER_CONTEXT_CONS(3), all);
}

static void
put_validity(struct derw *w, const struct pki_cert_spec *s)
{
	size_t mark = derw_mark(w);

	derw_time(w, s->not_after);
	derw_time(w, s->not_before);
	derw_wrap(w, DER_SEQUENCE, mark);
}

void
cert_tbs_put(struct derw *w, const struct pki_cert_spec *s, enum pki_sig_alg alg)
{
	size_t all = derw_mark(w), mark;

	put_extensions(w, s);
	derw_raw(w, s->spki);
	derw_raw(w, s->subject);
	put_validity(w, s);
	derw_raw(w, s->issuer);
	pki_sig_alg_put(w, alg);
	derw_integer(w, s->serial);
	mark = derw_mark(w);
	derw_uint(w, 2); /* v3 */
	derw_wrap(w, DER_CONTEXT_CONS(0), mark);
	derw_wrap(w, DER_SEQUENCE, all);
}
