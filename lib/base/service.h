/*
 * What the mains of all programs share: options, configuration, log, hardening, signals, pid file,
 * readiness.
 *
 *   int main(int argc, char **argv)
 *   {
 *           static const struct service_program program = {
 *                   "chancery-signer", "signs what was decided", NULL, 0};
 *           struct service s;
 *           int code = service_start(&s, &program, argc, argv);
 *
 *           if (code != SERVICE_GO_ON)
 *                   return code;
 *           ... threads start here, never before ...
 *           service_ready(&s);
 *           while (service_wait(&s, 1000) != SERVICE_STOP)
 *                   ...;
 *           service_stopping(&s);
 *           ... drain ...
 *           service_close(&s);
 *   }
 */
#ifndef CHANCERY_BASE_SERVICE_H
#define CHANCERY_BASE_SERVICE_H

#include "lib/base/config.h"

/* Exit codes; a launcher does not restart what ended with SERVICE_EXIT_USAGE or
 * SERVICE_EXIT_CONFIG. */
enum {
	SERVICE_GO_ON = -1, /* of service_start(): no reason to exit */
	SERVICE_EXIT_OK = 0,
	SERVICE_EXIT_FAILURE = 1,
	SERVICE_EXIT_USAGE = 2,
	SERVICE_EXIT_CONFIG = 78, /* EX_CONFIG of sysexits.h */
};

enum { SERVICE_OPTION_MAX = 16 };

/* A program's own option besides --config, --number, --version and --help. */
struct service_option {
	const char *name;     /* without the dashes */
	const char *argument; /* what --help calls its argument; NULL: it takes none */
	const char *help;
};

struct service_program {
	const char *name, *summary;
	const struct service_option *options; /* at most SERVICE_OPTION_MAX - 4 */
	size_t option_count;
};

struct service {
	const struct service_program *program;
	const char *config_path;
	struct config *config;
	unsigned number; /* 1 unless --number says that several run on this host */
	int signal_fd, pid_fd;
	char pid_path[1200];
	const char *values[SERVICE_OPTION_MAX];
};

enum service_wish { SERVICE_STOP, SERVICE_RELOAD, SERVICE_TICK };

/*
 * Reads options and configuration, sets up the log, hardens the process (no core dumps, not
 * traceable, no new privileges, umask 077), raises the soft limit of descriptors to the hard one, blocks SIGTERM, SIGINT and SIGHUP for all later
 * threads, ignores SIGPIPE, takes the pid file. SERVICE_GO_ON or the exit code, with the reason
 * already told.
 */
int service_start(
	struct service *s, const struct service_program *program, int argc, char **argv) MUST_CHECK;
/* The argument of a program's own option, "" for one without; NULL when it was not given. */
const char *service_option(const struct service *s, const char *name);
/* Logs the event "ready" and tells systemd; what service_waiting() told is over. */
void service_ready(const struct service *s);
/* Tells systemd that the program is up as far as it can be, and what it waits for: the present
 * err_reason(). Whoever started it need not wait as well, so that units may start in any order. */
void service_waiting(void);
/* SERVICE_STOP for SIGTERM and SIGINT, SERVICE_RELOAD for SIGHUP, SERVICE_TICK after timeout_ms
 * (negative: never). */
enum service_wish service_wait(struct service *s, int64_t timeout_ms);
/* Has SIGTERM or SIGINT come, but service_wait() was not there yet to say so? For waits that would
 * last too long then. Any thread. */
bool service_stop_pending(void);
/* Logs the event "stopping" and tells systemd. */
void service_stopping(const struct service *s);
/* Removes the pid file and frees the configuration. */
void service_close(struct service *s);

/* In a child between fork() and exec(): signals as a fresh program expects them. */
void service_reset_signals(void);
/* State lines ("READY=1") to $NOTIFY_SOCKET (sd_notify(3)); nothing happens without one. */
void service_notify(const char *state);

#endif
