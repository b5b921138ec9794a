/*
 * One ACME request from its first check to its answer. Every resource is a const table of what it
 * does for GET, for POST-as-GET and for POST; call_serve() does everything in front of that, in one
 * fixed order (see call.c).
 */
#ifndef CHANCERY_ACME_CALL_H
#define CHANCERY_ACME_CALL_H

#include "acme/account.h"
#include "acme/jws.h"
#include "acme/state.h"

struct call {
	struct http_request *req;
	struct http_response *resp;
	struct acme *acme;
	struct ca_front *front;
	const struct ca_requester *requester; /* never NULL in a resource */
	struct arena *arena;		      /* the request's */
	const char *base;		      /* base URL selected by Host */
	struct jws jws;
	struct jwk jwk; /* signed with "jwk": that key, verified */
	struct account
		*account;    /* signed with "kid": that account, valid and of this TLS identity */
	json_t *payload;     /* object of a POST, NULL for GET and POST-as-GET */
	json_t *subproblems; /* set before returning an error that has several causes */
	const char *conflict_location; /* Location of a refusal with 409 */
};

typedef enum err call_fn(struct call *c);
struct resource {
	enum call_key {
		CALL_KEY_ACCOUNT,
		CALL_KEY_GIVEN,
		CALL_KEY_EITHER
	} key; /* kid, jwk, any of them (section 6.2) */
	enum call_headers {
		CALL_HEADERS_USUAL,
		CALL_HEADERS_DIRECTORY
	} headers;	/* the directory may be cached and is no child */
	call_fn *get;	/* GET; NULL: 405 by the route */
	call_fn *fetch; /* POST-as-GET */
	call_fn *post;
};
/* The handler of every route; the route's argument is its struct resource. Fills the response, a
 * problem document when anything fails. */
http_handler call_serve;

/* Answers; each sets the status and may be followed by headers. Takes over object. */
void call_json(struct call *c, unsigned status, json_t *object);
void call_empty(struct call *c, unsigned status);
void call_header(struct call *c, const char *name, const char *value);
/* "Link: <url>;rel="rel"" */
void call_link(struct call *c, const char *url, const char *rel);
void call_retry_after(struct call *c, int64_t seconds);
/* base + path, in the arena. */
const char *call_url(struct call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* What the route's first {} matched. */
static inline const char *
call_id(const struct call *c)
{
	return c->req->param[0];
}

#endif
