/*
 * Answers and refusals. A refusal is one stable line a device can log: code word, sentence, request
 * id (RFC 7030 section 4.2.3, RFC 8951 section 5). Reasons of our own failures stay in our log.
 * There is no 401: no HTTP authentication is offered on this listener (RFC 9110 section 15.5.2
 * would want a challenge).
 */
#include "est/internal.h"

#include <ctype.h>

static const struct {
	unsigned status;
	const char *instead; /* what the client reads when the reason is ours alone */
} by_class[ERR_COUNT] = {
	[ERR_INVALID] = {400, NULL},
	[ERR_DENIED] = {403, NULL},
	[ERR_NOTFOUND] = {404, NULL},
	[ERR_CONFLICT] = {409, NULL},
	[ERR_LIMIT] = {413, NULL},
	[ERR_UNAVAILABLE] = {503, "the CA cannot answer now, try again"},
	[ERR_INTERNAL] = {500, "the CA failed; its log knows the request id"},
};

/* Peers' octets may be quoted in a reason; the line stays one line. */
static const char *
one_line(struct arena *a, const char *text)
{
	char *out = arena_strdup(a, text);

	for (char *p = out; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	return out;
}

void
est_refuse(struct http_request *req, struct http_response *resp, unsigned status, const char *word,
	const char *reason)
{
	const char *line = arena_printf(
		req->arena, "%s: %s (request %s)\n", word, one_line(req->arena, reason), req->id);

	resp->status = status;
	resp->content_type = "text/plain; charset=utf-8";
	resp->body = bytes_str(line);
}

void
est_fail(struct http_request *req, struct http_response *resp, enum err e)
{
	const char *instead = by_class[e].instead;

	resp->outcome = err_name(e);
	resp->reason = arena_strdup(req->arena, err_reason_advised());
	est_refuse(req, resp, by_class[e].status, err_word_text(err_word()),
		instead != NULL ? instead : err_reason());
	if (e == ERR_UNAVAILABLE)
		http_response_header(resp, "Retry-After", est_service(req)->retry_after);
}

void
est_answer_certs(struct http_request *req, struct http_response *resp, const struct bytes *certs,
	size_t count)
{
	struct bytes der;
	enum err e = pki_certs_only(certs, count, req->arena, &der);

	if (e != ERR_OK) {
		est_fail(req, resp, e);
		return;
	}
	resp->status = 200;
	resp->content_type = "application/pkcs7-mime; smime-type=certs-only";
	resp->body = est_encode(req->arena, der, est_lines_for(req));
	http_response_header(resp, "Content-Transfer-Encoding", "base64");
}
