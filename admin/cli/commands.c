/* The commands: everything help, parsing and dispatch know. Local ones stand here, remote ones are
 * made from the operations. */
#include "admin/cli/cli.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, CLI_OPTIONAL                                                     \
	}

static const struct cli_option init_options[] = {
	{"operator", "NAME", "name of the operator identity; default operator", CLI_OPTIONAL},
	{"directory", "DIR", "where key, certificate and admin.yaml go; default ~/.config/chancery",
		CLI_OPTIONAL},
	{"server", "URL",
		"address of the admin program to write down; default the first of admin.base_urls",
		CLI_OPTIONAL},
	{"wait", "SECONDS", "how long to wait for the signer; default 60", CLI_OPTIONAL}, END};
static const struct cli_option schema_options[] = {
	{"schema", "DIR", "directory of the migrations; default " CHANCERY_SCHEMA_DIR,
		CLI_OPTIONAL},
	END};
static const struct cli_option import_options[] = {
	{"root", "FILE", "root certificate (not needed for a newer CRL alone)", CLI_OPTIONAL},
	{"root-crl", "FILE", "the root's CRL", CLI_REQUIRED},
	{"issuer", "FILE", "issuing CA certificate", CLI_OPTIONAL},
	{"name", "NAME", "name of the issuing CA, as in the configuration", CLI_OPTIONAL},
	{"root-name", "NAME", "name of the root; default root", CLI_OPTIONAL},
	{"key-label", "LABEL",
		"label of its key in the signer's token; default from the configuration",
		CLI_OPTIONAL},
	{"profile", "PROFILE", "a profile it may certify under; any when left out", CLI_REPEATED},
	END};

static const struct cli_command local_commands[] = {
	{"schema apply", {NULL}, "make or update the database schema",
		"ca-admin schema apply --db-user postgres", CLI_LOCAL, CLI_CHANGES, schema_options,
		cmd_schema_apply, NULL},
	{"issuer import", {NULL}, "import root, root CRL and issuing CA certificate",
		"ca-admin issuer import --root root.pem --root-crl root.crl --issuer issuing.pem --name issuing-1",
		CLI_LOCAL, CLI_CHANGES, import_options, cmd_issuer_import, NULL},
	{"issuer remove", {"NAME"}, "take back an import that was never used",
		"ca-admin issuer remove issuing-1", CLI_LOCAL, CLI_CHANGES, NULL, cmd_issuer_remove,
		NULL},
	{"init", {NULL}, "make (or repair) the first operator and its certificate",
		"ca-admin init --operator alice", CLI_LOCAL, CLI_CHANGES, init_options, cmd_init,
		NULL},
	{"config check", {NULL}, "check configuration and profiles",
		"ca-admin config check --config /etc/chancery/chancery.yaml", CLI_LOCAL, CLI_READS,
		NULL, cmd_config_check, NULL},
};

/* Remote commands that do more than ask and show. */
static const struct {
	enum admin_identifier operation;
	enum err (*run)(struct cli *a);
} special[] = {{ADMIN_STATUS, cmd_status}, {ADMIN_ISSUE, cmd_issue}, {ADMIN_RENEW, cmd_renew}};

static struct cli_option
make_option(struct arena *a, const struct admin_input *i)
{
	struct cli_option o = {.name = i->option,
		.value = i->value,
		.help = i->help,
		.use = i->type == ADMIN_GRANTS	   ? CLI_REPEATED
			: i->use == ADMIN_REQUIRED ? CLI_REQUIRED
						   : CLI_OPTIONAL};

	if (i->type == ADMIN_LIMIT)
		o.help = "at most this many; default 1000";
	else if (i->fallback != NULL)
		o.help = arena_printf(a, "%s; default %s", i->help, i->fallback);
	return o;
}

static struct cli_command
make_command(struct arena *a, const struct admin_operation *op)
{
	struct cli_command c = {.name = op->command.name,
		.summary = op->summary,
		.example = op->command.example,
		.place = CLI_REMOTE,
		.effect = op->effect == ADMIN_CHANGES ? CLI_CHANGES : CLI_READS,
		.run = cmd_remote,
		.operation = op};
	struct cli_option *options;
	size_t inputs = 0, arguments = 0, n = 0;

	while (op->input[inputs].name != NULL)
		inputs++;
	options = arena_array(a, inputs + 1, sizeof(*options));
	for (const struct admin_input *i = op->input; i->name != NULL; i++) {
		if (i->argument != NULL && arguments < CLI_ARGUMENTS_MAX)
			c.argument[arguments++] = i->argument;
		if (i->option != NULL)
			options[n++] = make_option(a, i);
	}
	options[n].name = NULL;
	c.options = n > 0 ? options : NULL;
	for (size_t i = 0; i < ARRAY_LEN(special); i++)
		if (op == &admin_operations[special[i].operation])
			c.run = special[i].run;
	return c;
}

const struct cli_command *
commands_make(struct arena *a)
{
	size_t n = ARRAY_LEN(local_commands);
	struct cli_command *all = arena_array(a, n + ADMIN_OPERATION_COUNT + 1, sizeof(*all));

	memcpy(all, local_commands, sizeof(local_commands));
	for (size_t i = 0; i < ADMIN_OPERATION_COUNT; i++)
		if (admin_operations[i].command.name != NULL)
			all[n++] = make_command(a, &admin_operations[i]);
	all[n].name = NULL;
	return all;
}
