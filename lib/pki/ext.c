/*
 * Extensions shared by certificates, CSRs and CRLs (RFC 5280 section 4.2). A list is read whole
 * before any of it is interpreted, so that an extension that occurs twice is seen before one of the
 * two was believed.
 */
#include "lib/pki/ext.h"

#include "lib/pki/oid.h"

static enum err
get_ext(struct der *d, struct ext *out)
{
	struct der x;

	TRY(der_enter(d, DER_SEQUENCE, "Extension", &x));
	TRY(der_get_oid(&x, "extnID", &out->oid));
	out->critical = false;
	if (der_peek(&x) == DER_BOOLEAN) {
		TRY(der_get_boolean(&x, "critical", &out->critical));
		if (!out->critical)
			return err_set(ERR_INVALID,
				"\"critical\" has its DEFAULT encoded (X.690 section 11.5)");
	}
	TRY(der_get(&x, DER_OCTET_STRING, "extnValue", &out->value));
	return der_finish(&x, "Extension");
}

const struct ext *
ext_find(const struct ext_list *list, struct bytes oid)
{
	for (size_t i = 0; i < list->count; i++)
		if (bytes_equal(list->item[i].oid, oid))
			return &list->item[i];
	return NULL;
}

enum err
ext_list_get(struct der *d, struct ext_list *out)
{
	struct der list;
	enum err e = der_enter(d, DER_SEQUENCE, "Extensions", &list);

	out->count = 0;
	if (e == ERR_OK && der_at_end(&list))
		return err_set(ERR_INVALID, "\"Extensions\" is empty (RFC 5280 section 4.1.2.9)");
	while (e == ERR_OK && !der_at_end(&list)) {
		struct ext *next = &out->item[out->count];

		if (out->count == EXT_MAX)
			return err_set(ERR_INVALID, "more than %d extensions", EXT_MAX);
		e = get_ext(&list, next);
		if (e == ERR_OK && ext_find(out, next->oid) != NULL)
			return err_set(
				ERR_INVALID, "an extension occurs twice (RFC 5280 section 4.2)");
		out->count++;
	}
	return e;
}

void
ext_wrap(struct derw *w, struct bytes oid, bool critical, size_t mark)
{
	derw_wrap(w, DER_OCTET_STRING, mark);
	if (critical)
		derw_boolean(w, true);
	derw_oid(w, oid);
	derw_wrap(w, DER_SEQUENCE, mark);
}

enum err
ext_open(struct bytes value, uint8_t tag, const char *what, struct der *inner)
{
	struct der top = der_open(value);

	TRY(der_enter(&top, tag, what, inner));
	return der_finish(&top, what);
}

enum err
ext_basic_constraints(struct bytes value, bool *is_ca, int *path_len)
{
	struct der d;
	uint32_t n;
	enum err e = ext_open(value, DER_SEQUENCE, "basicConstraints", &d);

	*is_ca = false;
	*path_len = -1;
	if (e == ERR_OK && der_peek(&d) == DER_BOOLEAN) {
		e = der_get_boolean(&d, "cA", is_ca);
		if (e == ERR_OK && !*is_ca)
			return err_set(
				ERR_INVALID, "\"cA\" has its DEFAULT encoded (X.690 section 11.5)");
	}
	if (e == ERR_OK && !der_at_end(&d)) {
		e = der_get_uint(&d, "pathLenConstraint", &n);
		if (e == ERR_OK)
			*path_len = (int)n;
	}
	return e == ERR_OK ? der_finish(&d, "basicConstraints") : e;
}

enum err
ext_key_usage(struct bytes value, uint32_t *bits)
{
	struct der d = der_open(value);

	TRY(der_get_named_bits(&d, "keyUsage", bits));
	return der_finish(&d, "keyUsage");
}
