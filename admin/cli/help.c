/*
 * Help texts, all made from the command table, so that what is printed is what is accepted.
 */
#include "admin/cli/cli.h"

const struct cli_option help_common_options[] = {
	{"json", NULL, "print the result as JSON", CLI_OPTIONAL},
	{"dry-run", NULL, "say what would be done, and change nothing", CLI_OPTIONAL},
	{"help", NULL, "show help for this command", CLI_OPTIONAL},
	{NULL, NULL, NULL, CLI_OPTIONAL},
};

const struct cli_option help_local_options[] = {
	{"config", "FILE", "configuration of the programs; default " CONFIG_PATH_DEFAULT,
		CLI_OPTIONAL},
	{"db-user", "ROLE", "database role to work as; default the owner (chancery_owner)",
		CLI_OPTIONAL},
	{NULL, NULL, NULL, CLI_OPTIONAL},
};

const struct cli_option help_remote_options[] = {
	{"config", "FILE",
		"where the server and your certificate are; default ~/.config/chancery/admin.yaml",
		CLI_OPTIONAL},
	{"server", "URL", "the server instead of the file's, https://HOST:PORT", CLI_OPTIONAL},
	{"cert", "FILE", "client certificate (PEM) instead of the file's", CLI_OPTIONAL},
	{"key", "FILE", "its private key (PEM)", CLI_OPTIONAL},
	{"ca", "FILE", "root certificate (PEM) the server must chain to", CLI_OPTIONAL},
	{NULL, NULL, NULL, CLI_OPTIONAL},
};

void
help_overview(const struct cli_command *commands, FILE *to)
{
	fputs("ca-admin: operate a Chancery certificate authority\n\n"
	      "usage: ca-admin COMMAND [options]\n\n",
		to);
	for (enum cli_place place = CLI_LOCAL; place <= CLI_REMOTE; place++) {
		fprintf(to, "%s\n",
			place == CLI_LOCAL
				? "On the CA's own machine, against the database:"
				: "\nAnywhere, against the server with an operator certificate:");
		for (const struct cli_command *c = commands; c->name != NULL; c++)
			if (c->place == place)
				fprintf(to, "  %-21s %s\n", c->name, c->summary);
	}
	fputs("\n`ca-admin COMMAND --help` shows options and an example. Every command knows --json;\n"
	      "every changing command says what it will do, and knows --dry-run.\n"
	      "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 not found, 4 conflict,\n"
	      "5 unavailable now (try again), 6 internal error.\n",
		to);
}

static void
print_options(const struct cli_option *o, FILE *to)
{
	for (; o != NULL && o->name != NULL; o++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value != NULL ? " " : "",
			o->value != NULL ? o->value : "");
		fprintf(to, "  %-24s %s%s\n", left, o->help,
			o->use == CLI_REQUIRED		 ? " (required)"
				: o->use == CLI_REPEATED ? " (may be repeated)"
							 : "");
	}
}

void
help_command(const struct cli_command *c, FILE *to)
{
	fprintf(to, "ca-admin %s: %s\n\nusage: ca-admin %s", c->name, c->summary, c->name);
	for (size_t i = 0; i < CLI_ARGUMENTS_MAX && c->argument[i] != NULL; i++)
		fprintf(to, " %s", c->argument[i]);
	fputs(" [options]\n\n", to);
	if (c->options != NULL) {
		print_options(c->options, to);
		fputc('\n', to);
	}
	print_options(c->place == CLI_LOCAL ? help_local_options : help_remote_options, to);
	for (const struct cli_option *o = help_common_options; o->name != NULL; o++)
		if (c->effect == CLI_CHANGES || strcmp(o->name, "dry-run") != 0)
			fprintf(to, "  --%-22s %s\n", o->name, o->help);
	fprintf(to, "\nExample:\n  %s\n", c->example);
}
