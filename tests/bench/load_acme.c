/*
 * ACME: each thread has an account of its own and repeats new-order, finalize (its answer already holds the
 * finished order) and certificate: with a grant three signed POSTs an issuance. With --http01-port there is no
 * grant: the name is proven in between, by one challenge.
 */
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/hex.h"
#include "lib/base/json.h"
#include "lib/base/random.h"
#include "lib/pki/spki.h"
#include "tests/bench/load.h"

enum { ORDERS_PER_SECOND = 2500, ORDERS_MAX = 30000 };

static struct load_csrs csrs;
static char identifiers[4096]; /* JSON array */

struct account {
	struct load *load;
	unsigned index;
	struct load_conn conn;
	EVP_PKEY *key;
	char jwk[256], kid[512], nonce[128];
	char new_nonce[512], new_account[512], new_order[512];
};

static void
make_identifiers(struct load *l)
{
	const char *text = l->names;
	size_t n = 0;

	n += (size_t)snprintf(identifiers + n, sizeof(identifiers) - n, "[");
	while (*text != '\0') {
		int len = (int)strcspn(text, ","), type = (int)strcspn(text, ":");

		n += (size_t)snprintf(identifiers + n, sizeof(identifiers) - n,
			"%s{\"type\":\"%.*s\",\"value\":\"%.*s\"}", n > 1 ? "," : "", type, text,
			len - type - 1, text + type + 1);
		text += len + (text[len] == ',');
	}
	snprintf(identifiers + n, sizeof(identifiers) - n, "]");
}

void
load_acme_prepare(struct load *l)
{
	static const uint8_t empty[] = {0x30, 0x00};
	size_t count = load_operations(l, ORDERS_PER_SECOND);

	count = count < ORDERS_MAX ? count : ORDERS_MAX;
	l->count_max = count < l->count_max ? count : l->count_max;
	l->path = strcmp(l->path, "/") == 0 ? "/acme/directory" : l->path;
	make_identifiers(l);
	load_csrs_make(l, &csrs, l->count_max, bytes_of(empty, sizeof(empty)));
	if (l->http01_port != 0)
		load_http01_listen(l->http01_port);
}

/* ES256 as RFC 7518 section 3.4 wants it: R and S of 32 octets each. */
static void
sign_es256(EVP_PKEY *key, struct bytes data, uint8_t out[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[80];
	const uint8_t *p = der;
	size_t n = sizeof(der);
	ECDSA_SIG *sig;

	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
		EVP_DigestSign(ctx, der, &n, data.p, data.n) != 1)
		load_die("cannot sign");
	sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
}

/* The path of an absolute URL. */
static const char *
path_of(const char *url)
{
	const char *p = strstr(url, "://");

	p = p != NULL ? strchr(p + 3, '/') : NULL;
	return p != NULL ? p : url;
}

static bool
post(struct account *acc, const char *url, const char *payload, struct load_response *r,
	struct arena *a)
{
	char *header = acc->kid[0] != '\0'
		? arena_printf(a,
			  "{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"%s\",\"url\":\"%s\"}",
			  acc->kid, acc->nonce, url)
		: arena_printf(a, "{\"alg\":\"ES256\",\"jwk\":%s,\"nonce\":\"%s\",\"url\":\"%s\"}",
			  acc->jwk, acc->nonce, url);
	char *protected = base64url_string(a, bytes_str(header)),
	     *body64 = base64url_string(a, bytes_str(payload));
	char *signing = arena_printf(a, "%s.%s", protected, body64), *body, *request;
	uint8_t sig[64];

	sign_es256(acc->key, bytes_str(signing), sig);
	body = arena_printf(a, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}",
		protected, body64, base64url_string(a, bytes_of(sig, sizeof(sig))));
	request = arena_printf(a,
		"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/jose+json\r\nContent-Length: %zu\r\n\r\n%s",
		path_of(url), acc->load->host, strlen(body), body);
	if (!load_exchange(&acc->conn, bytes_str(request), r))
		return false;
	load_header(r, "Replay-Nonce", acc->nonce, sizeof(acc->nonce));
	return true;
}

static bool
get(struct account *acc, const char *path, struct load_response *r, struct arena *a)
{
	char *request =
		arena_printf(a, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, acc->load->host);

	return load_exchange(&acc->conn, bytes_str(request), r);
}

static void
copy_member(const struct load_response *r, const char *name, char *out, size_t size)
{
	AUTO(json_t) object = NULL;
	const char *text = NULL;

	if (json_parse(r->body, &object) != ERR_OK ||
		json_get_string(object, name, &text) != ERR_OK)
		load_die("no \"%s\" in: %.*s", name, (int)r->body.n, r->body.p);
	snprintf(out, size, "%s", text);
}

static void
make_key(struct account *acc, struct arena *a)
{
	struct pki_spki spki;
	struct bytes der;

	if (pki_key_generate_p256(&acc->key) != ERR_OK ||
		pki_spki_from_pkey(acc->key, a, &der) != ERR_OK ||
		pki_spki_parse(der, &spki) != ERR_OK)
		load_die("cannot make an account key: %s", err_reason());
	snprintf(acc->jwk, sizeof(acc->jwk),
		"{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
		base64url_string(a, bytes_of(spki.key.p + 1, 32)),
		base64url_string(a, bytes_of(spki.key.p + 33, 32)));
}

static void
open_account(struct account *acc)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct load_response r;

	make_key(acc, a);
	if (!load_connect(acc->load, &acc->conn) || !get(acc, acc->load->path, &r, a) ||
		r.status != 200)
		load_die("cannot read the directory at %s", acc->load->path);
	copy_member(&r, "newNonce", acc->new_nonce, sizeof(acc->new_nonce));
	copy_member(&r, "newAccount", acc->new_account, sizeof(acc->new_account));
	copy_member(&r, "newOrder", acc->new_order, sizeof(acc->new_order));
	if (!get(acc, path_of(acc->new_nonce), &r, a) ||
		!load_header(&r, "Replay-Nonce", acc->nonce, sizeof(acc->nonce)))
		load_die("no nonce");
	do /* a crowd opens its accounts at once, too */
		if (!post(acc, acc->new_account, "{\"termsOfServiceAgreed\":true}", &r, a))
			load_die("no answer to new-account");
	while (r.status == 503 && usleep(200000) == 0);
	if (r.status != 201 || !load_header(&r, "Location", acc->kid, sizeof(acc->kid)))
		load_die("no account: %.*s", (int)r.body.n, r.body.p);
}

/* Members of the order that the next steps need. */
static bool
order_member(const struct load_response *r, const char *name, char *out, size_t size)
{
	AUTO(json_t) object = NULL;
	const char *text = NULL;

	if (json_parse(r->body, &object) != ERR_OK ||
		json_get_string(object, name, &text) != ERR_OK)
		return false;
	snprintf(out, size, "%s", text);
	return true;
}

static const char *
thumbprint(const struct account *acc, struct arena *a)
{
	uint8_t digest[SHA256_SIZE];

	sha256(bytes_str(acc->jwk), digest); /* its members stand in the order of RFC 7638 */
	return base64url_string(a, bytes_of(digest, sizeof(digest)));
}

/* A copy of the first item of an array, or of the text that member has in it. */
static bool
first_of(const struct load_response *r, const char *array, const char *member, char *out,
	size_t size)
{
	AUTO(json_t) object = NULL;
	const json_t *item;

	if (json_parse(r->body, &object) != ERR_OK)
		return false;
	item = json_array_get(json_object_get(object, array), 0);
	item = member != NULL ? json_object_get(item, member) : item;
	if (!json_is_string(item))
		return false;
	snprintf(out, size, "%s", json_string_value(item));
	return true;
}

/* Asks again after 5 ms, 10, ..., as a client in a hurry; the last answer is in r. */
static bool
wait_valid(struct account *acc, const char *url, struct load_response *r, struct arena *a)
{
	char status[32];

	for (long ms = 5; ms < 2000; ms *= 2) {
		nanosleep(&(struct timespec){.tv_nsec = ms % 1000 * 1000000}, NULL);
		if (!post(acc, url, "", r, a) || !order_member(r, "status", status, sizeof(status)))
			return false;
		if (strcmp(status, "pending") != 0)
			return strcmp(status, "valid") == 0;
	}
	return false;
}

/* r: the answer to new-order. */
static bool
prove_name(struct account *acc, struct load_response *r, struct arena *a)
{
	char authorization[512], challenge[512], token[128];

	if (!first_of(r, "authorizations", NULL, authorization, sizeof(authorization)) ||
		!post(acc, authorization, "", r, a) ||
		!first_of(r, "challenges", "url", challenge, sizeof(challenge)) ||
		!first_of(r, "challenges", "token", token, sizeof(token)))
		return false;
	load_http01_prove(acc->index, token, thumbprint(acc, a));
	return post(acc, challenge, "{}", r, a) && r->status == 200 &&
		wait_valid(acc, authorization, r, a);
}

static bool
begin_order(struct account *acc, struct load_response *r, struct arena *a)
{
	return post(
		acc, acc->new_order, arena_printf(a, "{\"identifiers\":%s}", identifiers), r, a);
}

/* r: the answer to finalize, which holds the certificate's address already but where many wait for it. */
static bool
wait_issued(struct account *acc, const char *order, struct load_response *r, char *certificate,
	size_t size, struct arena *a)
{
	while (r->status == 200 && !order_member(r, "certificate", certificate, size)) {
		if (load_now() >= acc->load->deadline)
			return false;
		usleep(500000);
		if (!post(acc, order, "", r, a))
			return false;
	}
	return r->status == 200;
}

/* What is left of an order once new-order has answered. */
static void
finish_order(struct account *acc, struct load_response *r, struct arena *a, double began)
{
	unsigned long i = atomic_fetch_add(&csrs.next, 1);
	char finalize[512], certificate[512], url[512] = "";
	char *csr =
		arena_printf(a, "{\"csr\":\"%s\"}", base64url_string(a, csrs.der[i % csrs.count]));

	load_header(r, "Location", url, sizeof(url));
	if (r->status != 201 || !order_member(r, "finalize", finalize, sizeof(finalize)))
		load_fail(acc->load, "new-order: %u %.*s", r->status, (int)r->body.n, r->body.p);
	else if (acc->load->http01_port != 0 && !prove_name(acc, r, a))
		load_fail(acc->load, "http-01: %u %.*s", r->status, (int)r->body.n, r->body.p);
	else if (!post(acc, finalize, csr, r, a) ||
		!wait_issued(acc, url, r, certificate, sizeof(certificate), a))
		load_fail(acc->load, "finalize: %u %.*s", r->status, (int)r->body.n, r->body.p);
	else if (!post(acc, certificate, "", r, a) || r->status != 200)
		load_fail(acc->load, "certificate: %u %.*s", r->status, (int)r->body.n, r->body.p);
	else
		load_ok(acc->load, began);
}

static void
issue(struct account *acc, double began)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct load_response r = {.status = 0};

	if (begin_order(acc, &r, a))
		finish_order(acc, &r, a, began);
	else
		load_fail(acc->load, "new-order: connection lost");
}

/* As long as it is refused it comes back when it was told to; begun, it is to be finished. */
static void
insist_on_order(struct account *acc, double first)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct load_response r = {.status = 0};
	double began = first;
	bool sent;

	while ((sent = begin_order(acc, &r, a)) && r.status == 503 && began < acc->load->deadline) {
		usleep(load_refused(acc->load, &r, began) * 1000000U);
		began = load_now();
	}
	atomic_fetch_add(&acc->load->begun, r.status == 201);
	if (sent && r.status != 503)
		finish_order(acc, &r, a, first);
	else if (!sent)
		load_fail(acc->load, "new-order: connection lost");
}

static struct account *
new_account(struct load *l, unsigned index)
{
	struct account *acc = mem_zalloc(1, sizeof(*acc));

	acc->load = l;
	acc->index = index;
	open_account(acc);
	return acc;
}

static void
free_account(struct account *acc)
{
	load_disconnect(&acc->conn);
	EVP_PKEY_free(acc->key);
	free(acc);
}

void
load_acme_worker(struct load *l, unsigned index)
{
	struct account *acc = new_account(l, index);
	double began;

	load_begin(l);
	while (load_more(l, &began))
		issue(acc, began);
	free_account(acc);
}

void
load_acme_once_worker(struct load *l, unsigned index)
{
	struct account *acc = new_account(l, index);
	double began;

	load_begin(l);
	if (load_more(l, &began))
		insist_on_order(acc, began);
	free_account(acc);
}
