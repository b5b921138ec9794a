/* Key usages and extended key usages: their names, and the extKeyUsage extension (RFC 5280
 * section 4.2.1.12). */
#include "lib/pki/ext.h"
#include "lib/pki/oid.h"

static const struct {
	const char *name;
	uint32_t bit;
	struct bytes oid;
} ekus[] = {
	{"serverAuth", PKI_EKU_SERVER_AUTH, OID_KP_SERVER_AUTH},
	{"clientAuth", PKI_EKU_CLIENT_AUTH, OID_KP_CLIENT_AUTH},
	{"codeSigning", PKI_EKU_CODE_SIGNING, OID_KP_CODE_SIGNING},
	{"emailProtection", PKI_EKU_EMAIL_PROTECTION, OID_KP_EMAIL_PROTECTION},
	{"timeStamping", PKI_EKU_TIME_STAMPING, OID_KP_TIME_STAMPING},
	{"OCSPSigning", PKI_EKU_OCSP_SIGNING, OID_KP_OCSP_SIGNING},
};

const char *
pki_key_usage_name(unsigned i)
{
	static const char *const names[] = {"digitalSignature", "contentCommitment",
		"keyEncipherment", "dataEncipherment", "keyAgreement"};

	return names[i];
}

const char *
pki_eku_name(unsigned i)
{
	return ekus[i].name;
}

void
eku_put(struct derw *w, uint32_t bits)
{
	size_t mark = derw_mark(w);

	for (size_t i = ARRAY_LEN(ekus); i-- > 0;)
		if ((bits & ekus[i].bit) != 0)
			derw_oid(w, ekus[i].oid);
	derw_wrap(w, DER_SEQUENCE, mark);
}

static uint32_t
eku_bit(struct bytes oid)
{
	for (size_t i = 0; i < ARRAY_LEN(ekus); i++)
		if (bytes_equal(ekus[i].oid, oid))
			return ekus[i].bit;
	return PKI_EKU_OTHER;
}

enum err
eku_get(struct bytes value, uint32_t *bits)
{
	struct der d;
	struct bytes oid;
	enum err e = ext_open(value, DER_SEQUENCE, "extKeyUsage", &d);

	*bits = 0;
	if (e == ERR_OK && der_at_end(&d))
		return err_set(ERR_INVALID, "\"extKeyUsage\" is empty (RFC 5280 section 4.2.1.12)");
	while (e == ERR_OK && !der_at_end(&d)) {
		e = der_get_oid(&d, "KeyPurposeId", &oid);
		if (e == ERR_OK)
			*bits |= eku_bit(oid);
	}
	return e;
}
