/* Problem documents: each word's type and status, and what never reaches a client. */
#include "acme/problem.h"
#include "tests/unit/unit.h"

static const char *
text_of(json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s != NULL ? s : "";
}

static void
test_words_have_their_type_and_status(void)
{
	static const struct {
		enum err code;
		const char *word, *type;
		unsigned status;
	} cases[] = {
		{ERR_CONFLICT, "bad-nonce", "badNonce", 400},
		{ERR_INVALID, "bad-signature-algorithm", "badSignatureAlgorithm", 400},
		{ERR_INVALID, "bad-public-key", "badPublicKey", 400},
		{ERR_INVALID, "account-unknown", "accountDoesNotExist", 400},
		{ERR_DENIED, "account-closed", "unauthorized", 401},
		{ERR_DENIED, "other-identity", "unauthorized", 403},
		{ERR_INVALID, "bad-contact", "invalidContact", 400},
		{ERR_INVALID, "unsupported-contact", "unsupportedContact", 400},
		{ERR_CONFLICT, "key-in-use", "malformed", 409},
		{ERR_DENIED, "unsupported-identifier", "unsupportedIdentifier", 400},
		{ERR_DENIED, "name-not-allowed", "rejectedIdentifier", 400},
		{ERR_NOTFOUND, "unknown-profile", "invalidProfile", 400},
		{ERR_CONFLICT, "order-not-ready", "orderNotReady", 403},
		{ERR_INVALID, "bad-csr", "badCSR", 400},
		{ERR_CONFLICT, "already-revoked", "alreadyRevoked", 400},
		{ERR_INVALID, "bad-reason", "badRevocationReason", 400},
		{ERR_INVALID, "never heard of", "malformed", 400},
		{ERR_DENIED, NULL, "unauthorized", 403},
		{ERR_NOTFOUND, NULL, "malformed", 404},
		{ERR_CONFLICT, NULL, "malformed", 400},
		{ERR_LIMIT, NULL, "rateLimited", 429},
		{ERR_UNAVAILABLE, NULL, "serverInternal", 503},
		{ERR_INTERNAL, NULL, "serverInternal", 500},
		/* our own failure is never blamed on the client, whatever word it carries */
		{ERR_INTERNAL, "bad-csr", "serverInternal", 500},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct problem_kind *kind = problem_for(cases[i].code, cases[i].word);

		CHECK_CASE(strcmp(kind->type, cases[i].type) == 0, cases[i].type);
		CHECK_CASE(kind->status == cases[i].status, cases[i].type);
	}
}

static void
test_document_has_type_status_and_detail(void)
{
	AUTO(json_t) p =
		problem_document(problem_for(ERR_CONFLICT, "bad-nonce"), ERR_CONFLICT, "why");

	CHECK(strcmp(text_of(p, "type"), "urn:ietf:params:acme:error:badNonce") == 0);
	CHECK(strcmp(text_of(p, "detail"), "why") == 0);
	CHECK(json_integer_value(json_object_get(p, "status")) == 400);
	CHECK(json_object_get(p, "identifier") == NULL);
}

static void
test_internal_reasons_stay_inside(void)
{
	static const enum err codes[] = {ERR_INTERNAL, ERR_UNAVAILABLE};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		AUTO(json_t) p =
			problem_document(problem_for(codes[i], NULL), codes[i], "password=secret");

		CHECK(strstr(text_of(p, "detail"), "secret") == NULL);
		CHECK(strlen(text_of(p, "detail")) > 0);
	}
}

static void
test_detail_that_is_not_utf8_is_left_out(void)
{
	AUTO(json_t) p = problem_document(problem_for(ERR_INVALID, NULL), ERR_INVALID, "\xff");

	CHECK(p != NULL && json_object_get(p, "detail") == NULL);
}

static void
test_statuses_of_the_http_layer(void)
{
	static const struct {
		unsigned status;
		const char *type;
	} cases[] = {{404, "malformed"}, {405, "malformed"}, {413, "malformed"}, {415, "malformed"},
		{503, "serverInternal"}, {429, "rateLimited"}, {403, "unauthorized"},
		{599, "serverInternal"}, {499, "malformed"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_CASE(strcmp(problem_for_status(cases[i].status)->type, cases[i].type) == 0,
			cases[i].type);
}

static void
test_subproblem_names_its_identifier(void)
{
	AUTO(json_t) p = problem_sub(
		"rejected-identifier", "no", json_pack("{s:s,s:s}", "type", "dns", "value", "x"));

	CHECK(strcmp(text_of(p, "type"), "urn:ietf:params:acme:error:rejectedIdentifier") == 0);
	CHECK(strcmp(text_of(json_object_get(p, "identifier"), "value"), "x") == 0);
}

UNIT_MAIN("acme-problem",
	{"test_words_have_their_type_and_status", test_words_have_their_type_and_status},
	{"test_document_has_type_status_and_detail", test_document_has_type_status_and_detail},
	{"test_internal_reasons_stay_inside", test_internal_reasons_stay_inside},
	{"test_detail_that_is_not_utf8_is_left_out", test_detail_that_is_not_utf8_is_left_out},
	{"test_statuses_of_the_http_layer", test_statuses_of_the_http_layer},
	{"test_subproblem_names_its_identifier", test_subproblem_names_its_identifier})
