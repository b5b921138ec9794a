/* store_tool: requests of a caller that does not wait; what each was told, and after how long. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/store/queue/request.h"
#include "tests/db/store_tool.h"

struct round {
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	size_t open;
};

struct started {
	struct round *round;
	struct arena *a;
	int64_t at;
	const char *request_id;
};

static void
hear(void *ctx, enum err code, int64_t id, const struct store_result *result)
{
	static const char *const words[] = {[STORE_RESULT_PENDING] = "pending",
		[STORE_RESULT_DONE] = "done",
		[STORE_RESULT_REFUSED] = "refused"};
	struct started *s = ctx;
	struct round *r = s->round;

	printf("%s %" PRId64 " %s %" PRId64 "\n",
		code == ERR_OK ? words[result->state] : err_name(code),
		(clock_monotonic_us() - s->at) / 1000, s->request_id, id);
	arena_free(s->a);
	pthread_mutex_lock(&r->mutex);
	if (--r->open == 0)
		pthread_cond_signal(&r->ended);
	pthread_mutex_unlock(&r->mutex);
}

static void
start(struct store *store, struct round *r, int64_t identity, int64_t wait_ms)
{
	struct arena *a = arena_new(0);
	struct started *s = arena_alloc(a, sizeof(*s));
	static const char *const names[] = {"dns:start.example.org"};
	uint8_t *spki = arena_alloc(a, 91);

	random_bytes(spki, 91);
	*s = (struct started){
		.round = r, .a = a, .at = clock_monotonic_us(), .request_id = random_id(a)};
	struct store_request_new new = {.protocol = CA_PROTOCOL_EST,
		.request_id = s->request_id,
		.identity = identity,
		.profile = "device",
		.names = names,
		.name_count = 1,
		.spki = bytes_of(spki, 91)};
	store_request_start(store, a, &new, wait_ms, hear, s);
}

/* IDENTITY COUNT WAIT_MS: so many at a time, for ever; "ended" when all were told. */
enum err
tool_starts(const struct tool *t)
{
	AUTO_STRUCT(store) s = NULL;
	struct db_config config = t->config;
	struct round r = {.mutex = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
	size_t count = (size_t)atoll(t->argv[1]);

	config.writer = DB_WITH_WRITER;
	enum err e = store_open(&config, &s);
	if (e != ERR_OK)
		return e;
	for (;;) {
		r.open = count;
		for (size_t i = 0; i < count; i++)
			start(s, &r, atoll(t->argv[0]), atoll(t->argv[2]));
		pthread_mutex_lock(&r.mutex);
		while (r.open > 0)
			pthread_cond_wait(&r.ended, &r.mutex);
		pthread_mutex_unlock(&r.mutex);
		printf("ended\n");
	}
}
