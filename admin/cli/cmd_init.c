/*
 * init: the first identities and the first operator certificate, made on the CA's own machine by
 * its database owner. The certificate takes the same road as every other: a request row that the
 * signer checks and answers. Running it again repairs: missing identities and grants are added, a
 * lost, broken, revoked or ageing operator certificate is replaced.
 */
#include "admin/cli/cli.h"
#include "admin/cli/credential.h"
#include "ca/own.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/store/issuer.h"
#include "lib/store/operator.h"
#include "lib/store/queue/request.h"

#define INIT_OPERATOR "operator"
#define INIT_PROFILE "operator"

enum { WAIT_DEFAULT = 60, WAIT_MAX = 3600 };

struct init {
	struct store *store;
	const char *operator, * directory, *server, *actor, *request_id;
	struct store_identity identity;
};

/* Makes the identity when it is missing; refuses one of another kind. */
static enum err
ensure_identity(struct cli *a, struct init *in, const char *name, enum identity_kind kind,
	struct store_identity *out)
{
	const struct store_identity wanted = {
		.name = name, .owner = "", .kind = kind, .state = IDENTITY_ACTIVE};
	int64_t id;
	enum err e =
		store_identity_add(in->store, &wanted, NULL, 0, in->actor, in->request_id, &id);

	if (e == ERR_OK && !a->json)
		printf("  added %s identity \"%s\"\n", identity_kind_name(kind), name);
	if (e != ERR_OK && e != ERR_CONFLICT)
		return e;
	TRY(store_identity_find(in->store, a->arena, name, out));
	if (out->kind != kind)
		return err_set(ERR_CONFLICT,
			"identity \"%s\" exists and is a %s, not a %s: choose another name", name,
			identity_kind_name(out->kind), identity_kind_name(kind));
	if (out->state != IDENTITY_ACTIVE)
		return err_set(ERR_DENIED,
			"identity \"%s\" is %s: unblock it with another operator's certificate, or choose another name "
			"with --operator",
			name, identity_state_name(out->state));
	return ERR_OK;
}

static enum err
ensure_grant(struct cli *a, struct init *in, const struct store_identity *i, const char *profile,
	const char *pattern)
{
	enum err e = store_grant_add(in->store, i->id, profile, pattern, in->actor, in->request_id);

	if (e == ERR_OK && !a->json)
		printf("  granted \"%s\" %s under profile \"%s\"\n", i->name, pattern, profile);
	return e == ERR_CONFLICT ? ERR_OK : e;
}

/* The identity of a front, which may have the names of its listener. */
static enum err
ensure_front(struct cli *a, struct init *in, const char *identity,
	const struct config_listener *listener, const char *section)
{
	struct store_identity front;
	const char **names;

	TRY(ensure_identity(a, in, identity, IDENTITY_SERVICE, &front));
	TRY(ca_own_names(listener, section, a->arena, &names));
	for (uint32_t i = 0; i < listener->names_count; i++)
		TRY(ensure_grant(a, in, &front, listener->profile, names[i]));
	return ERR_OK;
}

static enum err
ensure_services(struct cli *a, struct init *in)
{
	struct store_identity responder;

	TRY(ensure_front(a, in, CA_OWN_GATEWAY, &a->config->enroll, "enroll"));
	TRY(ensure_front(a, in, CA_OWN_ADMIN, &a->config->admin, "admin"));
	return ensure_identity(a, in, CA_OWN_RESPONDER, IDENTITY_SERVICE, &responder);
}

/* The first operator may make others, and do the daily work until there are some. */
static enum err
ensure_roles(struct cli *a, struct init *in)
{
	static const enum operator_role first[] = {
		OPERATOR_ROLE_ADMINISTRATOR, OPERATOR_ROLE_OFFICER};

	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		bool changed;

		TRY(store_operator_role_set(in->store, in->operator, first[i], STORE_ROLE_GIVEN,
			in->actor, in->request_id, &changed));
		if (changed && !a->json)
			printf("  operator \"%s\" is %s\n", in->operator,
				operator_role_name(first[i]));
	}
	return ERR_OK;
}

/* Is there a credential of this operator that will do? */
static bool
credential_good(struct cli *a, struct init *in, int64_t *not_after)
{
	struct credential c;
	struct pki_cert leaf;
	struct store_certificate row;

	if (credential_load(a->arena, files_under(a->arena, in->directory, CREDENTIAL_FILE), &c) !=
			ERR_OK ||
		credential_check(a->arena, &c, &leaf) != ERR_OK ||
		pki_cert_due(&leaf, leaf.not_before, clock_now()) || !files_exist(c.trust) ||
		leaf.serial.n != STORE_SERIAL_SIZE || strcmp(c.server, in->server) != 0)
		return false;
	if (store_certificate_find(in->store, a->arena, leaf.serial.p, &row) != ERR_OK ||
		row.identity != in->identity.id)
		return false;
	*not_after = leaf.not_after;
	return row.revoked_at == 0;
}

static enum err
ask_signer(struct cli *a, struct init *in, struct bytes spki, struct store_result *out)
{
	const struct store_request_new request = {
		.protocol = CA_PROTOCOL_ADMIN,
		.request_id = in->request_id,
		.identity = in->identity.id,
		.profile = INIT_PROFILE,
		.spki = spki,
		.proof = STORE_PROOF_LOCAL,
	};
	unsigned wait;
	int64_t id;

	TRY(options_number(a, "wait", WAIT_MAX, WAIT_DEFAULT, &wait));
	TRY(store_request_add(in->store, &request, &id));
	TRY(store_request_wait(in->store, a->arena, id, (int64_t)wait * 1000, out));
	if (out->state == STORE_RESULT_REFUSED)
		return err_set_word(out->refusal_class, out->refusal_word, "the signer refused: %s",
			out->refusal);
	if (out->state == STORE_RESULT_PENDING)
		return err_set(ERR_UNAVAILABLE,
			"the signer has not answered within %u s: start chancery-signer, look at its log, and run "
			"`ca-admin init` again",
			wait);
	return ERR_OK;
}

static enum err
find_chain(
	struct cli *a, struct init *in, int16_t issuer, struct bytes *issuing, struct bytes *root)
{
	struct store_issuer *list = NULL;
	size_t count = 0;
	int16_t parent = 0;

	TRY(store_issuer_list(in->store, a->arena, &list, &count));
	*issuing = *root = bytes_of(NULL, 0);
	for (size_t i = 0; i < count; i++)
		if (list[i].id == issuer) {
			*issuing = list[i].der;
			parent = list[i].parent;
		}
	for (size_t i = 0; i < count; i++)
		if (list[i].id == parent)
			*root = list[i].der;
	if (issuing->n == 0 || root->n == 0)
		return err_set(ERR_NOTFOUND,
			"the database lacks the issuing CA or its root: run `ca-admin issuer import` first");
	return ERR_OK;
}

static enum err
make_credential(struct cli *a, struct init *in, int64_t *not_after)
{
	AUTO_BUF(key_pem, 4096);
	struct bytes csr, spki, chain[2], root;
	struct store_result result;
	struct credential c;
	struct pki_cert leaf;

	TRY(credential_request(a->arena, in->operator, & key_pem, &csr, &spki));
	TRY(ask_signer(a, in, spki, &result));
	TRY(pki_cert_parse(result.der, a->arena, &leaf));
	TRY(find_chain(a, in, result.issuer, &chain[1], &root));
	chain[0] = result.der;
	*not_after = leaf.not_after;
	TRY(credential_save(a->arena, in->directory, in->server, root, &c));
	return credential_install(a->arena, &c, buf_bytes(&key_pem), chain, 2);
}

static enum err
need_issuer(struct cli *a, struct init *in)
{
	struct store_issuer *list = NULL;
	size_t count = 0;

	TRY(store_issuer_list(in->store, a->arena, &list, &count));
	for (size_t i = 0; i < count; i++)
		if (list[i].kind == ISSUER_ISSUING)
			return ERR_OK;
	return err_set(
		ERR_NOTFOUND, "there is no issuing CA yet: run `ca-admin issuer import` first");
}

enum err
cmd_init(struct cli *a)
{
	AUTO_STRUCT(store) s = NULL;
	struct init in = {.operator= options_value(a, "operator"),
		.directory = options_value(a, "directory"),
		.server = options_value(a, "server"),
		.actor = local_actor(a),
		.request_id = random_id(a->arena)};
	char when[CLOCK_RFC3339_SIZE];
	int64_t not_after = 0;
	bool kept;

	TRY(local_config(a));
	in.operator= in.operator!= NULL ? in.operator: INIT_OPERATOR;
	in.directory = in.directory != NULL ? in.directory : credential_default_directory(a->arena);
	in.server = in.server != NULL ? in.server : a->config->admin.base_urls[0];
	if (!output_plan(a,
		    "make the identities of the programs and operator \"%s\", with a certificate in \"%s\"",
		    in.operator, in.directory))
		return ERR_OK;
	TRY(local_store(a, &s));
	in.store = s;
	TRY(need_issuer(a, &in));
	TRY(ensure_services(a, &in));
	TRY(ensure_identity(a, &in, in.operator, IDENTITY_OPERATOR, &in.identity));
	TRY(ensure_roles(a, &in));
	kept = credential_good(a, &in, &not_after);
	if (!kept)
		TRY(make_credential(a, &in, &not_after));
	clock_format_rfc3339(not_after, when);
	output_done(a,
		json_pack("{s:s, s:s, s:s, s:s, s:b}", "operator", in.operator, "directory",
			in.directory, "server", in.server, "not_after", when, "renewed", !kept),
		"operator \"%s\": certificate in \"%s\" %s, valid until %s", in.operator,
		in.directory, kept ? "is still good" : "is ready", when);
	return ERR_OK;
}
