/* store_tool: every statement of the request path once, for the test that looks at their plans. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/hex.h"
#include "lib/base/random.h"
#include "lib/base/clock.h"
#include "lib/store/crl.h"
#include "lib/store/queue/request.h"
#include "tests/db/store_tool.h"

struct given {
	struct store *s;
	struct arena *a;
	uint8_t serial[STORE_SERIAL_SIZE];
	const char *identity;
	uint64_t cursor; /* a recent one */
};

/* What feeds tell of; only the plans matter here. */
static void
take_change(void *ctx, int64_t id, enum identity_state state)
{
	(void)ctx, (void)id, (void)state;
}

static void
take_revoked(void *ctx, const struct store_revoked *r)
{
	(void)ctx, (void)r;
}

static void
take_issued(void *ctx, const struct store_issued *c)
{
	(void)ctx, (void)c;
}

static enum err
identities(struct given *g)
{
	struct store_identity i, *list;
	struct store_grant *grants;
	uint64_t cursor = g->cursor;
	size_t n;
	enum err e = store_identity_find(g->s, g->a, g->identity, &i);

	if (e == ERR_OK)
		e = store_identity_list(g->s, g->a, "m", 20, &list, &n);
	if (e == ERR_OK)
		e = store_grant_list(g->s, g->a, i.id, &grants, &n);
	return e == ERR_OK ? store_identity_changes(g->s, &cursor, take_change, g) : e;
}

static enum err
lists(struct given *g)
{
	const struct store_certificate_filter filters[] = {
		{.limit = 20},
		{.identity = g->identity, .live = STORE_LIVE_ONLY, .limit = 20},
		{.name = "dns:n7.example.org", .limit = 20},
		{.name = "dns:n7.example.org", .identity = g->identity, .limit = 20},
	};
	struct store_certificate *list;
	size_t n;
	enum err e = ERR_OK;

	for (size_t i = 0; i < ARRAY_LEN(filters) && e == ERR_OK; i++)
		e = store_certificate_list(g->s, g->a, &filters[i], &list, &n);
	return e;
}

static enum err
certificates(struct given *g)
{
	struct store_certificate c;
	struct store_revoke_done done;
	uint64_t one = g->cursor, two = g->cursor;
	enum err e = store_certificate_find(g->s, g->a, g->serial, &c);

	if (e == ERR_OK)
		e = store_certificate_revoke(g->s, g->a,
			&(struct store_revoke){.serial = g->serial,
				.reason = 4,
				.actor = "tests",
				.request_id = "r"},
			&done);
	if (e == ERR_OK)
		e = store_revocation_changes(g->s, &one, take_revoked, g);
	if (e == ERR_OK)
		e = store_issued_changes(g->s, &two, take_issued, g);
	return e == ERR_OK ? lists(g) : e;
}

static enum err
requests(struct given *g)
{
	struct store_identity i;
	struct store_result result;
	const char *name = "dns:n7.example.org";
	struct store_request_new r = {.protocol = CA_PROTOCOL_ADMIN,
		.request_id = "r",
		.profile = "device",
		.names = &name,
		.name_count = 1,
		.spki = BYTES_LIT("a key of its own"),
		.renewed_from = g->serial,
		.repeat_window = 900};
	int64_t id = 0;
	enum err e = store_identity_find(g->s, g->a, g->identity, &i);

	r.identity = i.id;
	if (e == ERR_OK)
		e = store_request_add(g->s, &r, &id);
	return e == ERR_OK ? store_request_wait(g->s, g->a, id, 10, &result) : e;
}

/* SERIAL of a live certificate, IDENTITY's name, CURSOR. */
enum err
tool_exercise(const struct tool *t)
{
	AUTO_STRUCT(store) s = NULL;
	struct given g = {
		.a = t->arena, .identity = t->argv[1], .cursor = strtoull(t->argv[2], NULL, 10)};
	struct db_config config = t->config;
	size_t n;

	config.writer = DB_WITH_WRITER;
	enum err e = hex_decode(bytes_str(t->argv[0]), g.serial, sizeof(g.serial), &n);
	if (e == ERR_OK)
		e = store_open(&config, &s);
	g.s = s;
	if (e == ERR_OK)
		e = identities(&g);
	if (e == ERR_OK)
		e = requests(&g);
	return e == ERR_OK ? certificates(&g) : e;
}

/* ISSUER: what the signer does about CRLs. */
enum err
tool_exercise_crl(const struct tool *t)
{
	AUTO_STRUCT(store) s = NULL;
	struct store_crl_state *state = NULL, last = {.issuer = (int16_t)atoi(t->argv[0])};
	struct store_crl_job *job = NULL;
	struct store_revoked *page;
	bool more;
	size_t n, written = 0;
	enum err e = store_open(&t->config, &s);

	if (e == ERR_OK)
		e = store_crl_states(s, t->arena, &state, &n);
	for (size_t i = 0; e == ERR_OK && i < n; i++)
		last = state[i].issuer == last.issuer ? state[i] : last;
	if (e == ERR_OK)
		e = store_crl_begin(s, &last, &job);
	if (e == ERR_OK)
		e = store_crl_page(job, t->arena, &page, &n, &more);
	const struct store_crl next = {.issuer = last.issuer,
		.number = last.number + 1,
		.this_update = clock_now(),
		.next_update = clock_now() + 60,
		.der = BYTES_LIT("next")};
	if (e == ERR_OK)
		e = store_crl_write(job, &next, &written);
	if (e == ERR_OK)
		e = store_crl_record(job, &next);
	store_crl_end(job);
	return e;
}
