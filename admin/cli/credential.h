/*
 * The operator's own credential: a directory with admin.yaml (where the server is, which files),
 * the private key (0600), the certificate with its issuer, and the root. Replacing key and
 * certificate survives a crash at any step.
 */
#ifndef CHANCERY_ADMIN_CLI_CREDENTIAL_H
#define CHANCERY_ADMIN_CLI_CREDENTIAL_H

#include "lib/base/arena.h"
#include "lib/pki/cert.h"

struct credential {
	const char *server;		       /* https://host:port, no slash at the end */
	const char *certificate, *key, *trust; /* paths */
	const char *directory; /* where it came from; NULL when all was given by options */
};

#define CREDENTIAL_FILE "admin.yaml"

/* ~/.config/chancery, or XDG_CONFIG_HOME/chancery. */
const char *credential_default_directory(struct arena *a);
/* Reads FILE (admin.yaml). Relative names are meant beside it. ERR_NOTFOUND tells to run `ca-admin
 * init`. */
enum err credential_load(struct arena *a, const char *path, struct credential *out) MUST_CHECK;
/* Writes admin.yaml and trust into the directory. */
enum err credential_save(struct arena *a, const char *directory, const char *server,
	struct bytes root, struct credential *out) MUST_CHECK;

/* A fresh P-256 key as PKCS#8 PEM (caller wipes it with the buffer) and a CSR signed by it, in the
 * arena. */
enum err credential_request(struct arena *a, const char *common_name, struct buf *key_pem,
	struct bytes *csr, struct bytes *spki) MUST_CHECK;
/* Installs key and chain (leaf first). */
enum err credential_install(struct arena *a, const struct credential *c, struct bytes key_pem,
	const struct bytes *chain, size_t count) MUST_CHECK;
/* Finishes an interrupted installation, then checks that both files exist, belong together and may
 * be used by nobody else. ERR_NOTFOUND: no credential; ERR_INVALID: broken. leaf is in the arena.
 */
enum err
credential_check(struct arena *a, const struct credential *c, struct pki_cert *leaf) MUST_CHECK;

#endif
