/*
 * libcurl, held short: no redirects of its own, no proxy, no cookies, one address given by
 * CURLOPT_RESOLVE and compared again when the socket is made, so that a name cannot point elsewhere
 * between check and connect. TLS of a redirect's target is not verified (RFC 8555 section 8.3): the
 * certificate it lacks is what is being ordered.
 */
#include "acme/validator/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"

typedef struct curl_slist curl_list;
AUTO_DEFINE(CURL, curl_easy_cleanup)
AUTO_DEFINE(CURLU, curl_url_cleanup)
AUTO_DEFINE(curl_list, curl_slist_free_all)

struct transfer {
	const struct fetch *fetch;
	CURL *curl;
	uint8_t body[FETCH_BODY_MAX];
	size_t body_size, header_size;
	bool enough, strayed; /* enough: the rest of the body does not matter */
};

enum err
fetch_setup(void)
{
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

	return code == CURLE_OK ? ERR_OK
				: err_set(ERR_INTERNAL, "libcurl: %s", curl_easy_strerror(code));
}

static bool
is_redirect(CURL *curl)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status >= 300 && status < 400;
}

/* Taking less than offered ends the transfer: enough was read. Of a redirect that is nothing. */
static size_t
take_body(char *data, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;
	size_t n = size * count, room = is_redirect(t->curl) ? 0 : FETCH_BODY_MAX - t->body_size;

	t->enough = n > room;
	n = t->enough ? room : n;
	memcpy(t->body + t->body_size, data, n);
	t->body_size += n;
	return n;
}

static size_t
take_header(char *data, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;

	(void)data;
	t->header_size += size * count;
	return t->header_size <= FETCH_HEADERS_MAX ? size * count : 0;
}

static curl_socket_t
open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *sa)
{
	struct transfer *t = ctx;
	struct address a;

	if (purpose != CURLSOCKTYPE_IPCXN || address_from_sockaddr(&sa->addr, &a) != ERR_OK ||
		!address_equal(&a, &t->fetch->address)) {
		t->strayed = true;
		return CURL_SOCKET_BAD;
	}
	return socket(sa->family, sa->socktype | SOCK_CLOEXEC, sa->protocol);
}

static int
go_on(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	const struct transfer *t = ctx;

	(void)down_total, (void)down, (void)up_total, (void)up;
	return atomic_load(t->fetch->cancelled) ? 1 : 0;
}

static curl_list *
pin_address(const struct fetch *f)
{
	char entry[512], address[ADDRESS_TEXT_SIZE];
	bool v6 = f->address.family == AF_INET6;

	address_text(&f->address, address);
	snprintf(entry, sizeof(entry), "%s:%u:%s%s%s", f->host, f->port, v6 ? "[" : "", address,
		v6 ? "]" : "");
	return curl_slist_append(NULL, entry);
}

static void
set_options(CURL *curl, const struct fetch *f, struct transfer *t, curl_list *pinned)
{
	int64_t left_ms = (f->deadline - clock_monotonic_us()) / 1000;

	curl_easy_setopt(curl, CURLOPT_URL, f->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_RESOLVE, pinned);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left_ms > 1 ? left_ms : 1));
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT,
		"chancery-validator/" CHANCERY_VERSION " (RFC 8555 http-01)");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

static enum err
judge_transfer(const struct fetch *f, const struct transfer *t, CURLcode code)
{
	char address[ADDRESS_TEXT_SIZE];

	address_text(&f->address, address);
	if (t->strayed)
		return err_set_word(ERR_DENIED, WORD_CONNECTION,
			"\"%s\" would have led to another address than %s", f->host, address);
	if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && t->enough))
		return ERR_OK;
	if (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION)
		return err_set_word(ERR_INVALID, WORD_TLS, "TLS with \"%s\" at %s port %u failed",
			f->host, address, f->port);
	return err_set_word(ERR_INVALID, WORD_CONNECTION,
		"fetching from \"%s\" at %s port %u failed: %s", f->host, address, f->port,
		curl_easy_strerror(code));
}

/* The absolute URL of Location, as it stands when it makes none: libcurl gives its own only when a body has
 * been read to its end. */
static const char *
find_location(CURL *curl, const char *base, struct arena *a)
{
	AUTO(CURLU) u = curl_url();
	struct curl_header *h;
	const char *location;
	char *url = NULL;

	if (u == NULL || !is_redirect(curl) ||
		curl_easy_header(curl, "Location", 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return NULL;
	location = arena_strdup(a, h->value);
	if (curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
		curl_url_set(u, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_URL, &url, 0) == CURLUE_OK)
		location = arena_strdup(a, url);
	curl_free(url);
	return location;
}

enum err
fetch_get(const struct fetch *f, struct arena *a, struct fetch_result *out)
{
	AUTO(CURL) curl = curl_easy_init();
	AUTO(curl_list) pinned = pin_address(f);
	struct transfer t = {.fetch = f, .curl = curl};
	struct fetch_result result = {.status = 0};

	if (curl == NULL || pinned == NULL)
		return err_set(ERR_INTERNAL, "libcurl gives no handle");
	set_options(curl, f, &t, pinned);
	TRY(judge_transfer(f, &t, curl_easy_perform(curl)));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &result.status);
	result.location = find_location(curl, f->url, a);
	result.body = arena_bytes(a, bytes_of(t.body, t.body_size));
	result.longer = t.enough;
	*out = result;
	return ERR_OK;
}
