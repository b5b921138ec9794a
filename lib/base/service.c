/*
 * Start, signals and end of a program; see service.h. Hardening comes before the configuration is
 * read, so that nothing that follows, a PIN least of all, can end in a core file or be read by a
 * debugger of the same user.
 */
#include "lib/base/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/service_options.h"

/* The leak sanitizer stops its own threads with ptrace, which an undumpable process does not allow.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { DUMPABLE = 1 };
#else
enum { DUMPABLE = 0 };
#endif

/* The soft limit is for programs that use select(); none of ours does, and a connection is a
 * descriptor. */
static enum err
raise_descriptors(void)
{
	struct rlimit n;

	if (getrlimit(RLIMIT_NOFILE, &n) != 0)
		return err_errno(ERR_INTERNAL, "the limit of descriptors cannot be read");
	n.rlim_cur = n.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &n) == 0
		? ERR_OK
		: err_errno(ERR_INTERNAL, "the limit of descriptors cannot be raised");
}

static enum err
harden_process(void)
{
	const struct rlimit none = {0, 0};

	umask(077);
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return err_errno(ERR_INTERNAL, "core dumps cannot be switched off");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_errno(ERR_INTERNAL, "new privileges cannot be given up");
	if (!DUMPABLE && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_errno(ERR_INTERNAL, "tracing cannot be switched off");
	return ERR_OK;
}

static void
own_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

static enum err
catch_signals(struct service *s)
{
	sigset_t set;

	own_signals(&set);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return err_errno(ERR_INTERNAL, "signals cannot be set up");
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd >= 0 ? ERR_OK : err_errno(ERR_INTERNAL, "signals cannot be set up");
}

void
service_reset_signals(void)
{
	sigset_t set;

	own_signals(&set);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* The lock, not the content, says whether somebody lives: a stale file stops nobody. Whoever may read
 * the file may lock it, so that is its owner alone. */
static enum err
take_pid_file(struct service *s)
{
	char number[16] = "", text[24];
	int n;

	if (s->number > 1)
		snprintf(number, sizeof(number), "-%u", s->number);
	snprintf(s->pid_path, sizeof(s->pid_path), "%s/%s%s.pid", s->config->run_directory,
		s->program->name, number);
	s->pid_fd = open(s->pid_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->pid_fd < 0)
		return err_errno(ERR_INVALID, "the pid file \"%s\" cannot be written", s->pid_path);
	if (flock(s->pid_fd, LOCK_EX | LOCK_NB) != 0) {
		close(s->pid_fd);
		s->pid_fd = -1;
		return err_set(ERR_CONFLICT, "%s runs already: \"%s\" is locked", s->program->name,
			s->pid_path);
	}
	n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (fchmod(s->pid_fd, 0600) != 0 || ftruncate(s->pid_fd, 0) != 0 ||
		write(s->pid_fd, text, (size_t)n) != n)
		return err_errno(
			ERR_UNAVAILABLE, "the pid file \"%s\" cannot be written", s->pid_path);
	return ERR_OK;
}

static enum err
begin_service(struct service *s)
{
	TRY(harden_process());
	TRY(raise_descriptors());
	TRY(config_load(s->config_path, &s->config));
	log_setup(s->program->name, s->config->log.level, s->config->log.format);
	TRY(catch_signals(s));
	return take_pid_file(s);
}

int
service_start(struct service *s, const struct service_program *program, int argc, char **argv)
{
	enum err e;
	int code;

	*s = (struct service){.program = program, .signal_fd = -1, .pid_fd = -1};
	log_setup(program->name, LOG_INFO, LOG_FORMAT_KV);
	code = service_options_parse(s, argc, argv);
	if (code != SERVICE_GO_ON)
		return code;
	e = begin_service(s);
	if (e == ERR_OK)
		return SERVICE_GO_ON;
	log_failure("start", e);
	service_close(s);
	return e == ERR_INVALID || e == ERR_NOTFOUND ? SERVICE_EXIT_CONFIG : SERVICE_EXIT_FAILURE;
}

void
service_ready(const struct service *s)
{
	log_event(LOG_INFO, "ready", LOG_S("version", CHANCERY_VERSION),
		LOG_S("instance", s->config->instance), LOG_I("number", s->number),
		LOG_I("pid", getpid()));
	service_notify("READY=1\nSTATUS=");
}

void
service_waiting(void)
{
	char state[600];

	snprintf(state, sizeof(state), "READY=1\nSTATUS=waiting: %s", err_reason());
	for (char *at = state + strlen("READY=1\n"); *at != '\0'; at++)
		if ((unsigned char)*at < ' ')
			*at = ' '; /* a line of its own would be another variable */
	service_notify(state);
}

void
service_stopping(const struct service *s)
{
	log_event(LOG_INFO, "stopping", LOG_I("number", s->number));
	service_notify("STOPPING=1");
}

/* Milliseconds for poll() until the monotonic time; -1 for no end. */
static int
remaining_ms(int64_t deadline_us)
{
	int64_t left;

	if (deadline_us < 0)
		return -1;
	left = (deadline_us - clock_monotonic_us() + 999) / 1000;
	return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

enum service_wish
service_wait(struct service *s, int64_t timeout_ms)
{
	int64_t deadline = timeout_ms < 0 ? -1 : clock_monotonic_us() + timeout_ms * 1000;
	struct pollfd p = {.fd = s->signal_fd, .events = POLLIN};
	struct signalfd_siginfo info;

	for (;;) {
		int left = remaining_ms(deadline);

		if (poll(&p, 1, left) > 0 &&
			read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			return info.ssi_signo == SIGHUP ? SERVICE_RELOAD : SERVICE_STOP;
		if (left == 0)
			return SERVICE_TICK;
	}
}

bool
service_stop_pending(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
		(sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

void
service_close(struct service *s)
{
	if (s->pid_fd >= 0) {
		unlink(s->pid_path); /* while the lock is held: it is ours */
		close(s->pid_fd);
	}
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	config_free(s->config);
	*s = (struct service){.signal_fd = -1, .pid_fd = -1};
}

void
service_notify(const char *state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path != NULL ? strlen(path) : 0;
	int fd;

	if (n == 0 || n >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0'; /* Linux' abstract names */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		log_event(LOG_WARNING, "notify", LOG_S("reason", strerror(errno)));
	close(fd);
}
