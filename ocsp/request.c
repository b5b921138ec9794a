/*
 * Reading OCSP requests; see request.h. Every element is bounded by the request's own bound,
 * nothing is copied. This must never look at who asks: a responder answers anybody the same.
 */
#include "ocsp/request.h"

#include "lib/base/hex.h"
#include "lib/base/random.h"
#include "ocsp/oid.h"

const struct ocsp_digest ocsp_digests[OCSP_HASH_COUNT] = {
	[OCSP_SHA1] = {OID_SHA1, SHA1_SIZE},
	[OCSP_SHA256] = {OID_SHA256, SHA256_SIZE},
};

/* AlgorithmIdentifier of a digest: parameters NULL or absent, both are sent (CHECKS.md 23). */
static enum err
read_hash(struct der *d, int *hash)
{
	struct der alg;
	struct bytes oid;

	TRY(der_enter(d, DER_SEQUENCE, "hashAlgorithm", &alg));
	TRY(der_get_oid(&alg, "hashAlgorithm", &oid));
	if (!der_at_end(&alg)) {
		struct bytes none;

		TRY(der_get(&alg, DER_NULL, "hashAlgorithm parameters", &none));
		if (none.n != 0)
			TRY(err_set(ERR_INVALID, "a NULL of %zu octets in hashAlgorithm", none.n));
	}
	TRY(der_finish(&alg, "hashAlgorithm"));
	*hash = -1;
	for (int i = 0; i < OCSP_HASH_COUNT; i++)
		if (bytes_equal(oid, ocsp_digests[i].oid))
			*hash = i;
	return ERR_OK;
}

static enum err
read_cert_id(struct der *d, struct ocsp_request *out)
{
	struct ocsp_cert_id *id = &out->id[out->count];
	struct der cert_id;
	int hash;

	TRY(der_enter(d, DER_SEQUENCE, "reqCert", &cert_id));
	TRY(read_hash(&cert_id, &hash));
	TRY(der_get(&cert_id, DER_OCTET_STRING, "issuerNameHash", &id->name_hash));
	TRY(der_get(&cert_id, DER_OCTET_STRING, "issuerKeyHash", &id->key_hash));
	TRY(der_get_integer(&cert_id, "serialNumber", &id->serial));
	TRY(der_finish(&cert_id, "reqCert"));
	if (hash < 0) {
		out->unanswerable = true;
		return ERR_OK;
	}
	id->hash = (enum ocsp_hash)hash;
	if (id->name_hash.n != ocsp_digests[hash].size || id->key_hash.n != ocsp_digests[hash].size)
		return err_set(ERR_INVALID,
			"issuer hashes of %zu and %zu octets do not fit their algorithm (RFC 6960 section 4.1.1)",
			id->name_hash.n, id->key_hash.n);
	return ERR_OK;
}

static enum err
read_nonce(struct bytes value, struct ocsp_request *out)
{
	struct der d = der_open(value);

	if (out->nonce.n != 0)
		return err_set(ERR_INVALID, "two nonces in one request");
	TRY(der_get(&d, DER_OCTET_STRING, "nonce", &out->nonce));
	TRY(der_finish(&d, "nonce"));
	if ((out->nonce.n == 0 || out->nonce.n > OCSP_NONCE_MAX))
		TRY(err_set(ERR_INVALID,
			"a nonce of %zu octets, 1 to %d are allowed (RFC 9654 section 2.1)",
			out->nonce.n, OCSP_NONCE_MAX));
	return ERR_OK;
}

/* acceptableResponses: we speak id-pkix-ocsp-basic only (RFC 6960 section 4.4.3). */
static enum err
read_acceptable(struct bytes value)
{
	struct der list, d = der_open(value);
	bool basic = false;
	enum err e = der_enter(&d, DER_SEQUENCE, "acceptableResponses", &list);

	while (e == ERR_OK && !der_at_end(&list)) {
		struct bytes oid;

		e = der_get_oid(&list, "acceptableResponses", &oid);
		basic = basic || (e == ERR_OK && bytes_equal(oid, OID_OCSP_BASIC));
	}
	if (e == ERR_OK)
		e = der_finish(&d, "acceptableResponses");
	if (e == ERR_OK && !basic)
		e = err_set(ERR_INVALID,
			"acceptableResponses does not hold id-pkix-ocsp-basic (RFC 6960 section 4.4.3)");
	return e;
}

enum where { SINGLE, WHOLE };

static enum err
read_extension(struct der *list, enum where where, struct ocsp_request *out)
{
	struct der ext;
	struct bytes oid, value;
	bool critical = false;

	TRY(der_enter(list, DER_SEQUENCE, "Extension", &ext));
	TRY(der_get_oid(&ext, "extnID", &oid));
	if (der_peek(&ext) == DER_BOOLEAN)
		TRY(der_get_boolean(&ext, "critical", &critical));
	TRY(der_get(&ext, DER_OCTET_STRING, "extnValue", &value));
	TRY(der_finish(&ext, "Extension"));
	if (where == WHOLE && bytes_equal(oid, OID_OCSP_NONCE))
		return read_nonce(value, out);
	if (where == WHOLE && bytes_equal(oid, OID_OCSP_RESPONSE))
		return read_acceptable(value);
	if ((where == WHOLE && bytes_equal(oid, OID_OCSP_PREF_SIG_ALGS)) ||
		(where == SINGLE && bytes_equal(oid, OID_OCSP_SERVICE_LOCATOR)))
		return ERR_OK;
	if (critical)
		return err_set(ERR_INVALID, "an unknown critical extension (RFC 6960 section 4.4)");
	return ERR_OK;
}

/* [n] EXPLICIT Extensions, if it is next. */
static enum err
read_extensions(struct der *d, int n, enum where where, struct ocsp_request *out)
{
	struct der outer, list;

	if (der_peek(d) != DER_CONTEXT_CONS(n))
		return ERR_OK;
	TRY(der_enter(d, DER_CONTEXT_CONS(n), "extensions", &outer));
	TRY(der_enter(&outer, DER_SEQUENCE, "extensions", &list));
	TRY(der_finish(&outer, "extensions"));
	if (der_at_end(&list))
		TRY(err_set(ERR_INVALID, "an empty list of extensions (RFC 5280 section 4.1.2.9)"));
	while (!der_at_end(&list))
		TRY(read_extension(&list, where, out));
	return ERR_OK;
}

static enum err
read_list(struct der *tbs, struct ocsp_request *out)
{
	struct der list, one;
	enum err e = der_enter(tbs, DER_SEQUENCE, "requestList", &list);

	while (e == ERR_OK && !der_at_end(&list)) {
		if (out->count == OCSP_IDS_MAX)
			return err_set(ERR_INVALID, "more than %d certificates in one request",
				OCSP_IDS_MAX);
		e = der_enter(&list, DER_SEQUENCE, "Request", &one);
		if (e == ERR_OK)
			e = read_cert_id(&one, out);
		if (e == ERR_OK)
			e = read_extensions(&one, 0, SINGLE, out);
		if (e == ERR_OK)
			e = der_finish(&one, "Request");
		out->count++;
	}
	if (e == ERR_OK && out->count == 0)
		e = err_set(ERR_INVALID, "an empty requestList");
	return e;
}

/* version [0] EXPLICIT DEFAULT v1: absent, since DER leaves out defaults; a written v1 is what some
 * clients send. */
static enum err
read_version(struct der *tbs)
{
	struct der outer;
	uint32_t version;

	if (der_peek(tbs) != DER_CONTEXT_CONS(0))
		return ERR_OK;
	TRY(der_enter(tbs, DER_CONTEXT_CONS(0), "version", &outer));
	TRY(der_get_uint(&outer, "version", &version));
	TRY(der_finish(&outer, "version"));
	if (version != 0)
		TRY(err_set(ERR_INVALID, "version %u, only v1 exists (RFC 6960 section 4.1.1)",
			version + 1));
	return ERR_OK;
}

enum err
ocsp_request_parse(struct bytes der, struct ocsp_request *out)
{
	struct der top = der_open(der), request, tbs, name;

	out->count = 0;
	out->unanswerable = false;
	out->nonce = (struct bytes){NULL, 0};
	TRY(der_enter(&top, DER_SEQUENCE, "OCSPRequest", &request));
	TRY(der_finish(&top, "OCSPRequest"));
	TRY(der_enter(&request, DER_SEQUENCE, "tbsRequest", &tbs));
	TRY(read_version(&tbs));
	if (der_peek(&tbs) == DER_CONTEXT_CONS(1)) /* requestorName */

		TRY(der_enter(&tbs, DER_CONTEXT_CONS(1), "requestorName", &name));
	TRY(read_list(&tbs, out));
	TRY(read_extensions(&tbs, 2, WHOLE, out));
	TRY(der_finish(&tbs, "tbsRequest"));
	if (der_peek(&request) == DER_CONTEXT_CONS(0)) /* optionalSignature */

		TRY(der_enter(&request, DER_CONTEXT_CONS(0), "optionalSignature", &name));
	return der_finish(&request, "OCSPRequest");
}

/* One character after percent-decoding; advances *text. -1 for a broken escape. */
static int
next_character(const char **text)
{
	const char *t = *text;
	int octet;

	if (t[0] != '%') {
		*text = t + 1;
		return (unsigned char)t[0] > 0x20 ? t[0]
						  : -1; /* RFC 9919 section 6: no white space */
	}
	octet = hex_escaped(bytes_of(t, strnlen(t, 3)));
	if (octet >= 0)
		*text = t + 3;
	return octet;
}

enum err
ocsp_get_decode(const char *text, uint8_t *room, struct bytes *der)
{
	uint32_t bits = 0;
	unsigned count = 0, padding = 0;
	size_t n = 0;

	while (text[0] == '/')
		text++;
	while (*text != '\0') {
		int c = next_character(&text);
		int v;

		if (c == '/' && n == 0 && count == 0) /* a leading slash that was escaped */
			continue;
		if (c == '=' && ++padding <= 2)
			continue;
		if (c == ' ') /* a proxy that decodes forms made it of a '+' */
			c = '+';
		v = c < 0 || padding > 0 ? -1 : base64_value((uint8_t)c);
		if (v < 0)
			return err_set(ERR_INVALID,
				"the path does not hold base64 (RFC 6960 appendix A.1)");
		bits = bits << 6 | (uint32_t)v;
		if (++count % 4 == 0) {
			if (n + 3 > OCSP_REQUEST_MAX)
				return err_set(ERR_LIMIT, "an OCSP request of more than %d octets",
					OCSP_REQUEST_MAX);
			room[n++] = (uint8_t)(bits >> 16);
			room[n++] = (uint8_t)(bits >> 8);
			room[n++] = (uint8_t)bits;
			bits = 0;
		}
	}
	if (count % 4 == 1 || n + 2 > OCSP_REQUEST_MAX)
		return err_set(ERR_INVALID, "the path holds a broken base64 text");
	if (count % 4 == 2)
		room[n++] = (uint8_t)(bits >> 4);
	if (count % 4 == 3) {
		room[n++] = (uint8_t)(bits >> 10);
		room[n++] = (uint8_t)(bits >> 2);
	}
	*der = bytes_of(room, n);
	return ERR_OK;
}
