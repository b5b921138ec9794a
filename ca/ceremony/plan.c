/* Reads a plan, checks that it says exactly what its command needs, and turns its words into the
 * types of lib/pki. */
#include "ca/ceremony/plan.h"

#include <stdlib.h>

#include "ca/ceremony/files.h"

enum { DAY = 86400 };

static const struct section {
	enum plan_section bit;
	const char *name;
} sections[] = {
	{PLAN_CEREMONY, "ceremony"},
	{PLAN_OPERATORS, "operators"},
	{PLAN_TOKEN, "token"},
	{PLAN_KEY, "key"},
	{PLAN_ISSUER, "issuer_certificate"},
	{PLAN_ROOT, "root"},
	{PLAN_CRL, "crl"},
	{PLAN_REQUEST, "request"},
	{PLAN_SIGN, "sign"},
	{PLAN_EVIDENCE, "evidence"},
};

static const struct yaml_hint hints[] = {
	{"token.pin", "a PIN is never written in a plan; name a file with pin_file"},
	{"token.so_pin", "a PIN is never written in a plan; name a file with so_pin_file"},
	{"token.token", "the token is named by label"},
	{"sign.path_length", "an issuing CA always has path length 0"},
	{"root.path_length", "a root has no path length limit"},
	{"crl.number", "the number is made from the time and the previous CRL"},
	{NULL, NULL},
};

static enum err
check_sections(const struct plan *p, const char *command, unsigned required, unsigned allowed)
{
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		const struct section *s = &sections[i];
		bool there = yaml_present(p->doc, s->name);

		if (!there && (required & s->bit) != 0)
			return yaml_refuse(p->doc, "",
				"\"%s\" is missing; \"ca-ceremony %s\" needs it", s->name, command);
		if (there && ((required | allowed) & s->bit) == 0)
			return yaml_refuse(p->doc, s->name,
				"\"%s\" means nothing to \"ca-ceremony %s\"; put it in a plan of its own",
				s->name, command);
	}
	return ERR_OK;
}

static enum err
load(const char *path, const char *command, unsigned required, unsigned allowed, struct plan *p)
{
	void *data = NULL;
	enum err e;

	p->arena = arena_new(8 << 20);
	p->path = arena_strdup(p->arena, path);
	if ((e = file_read(p->arena, path, PLAN_TEXT_MAX, &p->text)) != ERR_OK)
		return e;
	if ((e = yaml_parse_checked(path, p->text, &plan_schema, hints, &data, &p->doc)) != ERR_OK)
		return e;
	p->file = data;
	return check_sections(p, command, required, allowed);
}

enum err
plan_load(const char *path, const char *command, unsigned required, unsigned allowed,
	struct plan **out)
{
	AUTO_STRUCT(plan) p = mem_zalloc(1, sizeof(*p));
	enum err e = load(path, command, required, allowed, p);

	if (e != ERR_OK)
		return e;
	*out = p;
	p = NULL;
	return ERR_OK;
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	if (p->file != NULL)
		yaml_data_free(&plan_schema, p->file);
	yaml_doc_free(p->doc);
	arena_free(p->arena);
	free(p);
}

const char *
plan_path(const struct plan *p, const char *path)
{
	const char *slash = strrchr(p->path, '/');

	if (path[0] == '/' || slash == NULL)
		return path;
	return arena_printf(p->arena, "%.*s/%s", (int)(slash - p->path), p->path, path);
}

enum err
plan_key_type(const struct plan *p, enum pki_key_type fallback, enum pki_key_type *out)
{
	const struct plan_key *key = p->file->key;
	enum pki_key_type type = fallback;

	if (key->type != NULL &&
		(pki_key_type_parse(key->type, &type) != ERR_OK || type == PKI_KEY_ED25519))
		return yaml_refuse(p->doc, "key.type",
			"\"%s\" is no type of CA key; allowed: p256, p384, rsa", key->type);
	if (type != PKI_KEY_RSA && yaml_present(p->doc, "key.rsa_bits"))
		return yaml_refuse(p->doc, "key.rsa_bits",
			"means nothing for a %s key; remove it or say type: rsa",
			pki_key_type_name(type));
	if (type == PKI_KEY_RSA &&
		(key->rsa_bits < 3072 || key->rsa_bits > 4096 || key->rsa_bits % 1024 != 0))
		return yaml_refuse(
			p->doc, "key.rsa_bits", "an RSA CA key needs rsa_bits: 3072 or 4096");
	*out = type;
	return ERR_OK;
}

enum err
plan_days(const struct plan *p, const char *path, uint32_t value, uint32_t fallback, uint32_t max,
	int64_t *seconds)
{
	uint32_t days = yaml_present(p->doc, path) ? value : fallback;

	if (days < 1 || days > max)
		return yaml_refuse(p->doc, path, "%u days; allowed: 1 to %u", days, max);
	*seconds = (int64_t)days * DAY;
	return ERR_OK;
}

enum err
plan_subject(
	const struct plan *p, const char *path, const struct plan_subject *s, struct bytes *der)
{
	const struct pki_name_parts parts = {.common_name = s->common_name,
		.organization = s->organization,
		.organizational_unit = s->organizational_unit,
		.country = s->country};
	enum err e;

	if (s->country != NULL &&
		(strspn(s->country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2 || s->country[2] != 0))
		return yaml_refuse(p->doc, arena_printf(p->arena, "%s.country", path),
			"\"%s\" is no country code of two capital letters", s->country);
	e = pki_name_build(&parts, p->arena, der);
	if (e == ERR_INVALID)
		return yaml_refuse(p->doc, path, "%s", err_reason());
	return e;
}

struct ca_token_config
plan_token_config(const struct plan *p)
{
	const struct plan_token *t = p->file->token;

	return (struct ca_token_config){
		.module = t->module, /* a system path, not one beside the plan */
		.module_config = t->module_config != NULL ? plan_path(p, t->module_config) : NULL,
		.token = t->label,
		.pin_file = plan_path(p, t->pin_file),
		.pin_fd = -1,
	};
}
