/*
 * chancery-load MODE: option parsing, the stop rule, and the report (rate, p50/p95/p99, CPU per
 * operation and memory of each server process named by --pid NAME=PID). Figures are printed;
 * nothing here passes or fails by a figure, only by errors.
 */
#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const struct mode {
	const char *name, *help;
	load_worker *worker;
	void (*prepare)(struct load *l);
} modes[] = {
	{"handshake", "a new mutual-TLS connection and one GET of --path each",
		load_handshake_worker, NULL},
	{"est", "EST re-enrollments over kept connections", load_est_worker, load_est_prepare},
	{"est-new", "EST re-enrollments with a new connection each", load_est_new_worker,
		load_est_prepare},
	{"crowd", "EST re-enrollments over kept connections, --rate a second; 503 is an answer",
		load_crowd_worker, load_crowd_prepare},
	{"crowd-new", "EST re-enrollments with a new connection each, which obey Retry-After",
		load_crowd_new_worker, load_est_prepare},
	{"acme", "ACME orders of a granted name: new-order, finalize, certificate",
		load_acme_worker, load_acme_prepare},
	{"acme-once", "one ACME order a thread, all at once; obeys Retry-After until it has begun",
		load_acme_once_worker, load_acme_prepare},
	{"get", "plain HTTP GET of --path over kept connections", load_get_worker, NULL},
	{"get-new", "the same with a new connection each", load_get_new_worker, NULL},
};

double
load_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void
load_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "chancery-load: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(2);
}

struct usage {
	int parent;
	double cpu_s;
};

/* Parent, and user and system seconds of a process so far; zeros when it is gone. */
static struct usage
read_usage(const char *pid)
{
	char path[300], text[1024], *p;
	unsigned long user = 0, system = 0;
	struct usage u = {0, 0};
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return u;
	p = fgets(text, sizeof(text), f) != NULL ? strrchr(text, ')') : NULL;
	if (p != NULL &&
		sscanf(p + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u.parent,
			&user, &system) == 3)
		u.cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	fclose(f);
	return u;
}

/* Of the process and its children (PostgreSQL's work is done by the postmaster's children). */
static double
cpu_seconds(int pid)
{
	double sum = 0;
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		struct usage u;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		u = read_usage(entry->d_name);
		if (u.parent == pid || atoi(entry->d_name) == pid)
			sum += u.cpu_s;
	}
	if (proc != NULL)
		closedir(proc);
	return sum;
}

/* The clock starts when the last thread is ready. */
void
load_begin(struct load *l)
{
	if (pthread_barrier_wait(&l->ready) == PTHREAD_BARRIER_SERIAL_THREAD) {
		for (size_t i = 0; i < l->pid_count; i++)
			l->pid[i].cpu_s = cpu_seconds(l->pid[i].pid);
		l->own_cpu_s = (double)clock() / CLOCKS_PER_SEC;
		l->began = load_now();
		l->deadline = l->began + l->seconds;
	}
	pthread_barrier_wait(&l->ready);
}

static void
sleep_until(double when)
{
	double left = when - load_now();

	if (left > 0)
		nanosleep(&(struct timespec){.tv_sec = (time_t)left,
				  .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)},
			NULL);
}

bool
load_next(struct load *l, double *began)
{
	unsigned long i = atomic_fetch_add(&l->started, 1);

	*began = l->rate > 0 ? l->began + (double)i / l->rate : load_now();
	return *began < l->deadline && i < l->count_max;
}

bool
load_more(struct load *l, double *began)
{
	if (!load_next(l, began))
		return false;
	sleep_until(*began);
	return true;
}

size_t
load_operations(const struct load *l, double most)
{
	return (size_t)(l->seconds * (l->rate > 0 ? l->rate : most)) + 1;
}

void
load_ok(struct load *l, double began)
{
	unsigned long i = atomic_fetch_add(&l->latency_count, 1);

	atomic_fetch_add(&l->done, 1);
	if (i < LOAD_LATENCIES_MAX)
		l->latencies_us[i] = (uint32_t)((load_now() - began) * 1e6);
}

unsigned
load_refused(struct load *l, const struct load_response *r, double began)
{
	unsigned long i = atomic_fetch_add(&l->refused, 1);
	char seconds[32] = "";

	if (i < LOAD_LATENCIES_MAX)
		l->refused_us[i] = (uint32_t)((load_now() - began) * 1e6);
	if (!load_header(r, "Retry-After", seconds, sizeof(seconds)))
		load_fail(l, "503 without Retry-After");
	return (unsigned)atoi(seconds);
}

void
load_fail(struct load *l, const char *fmt, ...)
{
	unsigned long n = atomic_fetch_add(&l->failed, 1);
	va_list ap;

	if (n >= 5)
		return;
	va_start(ap, fmt);
	fprintf(stderr, "failed: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
}

static long
resident_kb(int pid)
{
	char path[64], line[256];
	long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kb;
}

static int
compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
report_latencies(const char *prefix, uint32_t *us, unsigned long n)
{
	n = n < LOAD_LATENCIES_MAX ? n : LOAD_LATENCIES_MAX;
	qsort(us, n, sizeof(uint32_t), compare_u32);
	if (n > 0)
		printf(" %sp50_ms=%.2f %sp95_ms=%.2f %sp99_ms=%.2f %smax_ms=%.2f", prefix,
			us[n / 2] / 1e3, prefix, us[n * 95 / 100] / 1e3, prefix,
			us[n * 99 / 100] / 1e3, prefix, us[n - 1] / 1e3);
}

static void
report(struct load *l, double elapsed)
{
	unsigned long done = atomic_load(&l->done), refused = atomic_load(&l->refused);

	printf("mode=%s done=%lu failed=%lu seconds=%.2f rate=%.0f", l->mode, done,
		atomic_load(&l->failed), elapsed, (double)done / elapsed);
	report_latencies("", l->latencies_us, atomic_load(&l->latency_count));
	printf("\n");
	if (refused + atomic_load(&l->begun) + atomic_load(&l->not_sent) > 0) {
		printf("  refused=%lu begun=%lu not_sent=%lu", refused, atomic_load(&l->begun),
			atomic_load(&l->not_sent));
		report_latencies("refused_", l->refused_us, refused);
		printf("\n");
	}
	for (size_t i = 0; i < l->pid_count && done > 0; i++)
		printf("  process=%s cpu_us_per_op=%.1f rss_mb=%.1f\n", l->pid[i].name,
			(cpu_seconds(l->pid[i].pid) - l->pid[i].cpu_s) * 1e6 / (double)done,
			(double)resident_kb(l->pid[i].pid) / 1024);
	printf("  process=load-client cpu_us_per_op=%.1f\n",
		done > 0 ? ((double)clock() / CLOCKS_PER_SEC - l->own_cpu_s) * 1e6 / (double)done
			 : 0.0);
}

struct thread {
	struct load *load;
	load_worker *worker;
	unsigned index;
	pthread_t id;
};

static void *
thread_main(void *arg)
{
	struct thread *t = arg;

	t->worker(t->load, t->index);
	return NULL;
}

static int
run(struct load *l, const struct mode *mode)
{
	static struct thread thread[LOAD_THREADS_MAX];

	if (mode->prepare != NULL)
		mode->prepare(l);
	pthread_barrier_init(&l->ready, NULL, l->threads);
	for (unsigned i = 0; i < l->threads; i++) {
		thread[i] = (struct thread){.load = l, .worker = mode->worker, .index = i};
		if (pthread_create(&thread[i].id, NULL, thread_main, &thread[i]) != 0)
			load_die("cannot start thread %u", i);
	}
	for (unsigned i = 0; i < l->threads; i++)
		pthread_join(thread[i].id, NULL);
	report(l, load_now() - l->began);
	return atomic_load(&l->failed) > 0 || atomic_load(&l->done) == 0;
}

static void
usage(void)
{
	printf("usage: chancery-load MODE --port N [options]   (127.0.0.1 only)\nmodes:\n");
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		printf("  %-10s %s\n", modes[i].name, modes[i].help);
	printf("options: --host NAME:PORT --path P --ca F --cert F --key F --names dns:a,... --threads N --connections N\n"
	       "         --seconds S (at most 60) --count N --pid NAME=PID (several)\n"
	       "         --http01-port N: where the validator asks; without it, ACME's names are granted\n"
	       "         --rate R: so many a second, each at its time; with --connections 1, but for crowd\n");
}

static void
add_pid(struct load *l, char *text)
{
	char *equals = strchr(text, '=');

	if (equals == NULL || l->pid_count == LOAD_PIDS_MAX)
		load_die("--pid wants NAME=PID");
	*equals = '\0';
	l->pid[l->pid_count++] = (struct load_pid){text, atoi(equals + 1), 0};
}

static void
parse_options(struct load *l, int argc, char **argv)
{
	enum {
		HOST = 256,
		PATH,
		CA,
		CERT,
		KEY,
		NAMES,
		PORT,
		THREADS,
		CONNECTIONS,
		SECONDS,
		COUNT,
		RATE,
		HTTP01_PORT,
		PID
	};
	static const struct option options[] = {{"host", 1, NULL, HOST}, {"path", 1, NULL, PATH},
		{"ca", 1, NULL, CA}, {"cert", 1, NULL, CERT}, {"key", 1, NULL, KEY},
		{"names", 1, NULL, NAMES}, {"port", 1, NULL, PORT}, {"threads", 1, NULL, THREADS},
		{"connections", 1, NULL, CONNECTIONS}, {"seconds", 1, NULL, SECONDS},
		{"count", 1, NULL, COUNT}, {"rate", 1, NULL, RATE},
		{"http01-port", 1, NULL, HTTP01_PORT}, {"pid", 1, NULL, PID}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case HOST:
			l->host = optarg;
			break;
		case PATH:
			l->path = optarg;
			break;
		case CA:
			l->ca = optarg;
			break;
		case CERT:
			l->cert = optarg;
			break;
		case KEY:
			l->key = optarg;
			break;
		case NAMES:
			l->names = optarg;
			break;
		case PORT:
			l->port = atoi(optarg);
			break;
		case THREADS:
			l->threads = (unsigned)atoi(optarg);
			break;
		case CONNECTIONS:
			l->connections = (unsigned)atoi(optarg);
			break;
		case SECONDS:
			l->seconds = atof(optarg);
			break;
		case COUNT:
			l->count_max = strtoul(optarg, NULL, 10);
			break;
		case RATE:
			l->rate = atof(optarg);
			break;
		case HTTP01_PORT:
			l->http01_port = atoi(optarg);
			break;
		case PID:
			add_pid(l, optarg);
			break;
		default:
			exit(2);
		}
	if (l->port <= 0 || l->threads == 0 || l->threads > LOAD_THREADS_MAX || l->seconds <= 0 ||
		l->seconds > 60)
		load_die("--port is needed; --threads 1..%d; --seconds up to 60", LOAD_THREADS_MAX);
}

static void
set_up_tls(struct load *l)
{
	l->tls = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(l->tls, TLS1_3_VERSION);
	SSL_CTX_set_session_cache_mode(l->tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(l->tls, 1); /* all records that are there with one read */
	if (SSL_CTX_use_certificate_chain_file(l->tls, l->cert) != 1 ||
		SSL_CTX_use_PrivateKey_file(l->tls, l->key, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_load_verify_locations(l->tls, l->ca, NULL) != 1)
		load_die("cannot read --cert %s, --key %s or --ca %s", l->cert, l->key, l->ca);
	SSL_CTX_set_verify(l->tls, SSL_VERIFY_PEER, NULL);
}

int
main(int argc, char **argv)
{
	static struct load l = {.path = "/",
		.host = "localhost",
		.threads = 4,
		.connections = 16,
		.seconds = 5,
		.count_max = 3000000,
		.names = ""};

	if (argc < 2 || strcmp(argv[1], "--help") == 0) {
		usage();
		return argc < 2 ? 2 : 0;
	}
	l.mode = argv[1];
	parse_options(&l, argc - 1, argv + 1);
	l.latencies_us = mem_zalloc(LOAD_LATENCIES_MAX, sizeof(uint32_t));
	l.refused_us = mem_zalloc(LOAD_LATENCIES_MAX, sizeof(uint32_t));
	if (l.cert != NULL)
		set_up_tls(&l);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (strcmp(modes[i].name, l.mode) == 0)
			return run(&l, &modes[i]);
	load_die("no mode \"%s\"; --help lists them", l.mode);
}
