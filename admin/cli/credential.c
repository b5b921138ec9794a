/*
 * The operator's credential directory. Key and certificate are replaced in an order that survives a
 * crash: both are written beside the old ones, the certificate is renamed first, then the key; a
 * certificate that fits only the key still waiting beside it says where the crash was.
 */
#include "admin/cli/credential.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "admin/cli/cli.h"
#include "lib/base/clock.h"
#include "lib/base/hex.h"
#include "lib/base/yaml.h"
#include "lib/pki/csr.h"

AUTO_DEFINE(BIO, BIO_free_all)

struct file {
	const char *server, *certificate, *key, *trust;
};

static bool
is_https(const char *text)
{
	return strncmp(text, "https://", 8) == 0;
}

static const struct yaml_form form_server = {
	.matches = is_https, .wanted = "the server's URL: https://HOST:PORT"};

#define TEXT(member, most, ...)                                                                    \
	{                                                                                          \
		.path = #member, .type = YAML_TEXT, .need = YAML_REQUIRED, .min = 1,               \
		.max = (most), .at = YAML_AT(const char *, struct file, member), __VA_ARGS__       \
	}
static const struct yaml_row rows[] = {
	TEXT(server, 512, .form = &form_server),
	TEXT(certificate, 4095),
	TEXT(key, 4095),
	TEXT(trust, 4095),
};
static const struct yaml_table table = {rows, ARRAY_LEN(rows)};

const char *
credential_default_directory(struct arena *a)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (base != NULL && base[0] == '/')
		return arena_printf(a, "%s/chancery", base);
	return arena_printf(
		a, "%s/.config/chancery", home != NULL && home[0] == '/' ? home : "/root");
}

static const char *
directory_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return ".";
	return slash == path ? "/" : arena_string(a, bytes_of(path, (size_t)(slash - path)));
}

enum err
credential_load(struct arena *a, const char *path, struct credential *out)
{
	const char *directory = directory_of(a, path);
	const struct yaml_doc *doc;
	struct file f = {0};
	enum err e = yaml_read_file(a, path, &table, &f, &doc);

	if (e == ERR_NOTFOUND)
		return err_set(e,
			"there is no \"%s\": run `ca-admin init` on the CA's machine, or give --server, --cert, --key and --ca",
			path);
	if (e != ERR_OK)
		return e;
	*out = (struct credential){
		.server = f.server,
		.certificate = files_under(a, directory, f.certificate),
		.key = files_under(a, directory, f.key),
		.trust = files_under(a, directory, f.trust),
		.directory = directory,
	};
	return ERR_OK;
}

enum err
credential_save(struct arena *a, const char *directory, const char *server, struct bytes root,
	struct credential *out)
{
	const char *text = arena_printf(a,
		"# Where ca-admin finds the server and this operator's certificate. Names are meant beside this file.\n"
		"server: \"%s\"\ncertificate: operator.pem\nkey: operator.key\ntrust: root.pem\n",
		server);

	TRY(files_directory(directory));
	*out = (struct credential){
		.server = arena_strdup(a, server),
		.certificate = files_under(a, directory, "operator.pem"),
		.key = files_under(a, directory, "operator.key"),
		.trust = files_under(a, directory, "root.pem"),
		.directory = arena_strdup(a, directory),
	};
	TRY(files_write(out->trust, bytes_str(pem_string(a, "CERTIFICATE", root)), FILES_PUBLIC));
	return files_write(
		files_under(a, directory, CREDENTIAL_FILE), bytes_str(text), FILES_PUBLIC);
}

static enum err
key_to_pem(EVP_PKEY *key, struct buf *out)
{
	AUTO(BIO) bio = BIO_new(BIO_s_secmem());
	char *data;
	long n;

	if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return err_openssl(ERR_INTERNAL, "cannot write the private key");
	n = BIO_get_mem_data(bio, &data);
	return buf_append(out, data, (size_t)n);
}

enum err
credential_request(struct arena *a, const char *common_name, struct buf *key_pem, struct bytes *csr,
	struct bytes *spki)
{
	const struct pki_name_parts parts = {.common_name = common_name};
	const struct pki_sans none = {.item = NULL, .count = 0};
	AUTO(EVP_PKEY) key = NULL;
	AUTO_BUF(request, PKI_CSR_MAX);
	struct pki_signer signer;
	struct bytes subject;

	TRY(pki_key_generate_p256(&key));
	TRY(pki_spki_from_pkey(key, a, spki));
	TRY(pki_name_build(&parts, a, &subject));
	pki_signer_software(key, PKI_KEY_P256, &signer);
	TRY(pki_csr_build(subject, &none, *spki, &signer, &request));
	*csr = arena_bytes(a, buf_bytes(&request));
	return key_to_pem(key, key_pem);
}

static char *
waiting_path(struct arena *a, const char *path)
{
	return arena_printf(a, "%s.new", path);
}

static enum err
move_in(struct arena *a, const char *path)
{
	return rename(waiting_path(a, path), path) == 0
		? ERR_OK
		: err_errno(ERR_INTERNAL, "cannot replace \"%s\"", path);
}

enum err
credential_install(struct arena *a, const struct credential *c, struct bytes key_pem,
	const struct bytes *chain, size_t count)
{
	const char *text = "";

	for (size_t i = 0; i < count; i++)
		text = arena_printf(a, "%s%s", text, pem_string(a, "CERTIFICATE", chain[i]));
	TRY(files_write(waiting_path(a, c->key), key_pem, FILES_SECRET));
	TRY(files_write(waiting_path(a, c->certificate), bytes_str(text), FILES_PUBLIC));
	TRY(move_in(a, c->certificate));
	return move_in(a, c->key);
}

static int
no_password(char *out, int size, int writing, void *ctx)
{
	(void)out, (void)size, (void)writing, (void)ctx;
	return -1;
}

/* ERR_NOTFOUND: no such file; ERR_CONFLICT: another key than the certificate's. */
static enum err
key_fits(struct arena *a, const char *path, const struct pki_cert *leaf)
{
	AUTO(EVP_PKEY) key = NULL;
	struct bytes spki;
	struct stat st;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return err_errno(errno == ENOENT ? ERR_NOTFOUND : ERR_INVALID,
			"cannot open the private key \"%s\"", path);
	if (fstat(fileno(f), &st) == 0 && (st.st_mode & 077) != 0) {
		fclose(f);
		return err_set(ERR_DENIED,
			"the private key \"%s\" is open to others: chmod 600 it, and renew it if it may have been read",
			path);
	}
	key = PEM_read_PrivateKey(f, NULL, no_password, NULL);
	fclose(f);
	if (key == NULL)
		return err_openssl(
			ERR_INVALID, "\"%s\" is not an unencrypted private key in PEM form", path);
	TRY(pki_spki_from_pkey(key, a, &spki));
	if (!bytes_equal(spki, leaf->spki.der))
		TRY(err_set(ERR_CONFLICT,
			"the private key \"%s\" does not belong to the certificate beside it",
			path));
	return ERR_OK;
}

enum err
credential_check(struct arena *a, const struct credential *c, struct pki_cert *leaf)
{
	enum err e;

	TRY(files_read_cert(a, c->certificate, leaf));
	e = key_fits(a, c->key, leaf);
	if ((e == ERR_CONFLICT || e == ERR_NOTFOUND) &&
		key_fits(a, waiting_path(a, c->key), leaf) == ERR_OK)
		return move_in(a, c->key);
	if (e == ERR_CONFLICT) /* said again: the attempt above has its own reason */

		return err_set(ERR_INVALID,
			"the private key \"%s\" does not belong to certificate \"%s\": run `ca-admin init` again "
			"on the CA's machine",
			c->key, c->certificate);
	return e;
}
