/*
 * The order of checks (RFC 8555 section 6): Host, envelope, url, nonce, key and signature, account
 * state, TLS identity, body. The nonce is used up before the signature is looked at, so a captured
 * request cannot be tried twice; nothing about an account, order or name is disclosed before the
 * signature was good. Every answer to a POST carries a fresh nonce, refusals of lib/http included
 * (acme_refuse), because clients without badNonce handling take the next one from any answer.
 */
#include "acme/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "acme/problem.h"

enum { RETRY_AFTER_S = 5 };

static void
clear_call(struct call *c)
{
	jws_clear(&c->jws);
	json_decref(c->payload);
	json_decref(c->subproblems);
	if (c->account != NULL)
		account_release(c->account);
}

void
call_header(struct call *c, const char *name, const char *value)
{
	http_response_header(c->resp, name, value);
}

void
call_link(struct call *c, const char *url, const char *rel)
{
	call_header(c, "Link", arena_printf(c->arena, "<%s>;rel=\"%s\"", url, rel));
}

/* Seconds, never a date: lego 4.9 reads integers only. */
void
call_retry_after(struct call *c, int64_t seconds)
{
	call_header(c, "Retry-After", arena_printf(c->arena, "%lld", (long long)seconds));
}

const char *
call_url(struct call *c, const char *fmt, ...)
{
	char path[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	return arena_printf(c->arena, "%s%s", c->base, path);
}

static void
put_json(struct call *c, unsigned status, const char *media_type, json_t *object)
{
	c->resp->status = status;
	c->resp->content_type = media_type;
	c->resp->body = bytes_str(json_text(c->arena, object));
	json_decref(object);
}

void
call_json(struct call *c, unsigned status, json_t *object)
{
	put_json(c, status, "application/json", object);
}

void
call_empty(struct call *c, unsigned status)
{
	c->resp->status = status;
	c->resp->content_type = NULL;
	c->resp->body = bytes_of(NULL, 0);
}

/* What every answer but the directory's carries (section 7.1). */
static void
put_common_headers(struct call *c, enum call_headers headers)
{
	bool post = c->req->method == HTTP_POST;

	if (headers == CALL_HEADERS_USUAL || post)
		call_header(c, "Cache-Control", "no-store");
	if (headers == CALL_HEADERS_USUAL && c->base != NULL)
		call_link(c, call_url(c, "/acme/directory"), "index");
}

/* Last: what the request taught about the keys (they are gone after a crash of PostgreSQL) must
 * count for this answer's nonce. */
static void
put_nonce(struct call *c)
{
	const char *nonce = c->acme != NULL ? acme_nonce_new(c->acme, c->arena) : NULL;

	if (nonce != NULL)
		call_header(c, "Replay-Nonce", nonce);
}

static void
put_problem(struct call *c, const struct problem_kind *kind, enum err code, const char *detail)
{
	json_t *p = problem_document(kind, code, detail);

	json_object_set_new(p, "request_id", json_string(c->req->id));
	if (c->subproblems != NULL)
		json_object_set(p, "subproblems", c->subproblems);
	if (strcmp(kind->type, "badSignatureAlgorithm") == 0) {
		json_t *names = json_array();

		for (size_t i = 0; jws_algorithm_name(i) != NULL; i++)
			json_array_append_new(names, json_string(jws_algorithm_name(i)));
		json_object_set_new(p, "algorithms", names);
	}
	put_json(c, kind->status, PROBLEM_MEDIA_TYPE, p);
}

/* The failure becomes a problem document for the client and a reason for the log. */
static void
refuse_call(struct call *c, enum err code)
{
	const char *reason = arena_strdup(c->arena, err_reason());
	enum err_word word = err_word();
	const struct problem_kind *kind = problem_for(code, word);

	c->resp->outcome = err_word_text(word);
	c->resp->no_event =
		word == WORD_BAD_NONCE; /* the client tries again (RFC 8555 section 6.5) */
	c->resp->reason = arena_strdup(c->arena, err_reason_advised());
	put_problem(c, kind, code, reason);
	if (kind->status == 429 ||
		kind->status == 503) /* lib/http adds it to refusals of its own */
		call_retry_after(c, RETRY_AFTER_S);
	if (kind->status == 409 && c->conflict_location != NULL)
		call_header(c, "Location", c->conflict_location);
}

void
acme_refuse(struct http_request *req, struct http_response *resp, unsigned status, const char *word,
	const char *reason)
{
	struct ca_front *front = req->app;
	struct call c = {
		.req = req, .resp = resp, .front = front, .acme = front->acme, .arena = req->arena};

	if (c.acme != NULL && url_base_select(&c.acme->bases, req->host, &c.base) != ERR_OK)
		c.base = NULL;
	put_common_headers(&c, CALL_HEADERS_USUAL);
	put_problem(&c, problem_for_status(status), ERR_INVALID, reason != NULL ? reason : word);
	if (req->method == HTTP_POST)
		put_nonce(&c);
	resp->status = status;
	resp->outcome = word;
	resp->reason = reason;
}

/* The url in the header is compared as it is, with what this server calls the resource
 * (section 6.4). */
static enum err
check_url(struct call *c)
{
	if (c->req->query != NULL)
		return err_set(ERR_NOTFOUND, "resources of this server have no query part");
	if (strcmp(c->jws.url, arena_printf(c->arena, "%s%s", c->base, c->req->path)) != 0)
		return err_set_word(ERR_DENIED, WORD_WRONG_URL,
			"the url in the protected header is not the one requested (RFC 8555 section 6.4)");
	return ERR_OK;
}

static enum err
check_kind_of_key(struct call *c, enum call_key key)
{
	if (key == CALL_KEY_ACCOUNT && c->jws.kid == NULL)
		return err_set(ERR_INVALID,
			"this resource wants \"kid\", not \"jwk\" (RFC 8555 section 6.2)");
	if (key == CALL_KEY_GIVEN && c->jws.jwk == NULL)
		return err_set(ERR_INVALID,
			"this resource wants \"jwk\", not \"kid\" (RFC 8555 section 6.2)");
	return ERR_OK;
}

static enum err
verify_given_key(struct call *c)
{
	AUTO(EVP_PKEY) key = NULL;

	TRY(jwk_parse(c->jws.jwk, c->arena, &c->jwk));
	TRY(jws_check_key(&c->jws, c->jwk.type));
	TRY(jwk_pkey(&c->jwk, &key));
	return jws_verify(&c->jws, key);
}

static enum err
verify_account(struct call *c)
{
	const char *id = url_account_id(&c->acme->bases, c->jws.kid);
	enum err e;

	if (id == NULL)
		return err_set_word(ERR_INVALID, WORD_ACCOUNT_UNKNOWN,
			"the kid is not the URL of an account of this server");
	e = account_get(c->acme, c->arena, id, &c->account);
	if (e == ERR_NOTFOUND)
		return err_set_word(ERR_INVALID, WORD_ACCOUNT_UNKNOWN, "there is no such account");
	if (e == ERR_OK)
		e = jws_check_key(&c->jws, c->account->jwk.type);
	return e != ERR_OK ? e : jws_verify(&c->jws, c->account->key);
}

static enum err
authenticate_call(struct call *c, enum call_key key)
{
	TRY(acme_nonce_use(c->acme, c->arena, c->jws.nonce));
	TRY(jws_check_algorithm(&c->jws));
	TRY(check_kind_of_key(c, key));
	if (c->jws.jwk != NULL)
		return verify_given_key(c);
	TRY(verify_account(c));
	return account_check(c->account, c->requester);
}

/* null says that a member is absent: clients whose languages have no optional members write it, and no
 * member of ACME means anything by it. */
static void
drop_nulls(json_t *object)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, name, value) if (json_is_null(value))
		json_object_del(object, name);
}

/* The empty string is a fetch and nothing else is (section 6.3). */
static enum err
run_resource(struct call *c, const struct resource *resource)
{
	enum err e;

	if (c->jws.payload.n == 0)
		return resource->fetch != NULL
			? resource->fetch(c)
			: err_set(ERR_INVALID, "this resource wants a JSON object as payload");
	if (resource->post == NULL)
		return err_set(ERR_INVALID,
			"this resource is fetched with an empty payload (RFC 8555 section 6.3)");
	e = json_parse(c->jws.payload, &c->payload);
	if (e != ERR_OK)
		return err_context(ERR_INVALID, "payload");
	if (!json_is_object(c->payload))
		return err_set(ERR_INVALID, "the payload is not a JSON object");
	drop_nulls(c->payload);
	return resource->post(c);
}

static enum err
serve_post(struct call *c, const struct resource *resource)
{
	TRY(jws_parse(c->req->body, JWS_OUTER, c->arena, &c->jws));
	TRY(check_url(c));
	TRY(authenticate_call(c, resource->key));
	return run_resource(c, resource);
}

void
call_serve(struct http_request *req, struct http_response *resp)
{
	const struct resource *resource = req->route->arg;
	__attribute__((cleanup(clear_call))) struct call c = {
		.req = req, .resp = resp, .front = req->app, .arena = req->arena};
	bool post = req->method == HTTP_POST;
	enum err e;

	c.acme = c.front->acme;
	c.requester = ca_requester(req);
	if (c.requester != NULL)
		resp->identity = arena_strdup(c.arena, c.requester->identity_name);
	e = url_base_select(&c.acme->bases, req->host, &c.base);
	put_common_headers(&c, resource->headers);
	if (e == ERR_OK && c.requester == NULL)
		e = err_set_word(
			ERR_DENIED, WORD_OTHER_IDENTITY, "ACME is served over mutual TLS only");
	if (e == ERR_OK)
		e = post ? serve_post(&c, resource) : resource->get(&c);
	if (e != ERR_OK)
		refuse_call(&c, e);
	if (post)
		put_nonce(&c);
}
