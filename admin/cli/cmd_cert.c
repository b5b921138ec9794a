/* Certificates: find, show, revoke, issue, renew one's own; and publishing CRLs now. */
#include "admin/cli/cli.h"
#include "admin/cli/client.h"
#include "lib/base/clock.h"
#include "lib/base/duration.h"
#include "lib/base/hex.h"
#include "lib/pki/csr.h"

enum { REQUEST_FILE_MAX = 64 * 1024 };

enum err
cmd_cert_list(struct cli *a)
{
	static const struct output_column columns[] = {
		{"SERIAL", "serial"},
		{"IDENTITY", "identity"},
		{"PROFILE", "profile"},
		{"STATUS", "status"},
		{"NOT AFTER", "not_after"},
		{"NAMES", "names"},
		{NULL, NULL},
	};
	AUTO(json_t) list = NULL;
	const char *path = "/admin/v1/certificates";
	unsigned limit;
	enum err e = options_number(a, "limit", 1000000, 1000, &limit);

	path = client_query(a, path, "identity", options_value(a, "identity"));
	path = client_query(a, path, "name", options_value(a, "name"));
	path = client_query(a, path, "all", options_switch(a, "all") ? "yes" : NULL);
	if (e == ERR_OK)
		e = client_list(a, path, "certificates", limit, &list);
	if (e != ERR_OK)
		return e;
	if (a->json)
		output_json(list);
	else
		output_table(list, columns,
			options_switch(a, "all") ? "no certificates"
						 : "no live certificates (--all shows ended ones)");
	return ERR_OK;
}

static enum err
serial_path(struct cli *a, const char *suffix, const char **out)
{
	uint8_t serial[PKI_SERIAL_SIZE];
	size_t n;
	const char *text = a->argument[0];

	if (hex_decode(bytes_str(text), serial, sizeof(serial), &n) != ERR_OK ||
		n != sizeof(serial))
		return options_usage(a,
			"a serial is 32 hexadecimal digits, not \"%s\"; `ca-admin cert list` shows them",
			text);
	*out = arena_printf(a->arena, "/admin/v1/certificates/%s%s",
		hex_string(a->arena, bytes_of(serial, n)), suffix);
	return ERR_OK;
}

enum err
cmd_cert_show(struct cli *a)
{
	static const struct output_column lines[] = {
		{"serial", "serial"},
		{"status", "status"},
		{"identity", "identity"},
		{"profile", "profile"},
		{"issuer", "issuer"},
		{"subject", "subject"},
		{"names", "names"},
		{"not before", "not_before"},
		{"not after", "not_after"},
		{"issued", "issued_at"},
		{"renewed from", "renewed_from"},
		{"revoked", "revoked_at"},
		{"reason", "reason"},
		{NULL, NULL},
	};
	AUTO(json_t) cert = NULL;
	const char *path;
	enum err e = serial_path(a, "", &path);

	if (e == ERR_OK)
		e = client_get(a, path, &cert);
	if (e != ERR_OK)
		return e;
	if (a->json) {
		output_json(cert);
		return ERR_OK;
	}
	output_object(cert, lines);
	fputs(json_string_value(json_object_get(cert, "pem")), stdout);
	return ERR_OK;
}

enum err
cmd_cert_revoke(struct cli *a)
{
	const char *reason = options_value(a, "reason"), *path;
	AUTO(json_t) body = json_pack("{s:s}", "reason", reason != NULL ? reason : "unspecified");
	json_t *answer = NULL;
	enum err e = serial_path(a, "/revoke", &path);

	if (e != ERR_OK)
		return e;
	if (body == NULL)
		return options_usage(a, "the reason must be UTF-8");
	if (!output_plan(a, "revoke certificate %s (reason %s); this cannot be undone",
		    a->argument[0], reason != NULL ? reason : "unspecified"))
		return ERR_OK;
	e = client_post(a, path, body, &answer);
	if (e == ERR_OK)
		output_done(a, answer,
			"revoked; the gateway refuses it from now on, %s, the CRL follows",
			output_responders(a, answer));
	return e;
}

/* PEM (with the old label too) or DER; the gateway judges what is in it. */
static enum err
read_request(struct cli *a, const char *path, struct bytes *der)
{
	struct bytes text;
	size_t offset = 0;
	enum err e = files_read(a->arena, path, REQUEST_FILE_MAX, &text);

	if (e != ERR_OK)
		return e;
	if (text.n > 0 && text.p[0] == DER_SEQUENCE) {
		*der = text;
		return ERR_OK;
	}
	e = pem_next(a->arena, text, "CERTIFICATE REQUEST", &offset, der);
	if (e == ERR_NOTFOUND)
		e = pem_next(a->arena, text, "NEW CERTIFICATE REQUEST", &offset, der);
	return e == ERR_NOTFOUND
		? err_set(ERR_INVALID, "\"%s\" holds no certificate request (PEM or DER)", path)
		: e;
}

static enum err
write_chain(struct cli *a, const json_t *answer)
{
	const char *out = options_value(a, "out"),
		   *pem = json_string_value(json_object_get(answer, "pem"));
	const char *chain = json_string_value(json_object_get(answer, "chain"));

	if (pem == NULL || chain == NULL)
		return err_set(ERR_INTERNAL, "the gateway's answer has no certificate");
	if (out == NULL) {
		if (!a->json)
			printf("%s%s", pem, chain);
		return ERR_OK;
	}
	return files_write(
		out, bytes_str(arena_printf(a->arena, "%s%s", pem, chain)), FILES_PUBLIC);
}

enum err
cmd_issue(struct cli *a)
{
	const char *profile = options_value(a, "profile"), *lifetime = options_value(a, "lifetime"),
		   *out = options_value(a, "out");
	AUTO(json_t) body = json_object();
	json_t *answer = NULL;
	struct bytes csr;
	int64_t seconds = 0;
	enum err e = read_request(a, options_value(a, "csr"), &csr);

	if (e == ERR_OK && lifetime != NULL && duration_parse(lifetime, &seconds) != ERR_OK)
		e = options_usage(a, "--lifetime: %s", err_reason());
	if (e != ERR_OK)
		return e;
	/* The plan goes to standard error when the certificate goes to standard output. */
	if (out == NULL && !a->json && !a->dry_run)
		fprintf(stderr, "will issue a certificate to \"%s\" under profile \"%s\"\n",
			a->argument[0], profile);
	else if (!output_plan(a, "issue a certificate to \"%s\" under profile \"%s\"",
			 a->argument[0], profile))
		return ERR_OK;
	json_object_set_new(body, "identity", json_string(a->argument[0]));
	json_object_set_new(body, "profile", json_string(profile));
	json_object_set_new(body, "csr", json_string(base64_string(a->arena, csr)));
	if (seconds > 0)
		json_object_set_new(body, "lifetime", json_integer(seconds));
	e = client_post(a, "/admin/v1/issue", body, &answer);
	if (e != ERR_OK)
		return e;
	e = write_chain(a, answer);
	if (e == ERR_OK && (out != NULL || a->json))
		output_done(a, json_incref(answer), "issued %s, valid until %s, written to %s",
			output_text(a->arena, json_object_get(answer, "serial")),
			output_text(a->arena, json_object_get(answer, "not_after")),
			out != NULL ? out : "-");
	json_decref(answer);
	return e;
}

static enum err
install_answer(struct cli *a, const json_t *answer, struct bytes key_pem, struct bytes spki)
{
	const char *pem = json_string_value(json_object_get(answer, "pem")),
		   *chain = json_string_value(json_object_get(answer, "chain"));
	struct bytes der[2];
	struct pki_cert leaf;
	size_t at = 0;
	enum err e;

	if (pem == NULL || chain == NULL)
		return err_set(ERR_INTERNAL, "the gateway's answer has no certificate");
	e = pem_next(a->arena, bytes_str(pem), "CERTIFICATE", &at, &der[0]);
	at = 0;
	if (e == ERR_OK)
		e = pem_next(a->arena, bytes_str(chain), "CERTIFICATE", &at, &der[1]);
	if (e == ERR_OK)
		e = pki_cert_parse(der[0], a->arena, &leaf);
	if (e == ERR_OK && !bytes_equal(leaf.spki.der, spki))
		e = err_set(
			ERR_INTERNAL, "the gateway answered with a certificate for another key");
	return e == ERR_OK ? credential_install(a->arena, client_credential(a), key_pem, der, 2)
			   : e;
}

enum err
client_renew(struct cli *a, const struct pki_cert *leaf, json_t **out)
{
	AUTO_BUF(key_pem, 4096);
	AUTO(json_t) body = NULL;
	AUTO(json_t) answer = NULL;
	struct bytes csr, spki;
	const char *name = pki_name_common_name(a->arena, leaf->subject);
	enum err e = credential_request(a->arena, name, &key_pem, &csr, &spki);

	if (e != ERR_OK)
		return e;
	body = json_pack("{s:s}", "csr", base64_string(a->arena, csr));
	e = client_post(a, "/admin/v1/renew", body, &answer);
	if (e == ERR_OK)
		e = install_answer(a, answer, buf_bytes(&key_pem), spki);
	if (e == ERR_OK && out != NULL)
		*out = json_incref(answer);
	return e;
}

enum err
cmd_renew(struct cli *a)
{
	struct pki_cert leaf;
	json_t *answer = NULL;
	enum err e = client_ready(a, &leaf);

	if (e != ERR_OK)
		return e;
	if (!output_plan(a, "replace \"%s\" and \"%s\" with a new certificate and key",
		    client_credential(a)->certificate, client_credential(a)->key))
		return ERR_OK;
	e = client_renew(a, &leaf, &answer);
	if (e == ERR_OK)
		output_done(a, answer, "renewed, valid until %s",
			output_text(a->arena, json_object_get(answer, "not_after")));
	return e;
}

enum err
cmd_crl_publish(struct cli *a)
{
	const char *issuer = options_value(a, "issuer");
	AUTO(json_t) body = issuer != NULL ? json_pack("{s:s}", "issuer", issuer) : json_object();
	json_t *answer = NULL;
	enum err e;

	if (body == NULL)
		return options_usage(a, "names must be UTF-8");
	if (!output_plan(a, "have the CRL of %s%s%s published anew",
		    issuer != NULL ? "issuer \"" : "every issuing CA", issuer != NULL ? issuer : "",
		    issuer != NULL ? "\"" : ""))
		return ERR_OK;
	e = client_post(a, "/admin/v1/crl/publish", body, &answer);
	if (e == ERR_OK)
		output_done(a, answer,
			"asked for: %s; `ca-admin status` shows the new number within seconds",
			output_text(a->arena, json_object_get(answer, "issuers")));
	return e;
}
