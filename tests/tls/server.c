/*
 * The server under test: lib/http with a handful of routes and an authenticator that says what the test
 * tells it to.
 *
 * Usage: tls-server [name=value ...]; prints "port N" when it listens. One command per line on
 * standard input, each answered with a line: "identify WORD", "recheck WORD", "reload DIR",
 * "release", "quit SECONDS". A material directory holds chain0.der..., key.der (PKCS #8) and
 * anchor0.der...
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/hex.h"
#include "lib/base/log.h"
#include "lib/http/server.h"

enum { FILES_MAX = 8, FILE_SIZE_MAX = 65536 };

struct client {
	char leaf_size[16];
};

static struct http_prepared *hello, *tagged, *letters;
static atomic_int identify_verdict, recheck_verdict, peers;
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_open = PTHREAD_COND_INITIALIZER;
static unsigned released; /* how many calls of /block may go on; under gate_lock */

static void
answer_text(struct http_response *resp, const char *text)
{
	resp->status = 200;
	resp->content_type = "text/plain";
	resp->body = bytes_str(text);
}

static void
get_hello(struct http_request *req, struct http_response *resp)
{
	(void)req;
	resp->prepared = http_prepared_ref(hello);
}

static void
get_tagged(struct http_request *req, struct http_response *resp)
{
	(void)req;
	resp->prepared = http_prepared_ref(tagged);
}

/* Larger than one block. */
enum { LETTERS = 1000003 };

static void
copy_letters(const void *ctx, size_t at, char *out, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)('a' + (at + i) % 23);
}

static void
get_letters(struct http_request *req, struct http_response *resp)
{
	(void)req;
	resp->prepared = http_prepared_ref(letters);
}

static void
get_pool(struct http_request *req, struct http_response *resp)
{
	answer_text(resp,
		arena_printf(req->arena, "pool %s %s\n", req->id,
			req->query != NULL ? req->query : "-"));
	resp->identity = req->requester != NULL ? "test" : NULL;
}

static void
get_params(struct http_request *req, struct http_response *resp)
{
	answer_text(resp,
		arena_printf(req->arena, "%s|%s\n", req->param[0],
			req->param[1] != NULL ? req->param[1] : "-"));
}

static void
post_echo(struct http_request *req, struct http_response *resp)
{
	resp->status = 200;
	resp->content_type = "application/octet-stream";
	resp->body = req->body;
}

static void
get_exporter(struct http_request *req, struct http_response *resp)
{
	uint8_t value[HTTP_EXPORTER_SIZE];

	if (http_request_exporter(req, value) == ERR_OK)
		answer_text(resp, hex_string(req->arena, bytes_of(value, sizeof(value))));
	else
		answer_text(resp, err_reason());
}

static void
get_whoami(struct http_request *req, struct http_response *resp)
{
	const char *agent = http_request_header(req, "user-agent");
	const struct client *client = req->requester;

	answer_text(resp,
		arena_printf(req->arena, "chain %zu leaf %s address %s host %s agent %s peers %d\n",
			req->chain_count, client != NULL ? client->leaf_size : "-",
			req->peer_address, req->host != NULL ? req->host : "-",
			agent != NULL ? agent : "-", atomic_load(&peers)));
}

static void
get_block(struct http_request *req, struct http_response *resp)
{
	(void)req;
	pthread_mutex_lock(&gate_lock);
	while (released == 0)
		pthread_cond_wait(&gate_open, &gate_lock);
	released--;
	pthread_mutex_unlock(&gate_lock);
	answer_text(resp, "released\n");
}

static void
get_nothing(struct http_request *req, struct http_response *resp)
{
	(void)req, (void)resp;
}

static void
get_close(struct http_request *req, struct http_response *resp)
{
	(void)req;
	answer_text(resp, "closing\n");
	resp->close = true;
}

static const char *const echo_types[] = {"application/octet-stream", "application/x-test", NULL};
#define AT_ONCE HTTP_RUN_INLINE, HTTP_LANE_BEGINS
#define BY_WORKER HTTP_RUN_POOL, HTTP_LANE_BEGINS
static const struct http_route routes[] = {
	{"/hello", HTTP_GET, get_hello, 0, NULL, AT_ONCE, "test.hello", NULL},
	{"/tagged", HTTP_GET, get_tagged, 0, NULL, AT_ONCE, "test.tagged", NULL},
	{"/letters", HTTP_GET, get_letters, 0, NULL, AT_ONCE, "test.letters", NULL},
	{"/pool", HTTP_GET, get_pool, 0, NULL, BY_WORKER, "test.pool", NULL},
	{"/inline/{*}", HTTP_GET, get_params, 0, NULL, AT_ONCE, "test.inline", NULL},
	{"/item/{}/part/{}", HTTP_GET, get_params, 0, NULL, BY_WORKER, "test.part", NULL},
	{"/echo", HTTP_POST, post_echo, 4096, echo_types, BY_WORKER, "test.echo", NULL},
	{"/any", HTTP_POST | HTTP_PUT, post_echo, 1 << 20, NULL, BY_WORKER, "test.any", NULL},
	{"/exporter", HTTP_GET, get_exporter, 0, NULL, BY_WORKER, "test.exporter", NULL},
	{"/whoami", HTTP_GET, get_whoami, 0, NULL, BY_WORKER, "test.whoami", NULL},
	{"/block", HTTP_GET, get_block, 0, NULL, BY_WORKER, "test.block", NULL},
	{"/nothing", HTTP_GET, get_nothing, 0, NULL, BY_WORKER, "test.nothing", NULL},
	{"/close", HTTP_GET, get_close, 0, NULL, BY_WORKER, "test.close", NULL},
	{.pattern = NULL},
};

static enum http_verdict
identify_certificate(void *ctx, struct bytes leaf, const void **requester)
{
	struct client *client;
	enum http_verdict v = (enum http_verdict)atomic_load(&identify_verdict);

	(void)ctx;
	if (v != HTTP_PEER_OK)
		return v;
	client = mem_zalloc(1, sizeof(*client));
	snprintf(client->leaf_size, sizeof(client->leaf_size), "%zu", leaf.n);
	*requester = client;
	atomic_fetch_add(&peers, 1);
	return v;
}

static enum http_verdict
check_request(void *ctx, struct http_request *req)
{
	enum http_verdict v = (enum http_verdict)atomic_load(&recheck_verdict);

	(void)ctx, (void)req;
	if (v == HTTP_PEER_REVOKED)
		(void)err_set(ERR_DENIED, "revoked by the test");
	return v;
}

static void
release_client(void *ctx, const void *requester)
{
	(void)ctx;
	atomic_fetch_sub(&peers, 1);
	free((void *)(uintptr_t)requester);
}

static void
tell_refused(void *ctx, const struct http_refused *what)
{
	(void)ctx;
	log_event(LOG_INFO, "test.refused", LOG_S("operation", what->operation),
		LOG_S("chain", what->chain == HTTP_CHAIN_VERIFIED ? "verified" : "refused"),
		LOG_S("known", what->requester != NULL ? "yes" : "no"), LOG_I("leaf", what->leaf.n),
		LOG_S("reason", what->reason));
}

static struct bytes
read_file(struct arena *a, const char *dir, const char *name)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", dir, name), "re");
	char *data = arena_alloc(a, FILE_SIZE_MAX);
	size_t n = f != NULL ? fread(data, 1, FILE_SIZE_MAX, f) : 0;

	if (f != NULL)
		fclose(f);
	return bytes_of(data, n);
}

static size_t
read_files(struct arena *a, const char *dir, const char *stem, struct bytes out[FILES_MAX])
{
	size_t n = 0;

	while (n < FILES_MAX &&
		(out[n] = read_file(a, dir, arena_printf(a, "%s%zu.der", stem, n))).n > 0)
		n++;
	return n;
}

static enum err
load_tls(const char *dir, struct http_tls **out)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	struct bytes chain[FILES_MAX], anchor[FILES_MAX];
	size_t chains = read_files(a, dir, "chain", chain),
	       anchors = read_files(a, dir, "anchor", anchor);

	return http_tls_new(chain, chains, read_file(a, dir, "key.der"), anchor, anchors, out);
}

static int
verdict_of(const char *word)
{
	static const char *const words[] = {
		"ok", "revoked", "expired", "unknown", "unknown-ca", "bad", "unavailable"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return HTTP_PEER_BAD;
}

static void
release_handlers(unsigned count)
{
	pthread_mutex_lock(&gate_lock);
	released += count;
	pthread_cond_broadcast(&gate_open);
	pthread_mutex_unlock(&gate_lock);
}

static const char *
reload(struct http_server *s, const char *dir)
{
	struct http_tls *tls = NULL;

	if (load_tls(dir, &tls) != ERR_OK)
		return err_reason();
	http_server_reload(s, tls);
	return "ok";
}

/* Returns after "quit" or at the end of the input, with the seconds to drain. */
static unsigned
serve_commands(struct http_server *s)
{
	char line[512], word[256];
	unsigned n;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (sscanf(line, "quit %u", &n) == 1)
			return n;
		if (sscanf(line, "identify %255s", word) == 1)
			atomic_store(&identify_verdict, verdict_of(word));
		else if (sscanf(line, "recheck %255s", word) == 1)
			atomic_store(&recheck_verdict, verdict_of(word));
		else if (sscanf(line, "release %u", &n) == 1)
			release_handlers(n);
		if (sscanf(line, "reload %255s", word) == 1)
			printf("%s\n", reload(s, word));
		else
			printf("ok\n");
		fflush(stdout);
	}
	return 0;
}

/* While the server drains, the test may still let handlers go. */
static void *
release_late(void *ctx)
{
	char line[64];
	unsigned n;

	(void)ctx;
	while (fgets(line, sizeof(line), stdin) != NULL)
		if (sscanf(line, "release %u", &n) == 1)
			release_handlers(n);
	return NULL;
}

static enum err
read_options(int argc, char **argv, struct http_config *c)
{
	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		struct {
			const char *name;
			unsigned *where;
		} const number[] = {
			{"threads", &c->network_threads},
			{"workers", &c->workers},
			{"queue", &c->queue_max},
			{"connections", &c->connections_max},
			{"per-address", &c->connections_per_address},
			{"deadline", &c->request_deadline_s},
			{"idle", &c->idle_timeout_s},
		};
		enum err e = ERR_OK;

		if (value == NULL)
			return err_set(ERR_INVALID, "\"%s\" is not name=value", argv[i]);
		*value++ = '\0';
		if (strcmp(argv[i], "tls") == 0)
			e = load_tls(value, &c->tls);
		else if (strcmp(argv[i], "address") == 0)
			c->address = value;
		for (size_t k = 0; k < ARRAY_LEN(number); k++)
			if (strcmp(argv[i], number[k].name) == 0)
				*number[k].where = (unsigned)strtoul(value, NULL, 10);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static void
prepare_answers(void)
{
	static const struct http_header headers[] = {{"Cache-Control", "max-age=60"}};
	static const struct http_header tags[] = {
		{"ETag", "\"v1\""}, {"Last-Modified", "Sat, 21 Nov 2026 12:00:00 GMT"}};

	hello = http_prepared_new(200, "text/plain", BYTES_LIT("hello\n"), headers, 1);
	tagged = http_prepared_new(200, "text/plain", BYTES_LIT("tagged\n"), tags, 2);
	letters = http_prepared_of(200, "text/plain",
		&(struct http_body){LETTERS, copy_letters, free, mem_alloc(1)}, tags, 2);
}

int
main(int argc, char **argv)
{
	struct http_config c = {.name = "test",
		.address = "127.0.0.1",
		.routes = routes,
		.authenticator = {.certificate = identify_certificate,
			.request = check_request,
			.release = release_client,
			.refused = tell_refused}};
	struct http_server *s = NULL;
	pthread_t late;
	unsigned seconds;

	log_setup("tls-server", getenv("TLS_SERVER_DEBUG") != NULL ? LOG_DEBUG : LOG_INFO,
		LOG_FORMAT_KV);
	prepare_answers();
	if (read_options(argc, argv, &c) != ERR_OK || http_server_open(&c, &s) != ERR_OK) {
		fprintf(stderr, "tls-server: %s\n", err_reason());
		return 1;
	}
	printf("port %u\n", http_server_port(s));
	fflush(stdout);
	seconds = serve_commands(s);
	if (pthread_create(&late, NULL, release_late, NULL) != 0)
		return 1;
	http_server_close(s, seconds);
	pthread_cancel(late);
	pthread_join(late, NULL);
	http_prepared_unref(hello);
	http_prepared_unref(tagged);
	http_prepared_unref(letters);
	printf("closed\n");
	return 0;
}
