/*
 * newOrder (RFC 8555 section 7.4, RFC 8738, draft-ietf-acme-profiles). Every name that cannot be
 * had is named, with its reason, in one answer. When grants of the TLS identity cover every name
 * the order is born ready; else each uncovered name gets an authorization with the challenges
 * that can prove it (challenge_kind.c).
 */
#include <stdlib.h>

#include "acme/challenge_kind.h"
#include "acme/order.h"
#include "acme/problem.h"
#include "acme/resources.h"
#include "ca/advice.h"
#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/base/random.h"

enum { TOKEN_SIZE = 32 };

/* What the client asked for, checked step by step. */
struct wish {
	const struct ca_profile *profile;
	struct pki_sans names;
	const char **texts;	       /* canonical, same order */
	int64_t not_before, not_after; /* 0: not asked */
	const char *const *grants;
	size_t grant_count;
	bool granted;
};

static const struct {
	const char *name;
	enum pki_san_type type;
} identifier_types[] = {{"dns", PKI_SAN_DNS}, {"ip", PKI_SAN_IP}};

static void
add_subproblem(struct call *c, enum err_word word, const char *detail, json_t *identifier)
{
	if (c->subproblems == NULL)
		c->subproblems = json_array();
	json_array_append_new(c->subproblems, problem_sub(word, detail, identifier));
}

/* The type all subproblems share, else "compound" (section 6.7.1). */
static enum err
refuse_subproblems(struct call *c, enum err_word word)
{
	const char *first =
		json_string_value(json_object_get(json_array_get(c->subproblems, 0), "type"));
	const char *detail =
		json_string_value(json_object_get(json_array_get(c->subproblems, 0), "detail"));
	size_t count = json_array_size(c->subproblems), i;
	json_t *p;

	json_array_foreach(c->subproblems, i, p)
		if (strcmp(json_string_value(json_object_get(p, "type")), first) != 0)
			word = WORD_COMPOUND;
	if (count == 1)
		return err_set_word(ERR_DENIED, word, "%s", detail);
	return err_set_word(ERR_DENIED, word,
		"%zu of the identifiers cannot be had; see \"subproblems\"", count);
}

/* NULL when fine, else why not; *word is the kind. */
static const char *
parse_identifier(struct call *c, const json_t *item, struct pki_san *san, const char **text,
	enum err_word *word)
{
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
	const char *type = json_string_value(json_object_get(item, "type"));
	const char *value = json_string_value(json_object_get(item, "value"));
	size_t i = 0;

	while (i < ARRAY_LEN(identifier_types) && strcmp(identifier_types[i].name, type) != 0)
		i++;
	*word = WORD_UNSUPPORTED_IDENTIFIER;
	if (i == ARRAY_LEN(identifier_types))
		return "identifiers of this type are not supported; \"dns\" and \"ip\" are";
	*word = WORD_REJECTED_IDENTIFIER;
	if (pki_san_from_text(bytes_str(arena_printf(c->arena, "%s:%s", type, value)), c->arena,
		    san) != ERR_OK)
		return arena_strdup(c->arena, err_reason());
	*text = pki_san_text(c->arena, san);
	if (san->type == PKI_SAN_IP && san->value.n == 16 &&
		memcmp(san->value.p, v4_mapped, sizeof(v4_mapped)) == 0)
		return "IPv4-mapped addresses are not IPv6 addresses of a host";
	if (san->type == PKI_SAN_IP && strcmp(*text + 3, value) != 0)
		return "addresses are written in canonical form (RFC 8738 section 3, RFC 5952)";
	return NULL;
}

static bool
is_identifier(const json_t *item)
{
	const char *type, *value;

	return json_is_object(item) && json_get_string(item, "type", &type) == ERR_OK &&
		json_get_string(item, "value", &value) == ERR_OK;
}

/* Doubled ones collapse: a certificate says nothing twice. */
static enum err
read_identifiers(struct call *c, struct wish *w)
{
	const json_t *list = json_object_get(c->payload, "identifiers");
	size_t count = json_array_size(list), i;
	json_t *item;

	if (!json_is_array(list) || count == 0)
		return err_set(ERR_INVALID,
			"\"identifiers\" is not an array with at least one member (RFC 8555 section 7.4)");
	if (count > PKI_SANS_MAX)
		return err_set_word(ERR_INVALID, WORD_TOO_MANY_NAMES,
			"an order has at most %d identifiers", PKI_SANS_MAX);
	w->names.item = arena_array(c->arena, count, sizeof(*w->names.item));
	w->texts = arena_array(c->arena, count, sizeof(*w->texts));
	json_array_foreach(list, i, item) {
		const char *why;
		enum err_word word;
		size_t n = w->names.count;

		if (!is_identifier(item))
			return err_set(ERR_INVALID,
				"an identifier is not an object with \"type\" and \"value\" (RFC 8555 section 7.1.3)");
		why = parse_identifier(c, item, &w->names.item[n], &w->texts[n], &word);
		if (why != NULL)
			add_subproblem(c, word, why,
				json_pack("{s:O,s:O}", "type", json_object_get(item, "type"),
					"value", json_object_get(item, "value")));
		else if (!pki_sans_contain(&w->names, &w->names.item[n]))
			w->names.count++;
	}
	if (c->subproblems == NULL)
		return ERR_OK;
	return refuse_subproblems(c,
		strstr(json_string_value(
			       json_object_get(json_array_get(c->subproblems, 0), "type")),
			"unsupported") != NULL
			? WORD_UNSUPPORTED_IDENTIFIER
			: WORD_REJECTED_IDENTIFIER);
}

/* An optional text; the empty one says that it is absent, as null does. */
static enum err
find_text(struct call *c, const char *name, const char **out)
{
	TRY(json_find_string(c->payload, name, out));
	if (*out != NULL && (*out)[0] == '\0')
		*out = NULL;
	return ERR_OK;
}

/* Go's zero time is what a client in that language sends for none. */
static enum err
read_time(struct call *c, const char *name, int64_t *out)
{
	static const int64_t year_one = INT64_C(-62135596800);
	const char *text;

	if (find_text(c, name, &text) != ERR_OK ||
		(text != NULL && clock_parse_rfc3339(bytes_str(text), out) != ERR_OK))
		return err_set(ERR_INVALID,
			"\"%s\" is not a time as RFC 3339 writes it (RFC 8555 section 7.4)", name);
	if (*out == year_one)
		*out = 0;
	return ERR_OK;
}

static enum err
read_profile(struct call *c, struct wish *w)
{
	const char *name;

	if (find_text(c, "profile", &name) != ERR_OK)
		return err_set_word(
			ERR_INVALID, WORD_UNKNOWN_PROFILE, "\"profile\" is not a string");
	return ca_profiles_get(ca_front_profiles(c->front, c->arena),
		name != NULL ? name : c->acme->config->default_profile, &w->profile);
}

static bool
is_granted(const struct wish *w, size_t i)
{
	return ca_policy_granted(
		&(struct pki_sans){&w->names.item[i], 1}, w->grants, w->grant_count);
}

/* All that is wrong with names, in one answer. */
static enum err
check_names(struct call *c, const struct wish *w)
{
	const char **reason = arena_array(c->arena, w->names.count, sizeof(*reason));

	(void)ca_policy_refused_names(w->profile, &w->names, c->arena, reason);
	for (size_t i = 0; i < w->names.count; i++) {
		if (reason[i] == NULL && challenge_kinds_for(&w->names.item[i]) == 0 &&
			!is_granted(w, i))
			reason[i] = arena_printf(c->arena,
				"this name needs a grant: no challenge here (%s) can prove it (RFC 8555 section 8)",
				challenge_kind_list(c->arena));
		if (reason[i] != NULL)
			add_subproblem(c, WORD_REJECTED_IDENTIFIER, reason[i],
				order_identifier(w->texts[i]));
	}
	return c->subproblems == NULL ? ERR_OK : refuse_subproblems(c, WORD_REJECTED_IDENTIFIER);
}

/* All that the gate will ask, as far as it can be known without a key: any key the profile likes stands
 * in. */
static enum err
check_policy(struct call *c, const struct wish *w)
{
	struct pki_spki any = {
		.type = (enum pki_key_type)__builtin_ctz(w->profile->keys), .bits = 4096};
	const struct ca_issuer *issuer;
	struct ca_policy_request r = {
		.profile = w->profile,
		.protocol = CA_PROTOCOL_ACME,
		.identity_name = c->requester->identity_name,
		.kind = c->requester->kind,
		.state = IDENTITY_ACTIVE,
		.spki = &any,
		.names = &w->names,
		.grants = w->grants,
		.grant_count = w->grant_count,
		.authorized = w->texts,
		.authorized_count = w->names.count,
		.not_before = w->not_before,
		.not_after = w->not_after,
		.now = clock_now(),
	};
	struct ca_validity validity;
	enum err e;

	TRY(ca_issuers_for(ca_front_issuers(c->front, c->arena), w->profile, &issuer));
	e = check_names(c, w);
	if (e == ERR_OK)
		e = ca_policy_check(&r, issuer->cert.not_after, &validity);
	if (e == ERR_DENIED)
		ca_advise(c->front, c->arena, c->requester->identity, &r, issuer->cert.not_after);
	return e;
}

static enum err
check_profile(const struct call *c, const struct wish *w)
{
	if (!(w->profile->protocols & 1U << CA_PROTOCOL_ACME))
		return err_set_word(ERR_DENIED, WORD_PROTOCOL_NOT_ALLOWED,
			"profile \"%s\" is not offered over ACME; \"profiles\" in the directory names those that are",
			w->profile->name);
	return ca_policy_requester(w->profile, c->requester->kind);
}

static enum err
read_wish(struct call *c, struct wish *w)
{
	TRY(read_identifiers(c, w));
	TRY(read_time(c, "notBefore", &w->not_before));
	TRY(read_time(c, "notAfter", &w->not_after));
	TRY(read_profile(c, w));
	TRY(check_profile(c, w));
	TRY(ca_authenticator_grants(c->front->clients, c->arena, c->requester->identity,
		w->profile->name, &w->grants, &w->grant_count));
	TRY(check_policy(c, w));
	w->granted = ca_policy_granted(&w->names, w->grants, w->grant_count);
	return ERR_OK;
}

static const char *
new_token(struct arena *a)
{
	uint8_t token[TOKEN_SIZE];

	random_bytes(token, sizeof(token));
	return base64url_string(a, bytes_of(token, sizeof(token)));
}

/* With a challenge of each kind that can prove the name. */
static void
make_authorization(
	struct call *c, const struct pki_san *san, const char *text, struct store_authorization *z)
{
	unsigned kinds = challenge_kinds_for(san);

	*z = (struct store_authorization){
		.id = random_id(c->arena),
		.account = c->account->id,
		.identifier = text,
		.expires = clock_now() + c->acme->config->authorization_lifetime,
		.challenges = arena_array(
			c->arena, ACME_CHALLENGE_TYPE_COUNT, sizeof(struct store_challenge)),
	};
	for (unsigned k = 0; k < ACME_CHALLENGE_TYPE_COUNT; k++)
		if (kinds & 1U << k)
			z->challenges[z->challenge_count++] =
				(struct store_challenge){.id = random_id(c->arena),
					.type = (enum acme_challenge_type)k,
					.token = new_token(c->arena)};
}

/* Names without a grant need a proof each; granted ones in the same order need none. */
static size_t
make_authorizations(
	struct call *c, const struct wish *w, struct store_order *o, struct store_authorization *z)
{
	size_t n = 0;

	o->authorizations = arena_array(c->arena, w->names.count, sizeof(*o->authorizations));
	o->proofs = arena_array(c->arena, w->names.count, sizeof(*o->proofs));
	for (size_t i = 0; i < w->names.count && !w->granted; i++) {
		if (is_granted(w, i))
			continue;
		make_authorization(c, &w->names.item[i], w->texts[i], &z[n]);
		o->authorizations[n] = z[n].id;
		o->proofs[n++] = w->texts[i];
	}
	o->authorization_count = n;
	return n;
}

static enum err
new_order(struct call *c)
{
	struct wish w = {.profile = NULL};
	struct store_authorization *z;
	struct store_order o;
	size_t count;

	TRY(read_wish(c, &w));
	o = (struct store_order){
		.id = random_id(c->arena),
		.account = c->account->id,
		.profile = w.profile->name,
		.identifiers = w.texts,
		.identifier_count = w.names.count,
		.granted = w.granted,
		.not_before = w.not_before,
		.not_after = w.not_after,
		.created_at = clock_now(),
		.expires = clock_now() + c->acme->config->order_lifetime,
		.status = w.granted ? ACME_ORDER_READY : ACME_ORDER_PENDING,
	};
	z = arena_array(c->arena, w.names.count, sizeof(*z));
	count = make_authorizations(c, &w, &o, z);
	TRY(store_order_add(c->front->store, &o, z, count));
	if (o.granted)
		order_remember(c->acme, &o);
	return order_put(c, 201, &o);
}

const struct resource order_new_resource = {.key = CALL_KEY_ACCOUNT, .post = new_order};
