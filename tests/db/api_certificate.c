/* Issuers, certificates, revocation, their feeds, and CRLs through lib/store. */
#include "tests/db/api.h"

static void
test_issuer_is_imported_once_and_never_replaced(void)
{
	struct world w = open_world();
	struct store_issuer *list, other;
	size_t n;
	int16_t id = 0;

	CHECK_OK(store_issuer_list(w.status, w.a, &list, &n));
	CHECK(n > 0);
	for (size_t i = 0; i < n; i++)
		if (list[i].id == w.issuer)
			other = list[i];
	CHECK_OK(store_issuer_add(w.owner, &other, &id));
	CHECK(id == w.issuer);
	other.der = BYTES_LIT("another certificate");
	CHECK_REASON(store_issuer_add(w.owner, &other, &id), ERR_CONFLICT,
		"that name with another certificate");
	other.name = "another-name";
	CHECK_REASON(store_issuer_add(w.owner, &other, &id), ERR_CONFLICT,
		"that key with another certificate");
	CHECK_ERR(store_issuer_add(w.gateway, &other, &id),
		ERR_INTERNAL); /* no right to: a mistake of ours */
	close_world(&w);
}

static void
test_certificate_is_found_with_whom_it_belongs_to(void)
{
	struct world w = open_world();
	uint8_t serial[STORE_SERIAL_SIZE], unknown[STORE_SERIAL_SIZE] = {1};
	struct store_certificate c;

	api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, serial);
	CHECK_OK(store_certificate_find(w.gateway, w.a, serial, &c));
	CHECK(memcmp(c.serial, serial, sizeof(serial)) == 0 && c.identity == w.identity &&
		strcmp(c.identity_name, w.name) == 0);
	CHECK(c.identity_kind == IDENTITY_DEVICE && c.identity_state == IDENTITY_ACTIVE &&
		c.revoked_at == 0 && c.reason == -1);
	CHECK(c.issuer == w.issuer && bytes_equal(c.der, BYTES_LIT("certificate")) &&
		!c.has_renewed_from);
	CHECK_ERR(store_certificate_find(w.gateway, w.a, unknown, &c), ERR_NOTFOUND);
	close_world(&w);
}

/* Which of some serials a feed has told of. */
struct told {
	const uint8_t (*serials)[STORE_SERIAL_SIZE];
	size_t count;
	unsigned seen;		   /* a bit each */
	struct store_revoked last; /* of those */
};

static void
hear_serial(struct told *t, const uint8_t *serial)
{
	for (size_t i = 0; i < t->count; i++)
		if (memcmp(serial, t->serials[i], STORE_SERIAL_SIZE) == 0)
			t->seen |= 1u << i;
}

static void
hear_revoked(void *ctx, const struct store_revoked *r)
{
	struct told *t = ctx;
	unsigned before = t->seen;

	hear_serial(t, r->serial);
	if (t->seen != before)
		t->last = *r;
}

static void
hear_issued(void *ctx, const struct store_issued *c)
{
	hear_serial(ctx, c->serial);
}

static void
test_revoked_certificate_is_seen_everywhere_at_once(void)
{
	struct world w = open_world();
	uint8_t serial[STORE_SERIAL_SIZE], unknown[STORE_SERIAL_SIZE] = {1};
	struct store_certificate c;
	struct told told = {(const uint8_t(*)[STORE_SERIAL_SIZE])serial, 1, 0, {.issuer = 0}};
	uint64_t cursor = 0;

	api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, serial);
	CHECK_OK(store_revocation_changes(w.status, &cursor, hear_revoked, &told));
	CHECK(told.seen == 0 && cursor > 0);
	CHECK_OK(api_revoke(w.admin, w.a, serial, 4));
	CHECK_ERR(api_revoke(w.admin, w.a, serial, 4), ERR_CONFLICT);
	CHECK_ERR(api_revoke(w.admin, w.a, unknown, 4), ERR_NOTFOUND);
	CHECK_ERR(api_revoke(w.admin, w.a, serial, 7), ERR_INVALID);
	CHECK_OK(store_certificate_find(w.gateway, w.a, serial, &c));
	CHECK(c.revoked_at > 0 && c.reason == 4);
	CHECK_OK(store_revocation_changes(w.status, &cursor, hear_revoked, &told));
	CHECK(told.seen == 1 && told.last.reason == 4 && told.last.revoked_at == c.revoked_at);
	close_world(&w);
}

static void
say(struct store *status, struct arena *a, const char *state, const char *snapshot)
{
	int64_t ahead;

	CHECK_OK(store_node_seen(
		status, state, arena_printf(a, "{\"snapshot\": \"%s\"}", snapshot), &ahead));
}

/* A status program is behind until its snapshot shows the revoking transaction; who stopped or
 * never told is not waited for. */
static void
test_revocation_has_spread_when_every_status_program_saw_it(void)
{
	struct world w = open_world();
	AUTO_STRUCT(store) status =
		api_open_as("chancery_status", "chancery-status", DB_WITHOUT_WRITER);
	uint8_t serial[STORE_SERIAL_SIZE];
	const char *before, *after;
	unsigned behind = 99;
	int64_t ahead;

	api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, serial);
	CHECK_OK(store_snapshot(status, w.a, &before));
	CHECK_OK(api_revoke(w.admin, w.a, serial, 4));
	CHECK_OK(store_snapshot(status, w.a, &after));
	CHECK_OK(store_node_seen(status, "ready", NULL, &ahead));
	CHECK_OK(store_revocation_settle(w.admin, serial, NULL, 0, &behind));
	CHECK(behind == 0);
	say(status, w.a, "ready", before);
	CHECK_OK(store_revocation_settle(w.admin, serial, NULL, 20, &behind));
	CHECK(behind == 1);
	CHECK_OK(store_revocation_settle(w.admin, NULL, w.name, 0, &behind));
	CHECK(behind == 1);
	say(status, w.a, "stopping", before);
	CHECK_OK(store_revocation_settle(w.admin, serial, NULL, 0, &behind));
	CHECK(behind == 0);
	say(status, w.a, "degraded", after);
	CHECK_OK(store_revocation_settle(w.admin, serial, w.name, 0, &behind));
	CHECK(behind == 0);
	CHECK_OK(store_revocation_settle(w.admin, NULL, "nobody", 0, &behind));
	CHECK(behind == 0);
	close_world(&w);
}

/* A grant, a block: fronts judge by them, status programs do not. */
static void
test_change_of_an_identity_has_spread_when_every_front_saw_it(void)
{
	struct world w = open_world();
	AUTO_STRUCT(store) front =
		api_open_as("chancery_gateway", "chancery-gateway", DB_WITHOUT_WRITER);
	AUTO_STRUCT(store) status =
		api_open_as("chancery_status", "chancery-status", DB_WITHOUT_WRITER);
	const char *before, *after;
	unsigned behind = 99;

	CHECK_OK(store_snapshot(front, w.a, &before));
	say(front, w.a, "ready", before);
	say(status, w.a, "ready", before);
	CHECK_OK(store_grant_add(w.admin, w.identity, "device", "dns:new.example.org", "t", "r"));
	CHECK_OK(store_revocation_settle(w.admin, NULL, w.name, 20, &behind));
	CHECK(behind == 1);
	CHECK_OK(store_snapshot(front, w.a, &after));
	say(front, w.a, "ready", after);
	CHECK_OK(store_revocation_settle(w.admin, NULL, w.name, 0, &behind));
	CHECK(behind == 0);
	say(front, w.a, "stopping", before);
	CHECK_OK(
		store_grant_remove(w.admin, w.identity, "device", "dns:new.example.org", "t", "r"));
	CHECK_OK(store_revocation_settle(w.admin, NULL, w.name, 0, &behind));
	CHECK(behind == 0);
	close_world(&w);
}

static void
test_list_filters_and_pages(void)
{
	struct world w = open_world();
	uint8_t serials[3][STORE_SERIAL_SIZE];
	struct store_certificate *list;
	struct store_certificate_filter f = {
		.identity = w.name, .live = STORE_LIVE_OR_NOT, .limit = 2};
	size_t n;

	for (size_t i = 0; i < 3; i++)
		api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, serials[i]);
	CHECK_OK(api_revoke(w.admin, w.a, serials[1], -1));
	CHECK_OK(store_certificate_list(w.admin, w.a, &f, &list, &n));
	CHECK(n == 2);
	f.after_serial = list[1].serial;
	f.after_not_after = list[1].not_after;
	CHECK_OK(store_certificate_list(w.admin, w.a, &f, &list, &n));
	CHECK(n == 1);
	f = (struct store_certificate_filter){
		.identity = w.name, .live = STORE_LIVE_ONLY, .limit = 10};
	CHECK_OK(store_certificate_list(w.admin, w.a, &f, &list, &n));
	CHECK(n == 2);
	f = (struct store_certificate_filter){
		.name = "dns:a.example.org", .live = STORE_LIVE_OR_NOT, .limit = 1000};
	CHECK_OK(store_certificate_list(w.admin, w.a, &f, &list, &n));
	CHECK(n >= 3);
	f.identity = w.name;
	CHECK_OK(store_certificate_list(w.admin, w.a, &f, &list, &n));
	CHECK(n == 3);
	f = (struct store_certificate_filter){.limit = 1000};
	CHECK_OK(store_certificate_list(w.admin, w.a, &f, &list, &n));
	CHECK(n >= 2);
	f = (struct store_certificate_filter){.name = "dns:nobody.example.org", .limit = 10};
	CHECK_OK(store_certificate_list(w.admin, w.a, &f, &list, &n));
	CHECK(n == 0);
	close_world(&w);
}

static void
test_open_transaction_does_not_hold_up_the_issued_feed(void)
{
	struct world w = open_world();
	uint8_t serials[6][STORE_SERIAL_SIZE];
	struct told told = {(const uint8_t(*)[STORE_SERIAL_SIZE])serials, 6, 0, {.issuer = 0}};
	struct store_claim *slow;
	const struct store_claim_item *items;
	uint64_t cursor = 0;
	size_t n;

	(void)api_request(w.gateway, w.identity, BYTES_LIT("slow"), NULL);
	CHECK_OK(store_claim_open(
		w.signer, 1, w.a, &slow, &items, &n)); /* older than all that follows, and open */
	for (size_t i = 0; i < 5; i++)
		api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, serials[i]);
	memset(serials[5], 0, sizeof(serials[5]));
	CHECK_OK(store_issued_changes(w.status, &cursor, hear_issued, &told));
	CHECK(told.seen == 0x1f);
	store_claim_abort(slow);
	CHECK_OK(store_claim_open(w.signer, 10, w.a, &slow, &items, &n));
	struct store_outcome late = api_issued(w.issuer, "late");
	CHECK(n == 1);
	CHECK_OK(store_claim_finish(slow, &late));
	memcpy(serials[5], late.serial, sizeof(late.serial));
	CHECK_OK(store_issued_changes(w.status, &cursor, hear_issued, &told));
	CHECK(told.seen == 0x3f);
	close_world(&w);
}

static struct store_crl_state
crl_state(const struct world *w)
{
	struct store_crl_state *states, found = {.number = -1};
	size_t n;

	CHECK_OK(store_crl_states(w->signer, w->a, &states, &n));
	for (size_t i = 0; i < n; i++)
		found = states[i].issuer == w->issuer ? states[i] : found;
	return found;
}

static struct store_crl
crl_of(const struct world *w, int64_t number, struct bytes der)
{
	return (struct store_crl){.issuer = w->issuer,
		.number = number,
		.this_update = clock_now() - 300,
		.next_update = clock_now() + 3600,
		.build_ms = 7,
		.der = der};
}

static enum err
publish(struct store_crl_job *job, const struct store_crl *crl)
{
	for (size_t at = 0; at < crl->der.n;)
		TRY(store_crl_write(job, crl, &at));
	return store_crl_record(job, crl);
}

static void
test_crl_takes_away_the_marks_that_were_noted_and_no_other(void)
{
	struct world w = open_world();
	uint8_t serial[STORE_SERIAL_SIZE];
	struct store_revoked *page;
	struct store_crl_job *job;
	struct store_crl_state last = crl_state(&w);
	struct store_crl one = crl_of(&w, 1, BYTES_LIT("crl one")),
			 two = crl_of(&w, 2, BYTES_LIT("crl two"));
	bool more;
	size_t n;

	CHECK(last.number == 0 && last.waiting_ms == STORE_CRL_NONE_WAIT);
	api_certificate(w.gateway, w.signer, w.a, w.identity, w.issuer, serial);
	CHECK_OK(api_revoke(w.admin, w.a, serial, 4));
	CHECK(crl_state(&w).waiting_ms >= 0);
	CHECK_OK(store_crl_begin(w.signer, &last, &job));
	CHECK_OK(store_crl_page(job, w.a, &page, &n, &more));
	CHECK(n == 1 && memcmp(page[0].serial, serial, sizeof(serial)) == 0 &&
		page[0].reason == 4 && !more);
	store_crl_end(job);
	CHECK(crl_state(&w).waiting_ms >= 0); /* left undone, the mark is there */

	CHECK_OK(store_crl_begin(w.signer, &last, &job));
	CHECK_OK(store_crl_mark(w.admin, w.issuer)); /* meanwhile */
	CHECK_OK(publish(job, &one));
	store_crl_end(job);
	last = crl_state(&w);
	CHECK(last.number == 1 && last.this_update == one.this_update && last.build_ms == 7 &&
		last.age_ms >= 0 && last.waiting_ms >= 0);
	CHECK_OK(store_crl_begin(w.signer, &last, &job));
	CHECK_OK(publish(job, &two));
	store_crl_end(job);
	CHECK(crl_state(&w).waiting_ms == STORE_CRL_NONE_WAIT);
	close_world(&w);
}

static void
test_crl_is_one_signers_turn_and_never_goes_back(void)
{
	struct world w = open_world();
	struct store_crl_job *job, *second;
	const struct store_crl_state none = {.issuer = w.issuer};
	struct store_crl one = crl_of(&w, 1, BYTES_LIT("crl one")),
			 five = crl_of(&w, 5, BYTES_LIT("crl five"));

	CHECK_OK(store_crl_begin(w.signer, &none, &job));
	CHECK_ERR(store_crl_begin(w.signer, &none, &second), ERR_CONFLICT);
	CHECK_OK(publish(job, &five));
	CHECK_ERR(publish(job, &one), ERR_CONFLICT); /* a newer one is there */
	CHECK_ERR(store_crl_begin(w.signer, &none, &second), ERR_CONFLICT);
	store_crl_end(job);
	CHECK_REASON(store_crl_begin(w.signer, &none, &second), ERR_CONFLICT, "just made");
	CHECK(crl_state(&w).number == 5);
	close_world(&w);
}

static void
test_crl_is_read_in_parts_and_no_more_than_there_is_room_for(void)
{
	enum { SIZE = (8 << 20) + 5 };
	struct world w = open_world();
	AUTO_BUF(octets, SIZE);
	AUTO_BUF(der, SIZE);
	AUTO_BUF(small, SIZE - 1);
	const struct store_crl_state none = {.issuer = w.issuer};
	struct store_crl_state last;
	struct store_crl_job *job;
	uint8_t *room;
	bool same;

	CHECK_OK(buf_reserve(&octets, SIZE, &room));
	for (size_t i = 0; i < SIZE; i++)
		room[i] = (uint8_t)(i * 2654435761U >> 24);
	octets.len = SIZE;
	struct store_crl crl = crl_of(&w, 2, buf_bytes(&octets)),
			 other = crl_of(&w, 2, BYTES_LIT("other"));

	CHECK_OK(store_crl_begin(w.signer, &none, &job));
	CHECK_OK(publish(job, &crl));
	store_crl_end(job);
	last = crl_state(&w);
	CHECK(last.octets == SIZE);
	CHECK_REASON(store_crl_read(w.status, &last, &small), ERR_LIMIT, "8388613 octets");
	CHECK_OK(store_crl_read(w.status, &last, &der));
	CHECK(bytes_equal(buf_bytes(&der), crl.der));
	CHECK_OK(store_crl_is(w.signer, &crl, &same));
	CHECK(same);
	CHECK_OK(store_crl_is(w.signer, &other, &same));
	CHECK(!same);
	last.number = 3;
	buf_clear(&der);
	CHECK_ERR(store_crl_read(w.status, &last, &der), ERR_NOTFOUND);
	CHECK_ERR(store_crl_mark(w.admin, 30000), ERR_NOTFOUND);
	close_world(&w);
}

static void
test_only_an_offline_ca_has_its_crl_imported(void)
{
	struct world w = open_world();
	uint8_t hash[32];
	const char *name = arena_printf(w.a, "root-%s", random_id(w.a));
	int16_t root = 0;

	sha256(bytes_str(name), hash);
	struct store_issuer issuer = {.name = name,
		.kind = ISSUER_ROOT,
		.der = bytes_str(name),
		.subject = BYTES_LIT("s"),
		.key_id = BYTES_LIT("k"),
		.spki_hash = bytes_of(hash, 32),
		.not_after = clock_now() + 100000};
	CHECK_OK(store_issuer_add(w.owner, &issuer, &root));
	struct store_crl crl = {.issuer = root,
		.number = 7,
		.this_update = clock_now(),
		.next_update = clock_now() + 60,
		.der = BYTES_LIT("x")};
	CHECK_OK(store_crl_import(w.owner, &crl, "op"));
	CHECK_REASON(store_crl_import(w.owner, &crl, "op"), ERR_CONFLICT, "not higher");
	crl.number = 6;
	CHECK_ERR(store_crl_import(w.owner, &crl, "op"), ERR_CONFLICT);
	crl.issuer = w.issuer;
	CHECK_ERR(store_crl_import(w.owner, &crl, "op"), ERR_NOTFOUND);
	close_world(&w);
}

UNIT_MAIN("store certificate",
	{"test_issuer_is_imported_once_and_never_replaced",
		test_issuer_is_imported_once_and_never_replaced},
	{"test_certificate_is_found_with_whom_it_belongs_to",
		test_certificate_is_found_with_whom_it_belongs_to},
	{"test_revoked_certificate_is_seen_everywhere_at_once",
		test_revoked_certificate_is_seen_everywhere_at_once},
	{"test_revocation_has_spread_when_every_status_program_saw_it",
		test_revocation_has_spread_when_every_status_program_saw_it},
	{"test_change_of_an_identity_has_spread_when_every_front_saw_it",
		test_change_of_an_identity_has_spread_when_every_front_saw_it},
	{"test_list_filters_and_pages", test_list_filters_and_pages},
	{"test_open_transaction_does_not_hold_up_the_issued_feed",
		test_open_transaction_does_not_hold_up_the_issued_feed},
	{"test_crl_takes_away_the_marks_that_were_noted_and_no_other",
		test_crl_takes_away_the_marks_that_were_noted_and_no_other},
	{"test_crl_is_one_signers_turn_and_never_goes_back",
		test_crl_is_one_signers_turn_and_never_goes_back},
	{"test_crl_is_read_in_parts_and_no_more_than_there_is_room_for",
		test_crl_is_read_in_parts_and_no_more_than_there_is_room_for},
	{"test_only_an_offline_ca_has_its_crl_imported",
		test_only_an_offline_ca_has_its_crl_imported})
