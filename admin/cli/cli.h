/*
 * ca-admin: the operators' command line. What its files share: the command table, the parsed
 * command line, files, output, and the two ways to work: local (the database, as its owner) and
 * remote (the server's admin API over mutual TLS).
 *
 * A command coordinates: it reads its options, says what it will do, does it, and prints the result
 * once.
 */
#ifndef CHANCERY_ADMIN_CLI_CLI_H
#define CHANCERY_ADMIN_CLI_CLI_H

#include <stdio.h>

#include "admin/operations.h"
#include "lib/base/arena.h"
#include "lib/base/config.h"
#include "lib/base/json.h"
#include "lib/pki/cert.h"
#include "lib/store/store.h"

struct cli;

struct cli_option {
	const char *name;  /* "owner" for --owner */
	const char *value; /* what the help calls the value; NULL: a switch */
	const char *help;
	enum cli_option_use { CLI_OPTIONAL, CLI_REQUIRED, CLI_REPEATED } use;
};

enum { CLI_ARGUMENTS_MAX = 4, CLI_OPTIONS_MAX = 128 };

struct cli_command {
	const char *name;			 /* "identity add" */
	const char *argument[CLI_ARGUMENTS_MAX]; /* what the help calls them; all are required */
	const char *summary, *example;
	enum cli_place { CLI_LOCAL, CLI_REMOTE } place;
	enum cli_effect { CLI_READS, CLI_CHANGES } effect;
	const struct cli_option *options; /* ends with name NULL; NULL: none of its own */
	enum err (*run)(struct cli *a);
	const struct admin_operation *operation; /* of a remote command */
};

/* commands.c: all there are, in the arena; ends with name NULL. */
const struct cli_command *commands_make(struct arena *a);

struct cli_given {
	const struct cli_option *option;
	const char *value; /* NULL for a switch */
};

struct cli {
	struct arena *arena;
	const struct cli_command *commands; /* as commands_make() gives them */
	const struct cli_command *command;
	const char *argument[CLI_ARGUMENTS_MAX];
	struct cli_given given[CLI_OPTIONS_MAX];
	size_t argument_count, given_count;
	bool json, dry_run, help;
	bool answered; /* the answer is out and says what is wrong: no error object behind it */
	struct config *config; /* local commands: loaded by local_config() */
	struct client *client; /* remote commands: opened by client_call() */
};

/* options.c. A mistake is ERR_INVALID with the word "usage". */
enum err options_parse(struct cli *a, int argc, char **argv) MUST_CHECK;
enum err options_usage(const struct cli *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The last value given, or NULL; whether a switch was given. */
const char *options_value(const struct cli *a, const char *name);
bool options_switch(const struct cli *a, const char *name);
/* All values of a repeated option, in the arena. */
size_t options_values(struct cli *a, const char *name, const char ***out);
/* A plain decimal number from 1 to max; fallback when it was not given. */
enum err options_number(const struct cli *a, const char *name, unsigned max, unsigned fallback,
	unsigned *out) MUST_CHECK;

/* help.c */
extern const struct cli_option help_common_options[], help_local_options[], help_remote_options[];
void help_overview(const struct cli_command *commands, FILE *to);
void help_command(const struct cli_command *c, FILE *to);

/* output.c. Results go to standard output once: as JSON with --json, else as text. */
/* Says what a changing command will do; false in a dry run: the command then returns ERR_OK at
 * once. */
bool output_plan(struct cli *a, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/* The elements of a list member as a table; its title when there are none. */
void output_table(const json_t *list, const struct admin_member *member);
/* "title: value" lines of the members that are present, then those that are PEM, lists or objects.
 */
void output_object(const json_t *object, const struct admin_shape *shape);
/* A template of struct admin_command, filled from what was given and answered; either may be NULL.
 */
const char *
output_filled(struct cli *a, const char *text, const json_t *given, const json_t *answer);
void output_json(const json_t *value);
/* One sentence, or with --json the object (a reference is taken over). */
void output_done(struct cli *a, json_t *result, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The text of a member: strings as they are, numbers and lists readable; "-" for null or absent. */
const char *output_text(struct arena *a, const json_t *value);

/* files.c */
enum files_mode { FILES_PUBLIC = 0644, FILES_SECRET = 0600 };
/* At most max octets, in the arena. ERR_NOTFOUND, ERR_LIMIT, ERR_INVALID with the path in the
 * reason. "-" is standard input. */
enum err files_read(struct arena *a, const char *path, size_t max, struct bytes *out) MUST_CHECK;
/* Whole or not at all: written beside, synced, renamed. */
enum err files_write(const char *path, struct bytes content, enum files_mode mode) MUST_CHECK;
bool files_exist(const char *path);
enum err files_directory(const char *path) MUST_CHECK;
/* path as it is when absolute, else under directory. */
char *files_under(struct arena *a, const char *directory, const char *path);
/* The first block with this label of a PEM file, or the whole file when it is DER. */
enum err files_read_der(struct arena *a, const char *path, const char *label, size_t max,
	struct bytes *der) MUST_CHECK;
enum err files_read_cert(struct arena *a, const char *path, struct pki_cert *out) MUST_CHECK;

/* local.c */
enum err local_config(struct cli *a) MUST_CHECK;
/* How the owner of the database connects, from the configuration and --db-user. */
enum err local_database(struct cli *a, struct db_config *out) MUST_CHECK;
enum err local_store(struct cli *a, struct store **out) MUST_CHECK;
/* Who works here, for the audit: "local:" and the system user. */
const char *local_actor(struct cli *a);

/* client.c. The answer's JSON is a new reference; a refusal of the server comes back as its err
 * class, word and reason. */
enum err client_get(struct cli *a, const char *path, json_t **out) MUST_CHECK;
enum err client_post(struct cli *a, const char *path, const json_t *body, json_t **out) MUST_CHECK;
/* path?name=value, percent-encoded; value NULL: path unchanged. The separator follows from path. */
const char *client_query(struct cli *a, const char *path, const char *name, const char *value);
void client_free(struct client *c);
/* All pages of a list: follows "next" with the query parameter after. At most limit elements. */
enum err client_list(struct cli *a, const char *path, const char *member, unsigned limit,
	json_t **out) MUST_CHECK;

/* remote.c: the steps of a remote command. */
/* What the command line gives for the operation's inputs, as JSON by their names; a new reference.
 */
enum err remote_read(struct cli *a, json_t **out) MUST_CHECK;
/* Calls the operation; the answer, or the list it is about, is a new reference. ERR_UNAVAILABLE (word
 * "approval-waiting"): it waits for a second operator. */
enum err remote_ask(struct cli *a, const json_t *given, json_t **out) MUST_CHECK;

#define CLI_COMMAND(name) enum err name(struct cli *a)
CLI_COMMAND(cmd_init);
CLI_COMMAND(cmd_schema_apply);
CLI_COMMAND(cmd_config_check);
CLI_COMMAND(cmd_issuer_import);
CLI_COMMAND(cmd_issuer_remove);
CLI_COMMAND(cmd_remote);
CLI_COMMAND(cmd_status);
CLI_COMMAND(cmd_issue);
CLI_COMMAND(cmd_renew);

#endif
