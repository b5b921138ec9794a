/*
 * The record of one ceremony: what was planned, with which token and key, every step with its time,
 * every file with its hash. Printed while it happens; at the end written as JSON ("evidence") with
 * a detached signature by the key the ceremony was about (EVIDENCE.sig, DER, made over the octets
 * of the evidence file).
 */
#ifndef CHANCERY_CA_CEREMONY_RECORD_H
#define CHANCERY_CA_CEREMONY_RECORD_H

#include "ca/ceremony/plan.h"

enum { RECORD_VERSION = 1 };
#define RECORD_FORMAT "chancery-ceremony-evidence"

struct record;

/* Roles of files in the record; verify.c looks them up. */
#define RECORD_CERTIFICATE "certificate"
#define RECORD_ISSUER "issuer_certificate"
#define RECORD_CRL "crl"
#define RECORD_PREVIOUS_CRL "previous_crl"
#define RECORD_REQUEST "request"

struct record *record_new(const struct plan *p, const char *command);
void record_free(struct record *r);
/* One step: printed and kept, with the time. */
void record_step(struct record *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void record_token(struct record *r, const struct ca_token_info *info);
void record_key(struct record *r, const struct ca_key *key);
/* Reads an input (path as in the plan), remembers its hash. */
enum err record_read(struct record *r, const char *role, const char *path, const char *label,
	struct bytes *der) MUST_CHECK;
/* Writes an output, remembers its hash. */
enum err record_write(struct record *r, const char *role, const char *path, const char *label,
	struct bytes der) MUST_CHECK;
/* Writes and signs the evidence. */
enum err record_finish(struct record *r, const struct ca_key *key) MUST_CHECK;

AUTO_STRUCT_DEFINE(record, record_free)

#endif
