/*
 * chancery-admin: the operators' API behind mutual TLS, on a listener of its own that lets nobody in
 * but operators. What it may do in the database the gateway may not, and the other way round.
 */
#include "admin/api/api.h"
#include "server/front.h"

static const struct config_listener *
find_settings(const struct config *c)
{
	return &c->admin;
}

static enum err
open_api(struct ca_front *f)
{
	if (f->admin == NULL)
		admin_open(f);
	return ERR_OK;
}

int
main(int argc, char **argv)
{
	static const struct front_program admin = {
		.service = {"chancery-admin", "serves administration over mutual TLS", NULL, 0},
		.store = {"admin", 2, DB_WITH_WRITER},
		.listener = "admin",
		.settings = find_settings,
		.welcome = CA_CLIENTS_OPERATORS,
		.own = "the admin program's own certificate",
		.open = open_api,
		.close = admin_close,
		.routes = admin_routes,
		.refuse = admin_refuse,
	};

	return front_run(&admin, argc, argv);
}
