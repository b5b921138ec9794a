/* What opening a listener refuses, and who owns what afterwards; the rest of the server is in
 * tests/tls. */
#include "lib/http/server.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/resource.h>

#include "lib/http/tls.h"
#include "tests/unit/unit.h"

enum { DER_MAX = 4096 };

struct pair {
	uint8_t cert[DER_MAX], key[DER_MAX];
	struct bytes cert_der, key_der;
};

AUTO_DEFINE(EVP_PKEY, EVP_PKEY_free)
AUTO_DEFINE(X509, X509_free)
AUTO_DEFINE(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free)

static void
handler(struct http_request *req, struct http_response *resp)
{
	(void)req, (void)resp;
}

static const struct http_route routes[] = {
	{.pattern = "/a", .methods = HTTP_GET, .handler = handler},
	{.pattern = NULL},
};

static void
make_pair(struct pair *out)
{
	AUTO(EVP_PKEY) key = EVP_EC_gen("P-256");
	AUTO(X509) x = X509_new();
	AUTO(PKCS8_PRIV_KEY_INFO) info = EVP_PKEY2PKCS8(key);
	uint8_t *p = out->cert, *k = out->key;

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const unsigned char *)"x", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	X509_sign(x, key, EVP_sha256());
	out->cert_der = bytes_of(out->cert, (size_t)i2d_X509(x, &p));
	out->key_der = bytes_of(out->key, (size_t)i2d_PKCS8_PRIV_KEY_INFO(info, &k));
}

static void
test_key_is_wiped_once_taken(void)
{
	static const uint8_t zero[DER_MAX];
	struct pair a;
	struct http_tls *t = NULL;

	make_pair(&a);
	CHECK(a.key_der.n > 0 && memcmp(a.key, zero, a.key_der.n) != 0);
	CHECK_OK(http_tls_new(&a.cert_der, 1, a.key_der, &a.cert_der, 1, &t));
	CHECK(memcmp(a.key, zero, a.key_der.n) == 0);
	http_tls_unref(t);
}

static void
test_bad_tls_material_is_refused_and_the_key_wiped(void)
{
	static const uint8_t zero[DER_MAX];
	const struct bytes garbage = BYTES_LIT("not a certificate");
	struct pair a, b;
	struct http_tls *t = NULL;

	make_pair(&a);
	make_pair(&b);
	CHECK_REASON(http_tls_new(&a.cert_der, 1, b.key_der, &a.cert_der, 1, &t), ERR_INVALID,
		"certificate and key");
	CHECK(memcmp(b.key, zero, b.key_der.n) == 0);
	CHECK_REASON(http_tls_new(&a.cert_der, 1, b.key_der, &a.cert_der, 1, &t), ERR_INVALID,
		"PKCS #8");
	CHECK_REASON(
		http_tls_new(&a.cert_der, 1, a.key_der, NULL, 0, &t), ERR_INVALID, "trust anchors");
	make_pair(&a);
	CHECK_REASON(http_tls_new(&a.cert_der, 1, a.key_der, &garbage, 1, &t), ERR_INVALID,
		"trust anchor");
	make_pair(&a);
	CHECK_REASON(http_tls_new(&garbage, 1, a.key_der, &a.cert_der, 1, &t), ERR_INVALID,
		"server chain");
	make_pair(&a);
	CHECK_REASON(
		http_tls_new(NULL, 0, a.key_der, &a.cert_der, 1, &t), ERR_INVALID, "server chain");
	CHECK(t == NULL);
}

static void
test_bad_listener_is_refused(void)
{
	static const struct http_route twice[] = {routes[0], routes[0], {.pattern = NULL}};
	struct http_config c = {
		.name = "x", .address = "localhost", .routes = routes, .connections_max = 8};
	struct http_server *s = NULL;

	CHECK_REASON(http_server_open(&c, &s), ERR_INVALID, "not an IP address");
	c.address = "127.0.0.1";
	c.routes = twice;
	CHECK_REASON(http_server_open(&c, &s), ERR_INVALID, "twice");
	c.routes = routes;
	c.address = "192.0.2.1"; /* nobody's here */
	CHECK_REASON(http_server_open(&c, &s), ERR_UNAVAILABLE, "cannot listen");
	CHECK(s == NULL);
}

static void
test_listener_with_more_connections_than_descriptors_is_refused(void)
{
	struct http_config c = {
		.name = "x", .address = "127.0.0.1", .routes = routes, .connections_max = 100};
	struct http_server *s = NULL;
	struct rlimit before, few;

	CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
	few = before;
	few.rlim_cur = 611;
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	CHECK_REASON(http_server_open(&c, &s), ERR_INVALID, "100 connections need 612 descriptors");
	few.rlim_cur = 612;
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	CHECK_OK(http_server_open(&c, &s));
	http_server_close(s, 1);
	CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

static void
test_tls_listener_without_an_authenticator_is_refused(void)
{
	struct http_config c = {.name = "x", .address = "127.0.0.1", .routes = routes};
	struct http_server *s = NULL;
	struct pair a;

	make_pair(&a);
	CHECK_OK(http_tls_new(&a.cert_der, 1, a.key_der, &a.cert_der, 1, &c.tls));
	CHECK_REASON(http_server_open(&c, &s), ERR_INVALID, "authenticator");
}

static void
test_taken_port_is_refused_and_free_again_after_close(void)
{
	struct http_config c = {.name = "x",
		.address = "127.0.0.1",
		.routes = routes,
		.workers = 1,
		.connections_max = 8};
	struct http_server *first = NULL, *second = NULL;

	CHECK_OK(http_server_open(&c, &first));
	c.port = http_server_port(first);
	CHECK(c.port != 0);
	CHECK_REASON(http_server_open(&c, &second), ERR_UNAVAILABLE, "cannot listen");
	http_server_close(first, 1);
	CHECK_OK(http_server_open(&c, &second));
	CHECK(http_server_port(second) == c.port);
	http_server_close(second, 1);
}

UNIT_MAIN("http server", {"test_key_is_wiped_once_taken", test_key_is_wiped_once_taken},
	{"test_bad_tls_material_is_refused_and_the_key_wiped",
		test_bad_tls_material_is_refused_and_the_key_wiped},
	{"test_bad_listener_is_refused", test_bad_listener_is_refused},
	{"test_listener_with_more_connections_than_descriptors_is_refused",
		test_listener_with_more_connections_than_descriptors_is_refused},
	{"test_tls_listener_without_an_authenticator_is_refused",
		test_tls_listener_without_an_authenticator_is_refused},
	{"test_taken_port_is_refused_and_free_again_after_close",
		test_taken_port_is_refused_and_free_again_after_close})
