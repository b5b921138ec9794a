/* Certificates: for others from their request, and a new one of one's own. */
#include "admin/cli/cli.h"
#include "admin/cli/client.h"
#include "lib/base/hex.h"

static enum err
write_chain(struct cli *a, const json_t *answer)
{
	const char *out = options_value(a, "out"),
		   *pem = json_string_value(json_object_get(answer, "pem"));
	const char *chain = json_string_value(json_object_get(answer, "chain"));

	if (pem == NULL || chain == NULL)
		return err_set(ERR_INTERNAL, "the server's answer has no certificate");
	if (out == NULL) {
		if (!a->json)
			printf("%s%s", pem, chain);
		return ERR_OK;
	}
	return files_write(
		out, bytes_str(arena_printf(a->arena, "%s%s", pem, chain)), FILES_PUBLIC);
}

/* The plan goes to standard error when the certificate goes to standard output. */
static bool
tell_plan(struct cli *a, const char *plan)
{
	if (options_value(a, "out") != NULL || a->json || a->dry_run)
		return output_plan(a, "%s", plan);
	fprintf(stderr, "will %s\n", plan);
	return true;
}

enum err
cmd_issue(struct cli *a)
{
	const struct admin_command *c = &a->command->operation->command;
	AUTO(json_t) given = NULL;
	AUTO(json_t) answer = NULL;
	enum err e = remote_read(a, &given);

	if (e != ERR_OK || !tell_plan(a, output_filled(a, c->plan, given, NULL)))
		return e;
	TRY(remote_ask(a, given, &answer));
	TRY(write_chain(a, answer));
	if ((options_value(a, "out") != NULL || a->json))
		output_done(a, json_incref(answer), "%s", output_filled(a, c->done, given, answer));
	return ERR_OK;
}

static enum err
install_answer(struct cli *a, const json_t *answer, struct bytes key_pem, struct bytes spki)
{
	const char *pem = json_string_value(json_object_get(answer, "pem")),
		   *chain = json_string_value(json_object_get(answer, "chain"));
	struct bytes der[2];
	struct pki_cert leaf;
	size_t at = 0;

	if (pem == NULL || chain == NULL)
		return err_set(ERR_INTERNAL, "the server's answer has no certificate");
	TRY(pem_next(a->arena, bytes_str(pem), "CERTIFICATE", &at, &der[0]));
	at = 0;
	TRY(pem_next(a->arena, bytes_str(chain), "CERTIFICATE", &at, &der[1]));
	TRY(pki_cert_parse(der[0], a->arena, &leaf));
	if (!bytes_equal(leaf.spki.der, spki))
		return err_set(
			ERR_INTERNAL, "the server answered with a certificate for another key");
	return credential_install(a->arena, client_credential(a), key_pem, der, 2);
}

enum err
client_renew(struct cli *a, const struct pki_cert *leaf, json_t **out)
{
	AUTO_BUF(key_pem, 4096);
	AUTO(json_t) body = NULL;
	AUTO(json_t) answer = NULL;
	struct bytes csr, spki;
	const char *name = pki_name_common_name(a->arena, leaf->subject);

	TRY(credential_request(a->arena, name, &key_pem, &csr, &spki));
	body = json_pack("{s:s}", "csr", base64_string(a->arena, csr));
	TRY(client_post(a, admin_operations[ADMIN_RENEW].path, body, &answer));
	TRY(install_answer(a, answer, buf_bytes(&key_pem), spki));
	if (out != NULL)
		*out = json_incref(answer);
	return ERR_OK;
}

enum err
cmd_renew(struct cli *a)
{
	struct pki_cert leaf;
	json_t *answer = NULL;

	TRY(client_ready(a, &leaf));
	if (!output_plan(a, "replace \"%s\" and \"%s\" with a new certificate and key",
		    client_credential(a)->certificate, client_credential(a)->key))
		return ERR_OK;
	TRY(client_renew(a, &leaf, &answer));
	output_done(a, answer, "%s",
		output_filled(a, a->command->operation->command.done, NULL, answer));
	return ERR_OK;
}
