/* The validator: workers that claim challenges, look, and record what they found. Everything else
 * is server/validator.c. */
#ifndef CHANCERY_ACME_VALIDATOR_VALIDATOR_H
#define CHANCERY_ACME_VALIDATOR_VALIDATOR_H

#include "lib/base/config.h"
#include "lib/store/store.h"

struct validator;
/* Starts config->concurrency workers. store and config are borrowed. */
enum err validator_open(struct store *store, const struct config_validator *config,
	struct validator **out) MUST_CHECK;
/* Running fetches are cut short; their challenges go back to the queue. */
void validator_close(struct validator *v);

struct validator_counts {
	uint64_t valid, invalid, retried;
};
struct validator_counts validator_counts(const struct validator *v);

#endif
