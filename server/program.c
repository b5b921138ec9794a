/* See program.h. A program that starts before its database must wait, not die: boot order is
 * nobody's job. */
#include "server/program.h"

#include <stdatomic.h>
#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/store/node.h"

enum { FIRST_RETRY_MS = 200, LAST_RETRY_MS = 5000, NODE_EVERY_S = 5 };

static bool
worth_waiting(enum err e)
{
	return e == ERR_UNAVAILABLE || (e == ERR_CONFLICT && err_word() == WORD_SCHEMA_MISSING);
}

static struct db_config
make_config(const struct service *s, const struct program_store *p, char port[8], char user[128])
{
	const struct config_database *d = &s->config->database;

	snprintf(port, 8, "%u", d->port);
	snprintf(user, 128, "chancery_%s", p->role);
	return (struct db_config){.host = d->host,
		.port = port,
		.dbname = d->name,
		.user = user,
		.sslmode = d->sslmode,
		.passfile = d->passfile,
		.program = s->program->name,
		.run_directory = s->config->run_directory,
		.readers = p->readers,
		.writer = p->writer,
		.stop_wanted = service_stop_pending};
}

enum err
program_wait(struct service *s, struct retry *r, enum err e)
{
	service_waiting();
	retry_failed(r, e);
	return service_wait(s, retry_pause_ms(r)) == SERVICE_STOP
		? err_set(ERR_STOPPED, "told to stop while starting")
		: ERR_OK;
}

enum err
program_open_store(struct service *s, const struct program_store *p, struct store **out)
{
	char port[8], user[128];
	struct db_config config = make_config(s, p, port, user);
	struct retry retry = {
		.event = "store.open", .first_ms = FIRST_RETRY_MS, .last_ms = LAST_RETRY_MS};

	for (;;) {
		enum err e = store_open(&config, out);

		if (e == ERR_OK || !worth_waiting(e))
			return e;
		TRY(program_wait(s, &retry, e));
	}
}

/* This machine's clock, as the last sign of life found it. */
static _Atomic bool clock_known;
static _Atomic int64_t clock_ahead;

/* Told when it begins and when it is over. */
static void
note_clock(int64_t ahead)
{
	bool was_wrong =
		program_clock() == PROGRAM_CLOCK_AHEAD || program_clock() == PROGRAM_CLOCK_BEHIND;

	atomic_store(&clock_ahead, ahead);
	atomic_store(&clock_known, true);
	bool is_wrong = program_clock() != PROGRAM_CLOCK_RIGHT;

	if (is_wrong != was_wrong)
		log_event(is_wrong ? LOG_WARNING : LOG_INFO, "clock", LOG_I("ahead", ahead),
			LOG_S("reason",
				is_wrong ? "this machine's clock is not the database's; set it"
					 : "this machine's clock is right"));
}

int64_t
program_clock_ahead(void)
{
	return atomic_load(&clock_ahead);
}

enum program_clock
program_clock(void)
{
	int64_t ahead = program_clock_ahead();

	if (!atomic_load(&clock_known))
		return PROGRAM_CLOCK_UNKNOWN;
	if (ahead > STORE_CLOCK_TOLERANCE_S)
		return PROGRAM_CLOCK_AHEAD;
	return ahead < -STORE_CLOCK_TOLERANCE_S ? PROGRAM_CLOCK_BEHIND : PROGRAM_CLOCK_RIGHT;
}

static void
write_node(struct store *store, const char *state, const char *detail_json)
{
	int64_t ahead;

	if (store_node_seen(store, state, detail_json, &ahead) == ERR_OK)
		note_clock(ahead);
	else
		log_event(LOG_DEBUG, "node.seen", LOG_S("reason", err_reason()));
}

void
program_seen(struct store *store, const char *state, const char *detail_json)
{
	static int64_t last;
	static const char *told = "";
	int64_t now = clock_monotonic_us();

	if (strcmp(told, state) == 0 && now < last + NODE_EVERY_S * 1000000LL)
		return;
	last = now;
	told = state;
	write_node(store, state, detail_json);
}

void
program_node_start(
	struct program_node *n, struct store *store, program_describe_fn *describe, void *ctx)
{
	*n = (struct program_node){.store = store, .describe = describe, .ctx = ctx, .told = ""};
	pthread_mutex_init(&n->lock, NULL);
}

static void
tell_node(struct program_node *n, bool now)
{
	AUTO_STRUCT(arena) a = arena_new(0);
	const char *state, *detail_json;

	pthread_mutex_lock(&n->lock);
	state = n->describe(n->ctx, a, &detail_json);
	if (!n->stopping &&
		(now || strcmp(n->told, state) != 0 ||
			clock_monotonic_us() >= n->told_at + NODE_EVERY_S * 1000000LL)) {
		write_node(n->store, state, detail_json);
		n->told_at = clock_monotonic_us();
		n->told = state;
	}
	pthread_mutex_unlock(&n->lock);
}

void
program_node_turn(struct program_node *n)
{
	tell_node(n, false);
}

void
program_node_tell(struct program_node *n)
{
	tell_node(n, true);
}

void
program_node_stop(struct program_node *n)
{
	if (n->store == NULL)
		return;
	pthread_mutex_lock(&n->lock);
	n->stopping = true;
	pthread_mutex_unlock(&n->lock);
	write_node(n->store, "stopping", NULL);
}
