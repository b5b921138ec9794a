/* The directory (RFC 8555 section 7.1.1): what is here is served, what is not served is not here.
 */
#include "acme/resources.h"

/* Profiles this client may ask for (draft-ietf-acme-profiles section 3). */
static json_t *
offered_profiles(const struct call *c)
{
	const struct ca_profiles *profiles = ca_front_profiles(c->front, c->arena);
	json_t *map = json_object();

	for (size_t i = 0; i < profiles->count; i++) {
		const struct ca_profile *p = &profiles->item[i];

		if ((p->protocols & 1U << CA_PROTOCOL_ACME) &&
			(p->requesters & 1U << c->requester->kind))
			json_object_set_new(map, p->name,
				json_string(p->description != NULL ? p->description : ""));
	}
	return map;
}

static enum err
get_directory(struct call *c)
{
	static const struct {
		const char *name, *path;
	} entries[] = {
		{"newNonce", "/acme/new-nonce"},
		{"newAccount", "/acme/new-account"},
		{"newOrder", "/acme/new-order"},
		{"revokeCert", "/acme/revoke-cert"},
		{"keyChange", "/acme/key-change"},
	};
	json_t *object = json_object();

	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		json_object_set_new(
			object, entries[i].name, json_string(call_url(c, "%s", entries[i].path)));
	json_object_set_new(object, "meta",
		json_pack("{s:b,s:o}", "externalAccountRequired", 0, "profiles",
			offered_profiles(c)));
	call_json(c, 200, object);
	return ERR_OK;
}

const struct resource directory_resource = {.key = CALL_KEY_ACCOUNT,
	.headers = CALL_HEADERS_DIRECTORY,
	.get = get_directory,
	.fetch = get_directory};

/* newNonce (section 7.2): HEAD is 200, GET is 204; uacme tests for exactly that. POST answers carry
 * a nonce anyway. */
static enum err
get_nonce(struct call *c)
{
	const char *nonce;

	call_empty(c, c->req->method == HTTP_HEAD ? 200 : 204);
	if (c->req->method == HTTP_POST)
		return ERR_OK;
	nonce = acme_nonce_new(c->acme, c->arena);
	if (nonce == NULL)
		return err_set(ERR_UNAVAILABLE, "no nonce key could be read yet");
	call_header(c, "Replay-Nonce", nonce);
	return ERR_OK;
}

const struct resource nonce_resource = {
	.key = CALL_KEY_ACCOUNT, .get = get_nonce, .fetch = get_nonce};
