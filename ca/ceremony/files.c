/* See files.h. Everything a ceremony writes is public; what is secret stays in the token. */
#include "ca/ceremony/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/hex.h"

static enum err
read_all(int fd, const char *path, struct buf *out)
{
	for (;;) {
		uint8_t chunk[4096];
		ssize_t n = read(fd, chunk, sizeof(chunk));
		enum err e;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(ERR_UNAVAILABLE, "file \"%s\"", path);
		if (n == 0)
			return ERR_OK;
		if ((e = buf_append(out, chunk, (size_t)n)) != ERR_OK)
			return err_set(e, "file \"%s\" is larger than %zu octets", path, out->max);
	}
}

enum err
file_read(struct arena *a, const char *path, size_t max, struct bytes *out)
{
	AUTO_BUF(content, max);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	enum err e;

	if (fd < 0)
		return err_errno(errno == ENOENT ? ERR_NOTFOUND : ERR_DENIED, "file \"%s\"", path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		e = err_set(ERR_INVALID, "\"%s\" is no regular file", path);
	else
		e = read_all(fd, path, &content);
	close(fd);
	if (e == ERR_OK)
		*out = arena_bytes(a, buf_bytes(&content));
	return e;
}

enum err
file_read_object(struct arena *a, const char *path, const char *label, struct bytes *der)
{
	struct bytes text, second;
	size_t offset = 0;

	TRY(file_read(a, path, FILE_OBJECT_MAX, &text));
	if (text.n > 0 && text.p[0] == 0x30) {
		*der = text;
		return ERR_OK;
	}
	if (pem_next(a, text, label, &offset, der) != ERR_OK)
		return err_set(ERR_INVALID, "file \"%s\" holds neither DER nor a PEM block \"%s\"",
			path, label);
	if (pem_next(a, text, label, &offset, &second) != ERR_NOTFOUND)
		return err_set(ERR_INVALID,
			"file \"%s\" holds more than one \"%s\"; give exactly the one that is meant",
			path, label);
	return ERR_OK;
}

const char *
file_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static const char *
folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL	? "."
		: slash == path ? "/"
				: arena_printf(a, "%.*s", (int)(slash - path), path);
}

enum err
file_check_new(struct arena *a, const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return err_set(ERR_CONFLICT,
			"output \"%s\" exists already and is never overwritten; move it away or name another",
			path);
	if (access(folder_of(a, path), W_OK | X_OK) != 0)
		return err_errno(ERR_DENIED, "output \"%s\": its folder cannot be written", path);
	return ERR_OK;
}

static enum err
write_all(int fd, const char *path, struct bytes content)
{
	for (size_t done = 0; done < content.n;) {
		ssize_t n = write(fd, content.p + done, content.n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(ERR_UNAVAILABLE, "writing \"%s\"", path);
		done += (size_t)n;
	}
	return fsync(fd) == 0 ? ERR_OK : err_errno(ERR_UNAVAILABLE, "flushing \"%s\"", path);
}

enum err
file_create(const char *path, struct bytes content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	enum err e;

	if (fd < 0)
		return err_errno(
			errno == EEXIST ? ERR_CONFLICT : ERR_DENIED, "output \"%s\"", path);
	e = write_all(fd, path, content);
	if (close(fd) != 0 && e == ERR_OK)
		e = err_errno(ERR_UNAVAILABLE, "writing \"%s\"", path);
	return e;
}

struct bytes
file_encode(struct arena *a, const char *path, const char *label, struct bytes der)
{
	static const char *const der_endings[] = {".der", ".cer", ".crl"};
	size_t n = strlen(path);

	for (size_t i = 0; i < ARRAY_LEN(der_endings); i++)
		if (n > 4 && strcmp(path + n - 4, der_endings[i]) == 0)
			return der;
	return bytes_str(pem_string(a, label, der));
}
