/* Paths of the ACME resources. They are never advertised but in the directory and in the objects
 * themselves. */
#include "acme/resources.h"

static const char *const jose[] = {"application/jose+json", NULL};

#define ROUTE(p, m, h, o, l)                                                                       \
	{                                                                                          \
		.pattern = (p), .methods = (m), .handler = call_serve, .body_max = JSON_TEXT_MAX,  \
		.content_types = jose, .run = HTTP_RUN_POOL, .operation = "acme." o,               \
		.lane = HTTP_LANE_##l, .arg = &h##_resource                                        \
	}

/* Who has begun an order finishes it, whatever crowd comes meanwhile; nonces and directory are a part of
 * it, because there are clients that fetch them anew before each step. */
const struct http_route acme_routes[] = {
	ROUTE("/acme/directory", HTTP_GET | HTTP_POST, directory, "directory", CONTINUES),
	ROUTE("/acme/directory/", HTTP_GET | HTTP_POST, directory, "directory",
		CONTINUES), /* as people type it; without a redirect */
	ROUTE("/acme/new-nonce", HTTP_GET | HTTP_POST, nonce, "newNonce", CONTINUES),
	ROUTE("/acme/new-account", HTTP_POST, account_new, "newAccount", BEGINS),
	ROUTE("/acme/new-order", HTTP_POST, order_new, "newOrder", BEGINS),
	ROUTE("/acme/revoke-cert", HTTP_POST, revoke, "revokeCert", URGENT),
	ROUTE("/acme/key-change", HTTP_POST, key_change, "keyChange", CONTINUES),
	ROUTE("/acme/account/{}", HTTP_POST, account, "account", CONTINUES),
	ROUTE("/acme/account/{}/orders", HTTP_POST, account_orders, "orders", CONTINUES),
	ROUTE("/acme/account/{}/orders/{}", HTTP_POST, account_orders, "orders", CONTINUES),
	ROUTE("/acme/order/{}", HTTP_POST, order, "order", CONTINUES),
	ROUTE("/acme/order/{}/finalize", HTTP_POST, finalize, "finalize", CONTINUES),
	ROUTE("/acme/authorization/{}", HTTP_POST, authorization, "authorization", CONTINUES),
	ROUTE("/acme/challenge/{}", HTTP_POST, challenge, "challenge", CONTINUES),
	ROUTE("/acme/certificate/{}", HTTP_POST, certificate, "certificate", CONTINUES),
	{.pattern = NULL},
};
