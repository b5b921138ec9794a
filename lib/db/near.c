/* See near.h. Paths go through the open directory's descriptor, so that they fit in a socket's address. */
#include "lib/db/near.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"

enum { PEERS_MAX = 128, NAME_MAX_LENGTH = 80, ROLE_MAX = 40 };
enum { SETTLED_US = 20000 }; /* a change of the directory this old is in its time of modification */

struct peer {
	char name[NAME_MAX_LENGTH], role[ROLE_MAX];
	unsigned mask;
};

struct near {
	int directory, fd; /* -1: nobody is near */
	char place[9];
	uint32_t database; /* which one, in the names of sockets */
	char role[ROLE_MAX], own[NAME_MAX_LENGTH];
	unsigned serial;       /* of this socket in the process */
	pthread_mutex_t mutex; /* guards what follows, and own */
	struct peer peers[PEERS_MAX];
	size_t count;
	bool complete;		 /* nobody is left out of peers */
	struct timespec changed; /* the directory's, when the list was read */
	int64_t read_at;
};

/* What is sent. */
struct ring {
	uint8_t bell, passed;
};

/* FNV-1a: names, no secrets. */
static uint64_t
mix_octets(uint64_t hash, const void *data, size_t n)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ at[i]) * 0x100000001b3;
	return hash;
}

static uint64_t
mix_text(uint64_t hash, const char *text)
{
	return text == NULL ? mix_octets(hash, "", 1) : mix_octets(hash, text, strlen(text) + 1);
}

static const uint64_t hash_start = 0xcbf29ce484222325;

/* This machine since its start, and the directory. */
static void
name_place(struct near *n)
{
	char boot[64] = "";
	struct stat st;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, boot, sizeof(boot) - 1) <= 0 || fstat(n->directory, &st) != 0)
		boot[0] = '\0';
	if (fd >= 0)
		close(fd);
	if (boot[0] == '\0')
		return; /* nobody is near */
	uint64_t hash = mix_text(hash_start, boot);

	hash = mix_octets(hash, &st.st_dev, sizeof(st.st_dev));
	hash = mix_octets(hash, &st.st_ino, sizeof(st.st_ino));
	snprintf(n->place, sizeof(n->place), "%08x", (unsigned)(hash ^ hash >> 32));
}

static struct sockaddr_un
address_of(const struct near *n, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", n->directory, name);
	return a;
}

static void
name_socket(const struct near *n, unsigned mask, char name[NAME_MAX_LENGTH])
{
	snprintf(name, NAME_MAX_LENGTH, "bell-%08x-%05x-%s-%ld.%u", n->database, mask, n->role,
		(long)getpid(), n->serial);
}

static bool
read_name(const struct near *n, const char *name, struct peer *out)
{
	unsigned database, mask, serial;
	long pid;

	if (sscanf(name, "bell-%8x-%5x-%39[^-]-%ld.%u", &database, &mask, out->role, &pid,
		    &serial) != 5 ||
		database != n->database || strlen(name) >= sizeof(out->name))
		return false;
	snprintf(out->name, sizeof(out->name), "%s", name);
	out->mask = mask;
	return true;
}

/* For the group of the directory, which gives it to what is made there when its setgid bit is on. */
static bool
bind_socket(struct near *n)
{
	struct sockaddr_un a;

	name_socket(n, 0, n->own);
	a = address_of(n, n->own);
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)unlinkat(n->directory, n->own, 0); /* of a process that had this number */
	if (n->fd < 0 || bind(n->fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		return false;
	return fchmodat(n->directory, n->own, 0660, 0) == 0;
}

static int
compare_peers(const void *a, const void *b)
{
	return strcmp(((const struct peer *)a)->name, ((const struct peer *)b)->name);
}

static void
read_peers(struct near *n)
{
	int fd = openat(n->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	n->count = 0;
	while (d != NULL && n->count < PEERS_MAX && (entry = readdir(d)) != NULL)
		if (read_name(n, entry->d_name, &n->peers[n->count]))
			n->count++;
	n->complete = d != NULL && n->count < PEERS_MAX;
	if (d != NULL)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	qsort(n->peers, n->count, sizeof(n->peers[0]), compare_peers);
}

/* Sockets of processes that were killed go with the next start, not only when somebody rings them. */
static void
forget_dead(struct near *n)
{
	read_peers(n);
	for (size_t i = 0; i < n->count; i++) {
		struct sockaddr_un a = address_of(n, n->peers[i].name);

		if (sendto(n->fd, NULL, 0, MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof(a)) < 0 &&
			errno == ECONNREFUSED)
			(void)unlinkat(n->directory, n->peers[i].name, 0);
	}
}

struct near *
near_open(const struct db_config *config)
{
	static atomic_uint sockets;
	struct near *n = mem_zalloc(1, sizeof(*n));
	const char *in = config->run_directory;
	uint64_t hash = mix_text(mix_text(hash_start, config->host), config->port);

	hash = mix_text(hash, config->dbname);
	n->database = (uint32_t)(hash ^ hash >> 32);
	n->serial = atomic_fetch_add(&sockets, 1);
	n->fd = -1;
	snprintf(n->role, sizeof(n->role), "%s", config->user != NULL ? config->user : "");
	pthread_mutex_init(&n->mutex, NULL);
	n->directory = in != NULL ? open(in, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (n->directory >= 0)
		name_place(n);
	if (n->place[0] != '\0' && !bind_socket(n)) {
		n->place[0] = '\0';
		if (n->fd >= 0)
			close(n->fd);
		n->fd = -1;
	}
	if (n->fd >= 0)
		forget_dead(n);
	return n;
}

void
near_close(struct near *n)
{
	if (n->fd >= 0) {
		(void)unlinkat(n->directory, n->own, 0);
		close(n->fd);
	}
	if (n->directory >= 0)
		close(n->directory);
	pthread_mutex_destroy(&n->mutex);
	free(n);
}

int
near_fd(const struct near *n)
{
	return n->fd;
}

const char *
near_place(const struct near *n)
{
	return n->place;
}

void
near_listen(struct near *n, unsigned mask)
{
	char name[NAME_MAX_LENGTH];

	if (n->fd < 0)
		return;
	name_socket(n, mask, name);
	pthread_mutex_lock(&n->mutex);
	if (strcmp(name, n->own) != 0 && renameat(n->directory, n->own, n->directory, name) == 0)
		memcpy(n->own, name, sizeof(name));
	pthread_mutex_unlock(&n->mutex);
}

/* Reads the list again when the directory has changed since, or may have within the grain of its clock. */
static void
refresh_peers(struct near *n)
{
	int64_t now = clock_now_us();
	struct stat st;

	if (fstat(n->directory, &st) != 0)
		return;
	int64_t changed = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;

	if (st.st_mtim.tv_sec == n->changed.tv_sec && st.st_mtim.tv_nsec == n->changed.tv_nsec &&
		n->read_at > changed + SETTLED_US)
		return;
	n->changed = st.st_mtim;
	n->read_at = now;
	read_peers(n);
}

enum heard { HEARD, DEAF, GONE };

static enum heard
tell_peer(struct near *n, const struct peer *p, struct ring r)
{
	struct sockaddr_un a = address_of(n, p->name);

	if (sendto(n->fd, &r, sizeof(r), MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof(a)) >= 0 ||
		errno == EAGAIN || errno == ENOBUFS) /* it has more rings than it takes */
		return HEARD;
	if (errno == ECONNREFUSED) /* of a process that was killed */
		(void)unlinkat(n->directory, p->name, 0);
	return errno == EACCES || errno == EPERM ? DEAF : GONE;
}

static bool
is_meant(const struct near *n, const struct peer *p, unsigned bell, const char *role,
	enum near_whom whom)
{
	return (p->mask & 1u << bell) != 0 && (role == NULL || strcmp(role, p->role) == 0) &&
		(whom != NEAR_OTHERS || strcmp(p->name, n->own) != 0);
}

bool
near_ring(struct near *n, unsigned bell, const char *role, enum near_whom whom)
{
	const struct ring r = {(uint8_t)bell, whom == NEAR_OTHERS};
	bool all, done = false;

	if (n->fd < 0)
		return false;
	pthread_mutex_lock(&n->mutex);
	refresh_peers(n);
	all = n->complete;
	for (size_t i = 0; i < n->count && !done; i++) {
		if (!is_meant(n, &n->peers[i], bell, role, whom))
			continue;
		enum heard heard = tell_peer(n, &n->peers[i], r);

		all = all && heard != DEAF;
		done = whom == NEAR_FIRST && heard == HEARD;
	}
	pthread_mutex_unlock(&n->mutex);
	return all;
}

unsigned
near_take(struct near *n, unsigned *first_hand)
{
	unsigned rung = 0;
	struct ring r;

	*first_hand = 0;
	while (n->fd >= 0 && recv(n->fd, &r, sizeof(r), 0) == sizeof(r)) {
		if (r.bell >= DB_BELLS_MAX)
			continue;
		rung |= 1u << r.bell;
		if (!r.passed)
			*first_hand |= 1u << r.bell;
	}
	return rung;
}
