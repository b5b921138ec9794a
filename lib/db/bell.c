/*
 * Bells. Whoever rings tells the programs of its machine itself (near.h), at once. Others are told by
 * NOTIFY, from a connection and thread of their own, and only when there are others: a notification
 * wakes every session that listens to anything, and every commit with one takes a lock over all
 * databases of the cluster. So these are coalesced, at most one per channel in COALESCE_US, and carry
 * the place of the programs that have heard it already. Nobody may depend on a ring: once a second
 * everybody is called anyhow, also while the connection is away, on a standby or broken.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/retry.h"
#include "lib/db/internal.h"
#include "lib/db/near.h"

enum {
	COALESCE_US = 2000,
	TICK_US = 1000000,
	LATER_US = 25000,
	OTHERS_US = 5000000, /* how often it is asked whether anybody listens elsewhere */
	FIRST_RETRY_MS = 100,
	LAST_RETRY_MS = 2000,
	LISTENERS_MAX = 16,
	OTHERS_COLUMN = 1 /* of the statement of this name */
};
enum {
	CONNECT_US = 800000
}; /* below a tick: a server that does not answer must not delay the next one much */

struct bells {
	struct db *db;
	pthread_t thread;
	int wake; /* eventfd */
	struct near *near;
	atomic_uint asked;  /* 1 << bell: notifications wanted */
	atomic_uint later;  /* 1 << bell: rings that have time */
	atomic_uint busy;   /* 1 << bell: rings to be passed on */
	atomic_bool others; /* somebody may listen who is not near */
	atomic_bool stopping;
	pthread_mutex_t mutex;	 /* guards the listeners */
	pthread_mutex_t calling; /* held while listeners are called; taken before mutex */
	struct listener {
		unsigned mask;
		db_bell_fn *fn;
		void *ctx;
	} listeners[LISTENERS_MAX];
	size_t count;
	/* The thread's own. */
	struct db_conn conn;
	unsigned listening; /* 1 << bell: LISTEN was done on this connection */
	unsigned near_mask; /* what the near ring us for */
	int64_t sent[DB_BELLS_MAX], later_at[DB_BELLS_MAX], next_tick, others_at;
	struct retry retry; /* of the connection */
};

static void
wake_thread(struct bells *b)
{
	uint64_t one = 1;

	if (write(b->wake, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort(); /* an eventfd of our own */
}

static void
ask_to_notify(struct bells *b, unsigned bell)
{
	if ((atomic_fetch_or(&b->asked, 1u << bell) & 1u << bell) == 0)
		wake_thread(b);
}

/* The rings of a thread that holds them: a batch answers many and rings once. */
static _Thread_local struct {
	bool on;
	unsigned mask;
} held;

void
bells_hold(void)
{
	held.on = true;
	held.mask = 0;
}

void
bells_release(struct db *db)
{
	unsigned mask = held.mask;

	held.on = false;
	for (unsigned bell = 0; mask >> bell != 0; bell++)
		if ((mask >> bell & 1u) != 0)
			db_ring(db, bell);
}

void
db_ring_role(struct db *db, unsigned bell, const char *role)
{
	struct bells *b = db->bells;
	bool one = (db->words->one_of & 1u << bell) != 0;

	if (!near_ring(b->near, bell, role, one ? NEAR_FIRST : NEAR_ALL) || atomic_load(&b->others))
		ask_to_notify(b, bell);
}

void
db_ring(struct db *db, unsigned bell)
{
	if (held.on)
		held.mask |= 1u << bell;
	else
		db_ring_role(db, bell, NULL);
}

void
db_ring_later(struct db *db, unsigned bell)
{
	struct bells *b = db->bells;

	if ((atomic_fetch_or(&b->later, 1u << bell) & 1u << bell) == 0)
		wake_thread(b);
}

void
db_busy(struct db *db, unsigned bell, bool busy)
{
	if (busy)
		atomic_fetch_or(&db->bells->busy, 1u << bell);
	else
		atomic_fetch_and(&db->bells->busy, ~(1u << bell));
}

void
db_listen(struct db *db, unsigned mask, db_bell_fn *fn, void *ctx)
{
	struct bells *b = db->bells;

	pthread_mutex_lock(&b->mutex);
	if (b->count == LISTENERS_MAX)
		abort(); /* a program with more is a mistake of ours */
	b->listeners[b->count++] = (struct listener){mask, fn, ctx};
	pthread_mutex_unlock(&b->mutex);
	wake_thread(b);
}

void
db_unlisten(struct db *db, void *ctx)
{
	struct bells *b = db->bells;
	size_t kept = 0;

	pthread_mutex_lock(&b->calling);
	pthread_mutex_lock(&b->mutex);
	for (size_t i = 0; i < b->count; i++)
		if (b->listeners[i].ctx != ctx)
			b->listeners[kept++] = b->listeners[i];
	b->count = kept;
	pthread_mutex_unlock(&b->mutex);
	pthread_mutex_unlock(&b->calling);
}

static void
call_listeners(struct bells *b, unsigned bell)
{
	struct listener listeners[LISTENERS_MAX];

	pthread_mutex_lock(&b->calling);
	pthread_mutex_lock(&b->mutex);
	size_t n = b->count;
	memcpy(listeners, b->listeners, sizeof(listeners));
	pthread_mutex_unlock(&b->mutex);
	for (size_t i = 0; i < n; i++)
		if (bell == DB_TICK || (listeners[i].mask & 1u << bell) != 0)
			listeners[i].fn(listeners[i].ctx, bell);
	pthread_mutex_unlock(&b->calling);
}

static unsigned
wanted_bells(struct bells *b)
{
	unsigned mask = 0;

	pthread_mutex_lock(&b->mutex);
	for (size_t i = 0; i < b->count; i++)
		mask |= b->listeners[i].mask;
	pthread_mutex_unlock(&b->mutex);
	return mask & ((1u << b->db->words->channel_count) - 1);
}

static void
lose_connection(struct bells *b)
{
	atomic_store(&b->db->witness, 0);
	db_conn_close(&b->conn);
	atomic_store(&b->others, true);
	b->listening = 0;
	retry_failed(&b->retry, ERR_UNAVAILABLE);
}

static enum err
listen_to(struct bells *b, unsigned bell)
{
	char command[96];

	snprintf(command, sizeof(command), "LISTEN %s", b->db->words->channels[bell]);
	return db_conn_command(&b->conn, command);
}

/* Is anybody listening who is not near? Until it is known it is assumed. */
static enum err
look_for_others(struct bells *b)
{
	AUTO_PARAMS(p);
	AUTO(PGresult) res = NULL;
	const struct db_config *config = &b->db->config;
	const char *place = near_fd(b->near) >= 0 ? near_place(b->near) : "-";
	char name[DB_PROCESS_MAX + 16];
	int64_t now = clock_monotonic_us();

	if (now < b->others_at)
		return ERR_OK;
	snprintf(name, sizeof(name), "%.*s %s", DB_PROCESS_MAX, config->process, place);
	params_text(&p, name);
	params_text(&p, place);
	TRY(db_conn_run(&b->conn, b->db->words->others, &p, &res));
	b->others_at = now + OTHERS_US;
	atomic_store(&b->others, result_bool(res, 0, OTHERS_COLUMN));
	return ERR_OK;
}

static void
listen_near(struct bells *b)
{
	unsigned wanted = wanted_bells(b);

	if (wanted == b->near_mask || near_fd(b->near) < 0)
		return;
	near_listen(b->near, wanted);
	b->near_mask = wanted;
	call_listeners(b, DB_TICK);
}

/* Connected and listening to all that is wanted; whoever listens anew looks at once, for what was
 * rung meanwhile. */
static void
keep_listening(struct bells *b)
{
	enum err e = ERR_OK;
	unsigned missing = wanted_bells(b) & ~b->listening;

	if (!db_conn_usable(&b->conn)) {
		if (!retry_due(&b->retry))
			return;
		atomic_store(&b->db->witness, 0);
		e = db_connect(b->db, &b->conn, CONNECT_US);
		if (e == ERR_OK)
			atomic_store(&b->db->witness, PQbackendPID(b->conn.pg));
		b->listening = 0;
		b->others_at = 0;
		missing = wanted_bells(b);
	}
	for (unsigned bell = 0; bell < b->db->words->channel_count && e == ERR_OK; bell++)
		if ((missing & 1u << bell) != 0)
			e = listen_to(b, bell);
	if (e == ERR_OK)
		e = look_for_others(b);
	if (e != ERR_OK) {
		lose_connection(b);
		return;
	}
	(void)retry_succeeded(&b->retry);
	b->listening |= missing;
	if (missing != 0)
		call_listeners(b, DB_TICK);
}

/* Sends the rings that are due; returns when the next one is, or 0. */
static int64_t
send_rings(struct bells *b)
{
	AUTO_PARAMS(p);
	const char *names[DB_BELLS_MAX];
	unsigned asked = atomic_load(&b->asked), due = 0;
	int64_t now = clock_monotonic_us(), next = 0;
	size_t n = 0;

	if (!db_conn_usable(&b->conn))
		return 0;
	for (unsigned bell = 0; bell < b->db->words->channel_count; bell++) {
		int64_t when = b->sent[bell] + COALESCE_US;

		if ((asked & 1u << bell) == 0)
			continue;
		if (when > now) {
			next = next == 0 || when < next ? when : next;
			continue;
		}
		names[n++] = b->db->words->channels[bell];
		due |= 1u << bell;
		b->sent[bell] = now;
	}
	if (n == 0)
		return next;
	/* Cleared before sending: who asks from now on gets another ring. */
	atomic_fetch_and(&b->asked, ~due);
	params_texts(&p, names, n);
	params_text(&p, near_place(b->near));
	if (db_conn_run(&b->conn, b->db->words->notify, &p, NULL) != ERR_OK) {
		atomic_fetch_or(&b->asked, due);
		lose_connection(b);
	}
	return next;
}

/* 1 << bell of a channel's name; 0 for a stranger. */
static unsigned
bell_of(const struct bells *b, const char *channel)
{
	for (unsigned bell = 0; bell < b->db->words->channel_count; bell++)
		if (strcmp(channel, b->db->words->channels[bell]) == 0)
			return 1u << bell;
	return 0;
}

/* Rings that have waited long enough; returns when the next one is due, or 0. */
static int64_t
ring_later(struct bells *b)
{
	unsigned wanted = atomic_load(&b->later);
	int64_t now = clock_monotonic_us(), next = 0;

	for (unsigned bell = 0; wanted >> bell != 0; bell++) {
		if ((wanted >> bell & 1u) == 0)
			continue;
		if (b->later_at[bell] == 0)
			b->later_at[bell] = now + LATER_US;
		if (b->later_at[bell] > now && !atomic_load(&b->stopping)) {
			next = next == 0 || b->later_at[bell] < next ? b->later_at[bell] : next;
			continue;
		}
		b->later_at[bell] = 0;
		atomic_fetch_and(&b->later, ~(1u << bell)); /* who asks from now on gets another */
		db_ring_role(b->db, bell, NULL);
	}
	return next;
}

/* What the near have rung; whoever is busy with the same passes it on, once. */
static void
take_near(struct bells *b)
{
	unsigned first_hand, rung = near_take(b->near, &first_hand),
			     pass = first_hand & atomic_load(&b->busy);

	for (unsigned bell = 0; rung >> bell != 0; bell++) {
		if ((pass >> bell & 1u) != 0 && !near_ring(b->near, bell, NULL, NEAR_OTHERS))
			ask_to_notify(b, bell);
		if ((rung >> bell & 1u) != 0)
			call_listeners(b, bell);
	}
}

/* Notifications may have been read together with the answer of another statement, so this comes
 * before every sleep. */
static void
take_notifications(struct bells *b)
{
	unsigned rung = 0;
	PGnotify *note;

	while (db_conn_usable(&b->conn) && (note = PQnotifies(b->conn.pg)) != NULL) {
		if (near_place(b->near)[0] == '\0' || strcmp(note->extra, near_place(b->near)) != 0)
			rung |= bell_of(b, note->relname);
		PQfreemem(note);
	}
	for (unsigned bell = 0; bell < b->db->words->channel_count; bell++)
		if ((rung & 1u << bell) != 0)
			call_listeners(b, bell);
}

static void
tick_listeners(struct bells *b)
{
	int64_t now = clock_monotonic_us();

	if (now < b->next_tick)
		return;
	b->next_tick = now + TICK_US;
	call_listeners(b, DB_TICK);
}

/* Sleeps until a wish, a notification, or the time. */
static void
sleep_until(struct bells *b, int64_t until)
{
	struct pollfd fds[3] = {{.fd = b->wake, .events = POLLIN}, {.fd = -1, .events = POLLIN},
		{.fd = near_fd(b->near), .events = POLLIN}};
	int64_t left = until - clock_monotonic_us();
	uint64_t count;

	if (db_conn_usable(&b->conn))
		fds[1].fd = PQsocket(b->conn.pg);
	struct timespec t = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
	if (left <= 0 || ppoll(fds, ARRAY_LEN(fds), &t, NULL) <= 0)
		return;
	if ((fds[0].revents & POLLIN) != 0 && read(b->wake, &count, sizeof(count)) < 0 &&
		errno != EAGAIN)
		abort();
	if (fds[1].revents != 0 && PQconsumeInput(b->conn.pg) == 0)
		lose_connection(b);
}

/* Of two times, 0: none. */
static int64_t
pick_sooner(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static void *
serve_bells(void *ctx)
{
	struct bells *b = ctx;

	while (!atomic_load(&b->stopping)) {
		listen_near(b);
		keep_listening(b);
		int64_t until = pick_sooner(ring_later(b), send_rings(b));

		take_near(b);
		take_notifications(b);
		tick_listeners(b);
		if (!db_conn_usable(&b->conn))
			until = pick_sooner(until, b->retry.next_us);
		sleep_until(b, pick_sooner(until, b->next_tick));
	}
	/* A command line that changes something and ends at once still rings. */
	(void)ring_later(b);
	if (atomic_load(&b->asked) != 0)
		keep_listening(b);
	for (unsigned bell = 0; bell < b->db->words->channel_count; bell++)
		b->sent[bell] = 0;
	(void)send_rings(b);
	atomic_store(&b->db->witness, 0);
	db_conn_close(&b->conn);
	return NULL;
}

struct bells *
bells_start(struct db *db)
{
	struct bells *b = mem_zalloc(1, sizeof(*b));

	b->db = db;
	b->near = near_open(&db->config);
	atomic_store(&b->others, true);
	b->retry = (struct retry){.first_ms = FIRST_RETRY_MS, .last_ms = LAST_RETRY_MS};
	b->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b->next_tick = clock_monotonic_us() + TICK_US;
	pthread_mutex_init(&b->mutex, NULL);
	pthread_mutex_init(&b->calling, NULL);
	if (b->wake < 0 || pthread_create(&b->thread, NULL, serve_bells, b) != 0)
		abort();
	return b;
}

void
bells_stop(struct bells *b)
{
	atomic_store(&b->stopping, true);
	wake_thread(b);
	pthread_join(b->thread, NULL);
	close(b->wake);
	near_close(b->near);
	pthread_mutex_destroy(&b->mutex);
	pthread_mutex_destroy(&b->calling);
	free(b);
}
