/*
 * Which base URL a request belongs to. Sidecars and renamed hosts give one server several names
 * (scheme B of the sidecar recipes): each is configured, the Host header only selects one. So the
 * JWS url check stays an exact string comparison, and a spoofed Host leads nowhere.
 */
#include "acme/url.h"

#include <strings.h>

#include "lib/base/hex.h"

static const char account_path[] = "/acme/account/";

static const char *
normal_form(struct arena *a, const char *url)
{
	char *s = arena_strdup(a, url);
	size_t n = strlen(s);

	while (n > 0 && s[n - 1] == '/')
		s[--n] = '\0';
	if (n > 4 && strncmp(s, "https://", 8) == 0 && strcmp(s + n - 4, ":443") == 0)
		s[n - 4] = '\0';
	for (char *p = s; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return s;
}

void
url_bases_set(struct url_bases *bases, struct arena *a, const char *const *configured, size_t count)
{
	const char **item = arena_array(a, count, sizeof(*item));

	for (size_t i = 0; i < count; i++)
		item[i] = normal_form(a, configured[i]);
	*bases = (struct url_bases){item, count};
}

enum err
url_base_select(const struct url_bases *bases, const char *host, const char **out)
{
	size_t n = host != NULL ? strlen(host) : 0;

	if (n > 4 && strcmp(host + n - 4, ":443") == 0)
		n -= 4;
	for (size_t i = 0; i < bases->count && n > 0; i++) {
		const char *authority = strstr(bases->item[i], "://");

		authority = authority != NULL ? authority + 3 : bases->item[i];
		if (strlen(authority) == n && strncasecmp(authority, host, n) == 0) {
			*out = bases->item[i];
			return ERR_OK;
		}
	}
	return err_set_word(ERR_NOTFOUND, WORD_UNKNOWN_HOST,
		"this server does not go by the name \"%.100s\"; call it \"%s\", or let its operator add the other name to "
		"enroll.base_urls (a sidecar's URL must stand there too)",
		host != NULL ? host : "", bases->count > 0 ? bases->item[0] : "");
}

static bool
is_id(const char *s)
{
	return strlen(s) == URL_ID_SIZE && strspn(s, base64url_alphabet) == URL_ID_SIZE;
}

const char *
url_account_id(const struct url_bases *bases, const char *kid)
{
	for (size_t i = 0; i < bases->count; i++) {
		size_t n = strlen(bases->item[i]);
		const char *id = kid + n + sizeof(account_path) - 1;

		if (strncmp(kid, bases->item[i], n) == 0 &&
			strncmp(kid + n, account_path, sizeof(account_path) - 1) == 0)
			return is_id(id) ? id : NULL;
	}
	return NULL;
}
