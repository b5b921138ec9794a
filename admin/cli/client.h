/* The client's own credential, for the commands that renew it. */
#ifndef CHANCERY_ADMIN_CLI_CLIENT_H
#define CHANCERY_ADMIN_CLI_CLIENT_H

#include "admin/cli/cli.h"
#include "admin/cli/credential.h"

/* Valid after the first call or client_ready(). */
const struct credential *client_credential(const struct cli *a);
/* Opens the client and looks at its certificate; leaf is in the arena. */
enum err client_ready(struct cli *a, struct pki_cert *leaf) MUST_CHECK;
/* A new key and certificate for the operator whose certificate leaf is, installed in place of the
 * old ones. The answer is a new reference unless out is NULL. */
enum err client_renew(struct cli *a, const struct pki_cert *leaf, json_t **out) MUST_CHECK;

#endif
