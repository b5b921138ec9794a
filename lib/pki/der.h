/*
 * Strict DER (X.690): a reader that is a cursor over borrowed octets and a writer that fills from
 * the end.
 *
 * The reader accepts definite, minimal lengths and single-octet tags only; every get function
 * consumes exactly one element or sets a reason and consumes nothing. Nothing is copied.
 */
#ifndef CHANCERY_PKI_DER_H
#define CHANCERY_PKI_DER_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTF8_STRING = 0x0c,
	DER_PRINTABLE_STRING = 0x13,
	DER_IA5_STRING = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};
#define DER_CONTEXT(n) (0x80 | (n))	 /* [n] IMPLICIT of a primitive */
#define DER_CONTEXT_CONS(n) (0xa0 | (n)) /* [n] constructed */

struct der {
	const uint8_t *p, *end;
};

static inline struct der
der_open(struct bytes b)
{
	return (struct der){b.p, b.p + b.n};
}
static inline bool
der_at_end(const struct der *d)
{
	return d->p == d->end;
}
/* The tag of the next element, or -1 at the end. */
static inline int
der_peek(const struct der *d)
{
	return d->p < d->end ? *d->p : -1;
}

/* Any element: tag, content, and (if whole is not NULL) the whole encoding. */
enum err
der_get_any(struct der *d, uint8_t *tag, struct bytes *content, struct bytes *whole) MUST_CHECK;
/* An element of this tag; content may be NULL to skip it. what names it in the reason
 * ("serialNumber"). */
enum err der_get(struct der *d, uint8_t tag, const char *what, struct bytes *content) MUST_CHECK;
/* The same, giving the whole encoding with tag and length. */
enum err
der_get_whole(struct der *d, uint8_t tag, const char *what, struct bytes *whole) MUST_CHECK;
/* Enters a constructed element: inner is a cursor over its content. */
enum err der_enter(struct der *d, uint8_t tag, const char *what, struct der *inner) MUST_CHECK;
/* ERR_INVALID when something is left. */
enum err der_finish(const struct der *d, const char *what) MUST_CHECK;
/* A refusal of this reader gets the caller's word ("bad-csr"); words already given stay. Returns e.
 */
enum err der_reword(enum err e, enum err_word word);

/* INTEGER as its minimal two's complement content octets; as a small number 0..2^31-1. */
enum err der_get_integer(struct der *d, const char *what, struct bytes *content) MUST_CHECK;
enum err der_get_uint(struct der *d, const char *what, uint32_t *out) MUST_CHECK;
enum err der_get_boolean(struct der *d, const char *what, bool *out) MUST_CHECK;
/* BIT STRING with zero unused bits: the octets. */
enum err der_get_bits(struct der *d, const char *what, struct bytes *out) MUST_CHECK;
/* NamedBitList (KeyUsage): bit i of *out is bit i of the list; trailing zero bits are refused. */
enum err der_get_named_bits(struct der *d, const char *what, uint32_t *out) MUST_CHECK;
/* UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 wants them: seconds, Z, no fraction. */
enum err der_get_time(struct der *d, const char *what, int64_t *out) MUST_CHECK;
/* OID content octets; compare with oid.h constants by bytes_equal(). */
enum err der_get_oid(struct der *d, const char *what, struct bytes *out) MUST_CHECK;
/* Content octets that form an OID of at most 64 octets. */
bool der_oid_valid(struct bytes content);

/*
 * The writer fills a caller's buffer from the end backwards, so lengths are known when they are
 * written: write the last element first. Running out of room is remembered and reported once by
 * derw_done().
 *
 *   derw_init(&w, room, sizeof(room));
 *   size_t mark = derw_mark(&w);  derw_oid(&w, oid);  derw_wrap(&w, DER_SEQUENCE, mark);
 */
struct derw {
	uint8_t *start, *p, *end;
	bool full;
};

void derw_init(struct derw *w, uint8_t *room, size_t n);
static inline size_t
derw_mark(const struct derw *w)
{
	return (size_t)(w->end - w->p);
}
/* Puts tag and length before everything written since mark. */
void derw_wrap(struct derw *w, uint8_t tag, size_t mark);
/* Tag and length alone, for content of n octets that is written elsewhere (CRL entries). */
void derw_header(struct derw *w, uint8_t tag, size_t n);
void derw_raw(struct derw *w, struct bytes b);
void derw_element(struct derw *w, uint8_t tag, struct bytes content);
void derw_oid(struct derw *w, struct bytes oid);
void derw_null(struct derw *w);
void derw_boolean(struct derw *w, bool v);
void derw_uint(struct derw *w, uint64_t v);
/* A positive INTEGER from magnitude octets: leading zeros dropped, sign octet added as needed. */
void derw_integer(struct derw *w, struct bytes magnitude);
void derw_bits(struct derw *w, struct bytes octets);
void derw_named_bits(struct derw *w, uint32_t bits);
/* UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 section 4.1.2.5); the second always
 * Generalized. */
void derw_time(struct derw *w, int64_t t);
void derw_generalized_time(struct derw *w, int64_t t);
/* The finished encoding (a view into the caller's buffer), or ERR_LIMIT when it did not fit or a
 * time was outside 1950..9999. */
enum err derw_done(const struct derw *w, struct bytes *out) MUST_CHECK;

#endif
