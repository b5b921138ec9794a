/* Paths of the ACME resources. They are never advertised but in the directory and in the objects
 * themselves. */
#include "acme/resources.h"

static const char *const jose[] = {"application/jose+json", NULL};

#define ROUTE(p, m, h, o)                                                                          \
	{                                                                                          \
		.pattern = (p), .methods = (m), .handler = call_serve, .body_max = JSON_TEXT_MAX,  \
		.content_types = jose, .run = HTTP_RUN_POOL, .operation = "acme." o,               \
		.arg = &h##_resource                                                               \
	}

const struct http_route acme_routes[] = {
	ROUTE("/acme/directory", HTTP_GET | HTTP_POST, directory, "directory"),
	ROUTE("/acme/directory/", HTTP_GET | HTTP_POST, directory,
		"directory"), /* as people type it; without a redirect */
	ROUTE("/acme/new-nonce", HTTP_GET | HTTP_POST, nonce, "newNonce"),
	ROUTE("/acme/new-account", HTTP_POST, account_new, "newAccount"),
	ROUTE("/acme/new-order", HTTP_POST, order_new, "newOrder"),
	ROUTE("/acme/revoke-cert", HTTP_POST, revoke, "revokeCert"),
	ROUTE("/acme/key-change", HTTP_POST, key_change, "keyChange"),
	ROUTE("/acme/account/{}", HTTP_POST, account, "account"),
	ROUTE("/acme/account/{}/orders", HTTP_POST, account_orders, "orders"),
	ROUTE("/acme/account/{}/orders/{}", HTTP_POST, account_orders, "orders"),
	ROUTE("/acme/order/{}", HTTP_POST, order, "order"),
	ROUTE("/acme/order/{}/finalize", HTTP_POST, finalize, "finalize"),
	ROUTE("/acme/authorization/{}", HTTP_POST, authorization, "authorization"),
	ROUTE("/acme/challenge/{}", HTTP_POST, challenge, "challenge"),
	ROUTE("/acme/certificate/{}", HTTP_POST, certificate, "certificate"),
	{.pattern = NULL},
};
