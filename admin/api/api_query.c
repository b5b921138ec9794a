/*
 * The query string of admin requests (RFC 3986 section 3.4, names and values percent-encoded), and
 * small readers all operations share. Everything is known and single, or refused.
 */
#include <stdlib.h>

#include "admin/api/internal.h"
#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/pki/crl.h"

enum { QUERY_TEXT_MAX = 2048 };

/* One name or value. No control characters: they would reach logs and rows. */
static enum err
decode(struct arena *a, struct bytes text, const char **out)
{
	char *to = arena_alloc(a, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++, n++) {
		uint8_t octet = text.p[i];
		size_t one;

		if (octet == '%') {
			if (i + 2 >= text.n ||
				hex_decode(bytes_of(text.p + i + 1, 2), &octet, 1, &one) != ERR_OK)
				return err_set(ERR_INVALID,
					"the query has a broken percent-encoding (RFC 3986 section 2.1)");
			i += 2;
		}
		if (octet < 0x20 || octet == 0x7f)
			return err_set(ERR_INVALID, "the query has a control character");
		to[n] = (char)octet;
	}
	*out = to;
	return ERR_OK;
}

static bool
in_list(const char *const *list, const char *name)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static enum err
add_pair(struct api_call *c, struct bytes text, const char *const *allowed)
{
	const uint8_t *equals = memchr(text.p, '=', text.n);
	size_t n = equals != NULL ? (size_t)(equals - text.p) : text.n;
	struct api_pair pair = {.name = NULL};
	enum err e = decode(c->arena, bytes_of(text.p, n), &pair.name);

	if (e == ERR_OK)
		e = equals == NULL
			? err_set(ERR_INVALID, "query parameter \"%s\" has no value", pair.name)
			: decode(c->arena, bytes_of(equals + 1, text.n - n - 1), &pair.value);
	if (e != ERR_OK)
		return e;
	if (!in_list(allowed, pair.name))
		return err_set(ERR_INVALID, "unknown query parameter \"%s\"", pair.name);
	if (api_query_find(c, pair.name) != NULL)
		return err_set(ERR_INVALID, "query parameter \"%s\" stands twice", pair.name);
	if (c->query_count == API_QUERY_MAX)
		return err_set(ERR_LIMIT, "more than %d query parameters", API_QUERY_MAX);
	c->query[c->query_count++] = pair;
	return ERR_OK;
}

enum err
api_query_read(struct api_call *c, const char *const *allowed)
{
	struct bytes left = bytes_str(c->req->query);
	enum err e = ERR_OK;

	if (left.n > QUERY_TEXT_MAX)
		return err_set(ERR_LIMIT, "the query is longer than %d octets", QUERY_TEXT_MAX);
	while (left.n > 0 && e == ERR_OK) {
		const uint8_t *and = memchr(left.p, '&', left.n);
		size_t n = and != NULL ? (size_t)(and-left.p) : left.n;

		e = add_pair(c, bytes_of(left.p, n), allowed);
		left = and != NULL ? bytes_of(and+1, left.n - n - 1) : bytes_of(NULL, 0);
	}
	return e;
}

const char *
api_query_find(const struct api_call *c, const char *name)
{
	for (size_t i = 0; i < c->query_count; i++)
		if (strcmp(c->query[i].name, name) == 0)
			return c->query[i].value;
	return NULL;
}

enum err
api_query_limit(const struct api_call *c, unsigned *out)
{
	const char *text = api_query_find(c, "limit");
	size_t digits = text != NULL ? strspn(text, "0123456789") : 0;
	long n = text != NULL && digits > 0 && digits <= 3 ? strtol(text, NULL, 10) : 0;

	if (text != NULL && (text[digits] != '\0' || n < 1 || n > API_PAGE_MAX))
		return err_set(ERR_INVALID, "limit must be a number from 1 to %d", API_PAGE_MAX);
	*out = text != NULL ? (unsigned)n : API_PAGE_MAX;
	return ERR_OK;
}

void
api_put_time(json_t *object, const char *name, int64_t t)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_format_rfc3339(t, text);
	json_object_set_new(object, name, t != 0 ? json_string(text) : json_null());
}

enum err
api_identity(struct api_call *c, const char *name, struct store_identity *out)
{
	enum err e = store_identity_find(c->g->store, c->arena, name, out);

	if (e == ERR_NOTFOUND)
		return err_set_word(e, "unknown-identity",
			"there is no identity \"%s\"; `ca-admin identity list` shows those there are",
			name);
	return e;
}

enum err
api_reason(struct api_call *c, const char *fallback, int *out)
{
	const char *text = NULL;
	enum pki_reason reason;
	enum err e = json_find_string(c->body, "reason", &text);

	if (e == ERR_OK)
		e = pki_reason_parse(text != NULL ? text : fallback, &reason);
	if (e != ERR_OK)
		return e;
	if (reason == PKI_REASON_CERTIFICATE_HOLD || reason == PKI_REASON_REMOVE_FROM_CRL ||
		reason == PKI_REASON_CA_COMPROMISE || reason == PKI_REASON_AA_COMPROMISE)
		return err_set(ERR_INVALID,
			"reason \"%s\" does not apply to these certificates; allowed: unspecified, keyCompromise, "
			"affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn",
			text != NULL ? text : fallback);
	*out = reason == PKI_REASON_UNSPECIFIED ? PKI_REASON_NONE : (int)reason;
	return ERR_OK;
}
