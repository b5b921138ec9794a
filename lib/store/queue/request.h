/* The front ends' side of the issuance queue: add and wait. */
#ifndef CHANCERY_STORE_REQUEST_H
#define CHANCERY_STORE_REQUEST_H

#include "lib/store/certificate.h"

struct store_request_new {
	enum ca_protocol protocol;
	const char *request_id;
	int64_t identity;
	const char *profile;
	const char *const *names; /* canonical texts */
	size_t name_count;
	struct bytes spki;
	int64_t not_before, not_after; /* 0: the profile decides */
	const char *acme_order;	       /* NULL: by grants alone */
	const uint8_t *renewed_from;   /* serial or NULL */
	int64_t repeat_window; /* seconds in which the same wish is the same request; 0: never */
	/* Who asked, and how that was proven. requester 0: a program, or the database's owner. */
	int64_t requester;
	enum store_proof proof;
	const uint8_t *proof_serial; /* of the certificate that was presented, or NULL */
};
/* Durable when it returns (group commit). In the same statement: ERR_DENIED (word
 * "identity-blocked") when the identity is not active, ERR_DENIED (word "certificate-revoked") when
 * renewed_from is revoked, ERR_DENIED (word "key-blocked") when the key was compromised. Rings
 * REQUEST. A lost answer must not cost a device its certificate (est/CHECKS.md 66): the same
 * identity, profile, names, key and times within repeat_window give the id of the request that
 * waits or has a live certificate already, unless that is renewed_from itself.
 * With acme_order the order's request is set in the same statement, only when it has none yet and
 * is unexpired; ERR_CONFLICT otherwise. */
enum err
store_request_add(struct store *s, const struct store_request_new *r, int64_t *id) MUST_CHECK;
struct store_result {
	enum store_result_state state;
	uint8_t serial[STORE_SERIAL_SIZE];
	int16_t issuer;
	struct bytes der; /* the certificate, in the caller's arena */
	enum err refusal_class;
	enum err_word refusal_word;
	const char *refusal;
};
/* Waits until the request is answered or wait_ms have passed (then STATE is PENDING and the result
 * ERR_OK). One poller fetches the results of all who wait with one query per RESULT bell. */
enum err store_request_wait(struct store *s, struct arena *a, int64_t id, int64_t wait_ms,
	struct store_result *out) MUST_CHECK;
/*
 * Adds the request and waits for its result without a thread of the caller's (stores with a writer
 * only). done is called once, on a thread of the store, with no lock held: it must be short, must
 * not block and must not call the store. code ERR_OK: the request is recorded, result says what
 * became of it, PENDING when wait_ms were over first (0: as soon as it is recorded, unless it is a
 * repeated wish that has its result). Else id and result mean nothing, and word and reason are set
 * there as by a function that failed: those of store_request_add(), or ERR_UNAVAILABLE when the
 * writer had not begun with it after wait_ms. What it has begun with is waited for.
 *
 * Until done is called the arena is the store's; result's texts and octets are in it. What r's
 * members point to is borrowed until then. store_close() calls done for whoever still waits.
 */
typedef void
store_request_done(void *ctx, enum err code, int64_t id, const struct store_result *result);
void store_request_start(struct store *s, struct arena *a, const struct store_request_new *r,
	int64_t wait_ms, store_request_done *done, void *ctx);
/* The same for a thread that has nothing else to do: sleeps until then. */
enum err store_request_run(struct store *s, struct arena *a, const struct store_request_new *r,
	int64_t wait_ms, int64_t *id, struct store_result *out) MUST_CHECK;
/* A program's request for its own key. Whose certificate it is follows from the database role: a front
 * asks for names it was granted, a responder for none but of an issuing CA by name. */
struct store_own_request {
	const char *profile;
	const char *const *names;
	size_t name_count;
	const char *issuer; /* NULL: the profile decides */
	struct bytes spki;
	const char *request_id;
};
/* ERR_NOTFOUND: `ca-admin init` has not made the identity yet; ERR_DENIED: a name without grant;
 * ERR_LIMIT: it has too many certificates. */
enum err
store_own_request(struct store *s, const struct store_own_request *r, int64_t *id) MUST_CHECK;

#endif
