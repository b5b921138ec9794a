/*
 * chancery-validator: looks whether challenges are met. It is the only program that connects to
 * addresses clients choose, and the only one whose database role can make a challenge valid; it
 * holds no key and listens on nothing.
 */
#include <stdio.h>

#include "acme/validator/validator.h"
#include "lib/base/clock.h"
#include "server/program.h"

enum { TICK_MS = 1000 };

static void
tell_node(struct store *store, const struct validator *v)
{
	struct validator_counts n = validator_counts(v);
	char detail[128];

	snprintf(detail, sizeof(detail), "{\"valid\":%llu,\"invalid\":%llu,\"retried\":%llu}",
		(unsigned long long)n.valid, (unsigned long long)n.invalid,
		(unsigned long long)n.retried);
	program_seen(store, "ready", detail);
}

static enum err
run_validator(struct service *s)
{
	static const struct program_store role = {
		.role = "validator", .readers = 4, .writer = DB_WITHOUT_WRITER};
	AUTO_STRUCT(store) store = NULL;
	struct validator *v = NULL;

	TRY(program_open_store(s, &role, &store));
	TRY(validator_open(store, &s->config->validator, &v));
	if (s->config->validator.allow_count == 0)
		log_event(LOG_WARNING, "validator.policy",
			LOG_S("reason",
				"validator.allow names no network, so every challenge will fail; list those your names live in"));
	service_ready(s);
	do
		tell_node(store, v);
	while (service_wait(s, TICK_MS) != SERVICE_STOP);
	service_stopping(s);
	db_stopping(store_db(store));
	program_seen(store, "stopping", NULL);
	validator_close(v);
	return ERR_OK;
}

int
main(int argc, char **argv)
{
	static const struct service_program program = {
		"chancery-validator", "validates ACME challenges", NULL, 0};
	struct service s;
	int code = service_start(&s, &program, argc, argv);
	enum err e;

	if (code != SERVICE_GO_ON)
		return code;
	e = run_validator(&s);
	if (e != ERR_OK && e != ERR_STOPPED)
		log_failure("validator.start", e);
	service_close(&s);
	if (e == ERR_INVALID)
		return SERVICE_EXIT_CONFIG;
	return e == ERR_OK || e == ERR_STOPPED ? SERVICE_EXIT_OK : SERVICE_EXIT_FAILURE;
}
