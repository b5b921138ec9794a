/*
 * The authenticator of client certificates. lib/http has verified chain, times and usage before it asks;
 * what is decided here is whether the leaf is a certificate WE recorded, octet for octet, and
 * whether it and its identity are still welcome.
 *
 * Only the leaf speaks (CVE-2023-2422), found by serial and compared as DER (CVE-2026-35616); names
 * in it decide nothing, the identity comes from the row. Certificate rows never change, so they are
 * cached; revocation and identity state never are: they are asked in memory each time, kept true by
 * a follower.
 */
#include "ca/authenticator.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ca/denylist.h"
#include "ca/grants.h"
#include "ca/refusals.h"
#include "lib/base/cache.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/random.h"
#include "lib/db/follow.h"
#include "lib/store/certificate.h"
#include "lib/store/issuer.h"
#include "lib/store/revocation.h"

/* STALE_US: how long judging may go on without news from the database. A revoked client must not
 * win by cutting the gateway off from it. */
enum {
	CERTIFICATES_MAX = 4096,
	STALE_US = 30 * 1000 * 1000,
	REFRESH_WAIT_MS = 2000,
	REASON_SIZE = 256
};

struct entry {
	struct cache_item item;
	struct ca_requester requester;
	struct ca_presented certificate;
	struct arena *arena;
};

struct ca_authenticator {
	struct store *store;
	enum ca_clients welcome;
	struct ca_denylist *denied;
	struct ca_grants *grants;
	struct ca_refusals *refusals;
	struct db_follower *follower;
	uint64_t revocation_cursor, identity_cursor, connections_seen; /* the follower's */
	_Atomic int64_t fresh_us;
	bool untold; /* the follower's: rows came that the snapshot may not cover */
	struct told snapshot;
	struct store_issuer_place issuers_at;
	struct cache *certificates; /* by the SHA-256 of the leaf */
};

static void
free_entry(struct cache_item *item)
{
	struct entry *e = (struct entry *)item;

	arena_free(e->arena);
	free(e);
}

/* The row behind the leaf; it must be this very certificate. */
static enum err
find_row(struct ca_authenticator *p, struct entry *e)
{
	struct ca_presented *shown = &e->certificate;
	struct store_certificate row;
	enum err code;

	if (shown->cert.serial.n != STORE_SERIAL_SIZE)
		return err_set(ERR_NOTFOUND, "the client certificate's serial is not one of ours");
	memcpy(shown->serial, shown->cert.serial.p, STORE_SERIAL_SIZE);
	code = store_certificate_find(p->store, e->arena, shown->serial, &row);
	if (code == ERR_NOTFOUND)
		return err_set(ERR_NOTFOUND, "the client certificate is not recorded here");
	if (code != ERR_OK)
		return code;
	if (!bytes_equal(row.der, shown->der))
		return err_set(ERR_NOTFOUND,
			"another certificate is recorded under the client certificate's serial");
	shown->issuer = row.issuer;
	shown->profile = arena_strdup(e->arena, row.profile);
	e->requester = (struct ca_requester){
		.identity = row.identity,
		.identity_name = arena_strdup(e->arena, row.identity_name),
		.kind = row.identity_kind,
		.proof = STORE_PROOF_CERTIFICATE,
		.certificate = shown,
	};
	if (row.revoked_at != 0)
		ca_denylist_revoke(p->denied, shown->serial, row.not_after);
	if (row.identity_state != IDENTITY_ACTIVE)
		ca_denylist_identity(p->denied, row.identity, row.identity_state);
	return ERR_OK;
}

static enum err
load_entry(struct ca_authenticator *p, struct bytes leaf, struct entry **out)
{
	struct entry *e = mem_zalloc(1, sizeof(*e));
	enum err code;

	e->arena = arena_new(0);
	e->certificate.der = arena_bytes(e->arena, leaf);
	code = pki_cert_parse(e->certificate.der, e->arena, &e->certificate.cert);
	if (code == ERR_OK)
		code = find_row(p, e);
	if (code != ERR_OK) {
		free_entry(&e->item);
		return code;
	}
	*out = e;
	return ERR_OK;
}

static enum http_verdict
check_requester(struct ca_authenticator *p, const struct ca_requester *r)
{
	if (p->welcome == CA_CLIENTS_OPERATORS && r->kind != IDENTITY_OPERATOR) {
		err_set_word(ERR_DENIED, WORD_NOT_AN_OPERATOR,
			"\"%s\" is no operator and this listener is for operators only",
			r->identity_name);
		return HTTP_PEER_UNKNOWN;
	}
	if (clock_monotonic_us() - atomic_load(&p->fresh_us) > STALE_US) {
		err_set(ERR_UNAVAILABLE, "no news of revocations from the database for too long");
		return HTTP_PEER_UNAVAILABLE;
	}
	if (r->certificate->cert.not_after < clock_now()) {
		err_set_word(ERR_DENIED, WORD_CERTIFICATE_EXPIRED,
			"the client certificate of \"%s\" has expired", r->identity_name);
		return HTTP_PEER_EXPIRED;
	}
	switch (ca_denylist_check(
		p->denied, r->certificate->serial, r->identity, r->certificate->issuer)) {
	case CA_DENIED_REVOKED:
		err_set_word(ERR_DENIED, WORD_CERTIFICATE_REVOKED,
			"the client certificate of \"%s\" is revoked", r->identity_name);
		return HTTP_PEER_REVOKED;
	case CA_DENIED_ISSUER:
		err_set_word(ERR_DENIED, WORD_CERTIFICATE_REVOKED,
			"the issuing CA of the client certificate of \"%s\" is revoked",
			r->identity_name);
		return HTTP_PEER_REVOKED;
	case CA_DENIED_IDENTITY:
		err_set_word(ERR_DENIED, WORD_IDENTITY_BLOCKED, "identity \"%s\" is blocked",
			r->identity_name);
		return HTTP_PEER_UNKNOWN;
	case CA_DENIED_NONE:
		break;
	}
	return HTTP_PEER_OK;
}

static enum http_verdict
check_request(void *ctx, struct http_request *req)
{
	return check_requester(ctx, ca_requester(req));
}

static enum http_verdict
verdict_of(enum err code)
{
	switch (code) {
	case ERR_INVALID:
	case ERR_LIMIT:
		return HTTP_PEER_BAD;
	case ERR_NOTFOUND:
		return HTTP_PEER_UNKNOWN;
	default:
		return HTTP_PEER_UNAVAILABLE;
	}
}

static enum http_verdict
identify_certificate(void *ctx, struct bytes leaf, const void **requester)
{
	struct ca_authenticator *p = ctx;
	uint8_t hash[SHA256_SIZE];
	struct entry *e;

	sha256(leaf, hash);
	e = (struct entry *)cache_get(p->certificates, bytes_of(hash, sizeof(hash)));
	if (e == NULL) {
		enum err code = load_entry(p, leaf, &e);

		if (code != ERR_OK)
			return verdict_of(code);
		cache_put(p->certificates, bytes_of(hash, sizeof(hash)), &e->item,
			cache_generation(p->certificates));
	}
	enum http_verdict v = check_requester(p, &e->requester);
	if (v != HTTP_PEER_OK) {
		cache_release(&e->item);
		return v;
	}
	*requester = &e->requester;
	return HTTP_PEER_OK;
}

static void
name_refused(struct ca_refusal *what, const struct ca_requester *r)
{
	what->identity = r->identity;
	what->actor = r->identity_name;
	if (r->certificate != NULL)
		memcpy(what->serial, r->certificate->serial, sizeof(what->serial));
}

/* Who it is when its row is in memory; else its certificate, for whoever records it. */
static void
name_leaf(struct ca_authenticator *p, struct ca_refusal *what, struct bytes leaf)
{
	AUTO_STRUCT(arena) a = NULL;
	struct pki_cert cert;
	struct entry *e;

	sha256(leaf, what->leaf);
	e = (struct entry *)cache_get(p->certificates, bytes_of(what->leaf, sizeof(what->leaf)));
	if (e != NULL) {
		name_refused(what, &e->requester);
		memset(what->leaf, 0, sizeof(what->leaf));
		return;
	}
	a = arena_new(0);
	if (pki_cert_parse(leaf, a, &cert) == ERR_OK && cert.serial.n == STORE_SERIAL_SIZE)
		memcpy(what->serial, cert.serial.p, STORE_SERIAL_SIZE);
}

static void
note_refused(void *ctx, const struct http_refused *r)
{
	struct ca_authenticator *p = ctx;
	char reason[REASON_SIZE]; /* it may be this thread's last, which parsing sets anew */
	struct ca_refusal what = {.operation = r->operation,
		.reason = reason,
		.request_id = r->request_id,
		.peer = r->peer,
		.issued = r->chain == HTTP_CHAIN_VERIFIED ? CA_REFUSED_ISSUED : CA_REFUSED_ANYBODY};

	snprintf(reason, sizeof(reason), "%s", r->reason);
	if (r->requester != NULL)
		name_refused(&what, r->requester);
	else
		name_leaf(p, &what, r->leaf);
	ca_refusals_note(p->refusals, &what);
}

enum err
ca_authenticator_record(struct ca_authenticator *p)
{
	return ca_refusals_record(p->refusals, p->store, CA_REFUSALS_DUE);
}

static void
release_requester(void *ctx, const void *requester)
{
	(void)ctx;
	cache_release(
		(struct cache_item *)((uintptr_t)requester - offsetof(struct entry, requester)));
}

static void
apply_revocation(void *ctx, const struct store_revoked *r)
{
	struct ca_authenticator *p = ctx;

	ca_denylist_revoke(p->denied, r->serial, r->not_after);
	p->untold = true;
}

static void
apply_identity(void *ctx, int64_t id, enum identity_state state)
{
	struct ca_authenticator *p = ctx;

	ca_denylist_identity(p->denied, id, state);
	p->untold = true;
}

/* The table is small, and read only when its feed says so. */
static enum err
read_issuers(struct ca_authenticator *p, struct arena *a)
{
	struct store_issuer_place next;
	struct store_issuer *row;
	size_t count = 0;
	bool changed;

	TRY(store_issuer_changes(p->store, &p->issuers_at, &next, &changed));
	if (changed)
		TRY(store_issuer_list(p->store, a, &row, &count));
	for (size_t i = 0; i < count; i++)
		if (row[i].state == ISSUER_REVOKED)
			ca_denylist_issuer(p->denied, row[i].id);
	p->issuers_at = next;
	return ERR_OK;
}

static enum err
read_all(struct ca_authenticator *p, struct arena *a)
{
	TRY(read_issuers(p, a));
	TRY(store_revocation_changes(p->store, &p->revocation_cursor, apply_revocation, p));
	return store_identity_changes(p->store, &p->identity_cursor, apply_identity, p);
}

/* One cycle of the follower. Grants have no feed: every cycle forgets them. The snapshot is taken
 * before the reads, so they cover it; what they brought beyond it is told with the next one. */
static enum err
follow_feeds(void *ctx)
{
	struct ca_authenticator *p = ctx;
	AUTO_STRUCT(arena) a = arena_new(0);
	int64_t began = clock_monotonic_us();
	bool news = p->untold || p->snapshot.text == NULL;
	const char *snapshot;

	ca_grants_forget(p->grants);
	TRY(store_snapshot(p->store, a, &snapshot));
	p->untold = false;
	TRY(read_all(p, a));
	if (db_feed_doubtful(store_db(p->store), &p->connections_seen)) {
		p->revocation_cursor = db_feed_back(p->revocation_cursor);
		p->identity_cursor = db_feed_back(p->identity_cursor);
		TRY(read_all(p, a));
	}
	atomic_store(&p->fresh_us, began);
	if (news || p->untold)
		told_set(&p->snapshot, snapshot);
	return ERR_OK;
}

enum err
ca_authenticator_open(struct store *store, enum ca_clients welcome, struct ca_authenticator **out)
{
	struct ca_authenticator *p = mem_zalloc(1, sizeof(*p));
	enum err e;

	p->store = store;
	p->welcome = welcome;
	told_init(&p->snapshot);
	p->denied = ca_denylist_new();
	p->grants = ca_grants_new(store);
	p->refusals = ca_refusals_new();
	p->certificates = cache_new(CERTIFICATES_MAX, free_entry);
	e = follow_feeds(p);
	if (e != ERR_OK) {
		ca_authenticator_close(p);
		return e;
	}
	p->follower =
		db_follow(store_db(store), 1U << STORE_BELL_STATE, "clients.feed", follow_feeds, p);
	*out = p;
	return ERR_OK;
}

/* Nobody is refused any more. */
static void
record_rest(struct ca_authenticator *p)
{
	enum err e = ca_refusals_record(p->refusals, p->store, CA_REFUSALS_ALL);

	if (e != ERR_OK)
		log_failure("front.refusals", e);
}

void
ca_authenticator_close(struct ca_authenticator *p)
{
	if (p == NULL)
		return;
	db_follower_stop(p->follower);
	record_rest(p);
	cache_free(p->certificates);
	ca_grants_free(p->grants);
	ca_refusals_free(p->refusals);
	ca_denylist_free(p->denied);
	told_clear(&p->snapshot);
	free(p);
}

struct http_authenticator
ca_authenticator_http(struct ca_authenticator *p)
{
	return (struct http_authenticator){.ctx = p,
		.certificate = identify_certificate,
		.request = check_request,
		.release = release_requester,
		.refused = note_refused};
}

void
ca_authenticator_refresh(struct ca_authenticator *p)
{
	/* A failure only means that the change takes effect here with the next cycle; the database
	 * has it already. */
	enum err e = db_follower_now(p->follower, REFRESH_WAIT_MS);

	(void)e;
}

const char *
ca_authenticator_snapshot(struct ca_authenticator *p, struct arena *a)
{
	return told_get(&p->snapshot, a);
}

void
ca_authenticator_watch(struct ca_authenticator *p, told_watcher *watch, void *ctx)
{
	told_watch(&p->snapshot, watch, ctx);
}

enum err
ca_authenticator_grants(struct ca_authenticator *p, struct arena *a, int64_t identity,
	const char *profile, const char *const **out, size_t *count)
{
	return ca_grants_find(p->grants, a, identity, profile, out, count);
}
