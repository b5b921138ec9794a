/*
 * Checks the evidence of a ceremony: each line of the table below is one statement the evidence
 * makes, proven or refused. All checks run, so that one look shows all that is wrong. Trust comes
 * from outside: compare the printed fingerprint with the one on paper, or name the certificate you
 * trust.
 */
#include "ca/ceremony/ceremony.h"

#include <stdio.h>

#include "ca/ceremony/files.h"
#include "lib/base/hex.h"
#include "lib/base/json.h"
#include "lib/base/random.h"
#include "lib/pki/csr.h"

struct verify {
	struct arena *arena;
	const char *path,
		*trusted; /* evidence file; certificate named on the command line or NULL */
	struct bytes text;
	json_t *json;
	const char *command;
	struct bytes spki; /* of the key that must have signed */
	EVP_PKEY *key;
	enum pki_key_type key_type;
};

/* Where a file of the record is now: as it was called, seen from the evidence, else beside it. */
static enum err
locate_file(const struct verify *v, const char *file, struct bytes *content, const char **where)
{
	const char *slash = strrchr(v->path, '/');
	const char *folder = slash != NULL
		? arena_printf(v->arena, "%.*s/", (int)(slash - v->path), v->path)
		: "";
	const char *tries[] = {
		file[0] == '/' ? file : arena_printf(v->arena, "%s%s", folder, file),
		arena_printf(v->arena, "%s%s", folder, file_base_name(file)),
	};

	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		enum err e = file_read(v->arena, tries[i], FILE_OBJECT_MAX, content);

		*where = tries[i];
		if (e != ERR_NOTFOUND)
			return e;
	}
	return err_set(
		ERR_NOTFOUND, "file \"%s\" is neither where it was nor beside the evidence", file);
}

/* The recorded file with this role in inputs or outputs; NULL when there is none. */
static const char *
file_of_role(const struct verify *v, const char *list, const char *role)
{
	const json_t *files = json_object_get(v->json, list);
	const json_t *file;
	size_t i;

	json_array_foreach(files, i, file) {
		const char *has = json_string_value(json_object_get(file, "role"));

		if (has != NULL && strcmp(has, role) == 0)
			return json_string_value(json_object_get(file, "file"));
	}
	return NULL;
}

static enum err
read_object(const struct verify *v, const char *list, const char *role, const char *label,
	struct bytes *der)
{
	const char *file = file_of_role(v, list, role), *where;
	struct bytes content;

	if (file == NULL)
		return err_set(ERR_NOTFOUND, "the evidence names no %s", role);
	TRY(locate_file(v, file, &content, &where));
	return file_read_object(v->arena, where, label, der);
}

/* Which file holds the public key that signed, for each command. */
static const struct source {
	const char *command, *list, *role, *label;
} sources[] = {
	{"root", "outputs", RECORD_CERTIFICATE, "CERTIFICATE"},
	{"request", "outputs", RECORD_REQUEST, "CERTIFICATE REQUEST"},
	{"sign", "inputs", RECORD_ISSUER, "CERTIFICATE"},
	{"crl", "inputs", RECORD_ISSUER, "CERTIFICATE"},
};

static enum err
spki_of(const struct verify *v, struct bytes der, const char *label, struct bytes *spki)
{
	struct pki_cert cert;
	struct pki_csr csr;
	enum err e;

	if (strcmp(label, "CERTIFICATE") == 0) {
		e = pki_cert_parse(der, v->arena, &cert);
		*spki = cert.spki.der;
	} else {
		e = pki_csr_parse(der, v->arena, &csr);
		*spki = csr.spki.der;
	}
	return e;
}

static enum err
find_key(struct verify *v)
{
	struct pki_spki spki;
	struct bytes der;
	enum err e = err_set(ERR_INVALID, "\"%s\" is no ceremony command", v->command);

	if (v->trusted != NULL) {
		if ((e = file_read_object(v->arena, v->trusted, "CERTIFICATE", &der)) == ERR_OK)
			e = spki_of(v, der, "CERTIFICATE", &v->spki);
	} else
		for (size_t i = 0; i < ARRAY_LEN(sources); i++)
			if (strcmp(sources[i].command, v->command) == 0 &&
				(e = read_object(v, sources[i].list, sources[i].role,
					 sources[i].label, &der)) == ERR_OK)
				e = spki_of(v, der, sources[i].label, &v->spki);
	TRY(e);
	TRY(pki_spki_parse(v->spki, &spki));
	v->key_type = spki.type;
	return pki_spki_pkey(&spki, &v->key);
}

static enum err
check_signature(struct verify *v)
{
	struct bytes signature;
	enum err e =
		file_read(v->arena, arena_printf(v->arena, "%s.sig", v->path), 4096, &signature);

	if (e != ERR_OK)
		return e;
	if (v->key == NULL)
		return err_set(ERR_DENIED, "there is no key to check it with");
	return pki_verify(v->key, pki_sig_alg_for(v->key_type), v->text, signature);
}

static const char *
sha256_text(const struct verify *v, struct bytes in)
{
	uint8_t digest[SHA256_SIZE];

	sha256(in, digest);
	return hex_string(v->arena, bytes_of(digest, sizeof(digest)));
}

static enum err
check_key(struct verify *v)
{
	const char *recorded, *actual = sha256_text(v, v->spki);

	TRY(json_get_string(json_object_get(v->json, "key"), "spki_sha256", &recorded));
	if (strcmp(recorded, actual) != 0)
		return err_set(ERR_DENIED,
			"the evidence is about key SHA-256 %s, the certificate has %s", recorded,
			actual);
	return ERR_OK;
}

static enum err
check_attributes(struct verify *v)
{
	static const struct {
		const char *name;
		bool want;
	} wanted[] = {{"token", true}, {"sensitive", true}, {"always_sensitive", true},
		{"extractable", false}, {"never_extractable", true}, {"local", true},
		{"sign", true}};
	const json_t *attributes = json_object_get(json_object_get(v->json, "key"), "attributes");

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		const json_t *value = json_object_get(attributes, wanted[i].name);

		if (!json_is_boolean(value) || json_is_true(value) != wanted[i].want)
			return err_set(ERR_DENIED, "key attribute \"%s\" is not %s", wanted[i].name,
				wanted[i].want ? "true" : "false");
	}
	return ERR_OK;
}

static enum err
check_plan(struct verify *v)
{
	const json_t *plan = json_object_get(v->json, "plan");
	const char *hash, *text;

	TRY(json_get_string(plan, "sha256", &hash));
	TRY(json_get_string(plan, "text", &text));
	if (strcmp(hash, sha256_text(v, bytes_str(text))) != 0)
		return err_set(ERR_DENIED, "the plan's text does not have the recorded hash");
	return ERR_OK;
}

static enum err
check_file(struct verify *v, const json_t *file)
{
	const char *name, *hash, *where;
	struct bytes content;

	TRY(json_get_string(file, "file", &name));
	TRY(json_get_string(file, "sha256", &hash));
	TRY(locate_file(v, name, &content, &where));
	if (strcmp(hash, sha256_text(v, content)) != 0)
		return err_set(ERR_DENIED, "file \"%s\" does not have the recorded hash", where);
	return ERR_OK;
}

static enum err
check_files(struct verify *v)
{
	static const char *const lists[] = {"inputs", "outputs"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const json_t *files = json_object_get(v->json, lists[i]);
		const json_t *file;
		size_t j;

		if (!json_is_array(files))
			return err_set(ERR_INVALID, "the evidence has no list \"%s\"", lists[i]);
		json_array_foreach(files, j, file) {
			TRY(check_file(v, file));
		}
	}
	return ERR_OK;
}

static enum err
check_issued(struct verify *v, const char *issuer_list, const char *issuer_role)
{
	struct bytes issuer_der, der;
	struct pki_cert issuer, cert;

	TRY(read_object(v, issuer_list, issuer_role, "CERTIFICATE", &issuer_der));
	TRY(pki_cert_parse(issuer_der, v->arena, &issuer));
	TRY(read_object(v, "outputs", RECORD_CERTIFICATE, "CERTIFICATE", &der));
	TRY(pki_cert_parse(der, v->arena, &cert));
	return pki_cert_verify_issued_by(&cert, &issuer);
}

static enum err
check_root(struct verify *v)
{
	return check_issued(v, "outputs", RECORD_CERTIFICATE);
}

static enum err
check_signed(struct verify *v)
{
	return check_issued(v, "inputs", RECORD_ISSUER);
}

static enum err
check_crl(struct verify *v)
{
	struct pki_crl crl;
	struct bytes der;

	TRY(read_object(v, "outputs", RECORD_CRL, "X509 CRL", &der));
	TRY(pki_crl_parse(der, &crl));
	if (v->key == NULL)
		return err_set(ERR_DENIED, "there is no key to check it with");
	return pki_verify(v->key, crl.sig_alg, crl.tbs, crl.signature);
}

static const struct check {
	const char *command; /* NULL: for every command */
	const char *says;
	enum err (*run)(struct verify *v);
} checks[] = {
	{NULL, "the signing key can be read", find_key},
	{NULL, "the evidence is signed by that key", check_signature},
	{NULL, "the evidence is about that key", check_key},
	{NULL, "the key was made in the token and cannot leave it", check_attributes},
	{NULL, "the plan is the recorded one", check_plan},
	{NULL, "all named files are unchanged", check_files},
	{"root", "the root certificate is signed by its own key", check_root},
	{"sign", "the issuing CA's certificate is signed by the issuer's key", check_signed},
	{"root", "the CRL is signed by the key", check_crl},
	{"crl", "the CRL is signed by the key", check_crl},
};

static enum err
read_evidence(struct verify *v)
{
	const char *format;
	enum err e;

	if ((e = file_read(v->arena, v->path, JSON_TEXT_MAX, &v->text)) != ERR_OK ||
		(e = json_parse(v->text, &v->json)) != ERR_OK)
		return err_context(e, "evidence \"%s\"", v->path);
	if ((e = json_get_string(v->json, "format", &format)) != ERR_OK)
		return err_context(e, "evidence \"%s\"", v->path);
	if (strcmp(format, RECORD_FORMAT) != 0 ||
		json_integer_value(json_object_get(v->json, "version")) != RECORD_VERSION)
		return err_set(ERR_INVALID, "\"%s\" is no " RECORD_FORMAT " of version %d", v->path,
			RECORD_VERSION);
	return json_get_string(v->json, "command", &v->command);
}

static enum err
run_checks(struct verify *v)
{
	unsigned failed = 0, ran = 0;

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		enum err e;

		if (checks[i].command != NULL && strcmp(checks[i].command, v->command) != 0)
			continue;
		ran++;
		e = checks[i].run(v);
		printf("  %-8s %s%s%s\n", e == ERR_OK ? "ok" : "REFUSED", checks[i].says,
			e == ERR_OK ? "" : ": ", e == ERR_OK ? "" : err_reason());
		failed += e != ERR_OK;
	}
	if (v->key != NULL)
		printf("public key SHA-256 %s: compare with the record on paper\n",
			sha256_text(v, v->spki));
	if (failed > 0)
		return err_set_word(ERR_DENIED, WORD_BAD_EVIDENCE,
			"evidence \"%s\": %u of %u checks failed", v->path, failed, ran);
	return ERR_OK;
}

enum err
ceremony_verify(const char *evidence, const char *certificate)
{
	AUTO_STRUCT(arena) arena = arena_new(0);
	struct verify v = {.arena = arena, .path = evidence, .trusted = certificate};
	enum err e = read_evidence(&v);

	if (e == ERR_OK)
		e = run_checks(&v);
	EVP_PKEY_free(v.key);
	json_decref(v.json);
	return e;
}
