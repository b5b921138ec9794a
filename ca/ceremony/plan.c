/* Reads a plan, checks that it says exactly what its command needs, and turns its words into the
 * types of lib/pki. */
#include "ca/ceremony/plan.h"

#include <stdlib.h>

#include "ca/ceremony/files.h"
#include "ca/ceremony/plan_table.h"
#include "lib/base/duration.h"

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
load_plan(
	const char *path, const char *command, unsigned required, unsigned allowed, struct plan *p)
{
	p->arena = arena_new(8 << 20);
	p->path = arena_strdup(p->arena, path);
	TRY(file_read(p->arena, path, PLAN_TEXT_MAX, &p->text));
	TRY(yaml_read(p->arena, path, p->text, &plan_table, &p->file, &p->doc));
	return check_sections(p, command, required, allowed);
}

enum err
plan_load(const char *path, const char *command, unsigned required, unsigned allowed,
	struct plan **out)
{
	AUTO_STRUCT(plan) p = mem_zalloc(1, sizeof(*p));

	TRY(load_plan(path, command, required, allowed, p));
	*out = p;
	p = NULL;
	return ERR_OK;
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
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
	const struct plan_key *key = &p->file.key;
	enum pki_key_type type = yaml_present(p->doc, "key.type") ? key->type : fallback;

	if (type != PKI_KEY_RSA && yaml_present(p->doc, "key.rsa_bits"))
		return yaml_refuse(p->doc, "key.rsa_bits",
			"means nothing for a %s key; remove it or say type: rsa",
			pki_key_type_name(type));
	if (type == PKI_KEY_RSA && key->rsa_bits != 3072 && key->rsa_bits != 4096)
		return yaml_refuse(
			p->doc, "key.rsa_bits", "an RSA CA key needs rsa_bits: 3072 or 4096");
	*out = type;
	return ERR_OK;
}

int64_t
plan_days(uint32_t days)
{
	return (int64_t)days * DAY;
}

enum err
plan_subject(
	const struct plan *p, const char *path, const struct plan_subject *s, struct bytes *der)
{
	const struct pki_name_parts parts = {.common_name = s->common_name,
		.organization = s->organization,
		.organizational_unit = s->organizational_unit,
		.country = s->country};
	enum err e = pki_name_build(&parts, p->arena, der);

	if (e == ERR_INVALID)
		return yaml_refuse(p->doc, path, "%s", err_reason());
	return e;
}

struct ca_token_config
plan_token_config(const struct plan *p)
{
	const struct plan_token *t = &p->file.token;

	return (struct ca_token_config){
		.module = t->module, /* a system path, not one beside the plan */
		.module_config = t->module_config != NULL ? plan_path(p, t->module_config) : NULL,
		.token = t->label,
		.pin_file = plan_path(p, t->pin_file),
		.pin_fd = -1,
	};
}
