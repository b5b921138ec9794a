/* Values out of results in PostgreSQL's binary format, and what a refused statement means as enum
 * err. */
#include <endian.h>
#include <stdlib.h>

#include "lib/db/conn.h"

#define EPOCH_2000 INT64_C(946684800)

size_t
result_affected(PGresult *res)
{
	return (size_t)strtoull(PQcmdTuples(res), NULL, 10);
}

bool
result_null(const PGresult *res, size_t row, int col)
{
	return PQgetisnull(res, (int)row, col) != 0;
}

struct bytes
result_view(const PGresult *res, size_t row, int col)
{
	if (result_null(res, row, col))
		return (struct bytes){NULL, 0};
	return bytes_of(PQgetvalue(res, (int)row, col), (size_t)PQgetlength(res, (int)row, col));
}

/* Big-endian, sign-extended; integers have 2, 4 or 8 octets. */
static int64_t
read_integer(struct bytes b)
{
	uint64_t n = b.n > 0 && (b.p[0] & 0x80) != 0 ? UINT64_MAX : 0;

	for (size_t i = 0; i < b.n && i < 8; i++)
		n = n << 8 | b.p[i];
	return (int64_t)n;
}

int64_t
result_int(const PGresult *res, size_t row, int col)
{
	return read_integer(result_view(res, row, col));
}

int64_t
result_time(const PGresult *res, size_t row, int col)
{
	if (result_null(res, row, col))
		return 0;
	int64_t us = result_int(res, row, col);
	return EPOCH_2000 + us / 1000000 - (us % 1000000 < 0);
}

bool
result_bool(const PGresult *res, size_t row, int col)
{
	struct bytes b = result_view(res, row, col);

	return b.n == 1 && b.p[0] != 0;
}

const char *
result_peek(const PGresult *res, size_t row, int col)
{
	return result_null(res, row, col) ? NULL : PQgetvalue(res, (int)row, col);
}

const char *
result_text(struct arena *a, const PGresult *res, size_t row, int col)
{
	return result_null(res, row, col) ? NULL : arena_string(a, result_view(res, row, col));
}

struct bytes
result_bytes(struct arena *a, const PGresult *res, size_t row, int col)
{
	return result_null(res, row, col) ? (struct bytes){NULL, 0}
					  : arena_bytes(a, result_view(res, row, col));
}

enum err
result_octets(const PGresult *res, size_t row, int col, uint8_t *out, size_t n)
{
	struct bytes b = result_view(res, row, col);

	if (b.p == NULL)
		return ERR_OK;
	if (b.n != n)
		return err_set(ERR_INTERNAL, "column \"%s\" holds %zu octets instead of %zu",
			PQfname(res, col), b.n, n);
	memcpy(out, b.p, n);
	return ERR_OK;
}

static bool
take_uint32(struct bytes *b, uint32_t *out)
{
	if (b->n < 4)
		return false;
	memcpy(out, b->p, 4);
	*out = be32toh(*out);
	b->p += 4;
	b->n -= 4;
	return true;
}

const char **
result_texts(struct arena *a, const PGresult *res, size_t row, int col, size_t *count)
{
	struct bytes b = result_view(res, row, col);
	uint32_t dimensions = 0, flags, type, n = 0, lower, length;
	const char **texts = NULL;

	*count = 0;
	if (!take_uint32(&b, &dimensions) || dimensions != 1 || !take_uint32(&b, &flags) ||
		!take_uint32(&b, &type) || !take_uint32(&b, &n) || !take_uint32(&b, &lower) ||
		n > b.n / 4)
		return arena_array(a, 1, sizeof(*texts));
	texts = arena_array(a, n + 1, sizeof(*texts));
	for (uint32_t i = 0; i < n && take_uint32(&b, &length) && length <= b.n; i++) {
		texts[(*count)++] = arena_string(a, bytes_of(b.p, length));
		b.p += length;
		b.n -= length;
	}
	return texts;
}

/* SQLSTATE prefixes, longer before shorter; whatever is not here is our own mistake. So is a unique
 * violation: a statement that expects one says ON CONFLICT and tells it by its rows. */
static const struct {
	const char *prefix;
	enum err code;
} meanings[] = {
	{"23503", ERR_NOTFOUND},    /* foreign_key_violation */
	{"27000", ERR_CONFLICT},    /* refuse_move(): the state does not go there */
	{"23514", ERR_INVALID},	    /* check_violation */
	{"22", ERR_INVALID},	    /* data exceptions: text that is not UTF-8, out of range */
	{"08", ERR_UNAVAILABLE},    /* connection */
	{"25006", ERR_UNAVAILABLE}, /* read-only: fail-over under way */
	{"40", ERR_UNAVAILABLE},    /* deadlock, serialization */
	{"53", ERR_UNAVAILABLE},    /* disk full, too many connections */
	{"54000", ERR_LIMIT},	    /* a function's own bound */
	{"55P03", ERR_UNAVAILABLE}, /* lock_timeout */
	{"57", ERR_UNAVAILABLE},    /* shut down, statement_timeout */
	{"58", ERR_UNAVAILABLE},    /* I/O error */
};

enum err
db_conn_judge(const PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
		status == PGRES_PIPELINE_SYNC)
		return ERR_OK;
	if (status == PGRES_PIPELINE_ABORTED)
		return err_set(ERR_UNAVAILABLE, "another statement of the batch failed");

	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	enum err code = ERR_INTERNAL;

	for (size_t i = 0; state != NULL && i < ARRAY_LEN(meanings); i++)
		if (strncmp(state, meanings[i].prefix, strlen(meanings[i].prefix)) == 0) {
			code = meanings[i].code;
			break;
		}
	return err_set(code, "database: %s (%s)", text != NULL ? text : "no reason given",
		state != NULL ? state : "no state");
}

enum err
db_conn_bound(const PGresult *res, size_t max)
{
	size_t octets = PQresultMemorySize(res);

	if (octets > max)
		return err_set(ERR_LIMIT,
			"database: an answer takes %zu octets, and %zu are read at once; ask for fewer rows, or look for one that is too large",
			octets, max);
	return ERR_OK;
}
