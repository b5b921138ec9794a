/* What every command does: look before touching anything, log in, make or open the key, end
 * cleanly. */
#include "ca/ceremony/ceremony.h"

#include <stdio.h>

#include "ca/ceremony/files.h"

static enum err
check_outputs(const struct plan *p, const char *const *outputs, size_t count)
{
	enum err e = file_check_new(p->arena, plan_path(p, p->file.evidence));

	if (e == ERR_OK)
		e = file_check_new(
			p->arena, arena_printf(p->arena, "%s.sig", plan_path(p, p->file.evidence)));
	for (size_t i = 0; e == ERR_OK && i < count; i++)
		e = file_check_new(p->arena, plan_path(p, outputs[i]));
	for (size_t i = 0; e == ERR_OK && i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(file_base_name(outputs[i]), file_base_name(outputs[j])) == 0)
				e = err_set(ERR_CONFLICT, "two outputs are named \"%s\"",
					file_base_name(outputs[i]));
	return e;
}

enum err
ceremony_open(struct ceremony *c, const struct plan *p, const char *command,
	const char *const *outputs, size_t count)
{
	struct ca_token_config config = plan_token_config(p);

	TRY(check_outputs(p, outputs, count));
	c->plan = p;
	c->record = record_new(p, command);
	TRY(ca_token_open(&config, &c->token));
	record_token(c->record, ca_token_info(c->token));
	return ERR_OK;
}

enum err
ceremony_key_new(struct ceremony *c, enum pki_key_type fallback)
{
	const struct plan_key *k = &c->plan->file.key;
	enum pki_key_type type;

	TRY(plan_key_type(c->plan, fallback, &type));
	TRY(ca_key_generate(c->token, k->label, type, k->rsa_bits));
	record_step(c->record, "generated key \"%s\" (%s) inside token \"%s\"", k->label,
		pki_key_type_name(type), ca_token_info(c->token)->label);
	TRY(ca_key_open(c->token, k->label, &c->key));
	record_key(c->record, c->key);
	return ERR_OK;
}

enum err
ceremony_key_use(struct ceremony *c)
{
	const struct plan_key *k = &c->plan->file.key;
	enum pki_key_type type;

	TRY(ca_key_open(c->token, k->label, &c->key));
	type = ca_key_attributes(c->key)->type;
	if (yaml_present(c->plan->doc, "key.type") && k->type != type)
		return yaml_refuse(c->plan->doc, "key.type", "key \"%s\" in the token is %s",
			k->label, pki_key_type_name(type));
	record_key(c->record, c->key);
	return ERR_OK;
}

void
ceremony_close(struct ceremony *c)
{
	record_free(c->record);
	ca_key_close(c->key);
	ca_token_close(c->token);
}

enum err
ceremony_issuer(struct ceremony *c, struct pki_cert *out)
{
	const char *path = c->plan->file.issuer_certificate;
	struct bytes der;
	enum err e = record_read(c->record, RECORD_ISSUER, path, "CERTIFICATE", &der);

	if (e != ERR_OK || (e = pki_cert_parse(der, c->plan->arena, out)) != ERR_OK)
		return err_context(e, "issuer certificate \"%s\"", path);
	if (!out->is_ca || (out->key_usage & PKI_KU_KEY_CERT_SIGN) == 0)
		return yaml_refuse(
			c->plan->doc, "issuer_certificate", "\"%s\" is no CA certificate", path);
	e = ca_key_matches(c->key, out->spki.der);
	return e == ERR_OK
		? e
		: yaml_refuse(c->plan->doc, "issuer_certificate", "\"%s\": %s", path, err_reason());
}

enum err
ceremony_token(struct plan *p)
{
	struct ca_token_config config = plan_token_config(p);

	if (p->file.token.so_pin_file == NULL)
		return yaml_refuse(p->doc, "token",
			"\"so_pin_file\" is missing; \"ca-ceremony token\" needs it");
	TRY(ca_token_init(&config, plan_path(p, p->file.token.so_pin_file)));
	printf("token \"%s\" is ready; next: ca-ceremony root or ca-ceremony request\n",
		config.token);
	return ERR_OK;
}
