/*
 * The admin API from outside: mutual TLS 1.3 with the operator's certificate, JSON both ways.
 * Before the first call the operator's own certificate is renewed when it is due, so that working
 * operators never lose access.
 */
#include <stdlib.h>

#include <curl/curl.h>

#include "admin/cli/cli.h"
#include "admin/cli/client.h"
#include "lib/base/clock.h"

enum { ANSWER_MAX = 16 << 20, SECONDS_MAX = 60 };

struct client {
	CURL *curl;
	struct curl_slist *headers;
	struct credential credential;
};

void
client_free(struct client *c)
{
	if (c == NULL)
		return;
	curl_slist_free_all(c->headers);
	curl_easy_cleanup(c->curl);
	free(c);
	curl_global_cleanup();
}

static enum err
find_credential(struct cli *a, struct credential *out)
{
	const char *path = options_value(a, "config"), *server = options_value(a, "server");
	const char *cert = options_value(a, "cert"), *key = options_value(a, "key"),
		   *ca = options_value(a, "ca");
	bool all = server != NULL && cert != NULL && key != NULL && ca != NULL;

	*out = (struct credential){.server = NULL};
	if ((cert != NULL) != (key != NULL))
		return options_usage(a, "--cert and --key belong together");
	if (!all)
		TRY(credential_load(a->arena,
			path != NULL ? path
				     : files_under(a->arena, credential_default_directory(a->arena),
					       CREDENTIAL_FILE),
			out));
	if (server != NULL && strncmp(server, "https://", 8) != 0)
		return options_usage(a, "--server must be https://HOST:PORT, not \"%s\"", server);
	out->server = server != NULL ? server : out->server;
	out->trust = ca != NULL ? ca : out->trust;
	if (cert != NULL) { /* a certificate given by hand is not ours to replace */
		out->certificate = cert;
		out->key = key;
		out->directory = NULL;
	}
	return ERR_OK;
}

static enum err
set_up(struct client *c)
{
	CURL *h = c->curl;
	bool ok = true;

	c->headers = curl_slist_append(NULL, "Content-Type: application/json");
	c->headers = curl_slist_append(c->headers, "Expect:");
	ok &= curl_easy_setopt(h, CURLOPT_HTTPHEADER, c->headers) == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_PROXY, "") == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)SECONDS_MAX) == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, 10L) == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_CAINFO, c->credential.trust) == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_SSLCERT, c->credential.certificate) == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_SSLKEY, c->credential.key) == CURLE_OK;
	ok &= curl_easy_setopt(h, CURLOPT_USERAGENT, "ca-admin/" CHANCERY_VERSION) == CURLE_OK;
	return ok ? ERR_OK
		  : err_set(ERR_INTERNAL,
			    "libcurl lacks an option it must have (TLS 1.3, client certificates)");
}

static enum err
open_client(struct cli *a)
{
	struct client *c = mem_zalloc(1, sizeof(*c));
	enum err e = find_credential(a, &c->credential);

	if (e != ERR_OK) {
		free(c);
		return e;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (c->curl = curl_easy_init()) == NULL) {
		free(c);
		return err_set(ERR_INTERNAL, "libcurl cannot start");
	}
	a->client = c;
	return set_up(c);
}

static enum err
usable_certificate(struct cli *a, const struct credential *c, struct pki_cert *leaf)
{
	char when[CLOCK_RFC3339_SIZE];
	enum err e = credential_check(a->arena, c, leaf);

	if (e != ERR_OK || leaf->not_after >= clock_now())
		return e;
	clock_format_rfc3339(leaf->not_after, when);
	return err_set(ERR_DENIED,
		"your certificate \"%s\" expired at %s: `ca-admin init` on the CA's machine makes a new one, "
		"or ask another operator for `ca-admin issue`",
		c->certificate, when);
}

enum err
client_ready(struct cli *a, struct pki_cert *leaf)
{
	if (a->client == NULL)
		TRY(open_client(a));
	return usable_certificate(a, &a->client->credential, leaf);
}

/* Opens once; looks after the certificate. A renewal that fails is worth a warning, not a failed
 * command. */
static enum err
ensure_ready(struct cli *a)
{
	struct pki_cert leaf;

	if (a->client != NULL)
		return ERR_OK;
	TRY(client_ready(a, &leaf));
	if (a->client->credential.directory != NULL &&
		pki_cert_due(&leaf, leaf.not_before, clock_now())) {
		if (client_renew(a, &leaf, NULL) == ERR_OK)
			fprintf(stderr, "ca-admin: renewed your certificate \"%s\"\n",
				a->client->credential.certificate);
		else
			fprintf(stderr, "ca-admin: warning: could not renew your certificate: %s\n",
				err_reason());
	}
	return ERR_OK;
}

const struct credential *
client_credential(const struct cli *a)
{
	return &a->client->credential;
}

static size_t
collect_body(char *data, size_t size, size_t count, void *ctx)
{
	struct buf *b = ctx;

	return buf_append(b, data, size * count) == ERR_OK ? size * count : 0;
}

/* What a person can do about a transport error. */
/* By the network or a server that ends; one that refuses sends an alert first. */
static bool
is_broken_off(const char *detail)
{
	static const char *const signs[] = {"reset by peer", "SSL_ERROR_SYSCALL", "Broken pipe"};

	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (strstr(detail, signs[i]) != NULL)
			return true;
	return false;
}

static enum err
transport_error(const struct credential *c, CURLcode code, const char *detail)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(ERR_UNAVAILABLE,
			"cannot reach the server at %s (%s): is chancery-admin running, and is --server right?",
			c->server, detail);
	case CURLE_PEER_FAILED_VERIFICATION:
		return err_set(ERR_DENIED,
			"the server at %s has a certificate that does not chain to \"%s\" or is for another name (%s)",
			c->server, c->trust, detail);
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(ERR_INVALID, "cannot use \"%s\", \"%s\" or \"%s\" (%s)",
			c->certificate, c->key, c->trust, detail);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		if (is_broken_off(detail))
			return err_set(ERR_UNAVAILABLE,
				"the server at %s broke the connection off (%s): it may be starting anew or have too many connections; try again",
				c->server, detail);
		return err_set(ERR_DENIED,
			"the server at %s refused the connection (%s): your certificate \"%s\" may be revoked, "
			"or your identity blocked",
			c->server, detail, c->certificate);
	case CURLE_WRITE_ERROR:
		return err_set(ERR_LIMIT,
			"the answer is larger than %d octets; where the command takes --limit, ask for fewer",
			ANSWER_MAX);
	default:
		return err_set(
			ERR_UNAVAILABLE, "the server at %s cannot be asked: %s", c->server, detail);
	}
}

static enum err
class_of_status(long status)
{
	switch (status) {
	case 400:
	case 405:
	case 413:
	case 415:
	case 422:
		return ERR_INVALID;
	case 401:
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOTFOUND;
	case 409:
		return ERR_CONFLICT;
	case 429:
	case 502:
	case 503:
	case 504:
		return ERR_UNAVAILABLE;
	default:
		return ERR_INTERNAL;
	}
}

static enum err
refuse_call(long status, struct bytes body)
{
	AUTO(json_t) problem = NULL;
	const char *code = NULL, *reason = NULL, *id = NULL;
	enum err class = class_of_status(status);

	if (json_parse(body, &problem) != ERR_OK ||
		json_find_string(problem, "code", &code) != ERR_OK ||
		json_find_string(problem, "reason", &reason) != ERR_OK ||
		json_find_string(problem, "request_id", &id) != ERR_OK || code == NULL ||
		reason == NULL)
		return err_set(class,
			"the server answered %ld without saying why; its log has the reason",
			status);
	return err_set_word(
		class, err_word_find(code), "%s (request %s)", reason, id != NULL ? id : "unknown");
}

static enum err
perform_call(struct cli *a, const char *path, const char *body, json_t **out)
{
	struct client *c = a->client;
	char detail[CURL_ERROR_SIZE] = "";
	AUTO_BUF(answer, ANSWER_MAX);
	long status = 0;
	CURLcode code;

	curl_easy_setopt(
		c->curl, CURLOPT_URL, arena_printf(a->arena, "%s%s", c->credential.server, path));
	curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, collect_body);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &answer);
	if (body != NULL)
		curl_easy_setopt(c->curl, CURLOPT_COPYPOSTFIELDS, body);
	else
		curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
	code = curl_easy_perform(c->curl);
	if (code != CURLE_OK)
		return transport_error(&c->credential, code,
			detail[0] != '\0' ? detail : curl_easy_strerror(code));
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299)
		return refuse_call(status, buf_bytes(&answer));
	return json_parse_answer(buf_bytes(&answer), out);
}

enum err
client_get(struct cli *a, const char *path, json_t **out)
{
	TRY(ensure_ready(a));
	return perform_call(a, path, NULL, out);
}

enum err
client_post(struct cli *a, const char *path, const json_t *body, json_t **out)
{
	TRY(ensure_ready(a));
	return perform_call(a, path, json_text(a->arena, body), out);
}

const char *
client_query(struct cli *a, const char *path, const char *name, const char *value)
{
	const char *out;
	char *escaped;

	if (value == NULL)
		return path;
	escaped = curl_easy_escape(NULL, value, (int)strlen(value));
	out = arena_printf(a->arena, "%s%c%s=%s", path, strchr(path, '?') == NULL ? '?' : '&', name,
		escaped != NULL ? escaped : "");
	curl_free(escaped);
	return out;
}

enum err
client_list(struct cli *a, const char *path, const char *member, unsigned limit, json_t **out)
{
	AUTO(json_t) all = json_array();
	const char *after = NULL;

	do {
		AUTO(json_t) page = NULL;
		unsigned left = limit - (unsigned)json_array_size(all);
		const char *ask = client_query(
			a, path, "limit", arena_printf(a->arena, "%u", left < 100 ? left : 100));

		TRY(client_get(a, client_query(a, ask, "after", after), &page));
		TRY(json_find_string(page, "next", &after));
		if (json_array_extend(all, json_object_get(page, member)) != 0)
			return err_set(
				ERR_INTERNAL, "the server's answer has no list \"%s\"", member);
		after = after != NULL ? arena_strdup(a->arena, after) : NULL;
	} while (after != NULL && json_array_size(all) < limit);
	if (after != NULL)
		fprintf(stderr, "ca-admin: there are more; raise --limit (now %u)\n", limit);
	*out = json_incref(all);
	return ERR_OK;
}
