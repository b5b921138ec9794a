/*
 * Authorizations (RFC 8555 section 7.5, deactivation 7.5.2). "ORDER.INDEX" is the authorization
 * behind a granted name: valid as long as its order may be finalized, without challenges, and
 * nothing a client could deactivate: the grant is the operator's.
 */
#include "acme/authorization.h"

#include <stdlib.h>

#include "acme/order.h"
#include "acme/resources.h"
#include "lib/base/clock.h"

enum { PENDING_RETRY_S = 2 };

enum err
authorization_check_own(const struct call *c, const struct store_authorization *z)
{
	if (strcmp(z->account, c->account->id) != 0)
		return err_set_word(
			ERR_DENIED, WORD_NOT_YOURS, "the authorization belongs to another account");
	return ERR_OK;
}

static bool
in_validation(const struct store_authorization *z)
{
	for (size_t i = 0; i < z->challenge_count; i++)
		if (z->challenges[i].status == ACME_CHALLENGE_PROCESSING)
			return z->status == ACME_AUTHZ_PENDING;
	return false;
}

static enum err
put_authorization(struct call *c, const struct store_authorization *z)
{
	char expires[CLOCK_RFC3339_SIZE];
	json_t *object = json_object(), *challenges = json_array();

	clock_format_rfc3339(z->expires, expires);
	for (size_t i = 0; i < z->challenge_count; i++)
		json_array_append_new(challenges, challenge_json(c, &z->challenges[i]));
	json_object_set_new(
		object, "status", json_string(acme_authorization_status_name(z->status)));
	json_object_set_new(object, "expires", json_string(expires));
	json_object_set_new(object, "identifier", order_identifier(z->identifier));
	if (z->wildcard)
		json_object_set_new(object, "wildcard", json_true());
	json_object_set_new(object, "challenges", challenges);
	if (in_validation(z))
		call_retry_after(c, PENDING_RETRY_S);
	call_json(c, 200, object);
	return ERR_OK;
}

/* "ORDER.INDEX" */
static enum err
get_granted(struct call *c, const char *id, const char *dot, struct store_authorization *z)
{
	unsigned long index = strtoul(dot + 1, NULL, 10);
	struct store_order o;
	enum err e =
		order_get_cached(c, arena_string(c->arena, bytes_of(id, (size_t)(dot - id))), &o);

	if (e != ERR_OK)
		return e;
	if (index >= o.identifier_count || order_proof(&o, index) != NULL ||
		strcmp(arena_printf(c->arena, ".%lu", index), dot) != 0)
		return err_set(ERR_NOTFOUND, "no such authorization");
	*z = (struct store_authorization){
		.id = id,
		.account = o.account,
		.identifier = o.identifiers[index],
		.expires = o.expires,
		.status = o.expires > clock_now() ? ACME_AUTHZ_VALID : ACME_AUTHZ_EXPIRED,
	};
	if (strncmp(z->identifier, "dns:*.", 6) == 0) {
		z->identifier = arena_printf(c->arena, "dns:%s", z->identifier + 6);
		z->wildcard = true;
	}
	return ERR_OK;
}

static enum err
get_authorization(struct call *c, struct store_authorization *z)
{
	const char *id = call_id(c), *dot = strchr(id, '.');

	if (dot != NULL)
		return get_granted(c, id, dot, z);
	TRY(store_authorization_find(c->front->store, c->arena, id, z));
	return authorization_check_own(c, z);
}

static enum err
fetch_authorization(struct call *c)
{
	struct store_authorization z;

	TRY(get_authorization(c, &z));
	return put_authorization(c, &z);
}

static enum err
update_authorization(struct call *c)
{
	struct store_authorization z;
	const char *status;
	enum err e;

	TRY(get_authorization(c, &z));
	TRY(json_get_string(c->payload, "status", &status));
	if (strcmp(status, "deactivated") != 0)
		return err_set(ERR_INVALID,
			"a client can only set \"deactivated\" (RFC 8555 section 7.5.2)");
	if (strchr(z.id, '.') != NULL)
		return err_set(ERR_DENIED,
			"the name is granted by this CA's operator; there is no authorization of yours to give up");
	e = store_authorization_deactivate(c->front->store, z.id);
	if (e == ERR_CONFLICT)
		return err_set_word(ERR_CONFLICT, WORD_BAD_STATE,
			"the authorization is \"%s\" (RFC 8555 section 7.5.2)",
			acme_authorization_status_name(z.status));
	return e != ERR_OK ? e : fetch_authorization(c);
}

const struct resource authorization_resource = {
	.key = CALL_KEY_ACCOUNT, .fetch = fetch_authorization, .post = update_authorization};
