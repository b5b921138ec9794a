/*
 * Fetches http://NAME/.well-known/acme-challenge/TOKEN and compares. Redirects are followed by
 * hand, because each hop is a new chance to lead the CA somewhere it should not go: scheme, port
 * and every resolved address are checked again. IPv6 is tried first, with one fallback to IPv4.
 */
#include "acme/validator/http01.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hex.h"

enum { REDIRECTS_MAX = 10, URL_MAX = 2048 };

AUTO_DEFINE(CURLU, curl_url_cleanup)

struct target {
	const char *url, *host; /* host in brackets when it is an IPv6 address */
	unsigned port;
};

#define refuse(...) err_set_word(ERR_INVALID, WORD_INCORRECT_RESPONSE, __VA_ARGS__)

static const char *
get_part(CURLU *u, CURLUPart part, unsigned flags, struct arena *a)
{
	char *text = NULL;
	const char *copy = NULL;

	if (curl_url_get(u, part, &text, flags) == CURLUE_OK)
		copy = arena_strdup(a, text);
	curl_free(text);
	return copy;
}

static enum err
parse_target(const struct http01 *h, const char *url, struct arena *a, struct target *out)
{
	AUTO(CURLU) u = curl_url();
	const char *scheme, *port;

	if (u == NULL || strlen(url) > URL_MAX ||
		curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
		return refuse("redirected to something that is not a URL");
	scheme = get_part(u, CURLUPART_SCHEME, 0, a);
	port = get_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, a);
	out->host = get_part(u, CURLUPART_HOST, 0, a);
	if (scheme == NULL || out->host == NULL || port == NULL ||
		(strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		return refuse("redirected to a URL that is neither http nor https");
	if (get_part(u, CURLUPART_USER, 0, a) != NULL)
		return refuse("redirected to a URL with user information");
	out->port = (unsigned)strtoul(port, NULL, 10);
	if (out->port != 80 && out->port != 443 && out->port != h->port)
		return refuse("redirected to port %u; only 80, 443 and %u are followed", out->port,
			h->port);
	out->url = url;
	return ERR_OK;
}

/* The first allowed address of each family; ERR_DENIED when there is none. */
static enum err
choose_address(const struct http01 *h, const struct addresses *all, struct addresses *chosen)
{
	enum err last = ERR_OK;

	chosen->count = 0;
	for (size_t i = 0; i < all->count; i++) {
		bool again = chosen->count > 0 &&
			chosen->item[chosen->count - 1].family == all->item[i].family;
		enum err e = again ? ERR_OK : address_policy_check(h->policy, &all->item[i]);

		if (e != ERR_OK)
			last = e;
		else if (!again)
			chosen->item[chosen->count++] = all->item[i];
	}
	return chosen->count > 0 ? ERR_OK : last;
}

/* Without the brackets of an IPv6 address. */
static const char *
bare_host(struct arena *a, const char *host)
{
	size_t n = strlen(host);

	return host[0] == '[' && n > 2 ? arena_string(a, bytes_of(host + 1, n - 2)) : host;
}

static enum err
fetch_target(const struct http01 *h, const struct target *t, int64_t deadline, struct arena *a,
	struct fetch_result *out)
{
	struct addresses all, chosen;
	enum err e = ERR_OK; /* there is one address at least */

	TRY(resolver_lookup(h->resolver, bare_host(a, t->host), deadline, &all));
	TRY(choose_address(h, &all, &chosen));
	for (size_t i = 0; i < chosen.count; i++) {
		int64_t now = clock_monotonic_us();
		struct fetch f = {
			.url = t->url,
			.host = t->host,
			.port = t->port,
			.address = chosen.item[i],
			/* The fallback must have time left too. */
			.deadline = i + 1 < chosen.count ? now + (deadline - now) / 2 : deadline,
			.cancelled = h->cancelled,
		};

		e = fetch_get(&f, a, out);
		if (e == ERR_OK)
			return ERR_OK;
	}
	return e;
}

static bool
is_redirect(const struct fetch_result *r)
{
	return (r->status == 301 || r->status == 302 || r->status == 307 || r->status == 308) &&
		r->location != NULL;
}

static enum err
follow_redirects(const struct http01 *h, const char *url, struct arena *a, struct fetch_result *out)
{
	const char *seen[REDIRECTS_MAX + 1];
	int64_t deadline = clock_monotonic_us() + h->timeout_s * 1000000;

	for (size_t hop = 0; hop <= REDIRECTS_MAX; hop++) {
		struct target t = {.url = NULL};
		enum err e = parse_target(h, url, a, &t);

		if (e == ERR_OK)
			e = fetch_target(h, &t, deadline, a, out);
		if (e != ERR_OK || !is_redirect(out))
			return e;
		seen[hop] = url;
		url = out->location;
		for (size_t i = 0; i <= hop; i++)
			if (strcmp(seen[i], url) == 0)
				return refuse("redirected in a circle");
	}
	return refuse("redirected more than %d times", REDIRECTS_MAX);
}

/* Not a word of the body: an account must not read foreign services through the CA
 * (acme/CHECKS.md 42). */
static enum err
compare_answer(const struct fetch_result *r, const char *expected)
{
	struct bytes body = r->body;

	if (r->status != 200)
		return refuse(
			"the answer has status %ld, not 200 (RFC 8555 section 8.3)", r->status);
	while (body.n > 0 && isspace(body.p[body.n - 1]))
		body.n--;
	if (r->longer || !bytes_equal(body, bytes_str(expected)))
		return refuse("the answer is not the key authorization (RFC 8555 section 8.3)");
	return ERR_OK;
}

static const char *
make_url(const struct http01 *h, const char *identifier, const char *token, struct arena *a)
{
	bool v6 = strncmp(identifier, "ip:", 3) == 0 && strchr(identifier + 3, ':') != NULL;
	const char *host = strchr(identifier, ':') + 1;
	const char *port = h->port == 80 ? "" : arena_printf(a, ":%u", h->port);

	return arena_printf(a, "http://%s%s%s%s/.well-known/acme-challenge/%s", v6 ? "[" : "", host,
		v6 ? "]" : "", port, token);
}

enum err
http01_validate(const struct http01 *h, const char *identifier, const char *token,
	const uint8_t thumbprint[32])
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct fetch_result result = {.status = 0};

	TRY(follow_redirects(h, make_url(h, identifier, token, a), a, &result));
	return compare_answer(&result,
		arena_printf(a, "%s.%s", token, base64url_string(a, bytes_of(thumbprint, 32))));
}
