/*
 * Every live certificate by serial, with its revocation and its ready-made answers, in memory: no
 * request ever waits for the database. Sharded by serial bits; all functions are thread-safe and
 * short.
 */
#ifndef CHANCERY_OCSP_TABLE_H
#define CHANCERY_OCSP_TABLE_H

#include "lib/http/http.h"
#include "ocsp/response.h"

struct ocsp_table;

struct ocsp_entry {
	int16_t issuer;
	int64_t not_after;
	int64_t revoked_at; /* 0: not revoked */
	enum pki_reason reason;
};

struct ocsp_table *ocsp_table_new(void);
void ocsp_table_free(struct ocsp_table *t);

/* Both are idempotent and may come in either order; a revocation is never undone by a later
 * ocsp_table_issued(). Revoked: did that change anything? */
void ocsp_table_issued(struct ocsp_table *t, const uint8_t serial[OCSP_SERIAL_SIZE], int16_t issuer,
	int64_t not_after);
bool ocsp_table_revoked(struct ocsp_table *t, const uint8_t serial[OCSP_SERIAL_SIZE],
	int16_t issuer, int64_t not_after, int64_t revoked_at, enum pki_reason reason);
/* False: never heard of it. */
bool ocsp_table_find(
	struct ocsp_table *t, const uint8_t serial[OCSP_SERIAL_SIZE], struct ocsp_entry *out);

/* A reference to the ready answer in this hash, if there is one of this generation (responder key)
 * that is fresh at now. */
struct http_prepared *
ocsp_table_answer(struct ocsp_table *t, const uint8_t serial[OCSP_SERIAL_SIZE], int16_t issuer,
	enum ocsp_hash hash, uint32_t generation, int64_t now);
/* Keeps a reference of its own, unless the status is no longer the one of `of`: a "good" that was being
 * signed while the certificate was revoked is thrown away. */
void ocsp_table_keep(struct ocsp_table *t, const uint8_t serial[OCSP_SERIAL_SIZE],
	enum ocsp_hash hash, const struct ocsp_entry *of, uint32_t generation, int64_t refresh_at,
	struct http_prepared *answer);

/* Drops certificates that expired before `before`, and gives memory back that is no longer needed.
 */
void ocsp_table_sweep(struct ocsp_table *t, int64_t before);
size_t ocsp_table_count(struct ocsp_table *t);

#endif
