/*
 * Bodies (RFC 8951 section 3): base64 of DER both ways, whatever a Content-Transfer-Encoding header
 * says. The answer still carries that header, because Bouncy Castle does not decode without it; a
 * request's is never read.
 */
#include "est/internal.h"
#include "lib/base/hex.h"

enum { LINE = 64 };

static bool
wants_short_lines(const struct est_service *s, const char *user_agent)
{
	for (uint32_t i = 0; i < s->config->wrap_user_agents_count; i++)
		if (strstr(user_agent, s->config->wrap_user_agents[i]) != NULL)
			return true;
	return false;
}

enum est_lines
est_lines_for(const struct http_request *req)
{
	const char *user_agent = http_request_header(req, "User-Agent");

	/* HTTP/1.0 here is the packaged libest client, which sends no User-Agent. */
	if (req->http10 || (user_agent != NULL && wants_short_lines(est_service(req), user_agent)))
		return EST_WRAPPED;
	return EST_ONE_LINE;
}

static struct bytes
wrap_lines(struct arena *a, const char *text)
{
	size_t n = strlen(text), lines = (n + LINE - 1) / LINE;
	char *out = arena_alloc(a, n + lines + 1), *p = out;

	for (size_t at = 0; at < n; at += LINE) {
		size_t take = n - at < LINE ? n - at : LINE;

		memcpy(p, text + at, take);
		p += take;
		*p++ = '\n';
	}
	return bytes_of(out, (size_t)(p - out));
}

struct bytes
est_encode(struct arena *a, struct bytes der, enum est_lines lines)
{
	const char *text = base64_string(a, der);

	return lines == EST_WRAPPED ? wrap_lines(a, text) : bytes_str(text);
}

enum err
est_csr_decode(struct arena *a, struct bytes body, struct pki_csr *out)
{
	struct bytes der;
	enum err e = base64_decode_mime(a, body, &der);

	if (e == ERR_INVALID)
		return err_set_word(ERR_INVALID, WORD_BAD_BASE64, "%s", err_reason());
	return e != ERR_OK ? e : pki_csr_parse(der, a, out);
}
