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
		enum err_word word;
		const char *type;
		unsigned status;
	} cases[] = {
		{ERR_CONFLICT, WORD_BAD_NONCE, "badNonce", 400},
		{ERR_INVALID, WORD_BAD_SIGNATURE_ALGORITHM, "badSignatureAlgorithm", 400},
		{ERR_INVALID, WORD_BAD_PUBLIC_KEY, "badPublicKey", 400},
		{ERR_INVALID, WORD_ACCOUNT_UNKNOWN, "accountDoesNotExist", 400},
		{ERR_DENIED, WORD_ACCOUNT_CLOSED, "unauthorized", 401},
		{ERR_DENIED, WORD_OTHER_IDENTITY, "unauthorized", 403},
		{ERR_INVALID, WORD_BAD_CONTACT, "invalidContact", 400},
		{ERR_INVALID, WORD_UNSUPPORTED_CONTACT, "unsupportedContact", 400},
		{ERR_CONFLICT, WORD_KEY_IN_USE, "malformed", 409},
		{ERR_DENIED, WORD_UNSUPPORTED_IDENTIFIER, "unsupportedIdentifier", 400},
		{ERR_DENIED, WORD_NAME_NOT_ALLOWED, "rejectedIdentifier", 400},
		{ERR_NOTFOUND, WORD_UNKNOWN_PROFILE, "invalidProfile", 400},
		{ERR_CONFLICT, WORD_ORDER_NOT_READY, "orderNotReady", 403},
		{ERR_INVALID, WORD_BAD_CSR, "badCSR", 400},
		{ERR_CONFLICT, WORD_ALREADY_REVOKED, "alreadyRevoked", 400},
		{ERR_INVALID, WORD_BAD_REASON, "badRevocationReason", 400},
		{ERR_INVALID, WORD_USAGE, "malformed", 400},
		{ERR_DENIED, WORD_OK, "unauthorized", 403},
		{ERR_NOTFOUND, WORD_OK, "malformed", 404},
		{ERR_CONFLICT, WORD_OK, "malformed", 400},
		{ERR_LIMIT, WORD_OK, "rateLimited", 429},
		{ERR_UNAVAILABLE, WORD_OK, "serverInternal", 503},
		{ERR_INTERNAL, WORD_OK, "serverInternal", 500},
		/* our own failure is never blamed on the client, whatever word it carries */
		{ERR_INTERNAL, WORD_BAD_CSR, "serverInternal", 500},
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
		problem_document(problem_for(ERR_CONFLICT, WORD_BAD_NONCE), ERR_CONFLICT, "why");

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
		AUTO(json_t) p = problem_document(
			problem_for(codes[i], WORD_OK), codes[i], "password=secret");

		CHECK(strstr(text_of(p, "detail"), "secret") == NULL);
		CHECK(strlen(text_of(p, "detail")) > 0);
	}
}

static void
test_detail_that_is_not_utf8_is_left_out(void)
{
	AUTO(json_t) p = problem_document(problem_for(ERR_INVALID, WORD_OK), ERR_INVALID, "\xff");

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
	AUTO(json_t) p = problem_sub(WORD_REJECTED_IDENTIFIER, "no",
		json_pack("{s:s,s:s}", "type", "dns", "value", "x"));

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
