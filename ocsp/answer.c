/*
 * From request to answer. The ready answer comes from the table; one that is missing or half
 * through its life is signed here (about 30 us) and kept. Unknown serials cost no signature: five
 * constant octets.
 *
 * An answer never says more than the feed knows: when the database has been away for long, nothing
 * new is signed and clients are told to try later (RFC 6960 section 2.3).
 */
#include "ocsp/service.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/base/random.h"

enum { GOOD_MAX_AGE_S = 60, NONCES_PER_SECOND = 10000 };

#define OCSP_MEDIA_TYPE                                                                            \
	"application/ocsp-response" /* OpenSSL, nginx refuse parameters (CHECKS.md 53) */

static void
respond_error(struct http_response *resp, enum ocsp_error error, const char *reason)
{
	resp->status = 200; /* clients take any other for a broken transport (CHECKS.md 45) */
	resp->content_type = OCSP_MEDIA_TYPE;
	resp->body = ocsp_error_response(error);
	http_response_header(resp, "Cache-Control", "no-store");
	resp->outcome = error == OCSP_UNAUTHORIZED ? "unknown" : "refused";
	resp->reason = reason;
}

/* The issuing CA an id is about; NULL: not ours. The caller holds the read lock. */
static const struct ocsp_issuer *
issuer_of(const struct ocsp_service *o, const struct ocsp_cert_id *id)
{
	for (size_t i = 0; i < o->count; i++)
		if (ocsp_issuer_hashes_match(&o->issuer[i]->hashes, id))
			return o->issuer[i];
	return NULL;
}

static bool
find_entry(struct ocsp_service *o, const struct ocsp_cert_id *id, int16_t issuer,
	struct ocsp_entry *entry)
{
	if (id->serial.n != OCSP_SERIAL_SIZE)
		return false;
	if (!ocsp_table_find(o->table, id->serial.p, entry)) {
		feed_catch_up(o);
		if (!ocsp_table_find(o->table, id->serial.p, entry))
			return false;
	}
	return entry->issuer == issuer && entry->not_after > clock_now();
}

static struct ocsp_single
single_of(const struct ocsp_cert_id *id, const struct ocsp_entry *entry)
{
	struct ocsp_single s = {
		.hash = id->hash,
		.status = entry->revoked_at != 0 ? OCSP_REVOKED : OCSP_GOOD,
		.revoked_at = entry->revoked_at,
		.reason = entry->reason,
	};

	memcpy(s.serial, id->serial.p, OCSP_SERIAL_SIZE);
	return s;
}

static int64_t
earlier_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Never past the responder's or the asked certificate's end: Caddy refuses a staple that outlives
 * its certificate. */
static struct ocsp_times
times_for(const struct ocsp_service *o, const struct ocsp_issuer *s, int64_t cert_not_after,
	int64_t now)
{
	int64_t known = earlier_of(now, atomic_load(&o->fed_at));

	return (struct ocsp_times){
		.produced_at = now,
		.this_update = known - o->config->ocsp.backdate,
		.next_update =
			earlier_of(earlier_of(known + o->config->ocsp.validity, cert_not_after),
				s->responder.not_after),
	};
}

struct headers {
	char modified[CLOCK_IMF_SIZE], expires[CLOCK_IMF_SIZE], etag[2 * SHA256_SIZE + 3],
		cache[96];
	struct http_header field[4];
};

/* The header set of RFC 9919 section 7.2. */
static void
make_headers(struct headers *h, const struct ocsp_times *t, struct bytes body, int64_t max_age)
{
	uint8_t digest[SHA256_SIZE];

	clock_format_imf(t->produced_at, h->modified);
	clock_format_imf(t->next_update, h->expires);
	sha256(body, digest);
	h->etag[0] = '"';
	hex_encode(bytes_of(digest, sizeof(digest)), h->etag + 1);
	memcpy(h->etag + 1 + 2 * SHA256_SIZE, "\"", 2);
	snprintf(h->cache, sizeof(h->cache), "max-age=%lld, public, no-transform, must-revalidate",
		(long long)max_age);
	h->field[0] = (struct http_header){"Last-Modified", h->modified};
	h->field[1] = (struct http_header){"Expires", h->expires};
	h->field[2] = (struct http_header){"ETag", h->etag};
	h->field[3] = (struct http_header){"Cache-Control", h->cache};
}

/* Signs the answer for one certificate without a nonce, and keeps it until half of its life is
 * over. */
static enum err
sign_and_keep(struct ocsp_service *o, const struct ocsp_issuer *s, const struct ocsp_cert_id *id,
	const struct ocsp_entry *entry, struct http_response *resp)
{
	int64_t now = clock_now();
	struct ocsp_times times = times_for(o, s, entry->not_after, now);
	struct ocsp_single single = single_of(id, entry);
	int64_t half = (times.next_update - now) / 2;
	struct headers headers;
	AUTO_BUF(der, OCSP_RESPONSE_MAX);

	if (times.next_update <= now || half <= 0)
		return err_set(ERR_UNAVAILABLE, "what is known here about revocation is too old");
	TRY(ocsp_response_build(
		&s->responder, &s->hashes, &single, 1, &times, (struct bytes){NULL, 0}, &der));
	make_headers(&headers, &times, buf_bytes(&der),
		single.status == OCSP_REVOKED ? half : earlier_of(GOOD_MAX_AGE_S, half));
	resp->prepared = http_prepared_new(
		200, OCSP_MEDIA_TYPE, buf_bytes(&der), headers.field, ARRAY_LEN(headers.field));
	ocsp_table_keep(
		o->table, id->serial.p, id->hash, entry, o->generation, now + half, resp->prepared);
	return ERR_OK;
}

/* Several certificates or a nonce: signed for this request alone, never kept, never cached (RFC
 * 9654 section 2.1). */
static enum err
sign_once(struct ocsp_service *o, const struct ocsp_issuer *s, const struct ocsp_request *request,
	const struct ocsp_entry *entry, struct bytes nonce, struct http_request *req,
	struct http_response *resp)
{
	struct ocsp_single single[OCSP_IDS_MAX];
	int64_t now = clock_now(), end = INT64_MAX;
	struct ocsp_times times;
	AUTO_BUF(der, OCSP_RESPONSE_MAX);

	for (size_t i = 0; i < request->count; i++) {
		single[i] = single_of(&request->id[i], &entry[i]);
		end = earlier_of(end, entry[i].not_after);
	}
	times = times_for(o, s, end, now);
	if (times.next_update <= now)
		return err_set(ERR_UNAVAILABLE, "what is known here about revocation is too old");
	TRY(ocsp_response_build(
		&s->responder, &s->hashes, single, request->count, &times, nonce, &der));
	resp->status = 200;
	resp->content_type = OCSP_MEDIA_TYPE;
	resp->body = arena_bytes(req->arena, buf_bytes(&der));
	http_response_header(resp, "Cache-Control", "no-store");
	return ERR_OK;
}

/* Live signatures are bounded; beyond it a nonce is left out and the kept answer serves
 * (CHECKS.md 52). */
static bool
may_sign_nonce(struct ocsp_service *o)
{
	int64_t now = clock_now();

	if (atomic_exchange(&o->nonce_second, now) != now)
		atomic_store(&o->nonces, 0);
	return atomic_fetch_add(&o->nonces, 1) < NONCES_PER_SECOND;
}

static enum err
answer_known(struct ocsp_service *o, const struct ocsp_issuer *s,
	const struct ocsp_request *request, struct http_request *req, struct http_response *resp)
{
	struct ocsp_entry entry[OCSP_IDS_MAX];
	bool plain = request->count == 1 && (request->nonce.n == 0 || !may_sign_nonce(o));

	for (size_t i = 0; i < request->count; i++) {
		const struct ocsp_cert_id *id = &request->id[i];

		if (issuer_of(o, id) != s || !find_entry(o, id, s->id, &entry[i])) {
			respond_error(
				resp, OCSP_UNAUTHORIZED, "not a live certificate of this issuer");
			return ERR_OK;
		}
	}
	if (!s->ready)
		return err_set(ERR_UNAVAILABLE, "the responder has no certificate yet");
	return plain ? sign_and_keep(o, s, &request->id[0], &entry[0], resp)
		     : sign_once(o, s, request, entry, request->nonce, req, resp);
}

static void
answer_parsed(struct ocsp_service *o, const struct ocsp_request *request, struct http_request *req,
	struct http_response *resp)
{
	const struct ocsp_cert_id *id = &request->id[0];
	const struct ocsp_issuer *s = request->unanswerable ? NULL : issuer_of(o, id);
	enum err e;

	if (s == NULL) {
		respond_error(resp, OCSP_UNAUTHORIZED, "an issuer that is not served here");
		return;
	}
	if (request->count == 1 && request->nonce.n == 0 && id->serial.n == OCSP_SERIAL_SIZE &&
		s->ready) {
		resp->prepared = ocsp_table_answer(
			o->table, id->serial.p, s->id, id->hash, o->generation, clock_now());
		if (resp->prepared != NULL)
			return;
	}
	e = answer_known(o, s, request, req, resp);
	if (e != ERR_OK)
		respond_error(resp, e == ERR_UNAVAILABLE ? OCSP_TRY_LATER : OCSP_INTERNAL_ERROR,
			err_reason());
}

void
answer_request(struct ocsp_service *o, struct bytes der, struct http_request *req,
	struct http_response *resp)
{
	struct ocsp_request request;

	if (ocsp_request_parse(der, &request) != ERR_OK) {
		respond_error(resp, OCSP_MALFORMED, arena_strdup(req->arena, err_reason()));
		return;
	}
	pthread_rwlock_rdlock(&o->lock);
	answer_parsed(o, &request, req, resp);
	pthread_rwlock_unlock(&o->lock);
}
