/* The few rules of the configuration that look at two settings. Every refusal carries the line of
 * the one it is about. */
#include <inttypes.h>

#include "lib/base/config_table.h"

static enum err
check_pin(const struct config *c)
{
	bool has_fd = yaml_present(c->doc, "hsm.pin_fd");

	if (has_fd == (c->hsm.pin_file != NULL))
		return yaml_refuse(c->doc, has_fd ? "hsm.pin_fd" : "hsm",
			"\"hsm\" needs exactly one of \"pin_file\" and \"pin_fd\"");
	return ERR_OK;
}

static bool
is_any(const char *address)
{
	return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static enum err
check_listeners(const struct config *c)
{
	const struct {
		const char *name, *path, *address;
		uint32_t port;
	} all[] = {
		{"enroll", "enroll.port", c->enroll.address, c->enroll.port},
		{"admin", "admin.port", c->admin.address, c->admin.port},
		{"public", "public.port", c->public.address, c->public.port},
		{"metrics", "metrics.port", c->metrics.address, c->metrics.port},
	};

	for (size_t i = 1; i < ARRAY_LEN(all); i++) {
		for (size_t k = 0; k < i; k++) {
			if (all[i].port == all[k].port &&
				(is_any(all[i].address) || is_any(all[k].address) ||
					strcmp(all[i].address, all[k].address) == 0))
				return yaml_refuse(c->doc, all[i].path,
					"\"%s\" and \"%s\" both listen on port %" PRIu32
					"; choose another",
					all[k].name, all[i].name, all[i].port);
		}
	}
	return ERR_OK;
}

static enum err
check_relations(const struct config *c)
{
	const struct {
		const char *path, *reason;
		bool holds;
	} relations[] = {
		{"crl.refresh",
			"\"crl.refresh\" must be shorter than \"crl.lifetime\", or lists expire before the next one",
			c->crl.refresh < c->crl.lifetime},
		{"enroll.connections_per_address",
			"\"enroll.connections_per_address\" must not exceed \"enroll.connections\"",
			c->enroll.connections_per_address <= c->enroll.connections},
		{"admin.connections_per_address",
			"\"admin.connections_per_address\" must not exceed \"admin.connections\"",
			c->admin.connections_per_address <= c->admin.connections},
		{"public.connections_per_address",
			"\"public.connections_per_address\" must not exceed \"public.connections\"",
			c->public.connections_per_address <= c->public.connections},
		{"acme.finalize_wait",
			"\"acme.finalize_wait\" must be shorter than \"enroll.request_deadline\"",
			c->acme.finalize_wait < c->enroll.request_deadline},
		{"est.wait", "\"est.wait\" must be shorter than \"enroll.request_deadline\"",
			c->est.wait < c->enroll.request_deadline},
	};

	for (size_t i = 0; i < ARRAY_LEN(relations); i++) {
		if (!relations[i].holds)
			return yaml_refuse(c->doc, relations[i].path, "%s", relations[i].reason);
	}
	return ERR_OK;
}

enum err
config_relations_check(const struct config *c)
{
	TRY(check_pin(c));
	TRY(check_listeners(c));
	return check_relations(c);
}
