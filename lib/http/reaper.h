/*
 * The thread that ends what takes too long. libmicrohttpd only knows an idle timeout, which one
 * octet per second defeats for ever; here every phase of a connection has a deadline that nothing
 * moves.
 *
 * It also keeps sockets of refused clients open for a moment after MHD closed them, reading and
 * dropping what still arrives: closing a socket with unread octets resets the connection, and the
 * reset destroys the alert or the answer that says why (RFC 9112 section 9.6).
 */
#ifndef CHANCERY_HTTP_REAPER_H
#define CHANCERY_HTTP_REAPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct http_server;

enum { REAPER_LINGER_MAX = 128 };

struct reaper {
	struct http_server *server;
	pthread_t thread;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t wake;
	bool stopping;
	unsigned lingering;
	struct {
		int fd;
		int64_t until_us;
	} linger[REAPER_LINGER_MAX];
};

enum err reaper_open(struct reaper *r, struct http_server *server) MUST_CHECK;
/* Called while fd is still open: keeps a duplicate for up to two seconds. Does nothing when too
 * many linger. */
void reaper_linger(struct reaper *r, int fd);
void reaper_close(struct reaper *r);

#endif
