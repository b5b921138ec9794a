/*
 * A front: a program with one mutual-TLS listener and its own certificate, which turns requests into
 * rows. Gateway and admin program are such; what they share is their whole life, what they differ in
 * stands in struct front_program.
 */
#ifndef CHANCERY_SERVER_FRONT_H
#define CHANCERY_SERVER_FRONT_H

#include "ca/front.h"
#include "lib/base/service.h"
#include "server/program.h"

struct front_program {
	struct service_program service;
	struct program_store store;
	const char *listener; /* its section of the configuration: "enroll" */
	const struct config_listener *(*settings)(const struct config *c);
	enum ca_clients welcome;
	const char *own; /* for reasons: "the gateway's own certificate" */
	/* Are the profiles what this front needs? Wrong ones are not taken. NULL: any are. */
	enum err (*check_profiles)(const struct config *c, const struct ca_profiles *profiles);
	/* The protocols' own state; opening again after a failure is right. */
	enum err (*open)(struct ca_front *f);
	void (*close)(struct ca_front *f);
	struct http_route *(*routes)(void); /* as http_routes_join() gives them */
	http_refusal_writer *refuse;
};

/* The front's main: its exit code. */
int front_run(const struct front_program *program, int argc, char **argv);

#endif
