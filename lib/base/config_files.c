/*
 * What a configuration names on disk: the second half of `ca-admin config check`, run as root or as
 * the user of the program concerned. A secret that others can read is refused like one that is
 * missing.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/config.h"
#include "lib/base/yaml.h"

enum file_kind { A_FILE, A_SECRET, A_DIRECTORY };

struct file_rule {
	const char *path;
	size_t at;
	enum file_kind kind;
	const char *remedy;
	mode_t forbidden; /* permission bits of a secret */
};

static const struct file_rule files[] = {
	{"run_directory", offsetof(struct config, run_directory), A_DIRECTORY,
		"create it, owned by the programs' users", 0},
	{"state_directory", offsetof(struct config, state_directory), A_DIRECTORY,
		"create it, owned by the programs' users", 0},
	{"profiles", offsetof(struct config, profiles), A_FILE,
		"copy the sample profiles there or correct the path", 0},
	{"hsm.module", offsetof(struct config, hsm.module), A_FILE,
		"install the PKCS#11 module or correct the path", 0},
	{"hsm.module_config", offsetof(struct config, hsm.module_config), A_FILE,
		"create it or correct the path", 0},
	{"hsm.pin_file", offsetof(struct config, hsm.pin_file), A_SECRET,
		"write the PIN there, mode 0400, owned by the signer", 0007},
	{"database.passfile", offsetof(struct config, database.passfile), A_SECRET,
		"create it (libpq's format) or remove the key", 0077},
	{"database.host", offsetof(struct config, database.host), A_DIRECTORY,
		"start PostgreSQL or correct the path", 0},
};

/* Others may never read a secret. The PIN's group may: the file belongs to root, the group to one
 * program. A password file that even its group can open is ignored by libpq. */
static enum err
check_secret(
	const struct config *c, const struct file_rule *r, const char *file, const struct stat *st)
{
	if ((st->st_mode & r->forbidden) != 0)
		return yaml_refuse(c->doc, r->path,
			"\"%s\" names \"%s\" of mode %04o, which too many can open: chmod %s \"%s\"",
			r->path, file, (unsigned)(st->st_mode & 07777),
			r->forbidden == 0077 ? "go=" : "o=", file);
	if (st->st_size == 0)
		return yaml_refuse(c->doc, r->path, "\"%s\" names \"%s\", which is empty; %s",
			r->path, file, r->remedy);
	return ERR_OK;
}

static enum err
check_file(const struct config *c, const struct file_rule *r)
{
	const char *file = *(const char *const *)((const char *)c + r->at);
	struct stat st;

	if (file == NULL || file[0] != '/')
		return ERR_OK;
	if (stat(file, &st) != 0)
		return yaml_refuse(c->doc, r->path, "\"%s\" names \"%s\": %s; %s", r->path, file,
			strerror(errno), r->remedy);
	if (r->kind == A_DIRECTORY ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		return yaml_refuse(c->doc, r->path, "\"%s\" names \"%s\", which is not a %s",
			r->path, file, r->kind == A_DIRECTORY ? "directory" : "regular file");
	if (access(file, r->kind == A_DIRECTORY ? X_OK : R_OK) != 0)
		return yaml_refuse(c->doc, r->path,
			"\"%s\" names \"%s\", which this user cannot open: %s", r->path, file,
			strerror(errno));
	return r->kind == A_SECRET ? check_secret(c, r, file, &st) : ERR_OK;
}

enum err
config_check(const struct config *c)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		TRY(check_file(c, &files[i]));
	return ERR_OK;
}
