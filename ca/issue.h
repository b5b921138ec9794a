/*
 * The front ends' road into the queue: policy check, request row, short wait for the result. Used
 * by EST, ACME and the admin API alike, so that there is one gate.
 */
#ifndef CHANCERY_CA_ISSUE_H
#define CHANCERY_CA_ISSUE_H

#include "ca/front.h"
#include "ca/policy.h"
#include "lib/store/queue/request.h"

struct ca_issue {
	const struct ca_profile *profile;
	enum ca_protocol protocol;
	const struct ca_requester *requester;
	int64_t identity; /* who the certificate is for */
	const char *identity_name;
	enum identity_kind kind;
	const struct pki_spki *spki;
	const struct pki_sans *names;
	int64_t not_before, not_after; /* 0: profile decides */
	const uint8_t *renewed_from;   /* NULL or serial */
	const char *acme_order; /* NULL or order id (then grants are not required here; the signer
				   checks authorizations) */
	int64_t repeat_window;	/* seconds in which the same key gets the same result; 0: off */
	int64_t wait_ms;
};

/* Checks policy, adds the request (or finds the repeated one), waits. result->state is PENDING when
 * the wait ended first. A refusal by the signer comes back as its err class with its word and
 * reason set. */
enum err ca_issue(struct ca_front *g, struct http_request *req, const struct ca_issue *i,
	int64_t *request, struct store_result *result) MUST_CHECK;

/* The same without a thread that waits: after ERR_OK the handler returns, and req, its arena and
 * resp are not its own any more (see http_later()). `then` makes the answer: e is what ca_issue()
 * would have returned, with word and reason set. After an error the handler answers itself. */
typedef void ca_issued(struct http_request *req, struct http_response *resp, enum err e,
	const struct store_result *result);
enum err ca_issue_later(struct ca_front *g, struct http_request *req,
	const struct http_response *resp, const struct ca_issue *i, ca_issued *then) MUST_CHECK;

#endif
