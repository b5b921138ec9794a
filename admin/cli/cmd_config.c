/*
 * config check: whether what the configuration says is there and fits. Files and profiles always,
 * and whether those that it names are among them;
 * the token with the issuing CAs' keys, and what the database knows of those CAs, when they can be
 * reached from here. What could not be looked at is said and is no mistake; a token or a key that
 * is not there is one.
 */
#include "admin/cli/cli.h"
#include "ca/hsm/hsm.h"
#include "ca/issuers.h"
#include "ca/own.h"
#include "lib/base/yaml.h"

struct check {
	struct cli *cli;
	const struct config *config;
	struct ca_profiles *profiles;
	struct ca_token *token;	    /* NULL: not looked at */
	struct ca_issuers *issuers; /* NULL: not looked at */
	json_t *unseen;
};

static void
note_unseen(struct check *c, const char *what)
{
	const char *text = arena_printf(c->cli->arena, "%s: %s", what, err_reason());

	json_array_append_new(c->unseen, json_string(text));
}

/* A token that is there and refuses, or that the module does not have, is a mistake; one that does
 * not answer now is not. */
static enum err
open_token(struct check *c)
{
	enum err e = ERR_UNAVAILABLE;

	if (c->config->hsm.pin_file != NULL)
		e = ca_token_open_configured(&c->config->hsm, &c->token);
	else
		err_set(e, "its PIN comes with the signer's start, by \"hsm.pin_fd\"");
	if (e == ERR_OK || (e == ERR_UNAVAILABLE && err_word() != WORD_NOTFOUND)) {
		if (e != ERR_OK)
			note_unseen(c, "the token's keys");
		return ERR_OK;
	}
	return yaml_refuse(c->config->doc, "hsm.token", "%s", err_reason());
}

static void
read_issuers(struct check *c)
{
	AUTO_STRUCT(store) s = NULL;
	enum err e = local_store(c->cli, &s);

	if (e == ERR_OK)
		e = ca_issuers_load(s, c->config, &c->issuers);
	if (e != ERR_OK)
		note_unseen(c, "the issuing CAs' certificates");
	for (size_t i = 0; e == ERR_OK && i < c->issuers->missing_count; i++) {
		err_set(ERR_NOTFOUND, "it %s", CA_ISSUERS_MISSING);
		note_unseen(c, c->issuers->missing[i]);
	}
}

static const struct ca_issuer *
find_imported(const struct check *c, const char *name)
{
	for (size_t i = 0; c->issuers != NULL && i < c->issuers->count; i++)
		if (strcmp(c->issuers->item[i].name, name) == 0)
			return &c->issuers->item[i];
	return NULL;
}

/* Is the key there, as it must be, and the imported certificate's? */
static enum err
check_key(struct check *c, const struct config_issuer *one)
{
	const struct ca_issuer *imported = find_imported(c, one->name);
	AUTO_STRUCT(ca_key) key = NULL;

	TRY(ca_key_open(c->token, one->key, &key));
	return imported != NULL ? ca_key_matches(key, imported->cert.spki.der) : ERR_OK;
}

/* All that is wrong with them at once. */
static enum err
check_keys(struct check *c)
{
	const char *wrong = NULL;

	for (uint32_t i = 0; c->token != NULL && i < c->config->issuers_count; i++)
		if (check_key(c, &c->config->issuers[i]) != ERR_OK)
			wrong = arena_printf(c->cli->arena, "%s%sissuing CA \"%s\": %s",
				wrong != NULL ? wrong : "", wrong != NULL ? "; " : "",
				c->config->issuers[i].name, err_reason());
	return wrong == NULL ? ERR_OK : yaml_refuse(c->config->doc, "issuers", "%s", wrong);
}

/* May the CA that would certify this listener certify its names? */
static enum err
check_listener(struct check *c, const char *section, const struct config_listener *l)
{
	struct arena *a = c->cli->arena;
	const struct ca_profile *profile;
	const struct ca_issuer *issuer;
	const char **names;
	struct pki_sans sans = {.item = arena_array(a, l->names_count, sizeof(*sans.item))};

	TRY(ca_profiles_get(c->profiles, l->profile, &profile));
	TRY(ca_own_names(l, section, a, &names));
	for (uint32_t i = 0; i < l->names_count; i++)
		TRY(pki_san_from_text(bytes_str(names[i]), a, &sans.item[sans.count++]));
	if (c->issuers == NULL)
		return ERR_OK;
	if (ca_issuers_for(c->issuers, profile, &issuer) != ERR_OK) {
		note_unseen(c, arena_printf(a, "%s.names", section));
		return ERR_OK;
	}
	if (issuer->cert.name_constraints.n == 0 ||
		pki_name_constraints_allow(issuer->cert.name_constraints, &sans, a) == ERR_OK)
		return ERR_OK;
	return yaml_refuse(c->config->doc, arena_printf(a, "%s.names", section),
		"issuing CA \"%s\" may not certify \"%s.names\": %s", issuer->name, section,
		err_reason());
}

static enum err
check_profile(struct check *c, const char *path, const char *name)
{
	const struct ca_profile *profile;

	return ca_profiles_get(c->profiles, name, &profile) == ERR_OK
		? ERR_OK
		: yaml_refuse(c->config->doc, path, "\"%s\": %s", path, err_reason());
}

static bool
is_configured(const struct config *config, const char *issuer)
{
	for (uint32_t i = 0; i < config->issuers_count; i++)
		if (strcmp(config->issuers[i].name, issuer) == 0)
			return true;
	return false;
}

/* Do the profiles that the configuration names exist, and the issuing CAs that they name? */
static enum err
check_profiles(struct check *c)
{
	const struct config *config = c->config;

	TRY(check_profile(c, "acme.default_profile", config->acme.default_profile));
	TRY(check_profile(c, "est.default_profile", config->est.default_profile));
	TRY(check_profile(c, "ocsp.profile", config->ocsp.profile));
	for (uint32_t i = 0; i < config->est.labels_count; i++)
		TRY(check_profile(c, arena_printf(c->cli->arena, "est.labels.%u.profile", i),
			config->est.labels[i].profile));
	for (size_t i = 0; i < c->profiles->count; i++) {
		const struct ca_profile *p = &c->profiles->item[i];

		if (p->issuer != NULL && !is_configured(config, p->issuer))
			return err_set(ERR_INVALID,
				"%s: profile \"%s\" is certified by issuing CA \"%s\", which is not among "
				"the \"issuers\" of the configuration",
				config->profiles, p->name, p->issuer);
	}
	return ERR_OK;
}

/* The token first: it may set an environment variable, and the database brings threads. */
static enum err
check_all(struct check *c)
{
	TRY(config_check(c->config));
	TRY(ca_profiles_load(c->config->profiles, &c->profiles));
	TRY(check_profiles(c));
	TRY(open_token(c));
	read_issuers(c);
	TRY(check_keys(c));
	TRY(check_listener(c, "enroll", &c->config->enroll));
	return check_listener(c, "admin", &c->config->admin);
}

static void
tell_result(struct check *c)
{
	size_t i;
	json_t *line;

	if (!c->cli->json)
		json_array_foreach(c->unseen, i, line)
			printf("not looked at: %s\n", json_string_value(line));
	output_done(c->cli,
		json_pack("{s:b, s:I, s:I, s:O}", "valid", 1, "issuers",
			(json_int_t)c->config->issuers_count, "profiles",
			(json_int_t)c->profiles->count, "not_looked_at", c->unseen),
		"configuration and its %zu profiles are valid", c->profiles->count);
}

enum err
cmd_config_check(struct cli *a)
{
	AUTO(json_t) unseen = json_array();
	struct check c = {.cli = a, .unseen = unseen};
	enum err e;

	TRY(local_config(a));
	c.config = a->config;
	e = check_all(&c);
	if (e == ERR_OK)
		tell_result(&c);
	ca_token_close(c.token);
	ca_issuers_release(c.issuers);
	ca_profiles_release(c.profiles);
	return e;
}
