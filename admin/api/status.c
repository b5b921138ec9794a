/*
 * What an operator looks at first: which programs live, what the signer says of its HSM (in its
 * node's detail), and what issuers.c says. Problems are listed in words, so that
 * `ca-admin status` can end with them.
 */
#include "admin/api/internal.h"

#include "lib/base/clock.h"
#include "lib/store/node.h"
#include "lib/store/proposal.h"

enum { STALE_S = 15 };

static const char *const programs[] = {"signer", "gateway", "admin", "validator", "status"};

void
api_add_problem(struct api_call *c, const char *text)
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
node_json(const struct store_node *n)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:b}", "id", n->id, "program",
		short_name(n->program), "version", n->version, "state", n->state, "age",
		(json_int_t)n->age, "stale", n->age > STALE_S);
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
		api_add_problem(c,
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
put_clock(struct api_call *c, const struct store_node *n)
{
	int64_t off = n->ahead < 0 ? -n->ahead : n->ahead;

	if (off > STORE_CLOCK_TOLERANCE_S)
		api_add_problem(c,
			arena_printf(c->arena, "%s: its clock is %lld s %s the database's", n->id,
				(long long)off, n->ahead > 0 ? "ahead of" : "behind"));
}

static void
put_node(struct api_call *c, const struct store_node *n, int64_t now)
{
	json_t *o = node_json(n);

	json_array_append_new(json_object_get(c->answer, "programs"), o);
	if (!n->lives)
		return;
	put_clock(c, n);
	if (strcmp(short_name(n->program), "signer") == 0)
		put_hsm(c, o);
	else if (strcmp(short_name(n->program), "status") == 0)
		put_ocsp(c, o, now);
	put_trouble(c, o);
}

/* How many of a program live; *bad: one that is degraded. */
static unsigned
count_living(const struct store_node *list, size_t count, const char *program,
	const struct store_node **bad)
{
	unsigned n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!list[i].lives || strcmp(short_name(list[i].program), program) != 0)
			continue;
		n++;
		if (strcmp(list[i].state, "degraded") == 0)
			*bad = &list[i];
	}
	return n;
}

/* At least as many as the configuration starts on one machine. */
static void
judge_program(
	struct api_call *c, const char *program, unsigned living, const struct store_node *bad)
{
	unsigned wanted = strcmp(program, "signer") == 0 ? c->g->config->signer.processes : 1;

	if (living == 0)
		api_add_problem(c, arena_printf(c->arena, "no chancery-%s lives", program));
	else if (living < wanted)
		api_add_problem(c,
			arena_printf(c->arena, "only %u of %u chancery-%s live", living, wanted,
				program));
	if (bad != NULL)
		api_add_problem(c, arena_printf(c->arena, "%s is degraded", bad->id));
}

enum err
api_find_signed_for(struct api_call *c, json_t **out)
{
	struct store_node *list = NULL;
	size_t count = 0, k;
	json_t *name;

	TRY(store_node_list(c->g->store, c->arena, &list, &count));
	*out = json_object();
	for (size_t i = 0; i < count; i++) {
		AUTO(json_t) detail = NULL;

		if (!list[i].lives || strcmp(short_name(list[i].program), "signer") != 0 ||
			json_parse(bytes_str(list[i].detail_json), &detail) != ERR_OK)
			continue;
		json_array_foreach(json_object_get(detail, "signs_for"), k, name)
			json_object_set_new(*out, json_string_value(name), json_true());
	}
	return ERR_OK;
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
		unsigned living = count_living(list, count, programs[i], &bad);

		judge_program(c, programs[i], living, bad);
	}
	return e;
}

enum err
api_status(struct api_call *c)
{
	int64_t now = clock_now(), waiting = 0;
	enum err e;

	c->answer = json_pack("{s:s, s:s, s:[], s:[], s:[], s:[], s:{s:b, s:i}}", "instance",
		c->g->config->instance, "version", CHANCERY_VERSION, "problems", "programs", "hsm",
		"ocsp", "database", "reachable", db_healthy(store_db(c->g->store)),
		"schema_version", STORE_SCHEMA_VERSION);
	e = put_programs(c, now);
	if (e == ERR_OK)
		e = api_put_issuers(c, now);
	if (e == ERR_OK)
		e = store_proposal_count(c->g->store, &waiting);
	json_object_set_new(c->answer, "proposals_waiting", json_integer(waiting));
	json_object_set_new(c->answer, "healthy",
		json_boolean(json_array_size(json_object_get(c->answer, "problems")) == 0));
	return e;
}
