/*
 * Issuers and issued certificates. By serial a certificate is found through its request, whose
 * serial is unique over all partitions and which knows the partition (cert_not_after).
 */
#include "lib/store/certificate.h"

#include "lib/store/internal.h"

enum { LIST_MAX = 1000 };

enum err
store_issuer_list(struct store *s, struct arena *a, struct store_issuer **out, size_t *count)
{
	static const struct stmt list = {"issuer_list",
		"SELECT id, parent, name, kind, state, key_label, der, subject, key_id, spki_hash, not_after FROM issuer ORDER BY id",
		0};
	AUTO(PGresult) res = NULL;
	enum err e = db_read(s->db, &list, NULL, &res);

	if (e != ERR_OK)
		return e;
	*count = result_rows(res);
	*out = arena_array(a, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count; i++)
		(*out)[i] = (struct store_issuer){
			.id = (int16_t)result_int(res, i, 0),
			.parent = (int16_t)result_int(res, i, 1),
			.name = result_text(a, res, i, 2),
			.kind = result_text(a, res, i, 3),
			.state = result_text(a, res, i, 4),
			.key_label = result_text(a, res, i, 5),
			.der = result_bytes(a, res, i, 6),
			.subject = result_bytes(a, res, i, 7),
			.key_id = result_bytes(a, res, i, 8),
			.spki_hash = result_bytes(a, res, i, 9),
			.not_after = result_time(res, i, 10),
		};
	return ERR_OK;
}

/* Which issuer stands in the way of importing this one; the same certificate under the same name
 * does not. */
static enum err
find_issuer(struct store *s, const struct store_issuer *issuer, int16_t *id)
{
	static const struct stmt find = {"issuer_find",
		"SELECT id, name, der FROM issuer WHERE name = $1 OR spki_hash = $2", 2};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_text(&p, issuer->name);
	params_bytes(&p, issuer->spki_hash);
	enum err e = db_read(s->db, &find, &p, &res);
	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < result_rows(res); i++)
		if (strcmp(result_peek(res, i, 1), issuer->name) != 0 ||
			!bytes_equal(result_view(res, i, 2), issuer->der))
			return err_set(ERR_CONFLICT,
				"issuer \"%s\" has that %s with another certificate",
				result_peek(res, i, 1),
				strcmp(result_peek(res, i, 1), issuer->name) == 0 ? "name" : "key");
	if (result_rows(res) == 0)
		return err_set(ERR_UNAVAILABLE, "issuer \"%s\" vanished while it was imported",
			issuer->name);
	*id = (int16_t)result_int(res, 0, 0);
	return ERR_OK;
}

static const struct stmt issuer_add = {"issuer_add",
	"WITH i AS (INSERT INTO issuer (name, kind, parent, der, subject, key_id, spki_hash, key_label, not_after) "
	"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id), "
	"a AS (INSERT INTO audit_event (actor, operation, object, outcome, detail) "
	"SELECT current_user, 'issuer.import', $1, 'ok', jsonb_build_object('kind', $2::text) FROM i) SELECT id FROM i",
	9};

enum err
store_issuer_add(struct store *s, const struct store_issuer *issuer, int16_t *id)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_text(&p, issuer->name);
	params_text(&p, issuer->kind);
	params_int_or_null(&p, issuer->parent, 0);
	params_bytes(&p, issuer->der);
	params_bytes(&p, issuer->subject);
	params_bytes(&p, issuer->key_id);
	params_bytes(&p, issuer->spki_hash);
	params_text(&p, issuer->key_label);
	params_time(&p, issuer->not_after);
	enum err e = db_run(s->db, &issuer_add, &p, &res);
	if (e != ERR_OK)
		return e;
	if (result_rows(res) == 0)
		return find_issuer(s, issuer, id);
	*id = (int16_t)result_int(res, 0, 0);
	store_ring(s, STORE_BELL_STATE);
	return ERR_OK;
}

#define CERTIFICATE_COLUMNS                                                                                             \
	"SELECT c.serial, c.issuer, c.identity, c.request, i.name, c.profile, c.not_before, c.not_after, c.issued_at, " \
	"c.der, c.spki_hash, c.renewed_from, v.revoked_at, v.reason, i.state, i.kind FROM "
#define CERTIFICATE_JOINS                                                                          \
	"JOIN identity i ON i.id = c.identity LEFT JOIN revocation v ON v.serial = c.serial "

static enum err
read_certificate(struct arena *a, const PGresult *res, size_t row, struct store_certificate *out)
{
	struct store_certificate c = {
		.issuer = (int16_t)result_int(res, row, 1),
		.identity = result_int(res, row, 2),
		.request = result_int(res, row, 3),
		.identity_name = result_text(a, res, row, 4),
		.profile = result_text(a, res, row, 5),
		.not_before = result_time(res, row, 6),
		.not_after = result_time(res, row, 7),
		.issued_at = result_time(res, row, 8),
		.der = result_bytes(a, res, row, 9),
		.spki_hash = result_bytes(a, res, row, 10),
		.has_renewed_from = !result_null(res, row, 11),
		.revoked_at = result_time(res, row, 12),
		.reason = result_null(res, row, 13) ? -1 : (int)result_int(res, row, 13),
		.identity_state = column_identity_state(res, row, 14),
		.identity_kind = column_identity_kind(res, row, 15),
	};
	enum err e = result_octets(res, row, 0, c.serial, sizeof(c.serial));

	if (e == ERR_OK)
		e = result_octets(res, row, 11, c.renewed_from, sizeof(c.renewed_from));
	if (e == ERR_OK)
		*out = c;
	return e;
}

enum err
store_certificate_find(struct store *s, struct arena *a, const uint8_t serial[STORE_SERIAL_SIZE],
	struct store_certificate *out)
{
	static const struct stmt find = {"certificate_find",
		CERTIFICATE_COLUMNS
		"issuance_request r JOIN certificate c ON c.serial = r.serial AND c.not_after = r.cert_not_after " CERTIFICATE_JOINS
		"WHERE r.serial = $1",
		1};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_bytes(&p, bytes_of(serial, STORE_SERIAL_SIZE));
	enum err e = db_read(s->db, &find, &p, &res);
	if (e != ERR_OK)
		return e;
	if (result_rows(res) == 0)
		return err_set(ERR_NOTFOUND, "no certificate with this serial");
	return read_certificate(a, res, 0, out);
}

/* Newest end of life first, after the row ($1, $2), at most $3; $4: live ones only. */
#define LIST_WHERE "($4::boolean IS NOT TRUE OR (c.not_after > now() AND v.serial IS NULL)) "
#define LIST_ORDER "ORDER BY c.not_after DESC, c.serial DESC LIMIT $3"
static const struct stmt list_all = {"certificate_list",
	CERTIFICATE_COLUMNS "certificate c " CERTIFICATE_JOINS
			    "WHERE (c.not_after, c.serial) < ($1, $2) AND " LIST_WHERE LIST_ORDER,
	4};
static const struct stmt list_by_identity = {"certificate_list_identity",
	CERTIFICATE_COLUMNS
	"certificate c " CERTIFICATE_JOINS
	"WHERE c.identity = (SELECT id FROM identity WHERE name = $5) AND (c.not_after, c.serial) < ($1, $2) AND " LIST_WHERE
		LIST_ORDER,
	5};
static const struct stmt list_by_name = {"certificate_list_name",
	CERTIFICATE_COLUMNS
	"certificate_name n JOIN certificate c ON c.serial = n.serial AND c.not_after = n.not_after " CERTIFICATE_JOINS
	"WHERE n.name = $5 AND (n.not_after, n.serial) < ($1, $2) AND " LIST_WHERE
	"ORDER BY n.not_after DESC, n.serial DESC LIMIT $3",
	5};
static const struct stmt list_by_both = {"certificate_list_both",
	CERTIFICATE_COLUMNS
	"certificate_name n JOIN certificate c ON c.serial = n.serial AND c.not_after = n.not_after " CERTIFICATE_JOINS
	"WHERE n.name = $5 AND i.name = $6 AND (n.not_after, n.serial) < ($1, $2) AND " LIST_WHERE
	"ORDER BY n.not_after DESC, n.serial DESC LIMIT $3",
	6};

enum err
store_certificate_list(struct store *s, struct arena *a, const struct store_certificate_filter *f,
	struct store_certificate **out, size_t *count)
{
	static const uint8_t above_all[STORE_SERIAL_SIZE + 1] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	const struct stmt *st = f->name != NULL
		? (f->identity != NULL ? &list_by_both : &list_by_name)
		: f->identity != NULL ? &list_by_identity
				      : &list_all;
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	if (f->after_serial != NULL) {
		params_time(&p, f->after_not_after);
		params_bytes(&p, bytes_of(f->after_serial, STORE_SERIAL_SIZE));
	} else {
		params_text(&p, "infinity");
		params_bytes(&p, bytes_of(above_all, sizeof(above_all)));
	}
	params_int(&p, f->limit < LIST_MAX ? f->limit : LIST_MAX);
	params_bool(&p, f->live == STORE_LIVE_ONLY);
	if (f->name != NULL)
		params_text(&p, f->name);
	if (f->identity != NULL)
		params_text(&p, f->identity);
	enum err e = db_read(s->db, st, &p, &res);
	if (e != ERR_OK)
		return e;
	size_t n = result_rows(res);
	struct store_certificate *list = arena_array(a, n + 1, sizeof(*list));
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = read_certificate(a, res, i, &list[i]);
	if (e == ERR_OK) {
		*out = list;
		*count = n;
	}
	return e;
}

enum err
store_certificate_revoke(struct store *s, const uint8_t serial[STORE_SERIAL_SIZE], int reason,
	const char *actor, const char *request_id)
{
	static const struct stmt revoke = {
		"certificate_revoke", "SELECT certificate_revoke($1, $2, $3, $4)", 4};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_bytes(&p, bytes_of(serial, STORE_SERIAL_SIZE));
	params_int_or_null(&p, reason, -1);
	params_text(&p, actor);
	params_text(&p, request_id);
	enum err e = db_run(s->db, &revoke, &p, &res);
	if (e != ERR_OK)
		return e;
	const char *outcome = result_peek(res, 0, 0);
	if (strcmp(outcome, "unknown") == 0)
		return err_set(ERR_NOTFOUND, "no certificate with this serial");
	store_ring(s, STORE_BELL_STATE);
	if (strcmp(outcome, "already") == 0)
		return err_set(ERR_CONFLICT, "the certificate is revoked already");
	return ERR_OK;
}

enum err
store_revocation_changes(struct store *s, struct arena *a, uint64_t *cursor,
	struct store_revoked **out, size_t *count)
{
	static const struct stmt changes = {"revocation_changes",
		FEED_SNAPSHOT
		"v.serial, v.issuer, v.revoked_at, v.not_after, v.reason FROM " FEED_FROM
		"LEFT JOIN revocation v ON v.xid >= $1 AND v.not_after > now()",
		1};
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;

	params_int(&p, (int64_t)*cursor);
	enum err e = db_read(s->db, &changes, &p, &res);
	if (e != ERR_OK)
		return e;
	struct store_revoked *list = arena_array(a, result_rows(res), sizeof(*list));
	size_t n = 0;
	for (size_t i = 0; i < result_rows(res) && e == ERR_OK; i++)
		if (!result_null(res, i, 1))
			e = column_revoked(res, i, 1, &list[n++]);
	if (e != ERR_OK)
		return e;
	*out = list;
	*count = n;
	*cursor = (uint64_t)result_int(res, 0, 0);
	return ERR_OK;
}

enum err
column_revoked(const PGresult *res, size_t row, int col, struct store_revoked *out)
{
	*out = (struct store_revoked){
		.issuer = (int16_t)result_int(res, row, col + 1),
		.revoked_at = result_time(res, row, col + 2),
		.not_after = result_time(res, row, col + 3),
		.reason = result_null(res, row, col + 4) ? -1 : (int)result_int(res, row, col + 4),
	};
	return result_octets(res, row, col, out->serial, sizeof(out->serial));
}

static enum err
read_issued(const PGresult *res, size_t row, int col, struct store_issued *out)
{
	*out = (struct store_issued){
		.issuer = (int16_t)result_int(res, row, col + 1),
		.not_before = result_time(res, row, col + 2),
		.not_after = result_time(res, row, col + 3),
	};
	return result_octets(res, row, col, out->serial, sizeof(out->serial));
}

/*
 * All certificates of one transaction come together (WITH TIES), so that the cursor may stand
 * between two transactions. It can never pass the oldest transaction that may still be running;
 * when a page reaches that far, the rest is read without a limit, or a claim that stays open for
 * long would hold up all that was issued meanwhile.
 */
enum err
store_issued_changes(struct store *s, struct arena *a, uint64_t *cursor, unsigned limit,
	struct store_issued **out, size_t *count, bool *more)
{
	static const struct stmt changes = {"issued_changes",
		FEED_SNAPSHOT
		"c.serial, c.issuer, c.not_before, c.not_after, c.xid FROM " FEED_FROM
		"LEFT JOIN LATERAL (SELECT serial, issuer, not_before, not_after, xid FROM certificate "
		"WHERE xid >= $1 AND not_after > now() ORDER BY xid FETCH FIRST ($2::bigint) ROWS WITH TIES) c ON true",
		2};
	AUTO_PARAMS(p);
	AUTO_PARAMS(again);
	AUTO(PGresult) page = NULL;
	AUTO(PGresult) rest = NULL;

	params_int(&p, (int64_t)*cursor);
	params_int(&p, limit);
	enum err e = db_read(s->db, &changes, &p, &page);
	if (e != ERR_OK)
		return e;
	size_t n = result_rows(page);
	int64_t last = result_int(page, n - 1, 5), oldest = result_int(page, 0, 0);
	bool full = n >= limit && !result_null(page, 0, 1);
	const PGresult *res = page;
	if (full && last >= oldest) {
		params_int(&again, (int64_t)*cursor);
		params_int(&again, INT64_MAX);
		e = db_read(s->db, &changes, &again, &rest);
		if (e != ERR_OK)
			return e;
		full = false;
		res = rest;
		n = result_rows(rest);
		oldest = result_int(rest, 0, 0);
	}
	struct store_issued *list = arena_array(a, n, sizeof(*list));
	size_t got = 0;
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		if (!result_null(res, i, 1))
			e = read_issued(res, i, 1, &list[got++]);
	if (e != ERR_OK)
		return e;
	*out = list;
	*count = got;
	*more = full;
	*cursor = (uint64_t)(full ? last + 1 : oldest);
	return ERR_OK;
}
