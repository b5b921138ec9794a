/*
 * The one table from error words to ACME problem types and HTTP statuses (RFC 8555 section 6.7).
 * Statuses the RFC leaves open follow what clients were written against; "status" is in every
 * document because lego 4.9 retries badNonce only then.
 */
#include "acme/problem.h"

/* The error types of RFC 8555 section 6.7 that are told, and those of ACME profiles. */
static const char account_does_not_exist[] = "accountDoesNotExist";
static const char already_revoked[] = "alreadyRevoked";
static const char bad_csr[] = "badCSR";
static const char bad_nonce[] = "badNonce";
static const char bad_public_key[] = "badPublicKey";
static const char bad_revocation_reason[] = "badRevocationReason";
static const char bad_signature_algorithm[] = "badSignatureAlgorithm";
static const char compound[] = "compound";
static const char connection[] = "connection";
static const char dns[] = "dns";
static const char incorrect_response[] = "incorrectResponse";
static const char invalid_contact[] = "invalidContact";
static const char invalid_profile[] = "invalidProfile";
static const char malformed[] = "malformed";
static const char order_not_ready[] = "orderNotReady";
static const char rate_limited[] = "rateLimited";
static const char rejected_identifier[] = "rejectedIdentifier";
static const char server_internal[] = "serverInternal";
static const char tls[] = "tls";
static const char unauthorized[] = "unauthorized";
static const char unsupported_contact[] = "unsupportedContact";
static const char unsupported_identifier[] = "unsupportedIdentifier";

static const struct problem_kind kinds[WORD_COUNT] = {
	/* the envelope */
	[WORD_BAD_NONCE] = {bad_nonce, 400},
	[WORD_BAD_SIGNATURE_ALGORITHM] = {bad_signature_algorithm, 400},
	[WORD_BAD_PUBLIC_KEY] = {bad_public_key, 400},
	[WORD_BAD_JWS_SIGNATURE] = {malformed, 400},
	[WORD_WRONG_URL] = {unauthorized, 401},
	[WORD_UNKNOWN_HOST] = {malformed, 421},
	/* accounts */
	[WORD_ACCOUNT_UNKNOWN] = {account_does_not_exist, 400},
	[WORD_ACCOUNT_CLOSED] = {unauthorized, 401},
	[WORD_OTHER_IDENTITY] = {unauthorized, 403},
	[WORD_NOT_YOURS] = {unauthorized, 403},
	[WORD_BAD_CONTACT] = {invalid_contact, 400},
	[WORD_UNSUPPORTED_CONTACT] = {unsupported_contact, 400},
	[WORD_KEY_IN_USE] = {malformed, 409},
	/* orders */
	[WORD_UNSUPPORTED_IDENTIFIER] = {unsupported_identifier, 400},
	[WORD_COMPOUND] = {compound, 400},
	[WORD_REJECTED_IDENTIFIER] = {rejected_identifier, 400},
	[WORD_NAME_TYPE_NOT_ALLOWED] = {rejected_identifier, 400},
	[WORD_NAME_NOT_ALLOWED] = {rejected_identifier, 400},
	[WORD_WILDCARD_NOT_ALLOWED] = {rejected_identifier, 400},
	[WORD_TOO_MANY_NAMES] = {malformed, 400},
	[WORD_TOO_FEW_NAMES] = {malformed, 400},
	[WORD_BAD_VALIDITY] = {malformed, 400},
	[WORD_UNKNOWN_PROFILE] = {invalid_profile, 400},
	[WORD_REQUESTER_NOT_ALLOWED] = {invalid_profile, 400},
	[WORD_PROTOCOL_NOT_ALLOWED] = {invalid_profile, 400},
	[WORD_IDENTITY_BLOCKED] = {unauthorized, 403},
	[WORD_ORDER_NOT_READY] = {order_not_ready, 403},
	[WORD_ORDER_NOT_USABLE] = {unauthorized, 403},
	[WORD_BAD_STATE] = {malformed, 400},
	/* finalize */
	[WORD_BAD_CSR] = {bad_csr, 400},
	[WORD_BAD_KEY] = {bad_csr, 400},
	[WORD_BAD_NAME] = {bad_csr, 400},
	[WORD_BAD_SIGNATURE] = {bad_csr, 400},
	[WORD_LINT] = {server_internal, 500},
	/* revocation */
	[WORD_BAD_CERTIFICATE] = {malformed, 400},
	[WORD_ALREADY_REVOKED] = {already_revoked, 400},
	[WORD_BAD_REASON] = {bad_revocation_reason, 400},
	[WORD_CERTIFICATE_REVOKED] = {unauthorized, 403},
	[WORD_KEY_BLOCKED] = {bad_csr, 400},
	/* the validator's findings */
	[WORD_DNS] = {dns, 400},
	[WORD_CONNECTION] = {connection, 400},
	[WORD_TLS] = {tls, 400},
	[WORD_INCORRECT_RESPONSE] = {incorrect_response, 403},
};

static const struct problem_kind classes[ERR_COUNT] = {
	[ERR_OK] = {server_internal, 500},
	[ERR_INVALID] = {malformed, 400},
	[ERR_DENIED] = {unauthorized, 403},
	[ERR_NOTFOUND] = {malformed, 404},
	[ERR_CONFLICT] = {malformed,
		400}, /* never 409 without a Location: clients take that for a known key */
	[ERR_LIMIT] = {rate_limited, 429},
	[ERR_UNAVAILABLE] = {server_internal, 503},
	[ERR_INTERNAL] = {server_internal, 500},
};

static const struct problem_kind statuses[] = {
	{malformed, 400},
	{unauthorized, 401},
	{unauthorized, 403},
	{malformed, 404},
	{malformed, 405},
	{malformed, 408},
	{malformed, 411},
	{malformed, 413},
	{malformed, 414},
	{malformed, 415},
	{malformed, 417},
	{malformed, 421},
	{rate_limited, 429},
	{malformed, 431},
	{server_internal, 500},
	{malformed, 501},
	{server_internal, 503},
	{malformed, 505},
};

const struct problem_kind *
problem_for(enum err code, enum err_word word)
{
	bool ours = code == ERR_INTERNAL || code == ERR_UNAVAILABLE || code == ERR_OK;

	return kinds[word].type != NULL && !ours ? &kinds[word] : &classes[code];
}

const struct problem_kind *
problem_for_status(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (statuses[i].status == status)
			return &statuses[i];
	return &classes[status >= 500 ? ERR_INTERNAL : ERR_INVALID];
}

json_t *
problem_document(const struct problem_kind *kind, enum err code, const char *detail)
{
	char type[sizeof(PROBLEM_NAMESPACE) + 40];
	json_t *p;

	if (code == ERR_INTERNAL)
		detail = "the server failed; its operator finds the reason under this request id";
	else if (code == ERR_UNAVAILABLE)
		detail = "the server cannot do this at the moment; try again";
	snprintf(type, sizeof(type), "%s%s", PROBLEM_NAMESPACE, kind->type);
	p = json_pack("{s:s,s:i,s:s}", "type", type, "status", (int)kind->status, "detail", detail);
	if (p == NULL) /* the detail was not UTF-8 */
		p = json_pack("{s:s,s:i}", "type", type, "status", (int)kind->status);
	return p;
}

json_t *
problem_sub(enum err_word word, const char *detail, json_t *identifier)
{
	const struct problem_kind *kind = problem_for(ERR_INVALID, word);
	char type[sizeof(PROBLEM_NAMESPACE) + 40];

	snprintf(type, sizeof(type), "%s%s", PROBLEM_NAMESPACE, kind->type);
	return json_pack("{s:s,s:s,s:o}", "type", type, "detail", detail, "identifier", identifier);
}
