/*
 * Building OCSP responses; see response.h. One SingleResponse for each CertID asked, in the hash it
 * was asked with: OpenSSL and Java refuse an answer in another algorithm, HAProxy one with more
 * answers than questions.
 */
#include "ocsp/response.h"

#include "lib/base/random.h"
#include "ocsp/oid.h"

struct bytes
ocsp_error_response(enum ocsp_error error)
{
	static const uint8_t response[][5] = {
		[OCSP_MALFORMED] = {0x30, 0x03, 0x0a, 0x01, OCSP_MALFORMED},
		[OCSP_INTERNAL_ERROR] = {0x30, 0x03, 0x0a, 0x01, OCSP_INTERNAL_ERROR},
		[OCSP_TRY_LATER] = {0x30, 0x03, 0x0a, 0x01, OCSP_TRY_LATER},
		[OCSP_UNAUTHORIZED] = {0x30, 0x03, 0x0a, 0x01, OCSP_UNAUTHORIZED},
	};

	return bytes_of(response[error], sizeof(response[error]));
}

void
ocsp_issuer_hashes_init(struct ocsp_issuer_hashes *h, struct bytes subject, struct bytes key)
{
	sha1(subject, h->name[OCSP_SHA1]);
	sha1(key, h->key[OCSP_SHA1]);
	sha256(subject, h->name[OCSP_SHA256]);
	sha256(key, h->key[OCSP_SHA256]);
}

bool
ocsp_issuer_hashes_match(const struct ocsp_issuer_hashes *h, const struct ocsp_cert_id *id)
{
	size_t n = ocsp_digests[id->hash].size;

	return memcmp(h->name[id->hash], id->name_hash.p, n) == 0 &&
		memcmp(h->key[id->hash], id->key_hash.p, n) == 0;
}

/* CertID with NULL parameters, as OpenSSL writes it: HAProxy looks its staples up by these octets.
 */
static void
put_cert_id(struct derw *w, const struct ocsp_issuer_hashes *issuer, const struct ocsp_single *s)
{
	size_t mark = derw_mark(w), alg;

	derw_integer(w, bytes_of(s->serial, sizeof(s->serial)));
	derw_element(
		w, DER_OCTET_STRING, bytes_of(issuer->key[s->hash], ocsp_digests[s->hash].size));
	derw_element(
		w, DER_OCTET_STRING, bytes_of(issuer->name[s->hash], ocsp_digests[s->hash].size));
	alg = derw_mark(w);
	derw_null(w);
	derw_oid(w, ocsp_digests[s->hash].oid);
	derw_wrap(w, DER_SEQUENCE, alg);
	derw_wrap(w, DER_SEQUENCE, mark);
}

static void
put_status(struct derw *w, const struct ocsp_single *s)
{
	size_t mark = derw_mark(w), reason;

	if (s->status == OCSP_GOOD) {
		derw_element(w, DER_CONTEXT(0), (struct bytes){NULL, 0});
		return;
	}
	if (s->reason > PKI_REASON_UNSPECIFIED) { /* CHECKS.md 36: unspecified is left out */
		uint8_t r = (uint8_t)s->reason;

		reason = derw_mark(w);
		derw_element(w, DER_ENUMERATED, bytes_of(&r, 1));
		derw_wrap(w, DER_CONTEXT_CONS(0), reason);
	}
	derw_generalized_time(w, s->revoked_at);
	derw_wrap(w, DER_CONTEXT_CONS(1), mark);
}

static void
put_single(struct derw *w, const struct ocsp_issuer_hashes *issuer, const struct ocsp_single *s,
	const struct ocsp_times *t)
{
	size_t mark = derw_mark(w), next = derw_mark(w);

	derw_generalized_time(w, t->next_update);
	derw_wrap(w, DER_CONTEXT_CONS(0), next);
	derw_generalized_time(w, t->this_update);
	put_status(w, s);
	put_cert_id(w, issuer, s);
	derw_wrap(w, DER_SEQUENCE, mark);
}

static void
put_nonce(struct derw *w, struct bytes nonce)
{
	size_t mark = derw_mark(w), ext = derw_mark(w), value = derw_mark(w);

	derw_element(w, DER_OCTET_STRING, nonce);
	derw_wrap(w, DER_OCTET_STRING, value);
	derw_oid(w, OID_OCSP_NONCE);
	derw_wrap(w, DER_SEQUENCE, ext);
	derw_wrap(w, DER_SEQUENCE, mark);
	derw_wrap(w, DER_CONTEXT_CONS(1), mark);
}

static enum err
build_tbs(const struct ocsp_responder *r, const struct ocsp_issuer_hashes *issuer,
	const struct ocsp_single *single, size_t count, const struct ocsp_times *times,
	struct bytes nonce, struct derw *w, struct bytes *tbs)
{
	size_t list, id;

	if (nonce.n > 0)
		put_nonce(w, nonce);
	list = derw_mark(w);
	for (size_t i = count; i > 0; i--)
		put_single(w, issuer, &single[i - 1], times);
	derw_wrap(w, DER_SEQUENCE, list);
	derw_generalized_time(w, times->produced_at);
	id = derw_mark(w);
	derw_element(w, DER_OCTET_STRING, bytes_of(r->key_hash, sizeof(r->key_hash)));
	derw_wrap(w, DER_CONTEXT_CONS(2), id);
	derw_wrap(w, DER_SEQUENCE, 0);
	return derw_done(w, tbs);
}

/* OCSPResponse { successful, [0] { id-pkix-ocsp-basic, OCTET STRING { tbs, algorithm, signature,
 * [0] certs } } } */
static enum err
build_envelope(const struct ocsp_responder *r, struct bytes tbs, struct bytes signature,
	struct derw *w, struct bytes *out)
{
	static const uint8_t successful = 0;

	derw_raw(w, r->cert);
	derw_wrap(w, DER_SEQUENCE, 0);
	derw_wrap(w, DER_CONTEXT_CONS(0), 0);
	derw_bits(w, signature);
	pki_sig_alg_put(w, r->signer.alg);
	derw_raw(w, tbs);
	derw_wrap(w, DER_SEQUENCE, 0);
	derw_wrap(w, DER_OCTET_STRING, 0);
	derw_oid(w, OID_OCSP_BASIC);
	derw_wrap(w, DER_SEQUENCE, 0);
	derw_wrap(w, DER_CONTEXT_CONS(0), 0);
	derw_element(w, DER_ENUMERATED, bytes_of(&successful, 1));
	derw_wrap(w, DER_SEQUENCE, 0);
	return derw_done(w, out);
}

enum err
ocsp_response_build(const struct ocsp_responder *r, const struct ocsp_issuer_hashes *issuer,
	const struct ocsp_single *single, size_t count, const struct ocsp_times *times,
	struct bytes nonce, struct buf *out)
{
	uint8_t tbs_room[OCSP_RESPONSE_MAX / 2], room[OCSP_RESPONSE_MAX];
	struct bytes tbs, whole;
	struct derw w;
	AUTO_BUF(signature, 1024);

	derw_init(&w, tbs_room, sizeof(tbs_room));
	TRY(build_tbs(r, issuer, single, count, times, nonce, &w, &tbs));
	TRY(r->signer.sign(r->signer.ctx, tbs, &signature));
	derw_init(&w, room, sizeof(room));
	TRY(build_envelope(r, tbs, buf_bytes(&signature), &w, &whole));
	return buf_append(out, whole.p, whole.n);
}
