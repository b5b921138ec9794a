/*
 * The one table from error words to ACME problem types and HTTP statuses (RFC 8555 section 6.7).
 * Statuses the RFC leaves open follow what clients were written against; "status" is in every
 * document because lego 4.9 retries badNonce only then.
 */
#include "acme/problem.h"

static const struct problem_kind kinds[] = {
	/* the envelope */
	{"bad-nonce", "badNonce", 400},
	{"bad-signature-algorithm", "badSignatureAlgorithm", 400},
	{"bad-public-key", "badPublicKey", 400},
	{"bad-jws-signature", "malformed", 400},
	{"wrong-url", "unauthorized", 401},
	{"unknown-host", "malformed", 421},
	/* accounts */
	{"account-unknown", "accountDoesNotExist", 400},
	{"account-closed", "unauthorized", 401},
	{"other-identity", "unauthorized", 403},
	{"not-yours", "unauthorized", 403},
	{"bad-contact", "invalidContact", 400},
	{"unsupported-contact", "unsupportedContact", 400},
	{"key-in-use", "malformed", 409},
	/* orders */
	{"unsupported-identifier", "unsupportedIdentifier", 400},
	{"compound", "compound", 400},
	{"rejected-identifier", "rejectedIdentifier", 400},
	{"name-type-not-allowed", "rejectedIdentifier", 400},
	{"name-not-allowed", "rejectedIdentifier", 400},
	{"wildcard-not-allowed", "rejectedIdentifier", 400},
	{"too-many-names", "malformed", 400},
	{"too-few-names", "malformed", 400},
	{"bad-validity", "malformed", 400},
	{"unknown-profile", "invalidProfile", 400},
	{"requester-not-allowed", "invalidProfile", 400},
	{"protocol-not-allowed", "invalidProfile", 400},
	{"identity-blocked", "unauthorized", 403},
	{"order-not-ready", "orderNotReady", 403},
	{"order-not-usable", "unauthorized", 403},
	{"bad-state", "malformed", 400},
	/* finalize */
	{"bad-csr", "badCSR", 400},
	{"bad-key", "badCSR", 400},
	{"bad-name", "badCSR", 400},
	{"bad-signature", "badCSR", 400},
	{"lint", "serverInternal", 500},
	/* revocation */
	{"bad-certificate", "malformed", 400},
	{"already-revoked", "alreadyRevoked", 400},
	{"bad-reason", "badRevocationReason", 400},
	{"certificate-revoked", "unauthorized", 403},
	/* the validator's findings */
	{"dns", "dns", 400},
	{"connection", "connection", 400},
	{"tls", "tls", 400},
	{"incorrect-response", "incorrectResponse", 403},
};

static const struct problem_kind classes[ERR_COUNT] = {
	[ERR_OK] = {NULL, "serverInternal", 500},
	[ERR_INVALID] = {NULL, "malformed", 400},
	[ERR_DENIED] = {NULL, "unauthorized", 403},
	[ERR_NOTFOUND] = {NULL, "malformed", 404},
	[ERR_CONFLICT] = {NULL, "malformed",
		400}, /* never 409 without a Location: clients take that for a known key */
	[ERR_LIMIT] = {NULL, "rateLimited", 429},
	[ERR_UNAVAILABLE] = {NULL, "serverInternal", 503},
	[ERR_INTERNAL] = {NULL, "serverInternal", 500},
};

static const struct problem_kind statuses[] = {
	{NULL, "malformed", 400},
	{NULL, "unauthorized", 401},
	{NULL, "unauthorized", 403},
	{NULL, "malformed", 404},
	{NULL, "malformed", 405},
	{NULL, "malformed", 408},
	{NULL, "malformed", 411},
	{NULL, "malformed", 413},
	{NULL, "malformed", 414},
	{NULL, "malformed", 415},
	{NULL, "malformed", 417},
	{NULL, "malformed", 421},
	{NULL, "rateLimited", 429},
	{NULL, "malformed", 431},
	{NULL, "serverInternal", 500},
	{NULL, "malformed", 501},
	{NULL, "serverInternal", 503},
	{NULL, "malformed", 505},
};

const struct problem_kind *
problem_for(enum err code, const char *word)
{
	bool ours = code == ERR_INTERNAL || code == ERR_UNAVAILABLE || code == ERR_OK;

	for (size_t i = 0; i < ARRAY_LEN(kinds) && word != NULL && !ours; i++)
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	return &classes[code];
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
problem_sub(const char *word, const char *detail, json_t *identifier)
{
	const struct problem_kind *kind = problem_for(ERR_INVALID, word);
	char type[sizeof(PROBLEM_NAMESPACE) + 40];

	snprintf(type, sizeof(type), "%s%s", PROBLEM_NAMESPACE, kind->type);
	return json_pack("{s:s,s:s,s:o}", "type", type, "detail", detail, "identifier", identifier);
}
