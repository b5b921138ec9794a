/*
 * Challenges (RFC 8555 section 7.5.1). The gateway only passes "the client is ready" on, with the
 * thumbprint of the account key of that moment; finding out is the validator's, and so is the word
 * "valid".
 */
#include "acme/authorization.h"
#include "acme/resources.h"
#include "lib/base/clock.h"

enum { PROCESSING_RETRY_S = 2 };

json_t *
challenge_json(struct call *c, const struct store_challenge *challenge)
{
	char validated[CLOCK_RFC3339_SIZE];
	json_t *object = json_object(), *error = NULL;

	json_object_set_new(object, "type", json_string(acme_challenge_type_name(challenge->type)));
	json_object_set_new(
		object, "url", json_string(call_url(c, "/acme/challenge/%s", challenge->id)));
	json_object_set_new(
		object, "status", json_string(acme_challenge_status_name(challenge->status)));
	json_object_set_new(object, "token", json_string(challenge->token));
	if (challenge->status == ACME_CHALLENGE_VALID) {
		clock_format_rfc3339(challenge->validated_at, validated);
		json_object_set_new(object, "validated", json_string(validated));
	} else if (challenge->error_json != NULL &&
		json_parse(bytes_str(challenge->error_json), &error) == ERR_OK) {
		json_object_set_new(object, "error", error);
	}
	return object;
}

static enum err
get_challenge(
	struct call *c, struct store_authorization *z, const struct store_challenge **challenge)
{
	size_t i;

	TRY(store_challenge_find(c->front->store, c->arena, call_id(c), z, &i));
	TRY(authorization_check_own(c, z));
	*challenge = &z->challenges[i];
	return ERR_OK;
}

static enum err
fetch_challenge(struct call *c)
{
	struct store_authorization z;
	const struct store_challenge *challenge;

	TRY(get_challenge(c, &z, &challenge));
	call_link(c, call_url(c, "/acme/authorization/%s", z.id), "up");
	if (challenge->status == ACME_CHALLENGE_PROCESSING)
		call_retry_after(c, PROCESSING_RETRY_S);
	call_json(c, 200, challenge_json(c, challenge));
	return ERR_OK;
}

/* Any object is an answer: members are ignored, the "keyAuthorization" of old drafts included. */
static enum err
answer_challenge(struct call *c)
{
	struct store_authorization z;
	const struct store_challenge *challenge;
	bool changed;

	TRY(get_challenge(c, &z, &challenge));
	if (challenge->status == ACME_CHALLENGE_PENDING && z.status != ACME_AUTHZ_PENDING)
		return err_set_word(ERR_CONFLICT, WORD_BAD_STATE,
			"the authorization of this challenge is no longer pending");
	if (challenge->status == ACME_CHALLENGE_PENDING)
		TRY(store_challenge_answer(
			c->front->store, challenge->id, c->account->jwk.thumbprint, &changed));
	return fetch_challenge(c);
}

const struct resource challenge_resource = {
	.key = CALL_KEY_ACCOUNT, .fetch = fetch_challenge, .post = answer_challenge};
