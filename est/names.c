/* Whose names: comparing a CSR with the certificate it replaces (RFC 7030 section 4.2.2), and
 * filling in what it left out. */
#include "est/internal.h"

static bool
text_tag(uint8_t tag)
{
	return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING;
}

/* One AttributeTypeAndValue of each side. */
static bool
attribute_equal(struct der *a, struct der *b)
{
	struct der ia, ib;
	struct bytes oid_a, oid_b, value_a, value_b;
	uint8_t tag_a, tag_b;

	if (der_enter(a, DER_SEQUENCE, "attribute", &ia) != ERR_OK ||
		der_enter(b, DER_SEQUENCE, "attribute", &ib) != ERR_OK ||
		der_get_oid(&ia, "attribute type", &oid_a) != ERR_OK ||
		der_get_oid(&ib, "attribute type", &oid_b) != ERR_OK ||
		der_get_any(&ia, &tag_a, &value_a, NULL) != ERR_OK ||
		der_get_any(&ib, &tag_b, &value_b, NULL) != ERR_OK)
		return false;
	return bytes_equal(oid_a, oid_b) && bytes_equal(value_a, value_b) &&
		(tag_a == tag_b || (text_tag(tag_a) && text_tag(tag_b)));
}

static bool
rdn_equal(struct der *a, struct der *b)
{
	struct der ia, ib;

	if (der_enter(a, DER_SET, "RDN", &ia) != ERR_OK ||
		der_enter(b, DER_SET, "RDN", &ib) != ERR_OK)
		return false;
	while (!der_at_end(&ia) && !der_at_end(&ib))
		if (!attribute_equal(&ia, &ib))
			return false;
	return der_at_end(&ia) && der_at_end(&ib);
}

bool
est_subject_equal(struct bytes a, struct bytes b)
{
	struct der da = der_open(a), db = der_open(b), ia, ib;

	if (bytes_equal(a, b))
		return true;
	if (der_enter(&da, DER_SEQUENCE, "Name", &ia) != ERR_OK ||
		der_enter(&db, DER_SEQUENCE, "Name", &ib) != ERR_OK)
		return false;
	while (!der_at_end(&ia) && !der_at_end(&ib))
		if (!rdn_equal(&ia, &ib))
			return false;
	return der_at_end(&ia) && der_at_end(&ib);
}

enum err
est_check_same_names(const struct pki_csr *csr, const struct pki_cert *current)
{
	if (!est_subject_equal(csr->subject, current->subject))
		return err_set_word(ERR_INVALID, "subject-changed",
			"the subject differs from that of the presented certificate (RFC 7030 section 4.2.2)");
	if (!pki_sans_equal(&csr->sans, &current->sans))
		return err_set_word(ERR_INVALID, "names-changed",
			"subjectAltName differs from that of the presented certificate (RFC 7030 section 4.2.2)");
	return ERR_OK;
}

enum err
est_granted_names(struct arena *a, const char *const *grants, size_t count, struct pki_sans *out)
{
	struct pki_san *item = arena_array(a, count, sizeof(*item));
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (strchr(grants[i], '*') != NULL ||
			pki_san_from_text(bytes_str(grants[i]), a, &item[n]) != ERR_OK)
			continue; /* a pattern or a network: covers names, is none */
		if (++n > PKI_SANS_MAX)
			return err_set_word(ERR_DENIED, "too-many-names",
				"more than %d names are granted; ask for some of them",
				PKI_SANS_MAX);
	}
	*out = (struct pki_sans){item, n};
	return ERR_OK;
}
