/* Deadlines and lingering closes; see reaper.h. */
#include "lib/http/reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/http/conn.h"

enum { SWEEP_US = 250000, LINGER_US = 20000, LINGER_END_US = 2000000 };

/* A socket only stops being the connection's after conn_notify() took it off the list under the
 * same lock, so the descriptor cannot be somebody else's here. */
static void
expire_connections(struct http_server *s, int64_t now)
{
	pthread_mutex_lock(&s->lock);
	for (struct http_conn *c = s->conns; c != NULL; c = c->next) {
		int64_t deadline = atomic_load_explicit(&c->deadline_us, memory_order_relaxed);

		if (deadline == 0 || deadline > now || atomic_exchange(&c->expired, true))
			continue;
		conn_close_socket(c);
	}
	pthread_mutex_unlock(&s->lock);
}

/* True when the peer has closed too, or will not. */
static bool
drain_socket(int fd)
{
	char scratch[16384];
	ssize_t n;

	do
		n = recv(fd, scratch, sizeof(scratch), MSG_DONTWAIT);
	while (n > 0);
	return n == 0 || (errno != EAGAIN && errno != EINTR);
}

static void
drain_lingering(struct reaper *r, int64_t now)
{
	for (unsigned i = 0; i < r->lingering;) {
		if (r->linger[i].until_us > now && !drain_socket(r->linger[i].fd)) {
			i++;
			continue;
		}
		close(r->linger[i].fd);
		r->linger[i] = r->linger[--r->lingering];
	}
}

static void *
reap_connections(void *ctx)
{
	struct reaper *r = ctx;
	int64_t sweep = 0;

	pthread_mutex_lock(&r->lock);
	while (!r->stopping) {
		int64_t now = clock_monotonic_us();

		drain_lingering(r, now);
		if (now >= sweep) {
			pthread_mutex_unlock(&r->lock);
			expire_connections(r->server, now);
			pthread_mutex_lock(&r->lock);
			sweep = now + SWEEP_US;
		}
		if (!r->stopping)
			(void)clock_cond_wait(&r->wake, &r->lock,
				clock_monotonic_us() + (r->lingering > 0 ? LINGER_US : SWEEP_US));
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

enum err
reaper_open(struct reaper *r, struct http_server *server)
{
	*r = (struct reaper){.server = server};
	pthread_mutex_init(&r->lock, NULL);
	clock_cond_init(&r->wake);
	errno = pthread_create(&r->thread, NULL, reap_connections, r);
	if (errno == 0)
		return ERR_OK;
	(void)err_errno(ERR_INTERNAL, "cannot start the deadline thread");
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	return ERR_INTERNAL;
}

void
reaper_linger(struct reaper *r, int fd)
{
	int kept;

	pthread_mutex_lock(&r->lock);
	if (!r->stopping && r->lingering < REAPER_LINGER_MAX &&
		(kept = fcntl(fd, F_DUPFD_CLOEXEC, 0)) >= 0) {
		shutdown(kept, SHUT_WR);
		r->linger[r->lingering].fd = kept;
		r->linger[r->lingering++].until_us = clock_monotonic_us() + LINGER_END_US;
		pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
}

void
reaper_close(struct reaper *r)
{
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	while (r->lingering > 0)
		close(r->linger[--r->lingering].fd);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
}
