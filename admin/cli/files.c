/*
 * Files of ca-admin: bounded reading, and writing that is whole or not at all. A secret is never
 * readable by others, not even for the moment between creating and renaming it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/cli/cli.h"
#include "lib/base/hex.h"

static enum err
read_all(int fd, struct buf *out, const char *path)
{
	for (;;) {
		uint8_t block[8192];
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(ERR_INVALID, "cannot read \"%s\"", path);
		if (n == 0)
			return ERR_OK;
		if (buf_append(out, block, (size_t)n) != ERR_OK)
			return err_set(
				ERR_LIMIT, "\"%s\" is larger than %zu octets", path, out->max);
	}
}

enum err
files_read(struct arena *a, const char *path, size_t max, struct bytes *out)
{
	bool standard_input = strcmp(path, "-") == 0;
	int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	AUTO_BUF(content, max);
	enum err e;

	if (fd < 0)
		return err_errno(
			errno == ENOENT ? ERR_NOTFOUND : ERR_INVALID, "cannot open \"%s\"", path);
	e = read_all(fd, &content, path);
	if (!standard_input)
		close(fd);
	if (e == ERR_OK)
		*out = arena_bytes(a, buf_bytes(&content));
	return e;
}

static enum err
write_all(int fd, struct bytes content, const char *path)
{
	while (content.n > 0) {
		ssize_t n = write(fd, content.p, content.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(ERR_INTERNAL, "cannot write \"%s\"", path);
		content = bytes_of(content.p + n, content.n - (size_t)n);
	}
	return fsync(fd) == 0 ? ERR_OK : err_errno(ERR_INTERNAL, "cannot write \"%s\"", path);
}

enum err
files_write(const char *path, struct bytes content, enum files_mode mode)
{
	char beside[4096];
	enum err e;
	int fd;

	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		return err_set(ERR_LIMIT, "path \"%.64s...\" is too long", path);
	fd = mkostemp(beside, O_CLOEXEC); /* made with mode 0600 */
	if (fd < 0)
		return err_errno(ERR_DENIED, "cannot create a file beside \"%s\"", path);
	e = write_all(fd, content, path);
	if (e == ERR_OK && fchmod(fd, (mode_t)mode) != 0)
		e = err_errno(ERR_INTERNAL, "cannot set the mode of \"%s\"", path);
	close(fd);
	if (e == ERR_OK && rename(beside, path) != 0)
		e = err_errno(ERR_INTERNAL, "cannot replace \"%s\"", path);
	if (e != ERR_OK)
		unlink(beside);
	return e;
}

bool
files_exist(const char *path)
{
	return access(path, F_OK) == 0;
}

enum err
files_directory(const char *path)
{
	char part[4096];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return err_set(ERR_LIMIT, "path \"%.64s...\" is too long", path);
	for (char *slash = part + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return err_errno(ERR_DENIED, "cannot make directory \"%s\"", part);
		*slash = '/';
	}
	if (mkdir(part, 0700) != 0 && errno != EEXIST)
		return err_errno(ERR_DENIED, "cannot make directory \"%s\"", part);
	return ERR_OK;
}

char *
files_under(struct arena *a, const char *directory, const char *path)
{
	return path[0] == '/' ? arena_strdup(a, path) : arena_printf(a, "%s/%s", directory, path);
}

enum err
files_read_der(struct arena *a, const char *path, const char *label, size_t max, struct bytes *der)
{
	struct bytes text;
	size_t offset = 0;
	enum err e;

	TRY(files_read(a, path, max, &text));
	if (text.n > 0 && text.p[0] == 0x30) { /* a SEQUENCE: DER */
		*der = text;
		return ERR_OK;
	}
	e = pem_next(a, text, label, &offset, der);
	return e == ERR_NOTFOUND
		? err_set(ERR_INVALID, "\"%s\" holds no PEM block \"%s\" and is not DER", path,
			  label)
		: e;
}

enum err
files_read_cert(struct arena *a, const char *path, struct pki_cert *out)
{
	struct bytes der;
	enum err e = files_read_der(a, path, "CERTIFICATE", 4 * PKI_CERT_MAX, &der);

	if (e == ERR_OK)
		e = pki_cert_parse(der, a, out);
	return e == ERR_INVALID ? err_context(e, "\"%s\"", path) : e;
}
