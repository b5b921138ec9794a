/*
 * Issuers and issued certificates. By serial a certificate is found through its request, whose
 * serial is unique over all partitions and which knows the partition (cert_not_after).
 */
#include "lib/store/certificate.h"

#include "lib/store/internal.h"
#include "schema/statements/certificate.h"

enum { LIST_MAX = 1000 };

static enum err
read_certificate(struct arena *a, const PGresult *res, size_t row, struct store_certificate *out)
{
	struct store_certificate c = {
		.issuer = (int16_t)result_int(res, row, COL_CERTIFICATE_ISSUER),
		.identity = result_int(res, row, COL_CERTIFICATE_IDENTITY),
		.request = result_int(res, row, COL_CERTIFICATE_REQUEST),
		.identity_name = result_text(a, res, row, COL_CERTIFICATE_IDENTITY_NAME),
		.profile = result_text(a, res, row, COL_CERTIFICATE_PROFILE),
		.not_before = result_time(res, row, COL_CERTIFICATE_NOT_BEFORE),
		.not_after = result_time(res, row, COL_CERTIFICATE_NOT_AFTER),
		.issued_at = result_time(res, row, COL_CERTIFICATE_ISSUED_AT),
		.der = result_bytes(a, res, row, COL_CERTIFICATE_DER),
		.spki_hash = result_bytes(a, res, row, COL_CERTIFICATE_SPKI_HASH),
		.has_renewed_from = !result_null(res, row, COL_CERTIFICATE_RENEWED_FROM),
		.revoked_at = result_time(res, row, COL_CERTIFICATE_REVOKED_AT),
		.reason = result_null(res, row, COL_CERTIFICATE_REASON)
			? -1
			: (int)result_int(res, row, COL_CERTIFICATE_REASON),
		.identity_state = (enum identity_state)column_word(
			res, row, COL_CERTIFICATE_IDENTITY_STATE, &identity_state_words),
		.identity_kind = (enum identity_kind)column_word(
			res, row, COL_CERTIFICATE_IDENTITY_KIND, &identity_kind_words),
	};

	TRY(result_octets(res, row, COL_CERTIFICATE_SERIAL, c.serial, sizeof(c.serial)));
	TRY(result_octets(
		res, row, COL_CERTIFICATE_RENEWED_FROM, c.renewed_from, sizeof(c.renewed_from)));
	*out = c;
	return ERR_OK;
}

enum err
store_certificate_find(struct store *s, struct arena *a, const uint8_t serial[STORE_SERIAL_SIZE],
	struct store_certificate *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, certificate_find, .serial = bytes_of(serial, STORE_SERIAL_SIZE));
	TRY(db_read(s->db, &sql_certificate_find, &p, &res));
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no certificate with this serial");
	return read_certificate(a, res, 0, out);
}

/* Fills in the page's statement; see the lists in schema/statements/certificate.sql. */
enum err
store_certificate_authority(struct store *s, struct arena *a,
	const uint8_t serial[STORE_SERIAL_SIZE], struct store_authority *out)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	BIND(&p, certificate_authority, .serial = bytes_of(serial, STORE_SERIAL_SIZE));
	TRY(db_read(s->db, &sql_certificate_authority, &p, &res));
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no certificate with this serial");
	*out = (struct store_authority){
		.protocol = (enum ca_protocol)column_word(
			res, 0, COL_CERTIFICATE_AUTHORITY_PROTOCOL, &ca_protocol_words),
		.proof = (enum store_proof)column_word(
			res, 0, COL_CERTIFICATE_AUTHORITY_PROOF, &store_proof_words),
		.requested_by = result_text(a, res, 0, COL_CERTIFICATE_AUTHORITY_REQUESTED_BY),
		.shown = result_text(a, res, 0, COL_CERTIFICATE_AUTHORITY_SHOWN),
		.acme_order = result_text(a, res, 0, COL_CERTIFICATE_AUTHORITY_ACME_ORDER),
		.acme_account = result_text(a, res, 0, COL_CERTIFICATE_AUTHORITY_ACME_ACCOUNT),
		.revoked_by = result_text(a, res, 0, COL_CERTIFICATE_AUTHORITY_REVOKED_BY),
	};
	out->approved_by = result_texts(
		a, res, 0, COL_CERTIFICATE_AUTHORITY_APPROVED_BY, &out->approved_count);
	return ERR_OK;
}

static const struct stmt *
bind_list(struct params *p, const struct store_certificate_filter *f)
{
	static const uint8_t above_all[STORE_SERIAL_SIZE + 1] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	const bool first = f->after_serial == NULL, live = f->live == STORE_LIVE_ONLY;
	const int64_t not_after = first ? 0 : f->after_not_after;
	const struct bytes serial = first ? bytes_of(above_all, sizeof(above_all))
					  : bytes_of(f->after_serial, STORE_SERIAL_SIZE);
	const unsigned page = f->limit < LIST_MAX ? f->limit : LIST_MAX;

	if (f->name != NULL && f->identity != NULL) {
		BIND(p, certificate_list_both, .not_after = not_after, .serial = serial,
			.page = page, .live = live, .name = f->name, .identity = f->identity);
		return &sql_certificate_list_both;
	}
	if (f->name != NULL) {
		BIND(p, certificate_list_name, .not_after = not_after, .serial = serial,
			.page = page, .live = live, .name = f->name);
		return &sql_certificate_list_name;
	}
	if (f->identity != NULL) {
		BIND(p, certificate_list_identity, .not_after = not_after, .serial = serial,
			.page = page, .live = live, .identity = f->identity);
		return &sql_certificate_list_identity;
	}
	BIND(p, certificate_list, .not_after = not_after, .serial = serial, .page = page,
		.live = live);
	return &sql_certificate_list;
}

enum err
store_certificate_list(struct store *s, struct arena *a, const struct store_certificate_filter *f,
	struct store_certificate **out, size_t *count)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	const struct stmt *st = bind_list(&p, f);

	TRY(db_read(s->db, st, &p, &res));
	size_t n = result_rows(res);
	struct store_certificate *list = arena_array(a, n + 1, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		TRY(read_certificate(a, res, i, &list[i]));
	*out = list;
	*count = n;
	return ERR_OK;
}

struct issued_reader {
	store_issued_fn *fn;
	void *ctx;
};

static void
bind_changes(struct params *p, const struct feed_place *after, int64_t page)
{
	BIND(p, issued_changes, .cursor = (int64_t)after->xid, .after = after->key, .page = page);
}

static enum err
apply_issued(void *ctx, const PGresult *res, size_t row)
{
	const struct issued_reader *r = ctx;
	struct store_issued issued = {
		.issuer = (int16_t)result_int(res, row, COL_ISSUED_CHANGES_ISSUER),
		.not_before = result_time(res, row, COL_ISSUED_CHANGES_NOT_BEFORE),
		.not_after = result_time(res, row, COL_ISSUED_CHANGES_NOT_AFTER),
	};

	TRY(result_octets(
		res, row, COL_ISSUED_CHANGES_SERIAL, issued.serial, sizeof(issued.serial)));
	r->fn(r->ctx, &issued);
	return ERR_OK;
}

enum err
store_issued_changes(struct store *s, uint64_t *cursor, store_issued_fn *fn, void *ctx)
{
	static const struct feed feed = {&sql_issued_changes, bind_changes,
		COL_ISSUED_CHANGES_SERIAL, COL_ISSUED_CHANGES_XID, COL_ISSUED_CHANGES_OLDEST,
		apply_issued};
	struct issued_reader r = {fn, ctx};

	return feed_look(s, &feed, cursor, &r);
}

enum err
store_partitions_ensure(struct store *s, int months)
{
	AUTO_PARAMS(p);

	BIND(&p, partitions_ensure, .months = months);
	return db_run(s->db, &sql_partitions_ensure, &p, NULL);
}
