#include "lib/base/service.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char directory[] = "/tmp/service-test-XXXXXX";
static char config_file[128], output_file[128], output[8192];

static const struct service_option options[] = {
	{"colour", "WORD", "which colour"},
	{"loud", NULL, "louder"},
};
static const struct service_program program = {
	"chancery-unit", "is tested", options, ARRAY_LEN(options)};

static void
write_config(const char *run_directory)
{
	FILE *f = fopen(config_file, "w");

	fprintf(f,
		"run_directory: %s\nhsm: { token: t, pin_fd: 3 }\nissuers: [ {name: i, key: k} ]\n"
		"enroll: { base_urls: [\"https://a\"], names: [a] }\npublic: { base_url: \"http://a\" }\n"
		"admin: { base_urls: [\"https://a:8446\"], names: [a] }\n",
		run_directory);
	fclose(f);
}

/* service_start() with these arguments; both outputs are kept in output. */
static int
start(struct service *s, const char *const *arguments)
{
	char name[] = "chancery-unit", *argv[16] = {name};
	int argc = 1, code, out = dup(1), err = dup(2);
	FILE *f = fopen(output_file, "w+");

	for (; arguments[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)
			arguments[argc - 1]; /* argv is not const and nobody writes to it */
	fflush(stdout);
	dup2(fileno(f), 1);
	dup2(fileno(f), 2);
	code = service_start(s, &program, argc, argv);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	rewind(f);
	output[fread(output, 1, sizeof(output) - 1, f)] = '\0';
	fclose(f);
	return code;
}

static int
start_plain(struct service *s)
{
	return start(s, (const char *const[]){"--config", config_file, NULL});
}

static void
test_directory_is_made(void)
{
	CHECK(mkdtemp(directory) != NULL);
	snprintf(config_file, sizeof(config_file), "%s/chancery.yaml", directory);
	snprintf(output_file, sizeof(output_file), "%s/output", directory);
	write_config(directory);
}

static void
test_help_and_version_are_told(void)
{
	struct service s;

	CHECK(start(&s, (const char *const[]){"--help", NULL}) == SERVICE_EXIT_OK);
	CHECK(strstr(output, "Usage: chancery-unit") != NULL &&
		strstr(output, "--colour WORD") != NULL);
	CHECK(strstr(output, "Example:") != NULL);
	CHECK(start(&s, (const char *const[]){"--version", NULL}) == SERVICE_EXIT_OK);
	CHECK(strcmp(output, "chancery-unit " CHANCERY_VERSION "\n") == 0);
}

static void
test_bad_options_are_refused(void)
{
	static const struct {
		const char *arguments[4], *words;
	} cases[] = {
		{{"--nonsense"}, "unknown option \"--nonsense\""},
		{{"-c", "x"}, "unknown option \"-c\""},
		{{"stray"}, "unknown option \"stray\""},
		{{"--conf=x"}, "unknown option"},
		{{"--"}, "unknown option"},
		{{"--config"}, "argument is missing"},
		{{"--loud=yes"}, "no argument belongs"},
		{{"--loud", "--loud"}, "given twice"},
		{{"--number", "0"}, "must be 1 to 64"},
		{{"--number", "65"}, "must be 1 to 64"},
		{{"--number=1x"}, "must be 1 to 64"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct service s;

		CHECK_CASE(
			start(&s, cases[i].arguments) == SERVICE_EXIT_USAGE, cases[i].arguments[0]);
		CHECK_CASE(strstr(output, cases[i].words) != NULL, cases[i].words);
		CHECK_CASE(strstr(output, "try chancery-unit --help") != NULL, cases[i].words);
	}
}

static void
test_bad_configuration_has_its_own_exit_code(void)
{
	struct service s;

	CHECK(start(&s, (const char *const[]){"--config=/nonexistent.yaml", NULL}) ==
		SERVICE_EXIT_CONFIG);
	CHECK(strstr(output, "event=start class=not-found") != NULL);
	write_config("/nonexistent-directory");
	CHECK(start_plain(&s) == SERVICE_EXIT_CONFIG);
	CHECK(strstr(output, "pid file") != NULL);
	write_config(directory);
}

static void
test_started_process_is_hardened(void)
{
	struct service s;
	struct rlimit core, descriptors;
	mode_t mask;

	CHECK(getrlimit(RLIMIT_NOFILE, &descriptors) == 0);
	descriptors.rlim_cur = 64;
	CHECK(setrlimit(RLIMIT_NOFILE, &descriptors) == 0);
	CHECK(start_plain(&s) == SERVICE_GO_ON);
	CHECK(getrlimit(RLIMIT_NOFILE, &descriptors) == 0 &&
		descriptors.rlim_cur == descriptors.rlim_max);
	CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
#endif
	mask = umask(077);
	CHECK(mask == 077);
	CHECK(raise(SIGPIPE) == 0); /* would end us */
	service_close(&s);
}

static void
test_own_options_are_found(void)
{
	struct service s;

	CHECK(start(&s,
		      (const char *const[]){"--config", config_file, "--colour=red", "--loud",
			      NULL}) == SERVICE_GO_ON);
	CHECK(strcmp(service_option(&s, "colour"), "red") == 0);
	CHECK(service_option(&s, "loud") != NULL);
	CHECK(service_option(&s, "nonsense") == NULL);
	service_close(&s);
	CHECK(start_plain(&s) == SERVICE_GO_ON);
	CHECK(service_option(&s, "colour") == NULL && service_option(&s, "loud") == NULL);
	service_close(&s);
}

static void
test_signals_become_wishes(void)
{
	struct service s;

	CHECK(start_plain(&s) == SERVICE_GO_ON);
	CHECK(service_wait(&s, 0) == SERVICE_TICK);
	CHECK(service_wait(&s, 20) == SERVICE_TICK);
	raise(SIGHUP);
	CHECK(service_wait(&s, 10000) == SERVICE_RELOAD);
	raise(SIGTERM);
	CHECK(service_wait(&s, -1) == SERVICE_STOP);
	raise(SIGINT);
	CHECK(service_wait(&s, 0) == SERVICE_STOP);
	CHECK(!service_stop_pending());
	raise(SIGHUP);
	CHECK(!service_stop_pending());
	raise(SIGTERM);
	CHECK(service_stop_pending());
	CHECK(service_wait(&s, 0) == SERVICE_RELOAD && service_stop_pending());
	CHECK(service_wait(&s, 0) == SERVICE_STOP && !service_stop_pending());
	service_close(&s);
}

static void
test_child_gets_its_signals_back(void)
{
	struct service s;
	int status = 0;
	pid_t child;

	CHECK(start_plain(&s) == SERVICE_GO_ON);
	child = fork();
	if (child == 0) {
		service_reset_signals();
		raise(SIGTERM);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
		WTERMSIG(status) == SIGTERM);
	service_close(&s);
}

static void
test_pid_file_names_the_process_and_goes_away(void)
{
	struct service s;
	char path[160], text[64] = "", expected[32];
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "%s/chancery-unit.pid", directory);
	f = fopen(path, "w"); /* left behind by one that was killed, and longer */
	fputs("99999999999\n", f);
	fclose(f);
	CHECK(start_plain(&s) == SERVICE_GO_ON);
	/* whoever may open it may lock it */
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	f = fopen(path, "r");
	snprintf(expected, sizeof(expected), "%ld\n", (long)getpid());
	CHECK(f != NULL && fread(text, 1, sizeof(text) - 1, f) == strlen(expected) &&
		strcmp(text, expected) == 0);
	fclose(f);
	service_close(&s);
	CHECK(access(path, F_OK) != 0);
}

static void
test_second_process_is_refused_and_a_numbered_one_runs(void)
{
	struct service first, second;
	char path[160];

	snprintf(path, sizeof(path), "%s/chancery-unit-2.pid", directory);
	CHECK(start_plain(&first) == SERVICE_GO_ON);
	CHECK(start_plain(&second) == SERVICE_EXIT_FAILURE);
	CHECK(strstr(output, "runs already") != NULL);
	CHECK(start(&second,
		      (const char *const[]){"--config", config_file, "--number", "2", NULL}) ==
		SERVICE_GO_ON);
	CHECK(access(path, F_OK) == 0);
	service_close(&second);
	service_close(&first);
}

static void
test_systemd_is_told(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct service s;
	char text[64];
	ssize_t n;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", directory);
	CHECK(bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(start_plain(&s) == SERVICE_GO_ON);
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	service_ready(&s);
	n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	CHECK(n == 15 && memcmp(text, "READY=1\nSTATUS=", 15) == 0);
	err_set(ERR_UNAVAILABLE, "no \"a\"\nMAINPID=1");
	service_waiting();
	n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	CHECK(n == 40 && memcmp(text, "READY=1\nSTATUS=waiting: no \"a\" MAINPID=1", 40) == 0);
	service_stopping(&s);
	n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	CHECK(n == 10 && memcmp(text, "STOPPING=1", 10) == 0);
	setenv("NOTIFY_SOCKET", "relative", 1);
	service_notify("READY=1");
	CHECK(recv(fd, text, sizeof(text), MSG_DONTWAIT) < 0);
	unsetenv("NOTIFY_SOCKET");
	service_close(&s);
	close(fd);
	unlink(at.sun_path);
}

static void
test_directory_is_removed(void)
{
	CHECK(unlink(config_file) == 0 && unlink(output_file) == 0 && rmdir(directory) == 0);
}

UNIT_MAIN("service", {"test_directory_is_made", test_directory_is_made},
	{"test_help_and_version_are_told", test_help_and_version_are_told},
	{"test_bad_options_are_refused", test_bad_options_are_refused},
	{"test_bad_configuration_has_its_own_exit_code",
		test_bad_configuration_has_its_own_exit_code},
	{"test_started_process_is_hardened", test_started_process_is_hardened},
	{"test_own_options_are_found", test_own_options_are_found},
	{"test_signals_become_wishes", test_signals_become_wishes},
	{"test_child_gets_its_signals_back", test_child_gets_its_signals_back},
	{"test_pid_file_names_the_process_and_goes_away",
		test_pid_file_names_the_process_and_goes_away},
	{"test_second_process_is_refused_and_a_numbered_one_runs",
		test_second_process_is_refused_and_a_numbered_one_runs},
	{"test_systemd_is_told", test_systemd_is_told},
	{"test_directory_is_removed", test_directory_is_removed})
