/*
 * What an operator looks at first: which programs live, what the signer says of its HSM (in its
 * node's detail), how old CRLs are and how long issuers last. Problems are listed in words, so that
 * `ca-admin status` can end with them.
 */
#include "admin/api/internal.h"

#include "lib/base/clock.h"
#include "lib/store/audit.h"
#include "lib/store/crl.h"
#include "lib/store/issuer.h"
#include "lib/store/node.h"

enum { STALE_S = 15, ISSUER_SOON_S = 30 * 86400, CRL_LATE_S = 60 };

static const char *const programs[] = {"signer", "gateway", "admin", "validator", "status"};

static void
add_problem(struct api_call *c, const char *text)
{
	json_array_append_new(json_object_get(c->answer, "problems"), json_string(text));
}

/* "chancery-signer" and "signer" are the same program. */
static const char *
short_name(const char *program)
{
	return strncmp(program, "chancery-", 9) == 0 ? program + 9 : program;
}

static json_t *
node_json(const struct store_node *n, int64_t now)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:b}", "id", n->id, "program",
		short_name(n->program), "version", n->version, "state", n->state, "age",
		(json_int_t)(now - n->last_seen), "stale", now - n->last_seen > STALE_S);
	json_t *detail = NULL;

	api_put_time(o, "started_at", n->started_at);
	api_put_time(o, "last_seen", n->last_seen);
	if (json_parse(bytes_str(n->detail_json), &detail) == ERR_OK) {
		json_object_del(detail, "snapshot"); /* what responders tell each other */
		json_object_set_new(o, "detail", detail);
	}
	return o;
}

/* What a living signer says of its token. */
static void
put_hsm(struct api_call *c, const json_t *node)
{
	const json_t *hsm = json_object_get(json_object_get(node, "detail"), "hsm");
	json_t *o;

	if (!json_is_object(hsm))
		return;
	o = json_deep_copy(hsm);
	json_object_set(o, "node", json_object_get(node, "id"));
	json_array_append_new(json_object_get(c->answer, "hsm"), o);
}

/* What keeps a living program from doing all its work, in its own words. */
static void
put_trouble(struct api_call *c, const json_t *node)
{
	const json_t *trouble = json_object_get(json_object_get(node, "detail"), "trouble");

	if (json_is_string(trouble))
		add_problem(c,
			arena_printf(c->arena, "%s: %s",
				json_string_value(json_object_get(node, "id")),
				json_string_value(trouble)));
}

/* What a living responder says of its feed and of its own certificate, as ages. */
static void
put_ocsp(struct api_call *c, const json_t *node, int64_t now)
{
	const json_t *detail = json_object_get(node, "detail");
	int64_t fed_at = json_integer_value(json_object_get(detail, "fed_at"));
	int64_t not_after = json_integer_value(json_object_get(detail, "responder_not_after"));
	json_t *o;

	if (fed_at == 0)
		return;
	o = json_pack("{s:O, s:I, s:O?}", "node", json_object_get(node, "id"), "feed_age",
		(json_int_t)(now - fed_at), "certificates",
		json_object_get(detail, "certificates"));
	api_put_time(o, "responder_until", not_after);
	json_array_append_new(json_object_get(c->answer, "ocsp"), o);
}

static void
put_node(struct api_call *c, const struct store_node *n, int64_t now)
{
	json_t *o = node_json(n, now);

	json_array_append_new(json_object_get(c->answer, "programs"), o);
	if (now - n->last_seen > STALE_S)
		return;
	if (strcmp(short_name(n->program), "signer") == 0)
		put_hsm(c, o);
	else if (strcmp(short_name(n->program), "status") == 0)
		put_ocsp(c, o, now);
	put_trouble(c, o);
}

static bool
find_living(const struct store_node *list, size_t count, const char *program, int64_t now,
	const struct store_node **bad)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(short_name(list[i].program), program) != 0 ||
			now - list[i].last_seen > STALE_S)
			continue;
		any = true;
		if (strcmp(list[i].state, "degraded") == 0)
			*bad = &list[i];
	}
	return any;
}

static enum err
put_programs(struct api_call *c, int64_t now)
{
	struct store_node *list = NULL;
	size_t count = 0;
	enum err e = store_node_list(c->g->store, c->arena, &list, &count);

	for (size_t i = 0; i < count; i++)
		put_node(c, &list[i], now);
	for (size_t i = 0; e == ERR_OK && i < ARRAY_LEN(programs); i++) {
		const struct store_node *bad = NULL;

		if (!find_living(list, count, programs[i], now, &bad))
			add_problem(c,
				arena_printf(c->arena, "no chancery-%s has been seen for %d s",
					programs[i], STALE_S));
		if (bad != NULL)
			add_problem(c, arena_printf(c->arena, "%s is degraded", bad->id));
	}
	return e;
}

static const struct store_crl *
crl_of(const struct store_crl *list, size_t count, int16_t issuer)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].issuer == issuer)
			return &list[i];
	return NULL;
}

static json_t *
issuer_json(struct api_call *c, const struct store_issuer *i)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s?}", "name", i->name, "kind",
		issuer_kind_name(i->kind), "state", issuer_state_name(i->state), "key_label",
		i->key_label);

	if (i->profile_count > 0) {
		json_t *profiles = json_array();

		for (size_t n = 0; n < i->profile_count; n++)
			json_array_append_new(profiles, json_string(i->profiles[n]));
		json_object_set_new(o, "profiles", profiles);
	}
	json_object_set_new(o, "subject", json_string(pki_name_text(c->arena, i->subject)));
	api_put_time(o, "not_after", i->not_after);
	return o;
}

static void
put_crl(json_t *o, const struct store_crl *crl, int64_t now)
{
	json_object_set_new(o, "crl_number", json_integer(crl->number));
	json_object_set_new(o, "crl_entries", json_integer(crl->entries));
	json_object_set_new(o, "crl_age", json_integer(now - crl->this_update));
	api_put_time(o, "crl_this_update", crl->this_update);
	api_put_time(o, "crl_next_update", crl->next_update);
}

static void
judge_issuer(
	struct api_call *c, const struct store_issuer *i, const struct store_crl *crl, int64_t now)
{
	if (i->state != ISSUER_ACTIVE)
		return;
	if (i->not_after <= now)
		add_problem(c, arena_printf(c->arena, "issuer \"%s\" has expired", i->name));
	else if (i->not_after - now < ISSUER_SOON_S)
		add_problem(
			c, arena_printf(c->arena, "issuer \"%s\" expires within 30 days", i->name));
	if (crl == NULL)
		add_problem(c, arena_printf(c->arena, "issuer \"%s\" has no CRL", i->name));
	else if (crl->next_update <= now)
		add_problem(
			c, arena_printf(c->arena, "the CRL of issuer \"%s\" has ended", i->name));
}

/* Those this program's configuration names and it does not have, or not yet. */
static void
judge_missing(struct api_call *c)
{
	const struct ca_issuers *issuers = ca_front_issuers(c->g, c->arena);

	for (size_t i = 0; i < issuers->missing_count; i++)
		add_problem(c,
			arena_printf(c->arena, "issuer \"%s\" " CA_ISSUERS_MISSING,
				issuers->missing[i]));
}

/* Revocations whose CRL does not follow: no signer does it, or one that holds its turn for ever. */
static enum err
judge_marks(struct api_call *c, const struct store_issuer *list, size_t count, int64_t now)
{
	struct store_crl_wait *waits;
	size_t n;

	TRY(store_crl_waiting(c->g->store, c->arena, &waits, &n));
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < count; k++)
			if (list[k].id == waits[i].issuer && now - waits[i].since > CRL_LATE_S)
				add_problem(c,
					arena_printf(c->arena,
						"revocations by issuer \"%s\" wait for their CRL since %lld s",
						list[k].name, (long long)(now - waits[i].since)));
	return ERR_OK;
}

static enum err
put_issuers(struct api_call *c, int64_t now)
{
	struct store_issuer *list = NULL;
	struct store_crl *crls = NULL;
	size_t count = 0, crl_count = 0;
	json_t *out = json_array();
	enum err e = store_issuer_list(c->g->store, c->arena, &list, &count);

	json_object_set_new(c->answer, "issuers", out);
	if (e == ERR_OK)
		e = store_crl_latest(c->g->store, c->arena, NULL, 0, &crls, &crl_count);
	if (e == ERR_OK)
		judge_missing(c);
	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		const struct store_crl *crl = crl_of(crls, crl_count, list[i].id);
		json_t *o = issuer_json(c, &list[i]);

		json_object_set_new(
			o, "days_left", json_integer((list[i].not_after - now) / 86400));
		if (crl != NULL)
			put_crl(o, crl, now);
		json_array_append_new(out, o);
		judge_issuer(c, &list[i], crl, now);
	}
	return e == ERR_OK ? judge_marks(c, list, count, now) : e;
}

enum err
api_status(struct api_call *c)
{
	int64_t now = clock_now();
	enum err e;

	c->answer = json_pack("{s:s, s:s, s:[], s:[], s:[], s:[], s:{s:b, s:i}}", "instance",
		c->g->config->instance, "version", CHANCERY_VERSION, "problems", "programs", "hsm",
		"ocsp", "database", "reachable", db_healthy(store_db(c->g->store)),
		"schema_version", STORE_SCHEMA_VERSION);
	e = put_programs(c, now);
	if (e == ERR_OK)
		e = put_issuers(c, now);
	json_object_set_new(c->answer, "healthy",
		json_boolean(json_array_size(json_object_get(c->answer, "problems")) == 0));
	return e;
}

enum err
api_issuers(struct api_call *c)
{
	struct store_issuer *list = NULL;
	size_t count = 0;
	json_t *out = json_array();
	enum err e = store_issuer_list(c->g->store, c->arena, &list, &count);

	for (size_t i = 0; e == ERR_OK && i < count; i++)
		json_array_append_new(out, issuer_json(c, &list[i]));
	c->answer = json_pack("{s:o}", "issuers", out);
	return e;
}

/* Marks issuing CAs so that a signer publishes now; a root's CRL comes from its ceremony only. */
enum err
api_crl_publish(struct api_call *c)
{
	const char *wanted = api_text(c, "issuer");
	struct store_issuer *list = NULL;
	size_t count = 0;
	json_t *out = json_array();
	enum err e = store_issuer_list(c->g->store, c->arena, &list, &count);

	c->answer = json_pack("{s:o}", "issuers", out);
	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		const struct store_audit event = {.actor = c->actor,
			.operation = api_audit_name(c->op),
			.object = list[i].name,
			.outcome = "ok",
			.request_id = c->req->id};

		if (list[i].kind != ISSUER_ISSUING ||
			(wanted != NULL && strcmp(wanted, list[i].name) != 0))
			continue;
		e = store_audit_add(c->g->store, &event);
		if (e == ERR_OK)
			e = store_crl_mark(c->g->store, list[i].id);
		json_array_append_new(out, json_string(list[i].name));
	}
	if (e == ERR_OK && json_array_size(out) == 0)
		e = err_set_word(ERR_NOTFOUND, WORD_UNKNOWN_ISSUER, "there is no issuing CA \"%s\"",
			wanted != NULL ? wanted : "at all");
	return e;
}
