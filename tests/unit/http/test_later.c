/* Answers that come later: over real sockets, with the test as the one who brings the result. */
#include "lib/http/server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/unit.h"

enum { PATIENCE_US = 20000000, HELD_MAX = 400, ANSWER_MAX = 4096 };

/* What the handlers gave away; all under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct http_request *held[HELD_MAX];
static unsigned held_count;
static atomic_uint continued;

static void
say(struct http_request *req, struct http_response *resp, void *ctx)
{
	(void)req;
	atomic_fetch_add(&continued, 1);
	resp->status = 200;
	resp->content_type = "text/plain";
	resp->body = bytes_str(ctx);
}

static void
say_nothing(struct http_request *req, struct http_response *resp, void *ctx)
{
	(void)req, (void)resp, (void)ctx;
	atomic_fetch_add(&continued, 1);
}

static void
hand_over(struct http_request *req)
{
	pthread_mutex_lock(&lock);
	held[held_count++] = req;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* The client's word comes back, from the arena, with a header set before. */
static void
hold(struct http_request *req, struct http_response *resp)
{
	http_response_header(resp, "X-Handler", arena_strdup(req->arena, req->param[0]));
	http_later(req, resp, say, arena_strdup(req->arena, req->param[0]));
	hand_over(req);
}

static void
hold_for_nothing(struct http_request *req, struct http_response *resp)
{
	http_later(req, resp, say_nothing, NULL);
	hand_over(req);
}

static void *
finish(void *req)
{
	http_finish(req);
	return NULL;
}

/* The result comes, on another thread, while the handler still runs. */
static void
hold_too_long(struct http_request *req, struct http_response *resp)
{
	pthread_t thread;

	http_later(req, resp, say, (void *)(uintptr_t) "overtaken");
	if (pthread_create(&thread, NULL, finish, req) != 0)
		abort();
	pthread_join(thread, NULL);
	CHECK(atomic_load(&continued) == 0);
}

/* Overwrites what is left in its arena. */
static void
answer(struct http_request *req, struct http_response *resp)
{
	char *text = arena_alloc(req->arena, 1024);

	memset(text, 'q', 1023);
	resp->status = 200;
	resp->content_type = "text/plain";
	resp->body = bytes_str(text);
}

static atomic_bool blocked, may_go;
static atomic_uint begun;

/* Occupies its worker. */
static void
block(struct http_request *req, struct http_response *resp)
{
	atomic_store(&blocked, true);
	while (!atomic_load(&may_go))
		usleep(1000);
	answer(req, resp);
}

static void
count(struct http_request *req, struct http_response *resp)
{
	atomic_fetch_add(&begun, 1);
	answer(req, resp);
}

static const struct http_route routes[] = {
	{.pattern = "/block", .methods = HTTP_GET, .handler = block},
	{.pattern = "/begin", .methods = HTTP_GET, .handler = count},
	{.pattern = "/revoke", .methods = HTTP_GET, .handler = count, .lane = HTTP_LANE_URGENT},
	{.pattern = "/hold/{}", .methods = HTTP_GET, .handler = hold},
	{.pattern = "/nothing", .methods = HTTP_GET, .handler = hold_for_nothing},
	{.pattern = "/overtaken", .methods = HTTP_GET, .handler = hold_too_long},
	{.pattern = "/answer", .methods = HTTP_GET, .handler = answer},
	{.pattern = NULL},
};

static struct http_server *
serve(unsigned workers, unsigned queue_max)
{
	struct http_config c = {.name = "later",
		.address = "127.0.0.1",
		.routes = routes,
		.workers = workers,
		.queue_max = queue_max,
		.connections_max = 256};
	struct http_server *s = NULL;

	held_count = 0;
	atomic_store(&continued, 0);
	CHECK_OK(http_server_open(&c, &s));
	if (s == NULL)
		exit(2);
	return s;
}

static int
dial(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval patience = {.tv_sec = PATIENCE_US / 1000000};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
ask(int fd, const char *path)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);

	CHECK(send(fd, text, (size_t)n, MSG_NOSIGNAL) == n);
}

static int
asked(struct http_server *s, const char *path)
{
	int fd = dial(http_server_port(s));

	CHECK(fd >= 0);
	ask(fd, path);
	return fd;
}

struct answer {
	unsigned status;
	char text[ANSWER_MAX];
	const char *body; /* "" as long as there is no whole answer */
};

/* One answer with Content-Length, as all of ours are. */
static void
read_answer(int fd, struct answer *a)
{
	size_t have = 0, length = 0;
	ssize_t n = 0;

	*a = (struct answer){.body = ""};
	do {
		const char *end = strstr(a->text, "\r\n\r\n"), *field;

		have += (size_t)n;
		if (end == NULL)
			continue;
		field = strstr(a->text, "Content-Length: ");
		length = field != NULL ? strtoul(field + 16, NULL, 10) : 0;
		if (have < (size_t)(end + 4 - a->text) + length)
			continue;
		a->status = (unsigned)strtoul(a->text + strlen("HTTP/1.1 "), NULL, 10);
		a->body = end + 4;
		return;
	} while ((n = recv(fd, a->text + have, ANSWER_MAX - 1 - have, 0)) > 0);
}

static bool
answered(int fd, unsigned status, const char *body)
{
	struct answer a;

	read_answer(fd, &a);
	if (a.status == status && strstr(a.body, body) != NULL)
		return true;
	fprintf(stderr, "got %u \"%s\" instead of %u \"%s\"\n", a.status, a.body, status, body);
	return false;
}

static struct http_request *
wait_held(unsigned count)
{
	struct timespec until;
	struct http_request *last;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_US / 1000000;
	pthread_mutex_lock(&lock);
	while (held_count < count)
		if (pthread_cond_timedwait(&changed, &lock, &until) != 0) {
			fprintf(stderr, "%u of %u requests are held\n", held_count, count);
			exit(2);
		}
	last = held[count - 1];
	pthread_mutex_unlock(&lock);
	return last;
}

static void
test_answer_comes_when_another_thread_finishes(void)
{
	struct http_server *s = serve(1, 4);
	struct answer a;
	int fd = asked(s, "/hold/first"), other = dial(http_server_port(s));

	(void)wait_held(1);
	for (int i = 0; i < 3; i++) { /* in the only worker's arena */
		ask(other, "/answer");
		CHECK(answered(other, 200, "qqq"));
	}
	CHECK(atomic_load(&continued) == 0);
	http_finish(held[0]);
	read_answer(fd, &a);
	CHECK(a.status == 200 && strcmp(a.body, "first") == 0);
	CHECK(strstr(a.text, "X-Handler: first\r\n") != NULL);
	ask(fd, "/hold/second"); /* the connection goes on */
	http_finish(wait_held(2));
	CHECK(answered(fd, 200, "second"));
	CHECK(atomic_load(&continued) == 2);
	close(fd);
	close(other);
	CHECK(http_server_close(s, 20) == HTTP_CLOSED);
}

static void
test_result_may_overtake_the_handler(void)
{
	struct http_server *s = serve(1, 4);
	int fd = asked(s, "/overtaken");

	CHECK(answered(fd, 200, "overtaken"));
	CHECK(atomic_load(&continued) == 1);
	ask(fd, "/answer");
	CHECK(answered(fd, 200, "qqq"));
	close(fd);
	CHECK(http_server_close(s, 20) == HTTP_CLOSED);
}

static void
test_continuation_without_an_answer_is_500(void)
{
	struct http_server *s = serve(1, 4);
	int fd = asked(s, "/nothing");

	http_finish(wait_held(1));
	CHECK(answered(fd, 500, "internal"));
	close(fd);
	CHECK(http_server_close(s, 20) == HTTP_CLOSED);
}

/* More of them than spare arenas are kept, too. */
static void
test_requests_that_wait_occupy_no_worker(void)
{
	enum { WAITING = 160 };
	struct http_server *s = serve(1, WAITING + 10);
	int fd[WAITING], other;
	char path[64];

	for (unsigned i = 0; i < WAITING; i++) {
		snprintf(path, sizeof(path), "/hold/number-%u", i);
		fd[i] = asked(s, path);
		(void)wait_held(i + 1);
	}
	other = asked(s, "/answer");
	CHECK(answered(other, 200, "qqq"));
	for (unsigned i = 0; i < WAITING; i++)
		http_finish(held[WAITING - 1 - i]);
	for (unsigned i = 0; i < WAITING; i++) {
		snprintf(path, sizeof(path), "number-%u", i);
		CHECK(answered(fd[i], 200, path));
		close(fd[i]);
	}
	CHECK(atomic_load(&continued) == WAITING);
	close(other);
	CHECK(http_server_close(s, 20) == HTTP_CLOSED);
}

static void
test_requests_that_wait_keep_their_room(void)
{
	struct http_server *s = serve(1, 2);
	int fd[3], other = dial(http_server_port(s));
	int64_t end = clock_monotonic_us() + PATIENCE_US;
	struct answer a = {.status = 0};

	for (unsigned i = 0; i < 3; i++) {
		fd[i] = asked(s, "/hold/x");
		(void)wait_held(i + 1);
	}
	ask(other, "/answer");
	CHECK(answered(other, 503, "busy"));
	http_finish(held[1]);
	CHECK(answered(fd[1], 200, "x"));
	while (a.status != 200 && clock_monotonic_us() < end) { /* room comes after the answer */
		ask(other, "/answer");
		read_answer(other, &a);
	}
	CHECK(a.status == 200);
	http_finish(held[0]);
	http_finish(held[2]);
	CHECK(answered(fd[0], 200, "x") && answered(fd[2], 200, "x"));
	for (unsigned i = 0; i < 3; i++)
		close(fd[i]);
	close(other);
	CHECK(http_server_close(s, 20) == HTTP_CLOSED);
}

struct closing {
	struct http_server *server;
	atomic_bool closed;
};

static void *
close_server(void *ctx)
{
	struct closing *c = ctx;

	CHECK(http_server_close(c->server, 20) == HTTP_CLOSED);
	atomic_store(&c->closed, true);
	return NULL;
}

static void
test_close_waits_for_requests_that_wait(void)
{
	struct closing c = {.server = serve(1, 4)};
	uint16_t port = http_server_port(c.server);
	int fd = asked(c.server, "/hold/last"), probe;
	int64_t end = clock_monotonic_us() + PATIENCE_US;
	struct answer a;
	pthread_t thread;

	(void)wait_held(1);
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, close_server, &c) == 0);
	while ((probe = dial(port)) >= 0 && clock_monotonic_us() < end)
		close(probe);
	CHECK(probe < 0);
	CHECK(!atomic_load(&c.closed));
	http_finish(held[0]);
	read_answer(fd, &a);
	CHECK(a.status == 200 && strcmp(a.body, "last") == 0);
	CHECK(strstr(a.text, "Connection: close\r\n") != NULL);
	pthread_join(thread, NULL);
	CHECK(atomic_load(&c.closed));
	close(fd);
}

static void
test_close_gives_up_at_its_deadline_and_leaves_all_as_it_is(void)
{
	struct http_server *s = serve(1, 4);
	int fd = asked(s, "/hold/late");

	(void)wait_held(1);
	CHECK(http_server_close(s, 0) == HTTP_ABANDONED);
	http_finish(held[0]);
	CHECK(answered(fd, 200, "late"));
	CHECK(http_server_close(s, 20) == HTTP_CLOSED);
	close(fd);
}

static void
test_client_may_leave_while_its_request_waits(void)
{
	struct http_server *s = serve(1, 4);
	int fd = asked(s, "/hold/gone"), other;

	(void)wait_held(1);
	close(fd);
	other = asked(s, "/answer"); /* later than the end of the other connection */
	CHECK(answered(other, 200, "qqq"));
	http_finish(held[0]);
	CHECK(atomic_load(&continued) == 1);
	ask(other, "/answer");
	CHECK(answered(other, 200, "qqq"));
	close(other);
	CHECK(http_server_close(s, 20) ==
		HTTP_CLOSED); /* would end the process if its connection were still suspended */
}

/* The only worker is busy for longer than a client may be gone unnoticed; who stays is served. */
static void
test_request_whose_client_left_the_queue_is_not_begun_unless_urgent(void)
{
	struct http_server *s = serve(1, 4);
	int fd = asked(s, "/block"), begin, revoke, stays;
	int64_t until;

	while (!atomic_load(&blocked))
		usleep(1000);
	begin = asked(s, "/begin");
	revoke = asked(s, "/revoke");
	stays = asked(s, "/begin");
	close(begin);
	close(revoke);
	for (until = clock_monotonic_us() + 200000; clock_monotonic_us() < until;)
		usleep(1000);
	atomic_store(&may_go, true);
	CHECK(answered(fd, 200, "qqq"));
	CHECK(answered(stays, 200, "qqq"));
	close(fd);
	close(stays);
	CHECK(http_server_close(s, 20) == HTTP_CLOSED);
	CHECK(atomic_load(&begun) == 2);
}

enum { CLIENTS = 8, ROUNDS = 40 }; /* at most HELD_MAX in all */

static void *
finish_all(void *ctx)
{
	(void)ctx;
	for (unsigned i = 0; i < CLIENTS * ROUNDS; i++)
		http_finish(wait_held(i + 1));
	return NULL;
}

struct client {
	struct http_server *server;
	unsigned number, right;
};

static void *
ask_often(void *ctx)
{
	struct client *c = ctx;
	int fd = dial(http_server_port(c->server));
	char path[64];

	for (unsigned i = 0; i < ROUNDS; i++) {
		snprintf(path, sizeof(path), "/hold/%u-%u-", c->number, i);
		ask(fd, path);
		c->right += answered(fd, 200, path + strlen("/hold/"));
	}
	close(fd);
	return NULL;
}

static void
test_many_at_once_get_their_own_answers(void)
{
	struct http_server *s = serve(4, 64);
	struct client client[CLIENTS];
	pthread_t thread[CLIENTS], finisher;

	CU_ASSERT_FATAL(pthread_create(&finisher, NULL, finish_all, NULL) == 0);
	for (unsigned i = 0; i < CLIENTS; i++) {
		client[i] = (struct client){.server = s, .number = i};
		CU_ASSERT_FATAL(pthread_create(&thread[i], NULL, ask_often, &client[i]) == 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		pthread_join(thread[i], NULL);
		CHECK(client[i].right == ROUNDS);
	}
	pthread_join(finisher, NULL);
	CHECK(atomic_load(&continued) == CLIENTS * ROUNDS);
	CHECK(http_server_close(s, 20) == HTTP_CLOSED);
}

UNIT_MAIN("http later",
	{"test_answer_comes_when_another_thread_finishes",
		test_answer_comes_when_another_thread_finishes},
	{"test_result_may_overtake_the_handler", test_result_may_overtake_the_handler},
	{"test_continuation_without_an_answer_is_500", test_continuation_without_an_answer_is_500},
	{"test_requests_that_wait_occupy_no_worker", test_requests_that_wait_occupy_no_worker},
	{"test_requests_that_wait_keep_their_room", test_requests_that_wait_keep_their_room},
	{"test_close_waits_for_requests_that_wait", test_close_waits_for_requests_that_wait},
	{"test_close_gives_up_at_its_deadline_and_leaves_all_as_it_is",
		test_close_gives_up_at_its_deadline_and_leaves_all_as_it_is},
	{"test_client_may_leave_while_its_request_waits",
		test_client_may_leave_while_its_request_waits},
	{"test_request_whose_client_left_the_queue_is_not_begun_unless_urgent",
		test_request_whose_client_left_the_queue_is_not_begun_unless_urgent},
	{"test_many_at_once_get_their_own_answers", test_many_at_once_get_their_own_answers})
