/*
 * PINs: from a file only its owner can read, or from a descriptor; in memory only while a login
 * takes, then wiped. libp11 never sees one (it would keep a copy in its heap): keys_token.c logs in
 * by itself.
 */
#include "ca/hsm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

void
pin_wipe(struct hsm_pin *p)
{
	OPENSSL_cleanse(p, sizeof(*p));
}

/* A credential that systemd passes lies in a directory of the service alone, where an access list
 * shows as group bits. */
static bool
is_service_credential(const char *file)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t n = dir != NULL ? strlen(dir) : 0;

	return n > 0 && strncmp(file, dir, n) == 0 && file[n] == '/' &&
		strstr(file, "/../") == NULL;
}

/* A group may read what its user does not own: that is how root lends a file to one program
 * (root:chancery-signer 0640). */
static bool
is_lent(const char *file, const struct stat *st)
{
	return is_service_credential(file) || (st->st_uid != geteuid() && (st->st_mode & 030) == 0);
}

static enum err
check_mode(const char *file, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_errno(ERR_UNAVAILABLE, "PIN file \"%s\"", file);
	if (!S_ISREG(st.st_mode))
		return err_set(ERR_DENIED, "PIN file \"%s\" is no regular file", file);
	if ((st.st_mode & 07) != 0 || ((st.st_mode & 070) != 0 && !is_lent(file, &st)))
		return err_set(ERR_DENIED,
			"PIN file \"%s\" has mode %04o, others can read it; run: chmod 600 %s",
			file, (unsigned)(st.st_mode & 07777), file);
	return ERR_OK;
}

static enum err
read_pin(int fd, const char *from, struct hsm_pin *out)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = read(fd, out->text + n, sizeof(out->text) - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(ERR_UNAVAILABLE, "reading the PIN from %s", from);
		n += (size_t)got;
		if (got == 0 || n == sizeof(out->text))
			break;
	}
	if (n > 0 && out->text[n - 1] == '\n')
		n--;
	if (n > 0 && out->text[n - 1] == '\r') /* of an editor elsewhere: it would spend a try */
		n--;
	if (n == 0)
		return err_set(ERR_INVALID, "%s holds no PIN", from);
	if (n > HSM_PIN_MAX)
		return err_set(ERR_INVALID, "%s is longer than a PIN can be (%d octets)", from,
			HSM_PIN_MAX);
	if (memchr(out->text, '\n', n) != NULL || memchr(out->text, '\r', n) != NULL ||
		memchr(out->text, 0, n) != NULL)
		return err_set(ERR_INVALID, "%s holds more than one line", from);
	out->n = n;
	return ERR_OK;
}

enum err
pin_read(const char *file, int fd, struct hsm_pin *out)
{
	int opened;
	enum err e;

	if (file == NULL)
		return fd < 0
			? err_set(ERR_INVALID, "neither a PIN file nor a PIN descriptor is given")
			: read_pin(fd, "the PIN descriptor", out);
	opened = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (opened < 0)
		return err_errno(ERR_UNAVAILABLE, "PIN file \"%s\"", file);
	e = check_mode(file, opened);
	if (e == ERR_OK)
		e = read_pin(opened, "the PIN file", out);
	close(opened);
	return e;
}
