/* The issuance queue through lib/store: adding, waiting, claiming, recording. */
#include <pthread.h>

#include "tests/db/api.h"

static void
test_claimed_request_carries_what_decides_about_it(void)
{
	struct world w = open_world();
	struct store_claim *claim;
	const struct store_claim_item *items;
	size_t n = 0;
	int64_t id = api_request(w.gateway, w.identity, BYTES_LIT("\0key\xff"), NULL);

	CHECK_OK(store_claim_open(w.signer, 64, w.a, &claim, &items, &n));
	CHECK(n == 1 && items[0].id == id && items[0].identity == w.identity &&
		strcmp(items[0].identity_name, w.name) == 0);
	CHECK(items[0].name_count == 2 &&
		strcmp(items[0].names[1], "uri:spiffe://x/\"quoted\\,{}\"") == 0);
	CHECK(bytes_equal(items[0].spki, BYTES_LIT("\0key\xff")) &&
		items[0].protocol == CA_PROTOCOL_EST);
	CHECK(items[0].grant_count == 1 && strcmp(items[0].grants[0], "dns:*.example.org") == 0);
	CHECK(items[0].acme_order == NULL && items[0].authorized_count == 0 &&
		!items[0].order_usable && !items[0].has_renewed_from);
	CHECK(items[0].identity_state == IDENTITY_ACTIVE &&
		items[0].identity_kind == IDENTITY_DEVICE && items[0].not_before == 0);
	struct store_outcome o = {.kind = STORE_OUTCOME_REFUSED,
		.refusal_class = ERR_DENIED,
		.refusal_word = WORD_DENIED,
		.refusal = "because"};
	CHECK_OK(store_claim_finish(claim, &o));
	close_world(&w);
}

static void
test_two_claims_never_share_a_request_and_an_aborted_one_gives_back(void)
{
	struct world w = open_world();
	struct store_claim *first, *second, *third;
	const struct store_claim_item *one, *two, *three;
	size_t n1 = 0, n2 = 0, n3 = 0;

	for (int i = 0; i < 4; i++)
		(void)api_request(w.gateway, w.identity, BYTES_LIT("k"), NULL);
	CHECK_OK(store_claim_open(w.signer, 2, w.a, &first, &one, &n1));
	CHECK_OK(store_claim_open(w.signer, 64, w.a, &second, &two, &n2));
	CHECK(n1 == 2 && n2 == 2);
	for (size_t i = 0; i < n1; i++)
		for (size_t k = 0; k < n2; k++)
			CHECK(one[i].id != two[k].id);
	CHECK_ERR(store_claim_open(w.signer, 64, w.a, &third, &three, &n3), ERR_NOTFOUND);
	store_claim_abort(first);
	CHECK_OK(store_claim_open(w.signer, 64, w.a, &third, &three, &n3));
	CHECK(n3 == 2 && three[0].id == one[0].id);
	struct store_outcome o[2] = {api_issued(w.issuer, "a"), api_issued(w.issuer, "b")};
	CHECK_OK(store_claim_finish(second, o));
	struct store_outcome p[2] = {api_issued(w.issuer, "c"), api_issued(w.issuer, "d")};
	CHECK_OK(store_claim_finish(third, p));
	close_world(&w);
}

static void
test_results_reach_who_waits_now_and_who_asks_later(void)
{
	struct world w = open_world();
	struct store_claim *claim;
	const struct store_claim_item *items;
	struct store_result result;
	size_t n = 0;
	int64_t issued = api_request(w.gateway, w.identity, BYTES_LIT("k"), NULL);
	int64_t refused = api_request(w.gateway, w.identity, BYTES_LIT("k"), NULL);

	CHECK_OK(store_request_wait(w.gateway, w.a, issued, 50, &result));
	CHECK(result.state == STORE_RESULT_PENDING);
	CHECK_OK(store_claim_open(w.signer, 64, w.a, &claim, &items, &n));
	CHECK(n == 2);
	struct store_outcome o[2] = {api_issued(w.issuer, "der"),
		{.kind = STORE_OUTCOME_REFUSED,
			.refusal_class = ERR_DENIED,
			.refusal_word = WORD_NAME_NOT_ALLOWED,
			.refusal = "no such name"}};
	CHECK_OK(store_claim_finish(claim, o));
	for (int64_t wait = 0; wait <= 5000; wait += 5000) {
		CHECK_OK(store_request_wait(w.gateway, w.a, issued, wait, &result));
		CHECK(result.state == STORE_RESULT_DONE && result.issuer == w.issuer &&
			bytes_equal(result.der, BYTES_LIT("der")));
		CHECK(memcmp(result.serial, o[0].serial, STORE_SERIAL_SIZE) == 0);
		CHECK_OK(store_request_wait(w.gateway, w.a, refused, wait, &result));
		CHECK(result.state == STORE_RESULT_REFUSED && result.refusal_class == ERR_DENIED);
		CHECK(result.refusal_word == WORD_NAME_NOT_ALLOWED &&
			strcmp(result.refusal, "no such name") == 0);
	}
	close_world(&w);
}

static void
test_every_word_of_the_signer_reaches_who_waits(void)
{
	for (unsigned word = 1; word < WORD_COUNT;) {
		struct world w = open_world();
		struct store_outcome o[STORE_CLAIM_MAX];
		int64_t id[STORE_CLAIM_MAX];
		struct store_claim *claim;
		const struct store_claim_item *items;
		struct store_result result;
		size_t n = 0, count = 0;

		for (; word < WORD_COUNT && count < STORE_CLAIM_MAX; count++) {
			id[count] = api_request(w.gateway, w.identity, BYTES_LIT("k"), NULL);
			o[count] = (struct store_outcome){.kind = STORE_OUTCOME_REFUSED,
				.refusal_class = ERR_DENIED,
				.refusal_word = (enum err_word)word++,
				.refusal = "no"};
		}
		CHECK_OK(store_claim_open(w.signer, STORE_CLAIM_MAX, w.a, &claim, &items, &n));
		CHECK(n == count);
		CHECK_OK(store_claim_finish(claim, o));
		for (size_t i = 0; i < count; i++) {
			CHECK_OK(store_request_wait(w.gateway, w.a, id[i], 5000, &result));
			CHECK_CASE(result.refusal_word == o[i].refusal_word,
				err_word_text(o[i].refusal_word));
		}
		close_world(&w);
	}
}

static void
test_old_result_is_told_at_once(void)
{
	struct world w = open_world();
	uint8_t serial[STORE_SERIAL_SIZE];
	struct store_certificate c;
	struct store_result result;

	api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, serial);
	CHECK_OK(store_certificate_find(w.gateway, w.a, serial, &c));
	AUTO_STRUCT(store) other = api_open("chancery_gateway", DB_WITHOUT_WRITER);
	CHECK_OK(store_request_wait(
		other, w.a, c.request, 5000, &result)); /* its poller starts here */
	CHECK(result.state == STORE_RESULT_DONE);
	int64_t start = clock_monotonic_us();
	CHECK_OK(store_request_wait(other, w.a, c.request, 5000, &result));
	CHECK(result.state == STORE_RESULT_DONE && clock_monotonic_us() - start < 500000);
	close_world(&w);
}

static void
test_blocked_identity_and_revoked_predecessor_cannot_ask(void)
{
	struct world w = open_world();
	uint8_t serial[STORE_SERIAL_SIZE];
	const char *names[] = {"dns:a.example.org"};
	struct store_request_new r = {.protocol = CA_PROTOCOL_EST,
		.request_id = "r",
		.identity = w.identity,
		.profile = "device",
		.names = names,
		.name_count = 1,
		.spki = BYTES_LIT("k"),
		.renewed_from = serial};
	bool changed;
	int64_t id;

	api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, serial);
	CHECK_OK(api_revoke(w.admin, w.a, serial, 4));
	CHECK_ERR(store_request_add(w.gateway, &r, &id), ERR_DENIED);
	CHECK(err_word() == WORD_CERTIFICATE_REVOKED);
	r.renewed_from = NULL;
	CHECK_OK(store_identity_set_state(w.admin, w.name, IDENTITY_BLOCKED, "t", "r", &changed));
	CHECK_ERR(store_request_add(w.gateway, &r, &id), ERR_DENIED);
	CHECK(err_word() == WORD_IDENTITY_BLOCKED);
	r.identity = 1 << 30;
	CHECK_ERR(store_request_add(w.gateway, &r, &id), ERR_NOTFOUND);
	r.profile = "\xff";
	r.identity = api_identity(w.admin, w.a, IDENTITY_DEVICE, &w.name);
	CHECK_ERR(store_request_add(w.gateway, &r, &id), ERR_INVALID);
	r.profile = "device";
	r.protocol = CA_PROTOCOL_ACME;
	r.acme_order = "no-such-order";
	CHECK_ERR(store_request_add(w.gateway, &r, &id), ERR_CONFLICT);
	close_world(&w);
}

static void
test_one_sleep_ends_with_the_refusal_to_add_or_with_the_time(void)
{
	struct world w = open_world();
	const char *names[] = {"dns:a.example.org"};
	struct store_request_new r = {.protocol = CA_PROTOCOL_EST,
		.request_id = "r",
		.identity = w.identity,
		.profile = "device",
		.names = names,
		.name_count = 1,
		.spki = BYTES_LIT("one sleep")};
	struct store_result result;
	struct store_offboarded gone;
	int64_t id = 0;

	CHECK_OK(store_request_run(w.gateway, w.a, &r, 50, &id, &result)); /* no signer is there */
	CHECK(result.state == STORE_RESULT_PENDING && id > 0);
	CHECK_OK(store_request_run(w.gateway, w.a, &r, 0, &id, &result));
	CHECK(result.state == STORE_RESULT_PENDING);
	CHECK_OK(store_identity_offboard(w.admin, w.name, -1, "t", "r", &gone));
	CHECK(gone.requests == 2);
	CHECK_ERR(store_request_run(w.gateway, w.a, &r, 2000, &id, &result), ERR_DENIED);
	CHECK(err_word() == WORD_IDENTITY_BLOCKED);
	close_world(&w);
}

struct sleeper {
	struct world *w;
	struct store_result result;
	int64_t id;
	enum err e;
};

static void *
sleep_once(void *arg)
{
	struct sleeper *s = arg;
	const char *names[] = {"dns:a.example.org"};
	struct store_request_new r = {.protocol = CA_PROTOCOL_EST,
		.request_id = "r",
		.identity = s->w->identity,
		.profile = "device",
		.names = names,
		.name_count = 1,
		.spki = BYTES_LIT("answered"),
		.repeat_window = 900};
	struct arena *a = arena_new(0);

	s->e = store_request_run(s->w->gateway, a, &r, 10000, &s->id, &s->result);
	s->result.der.n = s->result.state == STORE_RESULT_DONE ? s->result.der.n : 0;
	arena_free(a);
	return NULL;
}

static void
test_one_sleep_ends_with_the_result(void)
{
	struct world w = open_world();
	struct sleeper s = {.w = &w}, again = {.w = &w};
	struct store_claim *claim = NULL;
	const struct store_claim_item *items;
	size_t n = 0;
	pthread_t thread;
	int64_t deadline = clock_monotonic_us() + 5000000;

	CU_ASSERT_FATAL(pthread_create(&thread, NULL, sleep_once, &s) == 0);
	while (store_claim_open(w.signer, 64, w.a, &claim, &items, &n) != ERR_OK &&
		clock_monotonic_us() < deadline)
		continue;
	CU_ASSERT_FATAL(n == 1);
	struct store_outcome o = api_issued(w.issuer, "der");
	CHECK_OK(store_claim_finish(claim, &o));
	pthread_join(thread, NULL);
	CHECK_OK(s.e);
	CHECK(s.result.state == STORE_RESULT_DONE && s.result.der.n > 0);
	sleep_once(&again); /* the same wish: the same request, answered at once */
	CHECK_OK(again.e);
	CHECK(again.id == s.id && again.result.state == STORE_RESULT_DONE);
	close_world(&w);
}

static void
test_identity_blocked_after_the_claim_is_decided_anew(void)
{
	struct world w = open_world();
	struct store_claim *claim;
	const struct store_claim_item *items;
	struct store_offboarded gone;
	struct store_result result;
	struct store_certificate c;
	size_t n = 0;
	int64_t id = api_request(w.gateway, w.identity, BYTES_LIT("k"), NULL);

	CHECK_OK(store_claim_open(w.signer, 64, w.a, &claim, &items, &n));
	CHECK_OK(store_identity_offboard(w.admin, w.name, 4, "t", "r", &gone));
	CHECK(gone.revoked == 0 && gone.requests == 0);
	struct store_outcome o = api_issued(w.issuer, "never seen"), asked = o;
	CHECK_OK(store_claim_finish(claim, &o));
	CHECK(o.kind == STORE_OUTCOME_CHANGED);
	CHECK_OK(store_request_wait(w.gateway, w.a, id, 0, &result));
	CHECK(result.state == STORE_RESULT_PENDING);
	CHECK_OK(store_claim_open(w.signer, 64, w.a, &claim, &items, &n));
	CHECK(n == 1 && items[0].id == id && items[0].identity_state == IDENTITY_BLOCKED);
	o = (struct store_outcome){.kind = STORE_OUTCOME_REFUSED,
		.refusal_class = ERR_DENIED,
		.refusal_word = WORD_IDENTITY_BLOCKED,
		.refusal = "blocked"};
	CHECK_OK(store_claim_finish(claim, &o));
	CHECK_ERR(store_certificate_find(w.gateway, w.a, asked.serial, &c), ERR_NOTFOUND);
	close_world(&w);
}

static void
test_predecessor_is_live_only_for_its_own_identity_and_unrevoked(void)
{
	struct world w = open_world();
	uint8_t serial[STORE_SERIAL_SIZE];
	const char *other_name;
	int64_t other = api_identity(w.admin, w.a, IDENTITY_DEVICE, &other_name);
	struct store_claim *claim;
	const struct store_claim_item *items;
	size_t n = 0;

	api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, serial);
	(void)api_request(w.gateway, w.identity, BYTES_LIT("k"), serial);
	(void)api_request(w.gateway, other, BYTES_LIT("k"), serial);
	CHECK_OK(store_claim_open(w.signer, 64, w.a, &claim, &items, &n));
	CHECK(n == 2 && items[0].has_renewed_from && items[0].renewed_from_live &&
		!items[1].renewed_from_live);
	CHECK(memcmp(items[0].renewed_from, serial, sizeof(serial)) == 0);
	store_claim_abort(claim);
	CHECK_OK(api_revoke(w.admin, w.a, serial, -1));
	CHECK_OK(store_claim_open(w.signer, 64, w.a, &claim, &items, &n));
	CHECK(n == 2 && items[0].has_renewed_from && !items[0].renewed_from_live);
	struct store_outcome o[2] = {api_issued(w.issuer, "a"), api_issued(w.issuer, "b")};
	CHECK_OK(store_claim_finish(claim, o));
	CHECK(o[0].kind == STORE_OUTCOME_CHANGED && o[1].kind == STORE_OUTCOME_CHANGED);
	CHECK_OK(store_claim_open(w.signer, 64, w.a, &claim, &items, &n));
	o[0] = o[1] = (struct store_outcome){.kind = STORE_OUTCOME_REFUSED,
		.refusal_class = ERR_DENIED,
		.refusal_word = WORD_DENIED,
		.refusal = "r"};
	CHECK_OK(store_claim_finish(claim, o));
	close_world(&w);
}

static void
test_serial_used_before_is_refused_and_the_others_are_issued(void)
{
	struct world w = open_world();
	uint8_t serial[STORE_SERIAL_SIZE];
	struct store_claim *claim;
	const struct store_claim_item *items;
	struct store_result result;
	size_t n = 0;

	api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, serial);
	int64_t first = api_request(w.gateway, w.identity, BYTES_LIT("k"), NULL);
	int64_t second = api_request(w.gateway, w.identity, BYTES_LIT("k"), NULL);
	CHECK_OK(store_claim_open(w.signer, 64, w.a, &claim, &items, &n));
	CHECK(n == 2);
	struct store_outcome o[2] = {api_issued(w.issuer, "a"), api_issued(w.issuer, "b")};
	memcpy(o[0].serial, serial, sizeof(serial));
	CHECK_OK(store_claim_finish(claim, o));
	CHECK_OK(store_request_wait(w.gateway, w.a, first, 0, &result));
	CHECK(result.state == STORE_RESULT_REFUSED && result.refusal_class == ERR_INTERNAL);
	CHECK_OK(store_request_wait(w.gateway, w.a, second, 0, &result));
	CHECK(result.state == STORE_RESULT_DONE);
	close_world(&w);
}

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

UNIT_MAIN("store queue",
	{"test_claimed_request_carries_what_decides_about_it",
		test_claimed_request_carries_what_decides_about_it},
	{"test_two_claims_never_share_a_request_and_an_aborted_one_gives_back",
		test_two_claims_never_share_a_request_and_an_aborted_one_gives_back},
	{"test_results_reach_who_waits_now_and_who_asks_later",
		test_results_reach_who_waits_now_and_who_asks_later},
	{"test_every_word_of_the_signer_reaches_who_waits",
		test_every_word_of_the_signer_reaches_who_waits},
	{"test_old_result_is_told_at_once", test_old_result_is_told_at_once},
	{"test_blocked_identity_and_revoked_predecessor_cannot_ask",
		test_blocked_identity_and_revoked_predecessor_cannot_ask},
	{"test_one_sleep_ends_with_the_refusal_to_add_or_with_the_time",
		test_one_sleep_ends_with_the_refusal_to_add_or_with_the_time},
	{"test_one_sleep_ends_with_the_result", test_one_sleep_ends_with_the_result},
	{"test_identity_blocked_after_the_claim_is_decided_anew",
		test_identity_blocked_after_the_claim_is_decided_anew},
	{"test_predecessor_is_live_only_for_its_own_identity_and_unrevoked",
		test_predecessor_is_live_only_for_its_own_identity_and_unrevoked},
	{"test_serial_used_before_is_refused_and_the_others_are_issued",
		test_serial_used_before_is_refused_and_the_others_are_issued},
	{"test_same_wish_within_the_window_is_the_same_request",
		test_same_wish_within_the_window_is_the_same_request},
	{"test_another_end_is_another_wish", test_another_end_is_another_wish},
	{"test_program_asks_only_for_its_own_certificate",
		test_program_asks_only_for_its_own_certificate},
	{"test_nodes_and_audit_events", test_nodes_and_audit_events})
