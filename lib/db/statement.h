/*
 * A statement, its parameters and its result. SQL is constant text, made from schema/statements;
 * parameters and columns have the names that stand there.
 *
 *	AUTO_PARAMS(p);
 *	AUTO(PGresult) res = NULL;
 *	BIND(&p, identity_find, .name = name);
 *	enum err e = db_read(db, &sql_identity_find, &p, &res);
 *	... result_int(res, 0, COL_IDENTITY_ID)
 */
#ifndef CHANCERY_DB_STATEMENT_H
#define CHANCERY_DB_STATEMENT_H

#include <libpq-fe.h>

#include "lib/base/arena.h"

AUTO_DEFINE(PGresult, PQclear)

/* Prepared lazily on each connection under its name, which must be unique in the program. */
struct stmt {
	const char *name, *sql;
	int params;
};

/*
 * Parameters in order. Text and octets are borrowed until the statement has run; numbers and arrays
 * are kept inside. Clear with params_clear(), or declare with AUTO_PARAMS(p).
 *
 * BIND() gives a statement of schema/statements all of its parameters by name, each as the
 * params_ function of its type below takes it; one that is left out does not compile. Arrays are
 * given with texts_of() and its like, and brackets around what has a comma.
 */
enum { PARAMS_MAX = 24 };
struct params {
	int count, owned_count;
	const char *value[PARAMS_MAX];
	int length[PARAMS_MAX], format[PARAMS_MAX];
	char number[PARAMS_MAX][24];
	void *owned[PARAMS_MAX];
};
#define AUTO_PARAMS(name)                                                                          \
	__attribute__((cleanup(params_clear))) struct params name = {.count = 0, .owned_count = 0}
void params_clear(struct params *p);
#define BIND(p, statement, ...)                                                                    \
	do {                                                                                       \
		_Static_assert(BIND_COUNT(__VA_ARGS__) == sql_##statement##_count,                 \
			#statement ": a parameter is missing");                                    \
		sql_##statement##_bind((p), &(const struct sql_##statement##_in){__VA_ARGS__});    \
	} while (0)
#define BIND_COUNT(...)                                                                            \
	BIND_LAST(__VA_ARGS__, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8,   \
		7, 6, 5, 4, 3, 2, 1, 0)
#define BIND_LAST(                                                                                 \
	a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, count, ...)        \
	count

/* Arrays as members of what BIND() fills. */
struct texts {
	const char *const *items;
	size_t count;
};
struct ints {
	const int64_t *items;
	size_t count;
};
struct shorts {
	const int16_t *items;
	size_t count;
};
struct octets {
	const struct bytes *items;
	size_t count;
};
static inline struct texts
texts_of(const char *const *items, size_t count)
{
	return (struct texts){items, count};
}
static inline struct ints
ints_of(const int64_t *items, size_t count)
{
	return (struct ints){items, count};
}
static inline struct shorts
shorts_of(const int16_t *items, size_t count)
{
	return (struct shorts){items, count};
}
static inline struct octets
octets_of(const struct bytes *items, size_t count)
{
	return (struct octets){items, count};
}

void params_null(struct params *p);
void params_text(struct params *p, const char *text); /* NULL: SQL null */
void params_bytes(struct params *p, struct bytes b);  /* bytea; a NULL pointer: SQL null */
void params_int(struct params *p, int64_t n);	      /* any integer type, xid8 */
void params_int_or_null(struct params *p, int64_t n, int64_t null);
void params_bool(struct params *p, bool b);
void params_time(struct params *p, int64_t unix_seconds); /* timestamptz; 0: SQL null */
void params_texts(struct params *p, const char *const *texts, size_t count); /* text[] */
void params_ints(struct params *p, const int64_t *numbers, size_t count);    /* bigint[] */
void params_shorts(struct params *p, const int16_t *numbers, size_t count);  /* smallint[] */
void params_times(
	struct params *p, const int64_t *unix_seconds, size_t count); /* timestamptz[], 0: null */
void params_bytes_array(struct params *p, const struct bytes *items, size_t count); /* bytea[] */

/* Results are in binary format; jsonb is read as ::text. Values of SQL null: 0, NULL, empty. */
static inline size_t
result_rows(const PGresult *res)
{
	return (size_t)PQntuples(res);
}
size_t result_affected(PGresult *res);
bool result_null(const PGresult *res, size_t row, int col);
int64_t result_int(const PGresult *res, size_t row, int col);  /* smallint, integer, bigint, xid8 */
int64_t result_time(const PGresult *res, size_t row, int col); /* unix seconds */
bool result_bool(const PGresult *res, size_t row, int col);
const char *
result_peek(const PGresult *res, size_t row, int col); /* text, lives as long as the result */
const char *result_text(struct arena *a, const PGresult *res, size_t row, int col);
struct bytes
result_view(const PGresult *res, size_t row, int col); /* octets, live as long as the result */
struct bytes result_bytes(struct arena *a, const PGresult *res, size_t row, int col);
/* Exactly n octets into out; an SQL null leaves it; anything else is a broken table. */
enum err result_octets(const PGresult *res, size_t row, int col, uint8_t *out, size_t n) MUST_CHECK;
const char **
result_texts(struct arena *a, const PGresult *res, size_t row, int col, size_t *count); /* text[] */

#endif
