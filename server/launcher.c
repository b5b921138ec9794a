/*
 * chancery: starts the programs of one host and restarts what dies. Under systemd the units do
 * this instead.
 *
 * It knows nothing of certificates and holds no secret: it reads the configuration, becomes the
 * program's user in the child and executes it. A program that ends again and again is tried ever
 * more slowly; one that says its configuration is wrong is not tried again before a reload.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/retry.h"
#include "lib/base/service.h"

enum {
	PAUSE_FIRST_MS = 200,
	PAUSE_LAST_MS = 10 * 1000,
	SETTLED_US = 30 * 1000 * 1000,
	STOP_WITHIN_US = 30 * 1000 * 1000,
	CHILDREN_MAX = 68,
};

enum role { ROLE_SIGNER, ROLE_GATEWAY, ROLE_ADMIN, ROLE_VALIDATOR, ROLE_STATUS, ROLE_COUNT };
static const char *const role_program[ROLE_COUNT] = {
	[ROLE_SIGNER] = "chancery-signer",
	[ROLE_GATEWAY] = "chancery-gateway",
	[ROLE_ADMIN] = "chancery-admin",
	[ROLE_VALIDATOR] = "chancery-validator",
	[ROLE_STATUS] = "chancery-status",
};

struct child {
	enum role role;
	unsigned number;
	pid_t pid; /* 0: not running */
	int64_t started_us;
	struct retry start; /* when it may be started again */
	bool given_up;	    /* its configuration is wrong; a reload tries again */
};

struct launcher {
	struct service service;
	char *directory; /* where the programs are */
	struct child child[CHILDREN_MAX];
	size_t count;
	int child_fd;	     /* signalfd of SIGCHLD */
	int64_t reloaded_us; /* when the last reload was asked for */
	bool stopping;
	struct user {
		uid_t uid;
		gid_t gid;
	} user[ROLE_COUNT];
};

static void
program_path(const struct launcher *l, enum role role, char *out, size_t n)
{
	snprintf(out, n, "%s/%s", l->directory, role_program[role]);
}

/* Where this program itself is, unless --programs says otherwise. */
static enum err
find_directory(struct launcher *l)
{
	const char *given = service_option(&l->service, "programs");
	char self[4096], *slash;
	ssize_t n;

	if (given != NULL) {
		l->directory = mem_strdup(given);
		return ERR_OK;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return err_errno(ERR_INTERNAL, "cannot find out where this program is");
	self[n] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	l->directory = mem_strdup(self);
	return ERR_OK;
}

static enum err
check_programs(const struct launcher *l)
{
	for (unsigned role = 0; role < ROLE_COUNT; role++) {
		char path[4200];

		program_path(l, (enum role)role, path, sizeof(path));
		if (access(path, X_OK) != 0)
			return err_errno(ERR_NOTFOUND,
				"cannot execute \"%s\"; install all programs in one directory or name it with --programs",
				path);
	}
	return ERR_OK;
}

static enum err
find_users(struct launcher *l)
{
	if (!l->service.config->launcher.users)
		return ERR_OK;
	if (geteuid() != 0)
		return err_set(ERR_DENIED,
			"only root can start each program as its own user; run as root or set launcher.users to false");
	for (unsigned role = 0; role < ROLE_COUNT; role++) {
		const struct passwd *p = getpwnam(role_program[role]);

		if (p == NULL)
			return err_set(ERR_NOTFOUND,
				"there is no system user \"%s\"; make it (useradd --system --no-create-home %s) or set "
				"launcher.users to false",
				role_program[role], role_program[role]);
		l->user[role] = (struct user){p->pw_uid, p->pw_gid};
	}
	return ERR_OK;
}

static void
add_child(struct launcher *l, enum role role, unsigned number)
{
	l->child[l->count++] = (struct child){.role = role,
		.number = number,
		.start = {.first_ms = PAUSE_FIRST_MS, .last_ms = PAUSE_LAST_MS}};
}

static void
list_children(struct launcher *l)
{
	for (unsigned i = 1; i <= l->service.config->signer.processes; i++)
		add_child(l, ROLE_SIGNER, i);
	for (enum role role = ROLE_GATEWAY; role < ROLE_COUNT; role++)
		add_child(l, role, 1);
}

/* In the child. Groups first, user last; then nothing can be taken back. */
static void
become_user(const struct launcher *l, enum role role)
{
	const struct user *u = &l->user[role];

	if (!l->service.config->launcher.users)
		return;
	if (initgroups(role_program[role], u->gid) != 0 || setresgid(u->gid, u->gid, u->gid) != 0 ||
		setresuid(u->uid, u->uid, u->uid) != 0 || setuid(0) == 0) {
		fprintf(stderr, "cannot become user %s: %s\n", role_program[role], strerror(errno));
		_exit(SERVICE_EXIT_FAILURE);
	}
}

static void __attribute__((noreturn))
become_program(const struct launcher *l, const struct child *c, pid_t parent)
{
	int pin_fd = (int)l->service.config->hsm.pin_fd;
	char path[4200], number[16];
	sigset_t set;
	char *argv[6] = {path, (char[]){"--config"}, NULL, (char[]){"--number"}, number, NULL};

	program_path(l, c->role, path, sizeof(path));
	snprintf(number, sizeof(number), "%u", c->number);
	argv[2] = mem_strdup(l->service.config_path);
	if (pin_fd > STDERR_FILENO && c->role != ROLE_SIGNER)
		close(pin_fd);
	become_user(l, c->role);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* after the user changed, which clears it */
	if (getppid() != parent)
		_exit(SERVICE_EXIT_FAILURE);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	service_reset_signals();
	execv(path, argv);
	fprintf(stderr, "cannot execute \"%s\": %s\n", path, strerror(errno));
	_exit(SERVICE_EXIT_FAILURE);
}

static void
start_child(struct launcher *l, struct child *c)
{
	pid_t parent = getpid();

	c->started_us = clock_monotonic_us();
	c->pid = fork();
	if (c->pid == 0)
		become_program(l, c, parent);
	if (c->pid < 0) {
		c->pid = 0;
		log_event(LOG_ERROR, "launcher.start", LOG_S("program", role_program[c->role]),
			LOG_S("reason", strerror(errno)));
		retry_failed(&c->start, ERR_UNAVAILABLE);
		return;
	}
	log_event(LOG_INFO, "launcher.start", LOG_S("program", role_program[c->role]),
		LOG_I("number", c->number), LOG_I("pid", c->pid));
}

static void
start_due(struct launcher *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->child[i].pid == 0 && !l->child[i].given_up && retry_due(&l->child[i].start))
			start_child(l, &l->child[i]);
}

/* Milliseconds until somebody is due; -1: nobody. */
static int
next_due_ms(const struct launcher *l)
{
	int64_t least = -1;

	for (size_t i = 0; i < l->count; i++) {
		const struct child *c = &l->child[i];
		int64_t in = retry_pause_ms(&c->start);

		if (c->pid == 0 && !c->given_up && (least < 0 || in < least))
			least = in;
	}
	return (int)least;
}

/* A program that was started before the last reload may have read what has been corrected since:
 * it gets another try. */
static void
note_end(const struct launcher *l, struct child *c, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	bool mistaken = code == SERVICE_EXIT_USAGE || code == SERVICE_EXIT_CONFIG;
	bool wanted = l->stopping && code == 0;

	if (clock_monotonic_us() - c->started_us >= SETTLED_US)
		(void)retry_succeeded(&c->start);
	retry_failed(&c->start, ERR_UNAVAILABLE);
	c->given_up = mistaken && c->started_us >= l->reloaded_us;
	log_event(wanted	      ? LOG_INFO
			: c->given_up ? LOG_ERROR
				      : LOG_WARNING,
		"launcher.ended", LOG_S("program", role_program[c->role]),
		LOG_I("number", c->number), LOG_I("pid", c->pid), LOG_I("code", code),
		LOG_I("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
		LOG_I("restart_ms", c->given_up || l->stopping ? -1 : retry_pause_ms(&c->start)),
		LOG_S("reason",
			c->given_up ? "it says its configuration is wrong; correct it and reload"
				    : NULL));
	c->pid = 0;
}

static void
reap_children(struct launcher *l)
{
	struct signalfd_siginfo ignored;
	pid_t pid;
	int status;

	while (read(l->child_fd, &ignored, sizeof(ignored)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < l->count; i++)
			if (l->child[i].pid == pid)
				note_end(l, &l->child[i], status);
}

static void
forward_signal(struct launcher *l, int signal_number)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->child[i].pid > 0)
			kill(l->child[i].pid, signal_number);
}

static void
reload_children(struct launcher *l)
{
	l->reloaded_us = clock_monotonic_us();
	log_event(LOG_INFO, "launcher.reload", LOG_S("outcome", "ok"));
	for (size_t i = 0; i < l->count; i++)
		if (l->child[i].given_up) {
			l->child[i].given_up = false;
			retry_now(&l->child[i].start);
		}
	forward_signal(l, SIGHUP);
}

/* Sleeps until a signal, a child's end, or timeout_ms. */
static enum service_wish
wait_for_news(struct launcher *l, int timeout_ms)
{
	struct pollfd fds[] = {{.fd = l->service.signal_fd, .events = POLLIN},
		{.fd = l->child_fd, .events = POLLIN}};

	if (poll(fds, ARRAY_LEN(fds), timeout_ms) > 0 && fds[0].revents != 0)
		return service_wait(&l->service, 0);
	return SERVICE_TICK;
}

static void
supervise_children(struct launcher *l)
{
	for (;;) {
		start_due(l);
		switch (wait_for_news(l, next_due_ms(l))) {
		case SERVICE_STOP:
			return;
		case SERVICE_RELOAD:
			reload_children(l);
			break;
		case SERVICE_TICK:
			break;
		}
		reap_children(l);
	}
}

static bool
anybody_left(const struct launcher *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->child[i].pid > 0)
			return true;
	return false;
}

static void
stop_all(struct launcher *l)
{
	int64_t until = clock_monotonic_us() + STOP_WITHIN_US;

	service_stopping(&l->service);
	l->stopping = true;
	forward_signal(l, SIGTERM);
	for (;;) {
		int64_t left = until - clock_monotonic_us();
		struct pollfd fd = {.fd = l->child_fd, .events = POLLIN};

		reap_children(l);
		if (!anybody_left(l) || left <= 0)
			break;
		poll(&fd, 1, (int)(left / 1000) + 1);
	}
	if (anybody_left(l))
		log_event(LOG_ERROR, "launcher.stop",
			LOG_S("reason", "some programs did not end in time and are killed"));
	forward_signal(l, SIGKILL);
	while (anybody_left(l) && waitpid(-1, NULL, 0) > 0)
		;
}

static enum err
prepare_launcher(struct launcher *l)
{
	sigset_t set;

	TRY(find_directory(l));
	TRY(check_programs(l));
	TRY(find_users(l));
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	l->child_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->child_fd < 0)
		return err_errno(ERR_INTERNAL, "signalfd");
	list_children(l);
	return ERR_OK;
}

int
main(int argc, char **argv)
{
	static const struct service_option options[] = {
		{"programs", "DIR", "where the programs are (default: beside this one)"},
	};
	static const struct service_program program = {"chancery",
		"starts the programs of one host and restarts what dies", options,
		ARRAY_LEN(options)};
	static struct launcher l;
	int code = service_start(&l.service, &program, argc, argv);

	if (code != SERVICE_GO_ON)
		return code;
	code = SERVICE_EXIT_OK;
	enum err e = prepare_launcher(&l);
	if (e != ERR_OK) {
		log_failure("launcher.prepare", e);
		code = SERVICE_EXIT_CONFIG;
	} else {
		service_ready(&l.service);
		supervise_children(&l);
		stop_all(&l);
		close(l.child_fd);
	}
	service_close(&l.service);
	free(l.directory);
	return code;
}
