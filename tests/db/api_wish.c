/* What is asked for again, and what programs ask for themselves. */
#include "tests/db/api.h"

/* The same wish again, with one thing changed by the caller; its id. */
static int64_t
wish_until(struct world *w, const char *profile, const char *name, struct bytes spki,
	const uint8_t *renewed_from, int64_t window, int64_t not_after)
{
	struct store_request_new r = {.protocol = CA_PROTOCOL_EST,
		.request_id = "again",
		.identity = w->identity,
		.profile = profile,
		.names = &name,
		.name_count = 1,
		.spki = spki,
		.not_after = not_after,
		.renewed_from = renewed_from,
		.repeat_window = window};
	int64_t id = 0;

	CHECK_OK(store_request_add(w->gateway, &r, &id));
	return id;
}

static int64_t
wish(struct world *w, const char *profile, const char *name, struct bytes spki,
	const uint8_t *renewed_from, int64_t window)
{
	return wish_until(w, profile, name, spki, renewed_from, window, 0);
}

static void
answer_all(struct world *w, uint8_t serial[STORE_SERIAL_SIZE])
{
	struct store_claim *claim;
	const struct store_claim_item *items;
	struct store_outcome o[64];
	size_t n = 0;

	CHECK_OK(store_claim_open(w->signer, 64, w->a, &claim, &items, &n));
	for (size_t i = 0; i < n; i++)
		o[i] = api_issued(w->issuer, "again");
	memcpy(serial, o[0].serial, STORE_SERIAL_SIZE);
	CHECK_OK(store_claim_finish(claim, o));
}

static void
test_same_wish_within_the_window_is_the_same_request(void)
{
	struct world w = open_world();
	const struct bytes key = BYTES_LIT("a key"), other = BYTES_LIT("another key");
	const char *name = "dns:a.example.org";
	uint8_t serial[STORE_SERIAL_SIZE], ignored[STORE_SERIAL_SIZE];
	int64_t id = wish(&w, "device", name, key, NULL, 900);

	CHECK(wish(&w, "device", name, key, NULL, 900) == id); /* still waiting */
	answer_all(&w, serial);
	CHECK(wish(&w, "device", name, key, NULL, 900) == id); /* done, the certificate lives */
	CHECK(wish(&w, "device", name, key, NULL, 0) != id);
	CHECK(wish(&w, "device", name, other, NULL, 900) != id);
	CHECK(wish(&w, "device", "dns:b.example.org", key, NULL, 900) != id);
	CHECK(wish(&w, "workload", name, key, NULL, 900) != id);
	answer_all(&w, ignored);
	id = wish(&w, "device", name, BYTES_LIT("third"), NULL, 900);
	answer_all(&w, serial);
	CHECK(wish(&w, "device", name, BYTES_LIT("third"), serial, 900) !=
		id); /* it is the one to be replaced */
	answer_all(&w, ignored);
	CHECK_OK(api_revoke(w.admin, w.a, serial, -1));
	CHECK_OK(api_revoke(w.admin, w.a, ignored, -1));
	int64_t fresh = wish(&w, "device", name, BYTES_LIT("third"), NULL, 900);
	CHECK(fresh > id); /* a revoked one is no answer */
	answer_all(&w, ignored);
	close_world(&w);
}

/* "For an hour" is asked again a moment later, and means the same. */
static void
test_another_end_is_another_wish(void)
{
	struct world w = open_world();
	const struct bytes key = BYTES_LIT("timed");
	const char *name = "dns:a.example.org";
	int64_t now = clock_now(), plain = wish(&w, "device", name, key, NULL, 900);
	int64_t hour = wish_until(&w, "device", name, key, NULL, 900, now + 3600);
	uint8_t ignored[STORE_SERIAL_SIZE];

	CHECK(hour != plain);
	CHECK(wish_until(&w, "device", name, key, NULL, 900, now + 3601) == hour);
	CHECK(wish_until(&w, "device", name, key, NULL, 900, now + 3590) != hour);
	CHECK(wish(&w, "device", name, key, NULL, 900) == plain);
	answer_all(&w, ignored);
	CHECK(wish_until(&w, "device", name, key, NULL, 900, now + 3600) == hour);
	close_world(&w);
}

/* A program asks for itself: for nobody before `ca-admin init`, and never beyond its grants. */
static void
test_program_asks_only_for_its_own_certificate(void)
{
	struct world w = open_world();
	const char *own[] = {"dns:ca.example.org"}, *other[] = {"dns:www.example.org"};
	struct store_own_request responder = {.profile = "ocsp-responder",
		.issuer = "issuing-2",
		.spki = BYTES_LIT("k"),
		.request_id = "r"};
	struct store_own_request front = {.profile = "gateway-tls",
		.names = own,
		.name_count = 1,
		.spki = BYTES_LIT("k"),
		.request_id = "r"};
	const struct store_identity service = {.name = "ocsp-responder", .kind = IDENTITY_SERVICE},
				    gateway = {.name = "gateway", .kind = IDENTITY_SERVICE};
	const struct store_grant grant = {
		.profile = "gateway-tls", .pattern = "dns:ca.example.org"};
	struct store_claim *claim;
	const struct store_claim_item *items;
	int64_t identity, id, second;
	size_t n = 0;

	CHECK_ERR(store_own_request(w.status, &responder, &id), ERR_NOTFOUND);
	CHECK_OK(store_identity_add(w.admin, &service, NULL, 0, "t", "r", &identity));
	CHECK_OK(store_identity_add(w.admin, &gateway, &grant, 1, "t", "r", &identity));
	CHECK_ERR(store_own_request(w.admin, &front, &id), ERR_NOTFOUND);
	CHECK_ERR(store_own_request(w.gateway, &responder, &id), ERR_DENIED);
	CHECK_ERR(store_own_request(w.status, &front, &id), ERR_DENIED);
	front.names = other;
	CHECK_ERR(store_own_request(w.gateway, &front, &id), ERR_DENIED);
	front.names = own;
	CHECK_OK(store_own_request(w.status, &responder, &id));
	CHECK_OK(store_own_request(w.gateway, &front, &second));
	CHECK_OK(store_claim_open(w.signer, 64, w.a, &claim, &items, &n));
	CHECK(n == 2 && items[0].id == id && items[0].protocol == CA_PROTOCOL_INTERNAL &&
		items[0].name_count == 0 && strcmp(items[0].role, "chancery_status") == 0);
	CHECK(items[0].issuer != NULL && strcmp(items[0].issuer, "issuing-2") == 0);
	CHECK(items[1].id == second && items[1].identity == identity &&
		strcmp(items[1].role, "chancery_gateway") == 0);
	struct store_outcome o[2] = {
		api_issued(w.issuer, "responder"), api_issued(w.issuer, "gateway")};
	CHECK_OK(store_claim_finish(claim, o));
	struct store_result result;
	CHECK_OK(store_request_wait(w.status, w.a, id, 5000, &result));
	CHECK(result.state == STORE_RESULT_DONE && bytes_equal(result.der, BYTES_LIT("responder")));
	close_world(&w);
}

static void
test_nodes_and_audit_events(void)
{
	struct world w = open_world();
	struct store_node *nodes;
	size_t n = 0;
	int64_t ahead = 99;
	struct store_audit event = {.actor = "t",
		.operation = "test",
		.outcome = "ok",
		.detail_json = "{\"x\": \"\\u00e4\"}"};

	CHECK_OK(store_partitions_ensure(w.signer, 14));
	CHECK_OK(store_node_seen(w.gateway, "ready", NULL, &ahead));
	CHECK_OK(store_node_seen(w.gateway, "degraded", "{\"queue\": 3}", &ahead));
	CHECK(ahead >= -1 && ahead <= 0);
	CHECK_OK(store_node_list(w.admin, w.a, &nodes, &n));
	bool found = false;
	for (size_t i = 0; i < n; i++)
		found = found ||
			(strcmp(nodes[i].id, store_node(w.gateway)) == 0 &&
				strcmp(nodes[i].state, "degraded") == 0 &&
				strcmp(nodes[i].detail_json, "{\"queue\": 3}") == 0 &&
				strcmp(nodes[i].version, CHANCERY_VERSION) == 0 && nodes[i].lives &&
				nodes[i].age == 0);
	CHECK(found && db_healthy(store_db(w.gateway)));
	CHECK_OK(store_audit_add(w.admin, &event));
	event.outcome = "perhaps";
	CHECK_ERR(store_audit_add(w.admin, &event), ERR_INVALID);
	close_world(&w);
}

UNIT_MAIN("store wish",
	{"test_same_wish_within_the_window_is_the_same_request",
		test_same_wish_within_the_window_is_the_same_request},
	{"test_another_end_is_another_wish", test_another_end_is_another_wish},
	{"test_program_asks_only_for_its_own_certificate",
		test_program_asks_only_for_its_own_certificate},
	{"test_nodes_and_audit_events", test_nodes_and_audit_events})
