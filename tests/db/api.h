/* For C programs that call lib/store against the database test_api.py made for them (STORE_HOST,
 * STORE_DBNAME). */
#ifndef CHANCERY_TESTS_DB_API_H
#define CHANCERY_TESTS_DB_API_H

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/store/acme_account.h"
#include "lib/store/acme_authorization.h"
#include "lib/store/acme_nonce.h"
#include "lib/store/acme_order.h"
#include "lib/store/audit.h"
#include "lib/store/crl.h"
#include "lib/store/issuer.h"
#include "lib/store/node.h"
#include "lib/store/queue/claim.h"
#include "lib/store/queue/request.h"
#include "lib/store/revocation.h"
#include "tests/unit/unit.h"

static inline struct store *
api_open_as(const char *role, const char *program, enum db_writer writer)
{
	struct db_config config = {.host = getenv("STORE_HOST"),
		.dbname = getenv("STORE_DBNAME"),
		.user = role,
		.program = program,
		.writer = writer};
	struct store *s = NULL;

	CHECK_OK(store_open(&config, &s));
	if (s == NULL)
		exit(2);
	return s;
}

/* As the role's own program: no other may say that it lives. */
static inline struct store *
api_open(const char *role, enum db_writer writer)
{
	char program[64];

	snprintf(program, sizeof(program), "chancery-%s", role + strlen("chancery_"));
	return api_open_as(role, program, writer);
}

/* A new active identity with one grant; its name in the arena. */
static inline int64_t
api_identity(struct store *gateway, struct arena *a, enum identity_kind kind, const char **name)
{
	*name = arena_printf(a, "t-%s", random_id(a));
	struct store_identity identity = {.name = *name, .kind = kind, .owner = "tests"};
	struct store_grant grant = {.profile = "device", .pattern = "dns:*.example.org"};
	int64_t id = 0;

	CHECK_OK(store_identity_add(gateway, &identity, &grant, 1, "tests", "r1", &id));
	return id;
}

static inline enum err
api_revoke(struct store *gateway, struct arena *a, const uint8_t *serial, int reason)
{
	const struct store_revoke r = {
		.serial = serial, .reason = reason, .actor = "t", .request_id = "r"};
	struct store_revoke_done done;

	return store_certificate_revoke(gateway, a, &r, &done);
}

static inline int16_t
api_issuer(struct store *owner, const char *name)
{
	uint8_t hash[32];
	int16_t id = 0;

	sha256(bytes_str(name), hash);
	struct store_issuer issuer = {.name = name,
		.kind = ISSUER_ISSUING,
		.der = bytes_str(name),
		.subject = BYTES_LIT("s"),
		.key_id = BYTES_LIT("k"),
		.spki_hash = bytes_of(hash, 32),
		.key_label = "label",
		.not_after = clock_now() + 100000};
	CHECK_OK(store_issuer_add(owner, &issuer, &id));
	return id;
}

/* Adds a request for dns:a.example.org with this key. */
static inline int64_t
api_request(struct store *gateway, int64_t identity, struct bytes spki, const uint8_t *renewed_from)
{
	const char *names[] = {"dns:a.example.org", "uri:spiffe://x/\"quoted\\,{}\""};
	struct store_request_new r = {.protocol = CA_PROTOCOL_EST,
		.request_id = "req-1",
		.identity = identity,
		.profile = "device",
		.names = names,
		.name_count = 2,
		.spki = spki,
		.renewed_from = renewed_from};
	int64_t id = 0;

	CHECK_OK(store_request_add(gateway, &r, &id));
	return id;
}

static inline struct store_outcome
api_issued(int16_t issuer, const char *der)
{
	struct store_outcome o = {.kind = STORE_OUTCOME_ISSUED,
		.issuer = issuer,
		.not_before = clock_now() - 60,
		.not_after = clock_now() + 8 * 3600,
		.der = bytes_str(der),
		.spki_hash = bytes_str("hash")};

	random_bytes(o.serial, sizeof(o.serial));
	return o;
}

/* One certificate through the queue. */
static inline void
api_certificate(struct store *gateway, struct store *signer, struct arena *a, int64_t identity,
	int16_t issuer, uint8_t serial[STORE_SERIAL_SIZE])
{
	struct store_claim *claim;
	const struct store_claim_item *items;
	size_t n = 0;

	(void)api_request(gateway, identity, BYTES_LIT("spki"), NULL);
	CHECK_OK(store_claim_open(signer, 1, a, &claim, &items, &n));
	if (n != 1)
		exit(2);
	struct store_outcome o = api_issued(issuer, "certificate");
	memcpy(serial, o.serial, STORE_SERIAL_SIZE);
	CHECK_OK(store_claim_finish(claim, &o));
}

/* All a test of the queue needs: stores as each role, an issuer, an identity with a grant. */
struct world {
	struct arena *a;
	struct store *owner, *gateway, *admin, *signer, *status;
	int16_t issuer;
	int64_t identity;
	const char *name;
};

static inline struct world
open_world(void)
{
	struct world w = {.a = arena_new(0),
		.owner = api_open("chancery_owner", DB_WITHOUT_WRITER),
		.gateway = api_open("chancery_gateway", DB_WITH_WRITER),
		.admin = api_open("chancery_admin", DB_WITH_WRITER),
		.signer = api_open("chancery_signer", DB_WITHOUT_WRITER),
		.status = api_open("chancery_status", DB_WITHOUT_WRITER)};

	w.issuer = api_issuer(w.owner, arena_printf(w.a, "ca-%s", random_id(w.a)));
	w.identity = api_identity(w.admin, w.a, IDENTITY_DEVICE, &w.name);
	return w;
}

static inline void
close_world(struct world *w)
{
	store_close(w->owner);
	store_close(w->gateway);
	store_close(w->admin);
	store_close(w->signer);
	store_close(w->status);
	arena_free(w->a);
}

#endif
