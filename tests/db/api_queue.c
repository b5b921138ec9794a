/* The issuance queue through lib/store: adding, claiming, recording. */
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

UNIT_MAIN("store queue",
	{"test_claimed_request_carries_what_decides_about_it",
		test_claimed_request_carries_what_decides_about_it},
	{"test_two_claims_never_share_a_request_and_an_aborted_one_gives_back",
		test_two_claims_never_share_a_request_and_an_aborted_one_gives_back},
	{"test_blocked_identity_and_revoked_predecessor_cannot_ask",
		test_blocked_identity_and_revoked_predecessor_cannot_ask},
	{"test_identity_blocked_after_the_claim_is_decided_anew",
		test_identity_blocked_after_the_claim_is_decided_anew},
	{"test_predecessor_is_live_only_for_its_own_identity_and_unrevoked",
		test_predecessor_is_live_only_for_its_own_identity_and_unrevoked},
	{"test_serial_used_before_is_refused_and_the_others_are_issued",
		test_serial_used_before_is_refused_and_the_others_are_issued})
