/*
 * One connection to PostgreSQL: opened, waited for and given up within a stated time, because a
 * server that is stopped or unreachable must cost its callers seconds, never a hang. Every
 * statement goes through the extended protocol.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include <assert.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/db/conn.h"

enum { LOOK_UP_MS = 250 };

/*
 * Plans: everything but the owner's work looks rows up by key, and a plan made while a table was
 * still empty must not stay when it has grown by a hundred thousand rows before the next ANALYZE:
 * so no scans of whole tables, no hash or merge joins, no JIT, and one plan for all parameters
 * (planning costs more than running, over the partitions of certificate a millisecond).
 */
static const char *const options[] = {
	[DB_CONN_WORK] =
		"-c search_path=chancery -c TimeZone=UTC -c jit=off -c enable_seqscan=off -c enable_hashjoin=off "
		"-c enable_mergejoin=off -c plan_cache_mode=force_generic_plan -c synchronous_commit=on",
	[DB_CONN_OWNER] = "-c search_path=chancery -c TimeZone=UTC -c client_min_messages=warning",
};

static enum err
break_connection(struct db_conn *c, const char *what)
{
	char text[256];

	snprintf(text, sizeof(text), "%s", c->pg != NULL ? PQerrorMessage(c->pg) : "out of memory");
	text[strcspn(text, "\n")] = '\0';
	db_conn_close(c);
	return err_set(
		ERR_UNAVAILABLE, "database: %s%s%s", what, text[0] != '\0' ? ": " : "", text);
}

void
db_conn_end_begin(struct db_conn_end *end)
{
	long long never = 0;

	atomic_compare_exchange_strong(&end->since, &never, clock_monotonic_us());
}

/* One wait for the server, in monotonic microseconds. */
struct patience {
	int64_t begun, deadline;
};

static struct patience
patience_of(int64_t us)
{
	int64_t now = clock_monotonic_us();

	return (struct patience){now, now + us};
}

/* When this wait is over, as things are now: see struct db_conn_end. */
static int64_t
end_of(const struct db_conn *c, const struct patience *p)
{
	struct db_conn_end *end = c->end;
	int64_t since, last, each;

	if (end == NULL)
		return p->deadline;
	if (atomic_load(&end->silent))
		return p->begun;
	since = atomic_load(&end->since);
	if (since == 0)
		return p->deadline;
	last = since + DB_CONN_LAST_US;
	each = p->begun + DB_CONN_LAST_EACH_US;
	last = last > each ? last : each;
	return last < p->deadline ? last : p->deadline;
}

/* In the middle of a wait: the thread that would say so may be this one. */
static void
notice_end(struct db_conn_end *end)
{
	if (end != NULL && end->stop_wanted != NULL && end->stop_wanted())
		db_conn_end_begin(end);
}

/* Waits for the socket as long as p allows. False: time is over. */
static bool
wait_socket(struct db_conn *c, short events, const struct patience *p)
{
	for (;;) {
		int64_t end = end_of(c, p), left = end - clock_monotonic_us();
		struct pollfd fd = {.fd = PQsocket(c->pg), .events = events};
		int64_t ms = left <= 0 ? 0 : left / 1000 + 1;
		int n = poll(&fd, 1, (int)(ms < LOOK_UP_MS ? ms : LOOK_UP_MS));

		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		if (left <= 0) {
			if (end < p->deadline)
				atomic_store(&c->end->silent, true);
			return false;
		}
		notice_end(c->end);
	}
}

static enum err
connect_finish(struct db_conn *c, const struct patience *p)
{
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;

	if (PQstatus(c->pg) == CONNECTION_BAD)
		return break_connection(c, "cannot connect");
	while (want != PGRES_POLLING_OK) {
		if (want == PGRES_POLLING_FAILED)
			return break_connection(c, "cannot connect");
		if (!wait_socket(c, want == PGRES_POLLING_READING ? POLLIN : POLLOUT, p))
			return break_connection(c, "no connection in time");
		want = PQconnectPoll(c->pg);
	}
	return ERR_OK;
}

/* libpq's own would write to standard error, past the log. */
static void
log_notice(void *ctx, const char *text)
{
	char line[256];

	(void)ctx;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
	log_event(LOG_DEBUG, "database.notice", LOG_S("reason", line));
}

enum err
db_conn_open(struct db_conn *c, const struct db_config *config, enum db_conn_kind kind,
	struct db_conn_end *end, int64_t connect_us)
{
	const struct {
		const char *key, *value;
	} settings[] = {
		{"host", config->host},
		{"port", config->port},
		{"dbname", config->dbname},
		{"user", config->user},
		{"sslmode", config->sslmode},
		{"passfile", config->passfile},
		{"application_name", config->process != NULL ? config->process : config->program},
		{"client_encoding", "UTF8"},
		{"options", options[kind]},
		{"tcp_user_timeout", "5000"},
		{"keepalives_idle", "10"},
	};
	const char *keys[ARRAY_LEN(settings) + 1], *values[ARRAY_LEN(settings) + 1];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (settings[i].value != NULL) {
			keys[n] = settings[i].key;
			values[n++] = settings[i].value;
		}
	keys[n] = values[n] = NULL;
	*c = (struct db_conn){.config = config,
		.end = end,
		.timeout_us = DB_CONN_STATEMENT_US,
		.result_max = DB_CONN_RESULT_MAX};
	c->pg = PQconnectStartParams(keys, values, 0);
	if (c->pg == NULL)
		return break_connection(c, "cannot connect");
	PQsetNoticeProcessor(c->pg, log_notice, NULL);
	const struct patience p = patience_of(connect_us);

	TRY(connect_finish(c, &p));
	if (PQsetnonblocking(c->pg, 1) != 0)
		return break_connection(c, "cannot connect");
	return ERR_OK;
}

void
db_conn_close(struct db_conn *c)
{
	if (c->pg != NULL)
		PQfinish(c->pg);
	c->pg = NULL;
	c->prepared_count = 0;
}

bool
db_conn_usable(const struct db_conn *c)
{
	return c->pg != NULL && PQstatus(c->pg) == CONNECTION_OK;
}

void
db_conn_check(struct db_conn *c)
{
	/* Twice: the farewell of a server that shuts down hides the end of the stream from the
	 * first read. */
	for (int i = 0; i < 2 && c->pg != NULL; i++) {
		struct pollfd fd = {.fd = PQsocket(c->pg), .events = POLLIN};

		if (poll(&fd, 1, 0) > 0 && PQconsumeInput(c->pg) == 0)
			db_conn_close(c);
	}
}

/* Sends what is queued and reads until a result can be taken without blocking. */
static enum err
wait_result(struct db_conn *c)
{
	const struct patience p = patience_of(c->timeout_us);

	for (;;) {
		int unsent = PQflush(c->pg);

		if (unsent < 0)
			return break_connection(c, "connection lost");
		if (unsent == 0 && PQisBusy(c->pg) == 0)
			return ERR_OK;
		if (!wait_socket(c, (short)(POLLIN | (unsent > 0 ? POLLOUT : 0)), &p))
			return break_connection(c, "no answer in time");
		if (PQconsumeInput(c->pg) == 0)
			return break_connection(c, "connection lost");
	}
}

/* The result of one statement outside a pipeline, judged. */
static enum err
finish_query(struct db_conn *c, PGresult **out)
{
	AUTO(PGresult) res = NULL;

	for (;;) {
		TRY(wait_result(c));
		PGresult *next = PQgetResult(c->pg);
		if (next == NULL)
			break;
		PQclear(res);
		res = next;
	}
	if (res == NULL || PQstatus(c->pg) != CONNECTION_OK)
		return break_connection(c, "connection lost");
	TRY(db_conn_judge(res));
	TRY(db_conn_bound(res, c->result_max));
	if (out != NULL) {
		*out = res;
		res = NULL;
	}
	return ERR_OK;
}

static enum err
prepare_statement(struct db_conn *c, const struct stmt *st)
{
	for (size_t i = 0; i < c->prepared_count; i++)
		if (c->prepared[i] == st)
			return ERR_OK;
	assert(c->prepared_count < DB_CONN_STATEMENTS_MAX);
	if (c->pg == NULL || PQsendPrepare(c->pg, st->name, st->sql, 0, NULL) == 0)
		return break_connection(c, "connection lost");
	enum err e = finish_query(c, NULL);

	if (e != ERR_OK)
		return err_context(e, "statement \"%s\"", st->name);
	c->prepared[c->prepared_count++] = st;
	return ERR_OK;
}

static enum err
queue_statement(struct db_conn *c, const struct stmt *st, const struct params *p)
{
	assert(st->params == (p != NULL ? p->count : 0));
	int sent = p != NULL
		? PQsendQueryPrepared(c->pg, st->name, p->count, p->value, p->length, p->format, 1)
		: PQsendQueryPrepared(c->pg, st->name, 0, NULL, NULL, NULL, 1);
	return sent != 0 ? ERR_OK : break_connection(c, "connection lost");
}

enum err
db_conn_run(struct db_conn *c, const struct stmt *st, const struct params *p, PGresult **out)
{
	enum err e;

	TRY(prepare_statement(c, st));
	TRY(queue_statement(c, st, p));
	e = finish_query(c, out);
	return e != ERR_OK && db_conn_usable(c) ? err_context(e, "statement \"%s\"", st->name) : e;
}

enum err
db_conn_command(struct db_conn *c, const char *sql)
{
	if (c->pg == NULL || PQsendQuery(c->pg, sql) == 0)
		return break_connection(c, "connection lost");
	return finish_query(c, NULL);
}

const struct stmt db_begin = {"transaction_begin", "BEGIN", 0};
const struct stmt db_commit = {"transaction_commit", "COMMIT", 0};

enum err
db_conn_begin(struct db_conn *c)
{
	return db_conn_command(c, db_begin.sql);
}

enum err
db_conn_commit(struct db_conn *c)
{
	return db_conn_command(c, db_commit.sql);
}

enum err
db_conn_roll_back(struct db_conn *c)
{
	return db_conn_command(c, "ROLLBACK");
}

/* The next result of a pipeline, also a refusal. */
static enum err
fetch_result(struct db_conn *c, PGresult **out)
{
	enum err e;

	TRY(wait_result(c));
	PGresult *res = PQgetResult(c->pg);

	if (res == NULL || PQstatus(c->pg) != CONNECTION_OK) {
		PQclear(res);
		return break_connection(c, "connection lost");
	}
	/* In a pipeline every statement's result is followed by a NULL, but a synchronization point
	 * is not. */
	if (PQresultStatus(res) != PGRES_PIPELINE_SYNC) {
		e = wait_result(c);
		if (e == ERR_OK && PQgetResult(c->pg) != NULL)
			e = break_connection(c, "more than one result");
		if (e != ERR_OK) {
			PQclear(res);
			return e;
		}
	}
	*out = res;
	return ERR_OK;
}

static enum err
fetch_sync(struct db_conn *c)
{
	AUTO(PGresult) res = NULL;

	TRY(fetch_result(c, &res));
	if (PQresultStatus(res) != PGRES_PIPELINE_SYNC)
		return break_connection(c, "no synchronization where expected");
	return ERR_OK;
}

enum err
db_conn_prepare_steps(struct db_conn *c, const struct db_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		TRY(prepare_statement(c, steps[i].st));
	return ERR_OK;
}

enum err
db_conn_pipeline(struct db_conn *c, struct db_step *steps, size_t count)
{
	TRY(db_conn_prepare_steps(c, steps, count));
	if (PQenterPipelineMode(c->pg) == 0)
		TRY(break_connection(c, "connection lost"));
	for (size_t i = 0; i < count; i++)
		TRY(queue_statement(c, steps[i].st, steps[i].params));
	if (PQpipelineSync(c->pg) == 0)
		TRY(break_connection(c, "connection lost"));
	for (size_t i = 0; i < count; i++)
		TRY(fetch_result(c, &steps[i].res));
	TRY(fetch_sync(c));
	if (PQexitPipelineMode(c->pg) == 0)
		db_conn_close(c);
	return ERR_OK;
}
