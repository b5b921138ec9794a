/* The signer's side of the issuance queue: claim and finish. */
#ifndef CHANCERY_STORE_CLAIM_H
#define CHANCERY_STORE_CLAIM_H

#include "lib/store/identity.h"

/* What a signer needs to know about one claimed request, read in the claiming transaction. */
struct store_claim_item {
	int64_t id;
	enum ca_protocol protocol;
	const char *role; /* of the database, that opened the request */
	const char *request_id, *profile;
	int64_t identity, requester; /* requester: 0 for a program */
	const char *identity_name;
	enum identity_kind identity_kind;
	enum identity_state identity_state;
	const char **names;
	size_t name_count;
	struct bytes spki;
	int64_t not_before, not_after, created_at;
	const char **grants; /* patterns the identity holds for this profile */
	size_t grant_count;
	const char *acme_order;	 /* NULL: none */
	const char **authorized; /* canonical texts of the order's valid, unexpired authorizations
				    ("dns:*.x" for a wildcard) */
	size_t authorized_count;
	bool order_usable; /* the order exists, belongs to this identity, names equal, account valid
			    */
	bool has_renewed_from;
	uint8_t renewed_from[STORE_SERIAL_SIZE];
	bool renewed_from_live; /* same identity, not revoked */
	bool requester_active; /* who asked may still ask, is not blocked and has the role; true for a program */
	bool shown_live;  /* the certificate that was presented is not revoked; true without */
	bool key_blocked; /* compromised once, with whatever certificate */
	const char
		*issuer; /* wanted by name (protocol "internal" only); NULL: the profile decides */
	int64_t approvals; /* by operators who still may, the asker left out */
	int64_t epoch;	   /* of those whom it rests on: what was taken from them since shows */
};

struct store_outcome {
	enum {
		STORE_OUTCOME_ISSUED,
		STORE_OUTCOME_REFUSED,
		STORE_OUTCOME_HELD,
		STORE_OUTCOME_CHANGED /* only as an answer: what authorised it changed meanwhile */
	} kind;
	/* issued */
	int16_t issuer;
	uint8_t serial[STORE_SERIAL_SIZE];
	int64_t not_before, not_after;
	struct bytes der, spki_hash;
	/* refused */
	enum err refusal_class;
	enum err_word refusal_word;
	const char *refusal;
	/* held: not now. It is looked at again at `until`, or when enough operators have approved. */
	enum store_hold hold;
	int64_t until;
	const char *hold_reason;
	unsigned approvals_needed; /* for STORE_HOLD_APPROVAL */
};

struct store_claim;
enum { STORE_CLAIM_MAX = 64 };
/* Claims up to max (at most STORE_CLAIM_MAX) pending requests with SKIP LOCKED; the transaction
 * stays open. ERR_NOTFOUND: none. */
enum err store_claim_open(struct store *s, unsigned max, struct arena *a, struct store_claim **out,
	const struct store_claim_item **items, size_t *count) MUST_CHECK;
/* Records all outcomes (one per item, same order) in one transaction: certificates, names, results,
 * audit events. What authorises each certificate is locked and asked again first (certificates_record):
 * where any of it was taken since the request was claimed, nothing is recorded, the outcome is
 * STORE_OUTCOME_CHANGED and the request waits to be claimed anew. When COMMIT's outcome is unknown
 * it is looked up by serial before returning. Rings RESULT and ISSUED. Frees the claim in every case. With ERR_OK outcomes says what
 * the rows say: where a refusal was recorded instead of the certificate, that refusal (texts live
 * as long as the arena of the claim); where another signer was faster, its serial. */
enum err store_claim_finish(struct store_claim *claim, struct store_outcome *outcomes) MUST_CHECK;
/* Gives everything back. */
void store_claim_abort(struct store_claim *claim);
/* Held requests whose time has come are pending again, at most RELEASE_MAX a call; *released says
 * whether there were any. */
enum err store_claim_release(struct store *s, bool *released) MUST_CHECK;

#endif
