/*
 * A "certs-only" message (RFC 5652 SignedData without signers, RFC 5272 section 4.1, RFC 8951
 * section 3.2), as EST answers with. The certificates keep the order they are given in: clients
 * take the first as theirs.
 */
#include "lib/pki/cert.h"

#include "lib/pki/oid.h"

enum { OCTETS_MAX = 8 << 20, FRAME_SIZE = 128 }; /* thousands of certificates */

enum err
pki_certs_only(const struct bytes *certs, size_t count, struct arena *a, struct bytes *out)
{
	size_t total = FRAME_SIZE, mark;
	struct derw w;
	struct bytes made;

	for (size_t i = 0; i < count; i++) {
		if (certs[i].n > OCTETS_MAX - total)
			return err_set(ERR_LIMIT,
				"the certificates of one message are longer than %d octets",
				OCTETS_MAX);
		total += certs[i].n;
	}
	derw_init(&w, arena_alloc(a, total), total);
	derw_header(&w, DER_SET, 0); /* signerInfos */
	mark = derw_mark(&w);
	for (size_t i = count; i-- > 0;)
		derw_raw(&w, certs[i]);
	derw_wrap(&w, DER_CONTEXT_CONS(0), mark); /* certificates */
	mark = derw_mark(&w);
	derw_oid(&w, OID_CMS_DATA); /* no eContent */
	derw_wrap(&w, DER_SEQUENCE, mark);
	derw_header(&w, DER_SET, 0); /* digestAlgorithms */
	derw_uint(&w, 1);
	derw_wrap(&w, DER_SEQUENCE, 0);
	derw_wrap(&w, DER_CONTEXT_CONS(0), 0);
	derw_oid(&w, OID_CMS_SIGNED_DATA);
	derw_wrap(&w, DER_SEQUENCE, 0);
	TRY(derw_done(&w, &made));
	*out = made;
	return ERR_OK;
}
