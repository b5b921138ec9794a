/*
 * Order objects (RFC 8555 section 7.1.3): fetching and showing them. Every identifier has an
 * authorization, because certbot gives up on an order without any, and others make their CSR of them. That of
 * a granted name is valid already and has no row of its own ("ORDER.INDEX").
 */
#include "acme/order.h"

#include "acme/problem.h"
#include "acme/resources.h"
#include "lib/base/clock.h"

enum { PROCESSING_RETRY_S = 1 };

json_t *
order_identifier(const char *text)
{
	const char *colon = strchr(text, ':');

	return json_pack("{s:s%,s:s}", "type", text, (size_t)(colon - text), "value", colon + 1);
}

static json_t *
time_json(int64_t t)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_format_rfc3339(t, text);
	return json_string(text);
}

const char *
order_proof(const struct store_order *o, size_t i)
{
	for (size_t k = 0; k < o->authorization_count; k++)
		if (strcmp(o->proofs[k], o->identifiers[i]) == 0)
			return o->authorizations[k];
	return NULL;
}

static json_t *
authorization_urls(struct call *c, const struct store_order *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->identifier_count; i++) {
		const char *id = order_proof(o, i);

		if (id == NULL)
			id = arena_printf(c->arena, "%s.%zu", o->id, i);
		json_array_append_new(list, json_string(call_url(c, "/acme/authorization/%s", id)));
	}
	return list;
}

/* Why it is invalid: the signer's refusal, or the failed challenge's problem; neither when it just
 * expired. */
static json_t *
error_json(const struct store_order *o)
{
	json_t *error = NULL;

	if (o->request != 0 && o->result.state == STORE_RESULT_REFUSED)
		return problem_document(
			problem_for(o->result.refusal_class, o->result.refusal_word),
			o->result.refusal_class, o->result.refusal);
	if (o->error_json != NULL && json_parse(bytes_str(o->error_json), &error) == ERR_OK)
		return error;
	return NULL;
}

enum err
order_put(struct call *c, unsigned status, const struct store_order *o)
{
	json_t *object = json_object(), *identifiers = json_array();

	for (size_t i = 0; i < o->identifier_count; i++)
		json_array_append_new(identifiers, order_identifier(o->identifiers[i]));
	json_object_set_new(object, "status", json_string(acme_order_status_name(o->status)));
	json_object_set_new(object, "expires", time_json(o->expires));
	json_object_set_new(object, "identifiers", identifiers);
	json_object_set_new(object, "profile", json_string(o->profile));
	if (o->not_before != 0)
		json_object_set_new(object, "notBefore", time_json(o->not_before));
	if (o->not_after != 0)
		json_object_set_new(object, "notAfter", time_json(o->not_after));
	json_object_set_new(object, "authorizations", authorization_urls(c, o));
	json_object_set_new(
		object, "finalize", json_string(call_url(c, "/acme/order/%s/finalize", o->id)));
	if (o->status == ACME_ORDER_VALID)
		json_object_set_new(object, "certificate",
			json_string(call_url(c, "/acme/certificate/%s", o->id)));
	if (o->status == ACME_ORDER_INVALID) {
		json_t *error = error_json(o);

		if (error != NULL)
			json_object_set_new(object, "error", error);
	}
	if (o->status == ACME_ORDER_PROCESSING)
		call_retry_after(c, PROCESSING_RETRY_S);
	call_header(c, "Location", call_url(c, "/acme/order/%s", o->id));
	call_json(c, status, object);
	return ERR_OK;
}

static enum err
check_own(struct call *c, const struct store_order *o)
{
	if (strcmp(o->account, c->account->id) != 0)
		return err_set_word(
			ERR_DENIED, WORD_NOT_YOURS, "the order belongs to another account");
	return ERR_OK;
}

enum err
order_get(struct call *c, const char *id, struct store_order *out)
{
	struct store_order o;

	TRY(store_order_find(c->front->store, c->arena, id, &o));
	TRY(check_own(c, &o));
	if (o.status == ACME_ORDER_VALID && o.result.der.n == 0)
		return err_set(
			ERR_INTERNAL, "the certificate of order \"%s\" is not in the database", id);
	*out = o;
	return ERR_OK;
}

enum err
order_names(struct call *c, const struct store_order *o, struct pki_sans *out)
{
	struct pki_sans names = {arena_array(c->arena, o->identifier_count, sizeof(*names.item)),
		o->identifier_count};

	for (size_t i = 0; i < names.count; i++) {
		enum err e =
			pki_san_from_text(bytes_str(o->identifiers[i]), c->arena, &names.item[i]);

		if (e != ERR_OK)
			return err_context(ERR_INTERNAL, "order \"%s\"", o->id);
	}
	*out = names;
	return ERR_OK;
}

static enum err
fetch_order(struct call *c)
{
	struct store_order o;

	TRY(order_get(c, call_id(c), &o));
	return order_put(c, 200, &o);
}

const struct resource order_resource = {.key = CALL_KEY_ACCOUNT, .fetch = fetch_order};
