/*
 * The ordinary remote command: what its operation's row takes is read from the command line, sent,
 * and what comes back is shown as the row says. Commands that do more use the same steps.
 */
#include "admin/cli/cli.h"
#include "lib/base/duration.h"
#include "lib/base/hex.h"
#include "lib/pki/csr.h"

enum { REQUEST_FILE_MAX = 64 * 1024, LIST_MAX = 1000000, LIST_DEFAULT = 1000 };

/* PEM (with the old label too) or DER; the server judges what is in it. */
static enum err
read_request(struct cli *a, const char *path, struct bytes *der)
{
	struct bytes text;
	size_t offset = 0;
	enum err e;

	TRY(files_read(a->arena, path, REQUEST_FILE_MAX, &text));
	if (text.n > 0 && text.p[0] == DER_SEQUENCE) {
		*der = text;
		return ERR_OK;
	}
	e = pem_next(a->arena, text, "CERTIFICATE REQUEST", &offset, der);
	if (e == ERR_NOTFOUND)
		e = pem_next(a->arena, text, "NEW CERTIFICATE REQUEST", &offset, der);
	return e == ERR_NOTFOUND
		? err_set(ERR_INVALID, "\"%s\" holds no certificate request (PEM or DER)", path)
		: e;
}

static enum err
make_request(struct cli *a, const char *path, json_t **out)
{
	struct bytes der;

	TRY(read_request(a, path, &der));
	*out = json_string(base64_string(a->arena, der));
	return ERR_OK;
}

static enum err
make_serial(struct cli *a, const char *text, json_t **out)
{
	uint8_t serial[PKI_SERIAL_SIZE];
	char *plain = arena_strdup(a->arena, text), *end = plain;
	size_t n;

	for (const char *p = text; *p != '\0'; p++) /* openssl and browsers show 6e:e0:... */
		if (*p != ':')
			*end++ = *p;
	*end = '\0';
	if (hex_decode(bytes_str(plain), serial, sizeof(serial), &n) != ERR_OK ||
		n != sizeof(serial))
		return options_usage(a,
			"a serial is 32 hexadecimal digits, not \"%s\"; `ca-admin cert list` shows them",
			text);
	*out = json_string(hex_string(a->arena, bytes_of(serial, n)));
	return ERR_OK;
}

static enum err
make_seconds(struct cli *a, const char *option, const char *text, json_t **out)
{
	int64_t seconds;

	if (duration_parse(text, &seconds) != ERR_OK)
		return options_usage(a, "--%s: %s", option, err_reason());
	*out = json_integer(seconds);
	return ERR_OK;
}

static enum err
make_text(struct cli *a, const char *text, json_t **out)
{
	*out = json_string(text);
	return *out != NULL ? ERR_OK : options_usage(a, "names and texts must be UTF-8");
}

/* --grant PROFILE=PATTERN, as often as needed. */
static enum err
make_grants(struct cli *a, const char *option, json_t **out)
{
	AUTO(json_t) grants = json_array();
	const char **text;
	size_t n = options_values(a, option, &text);

	for (size_t i = 0; i < n; i++) {
		const char *equals = strchr(text[i], '=');
		json_t *grant;

		if (equals == NULL || equals == text[i] || equals[1] == '\0')
			return options_usage(a,
				"--%s must be PROFILE=PATTERN, such as device=dns:printer-7.example.org, not \"%s\"",
				option, text[i]);
		grant = json_pack("{s:s%, s:s}", "profile", text[i], (size_t)(equals - text[i]),
			"pattern", equals + 1);
		if (grant == NULL)
			return options_usage(a, "names and texts must be UTF-8");
		json_array_append_new(grants, grant);
	}
	*out = json_incref(grants);
	return ERR_OK;
}

/* The text given for an input, or NULL. */
static const char *
find_text(const struct cli *a, const struct admin_input *input)
{
	size_t n = 0;

	if (input->option != NULL)
		return options_value(a, input->option);
	for (const struct admin_input *i = a->command->operation->input; i != input; i++)
		n += i->argument != NULL;
	return input->argument != NULL ? a->argument[n] : NULL;
}

/* *out stays NULL when nothing was given. */
static enum err
make_value(struct cli *a, const struct admin_input *i, json_t **out)
{
	const char *text = find_text(a, i);

	if (i->type == ADMIN_LIMIT || i->type == ADMIN_CURSOR)
		return ERR_OK; /* of pages, which remote_ask() turns */
	if (i->type == ADMIN_GRANTS)
		return make_grants(a, i->option, out);
	if (i->type == ADMIN_YES && options_switch(a, i->option))
		text = "yes";
	if (text == NULL)
		return ERR_OK;
	if (i->type == ADMIN_CSR)
		return make_request(a, text, out);
	if (i->type == ADMIN_SERIAL)
		return make_serial(a, text, out);
	if (i->type == ADMIN_SECONDS)
		return make_seconds(a, i->option, text, out);
	return make_text(a, text, out);
}

enum err
remote_read(struct cli *a, json_t **out)
{
	AUTO(json_t) given = json_object();

	for (const struct admin_input *i = a->command->operation->input; i->name != NULL; i++) {
		json_t *value = NULL;

		TRY(make_value(a, i, &value));
		if (value != NULL)
			json_object_set_new(given, i->name, value);
	}
	*out = json_incref(given);
	return ERR_OK;
}

/* Operations that answer in pages are asked until all are there. */
static enum err
ask_pages(struct cli *a, const char *path, json_t **out)
{
	unsigned limit;

	TRY(options_number(a, "limit", LIST_MAX, LIST_DEFAULT, &limit));
	return client_list(a, path, a->command->operation->list, limit, out);
}

static bool
has_pages(const struct admin_operation *op)
{
	for (const struct admin_input *i = op->input; i->name != NULL; i++)
		if (i->type == ADMIN_LIMIT)
			return true;
	return false;
}

static const char *
fill_path(struct cli *a, const char *path, const char *value)
{
	const char *brace = strstr(path, "{}");

	return arena_printf(a->arena, "%.*s%s%s", (int)(brace - path), path, value, brace + 2);
}

/* Whether the answer is that nothing has happened yet. */
static enum err
check_waiting(struct cli *a, const json_t *answer)
{
	const json_t *id = json_object_get(answer, "proposal");

	if (a->command->operation->waits != ADMIN_MAY_WAIT || id == NULL)
		return ERR_OK;
	a->answered = true;
	if (a->json)
		output_json(answer);
	return err_set_word(ERR_UNAVAILABLE, WORD_APPROVAL_WAITING,
		"waits for a second operator until %s; nothing has happened yet: another one (%s) runs "
		"`ca-admin proposal approve %lld`",
		output_text(a->arena, json_object_get(answer, "expires_at")),
		output_text(a->arena, json_object_get(answer, "able")),
		(long long)json_integer_value(id));
}

enum err
remote_ask(struct cli *a, const json_t *given, json_t **out)
{
	const struct admin_operation *op = a->command->operation;
	AUTO(json_t) body = json_object();
	const char *path = op->path;

	for (const struct admin_input *i = op->input; i->name != NULL; i++) {
		json_t *value = json_object_get(given, i->name);

		if (value != NULL && i->place == ADMIN_IN_PATH)
			path = fill_path(a, path, json_string_value(value));
		else if (value != NULL && i->place == ADMIN_IN_REQUEST && op->effect == ADMIN_READS)
			path = client_query(a, path, i->name, output_text(a->arena, value));
		else if (value != NULL && i->place == ADMIN_IN_REQUEST)
			json_object_set(body, i->name, value);
	}
	if (op->effect == ADMIN_CHANGES) {
		TRY(client_post(a, path, body, out));
		return check_waiting(a, *out);
	}
	if (has_pages(op))
		return ask_pages(a, path, out);
	TRY(client_get(a, path, out));
	if (op->list != NULL) {
		AUTO(json_t) all = *out;

		*out = json_incref(json_object_get(all, op->list));
	}
	return ERR_OK;
}

static void
show_answer(struct cli *a, const json_t *answer)
{
	const struct admin_operation *op = a->command->operation;

	if (a->json)
		output_json(answer);
	else if (op->list != NULL)
		output_table(answer, admin_member_find(op->answer, op->list));
	else
		output_object(answer, op->answer);
}

enum err
cmd_remote(struct cli *a)
{
	const struct admin_command *c = &a->command->operation->command;
	AUTO(json_t) given = NULL;
	AUTO(json_t) answer = NULL;
	enum err e = remote_read(a, &given);

	if (e != ERR_OK ||
		(c->plan != NULL && !output_plan(a, "%s", output_filled(a, c->plan, given, NULL))))
		return e;
	TRY(remote_ask(a, given, &answer));
	if (c->done != NULL)
		output_done(a, json_incref(answer), "%s", output_filled(a, c->done, given, answer));
	else
		show_answer(a, answer);
	return ERR_OK;
}

/* Its exit status is its answer, too. */
enum err
cmd_status(struct cli *a)
{
	AUTO(json_t) status = NULL;

	TRY(client_get(a, a->command->operation->path, &status));
	show_answer(a, status);
	if (json_is_true(json_object_get(status, "healthy")))
		return ERR_OK;
	a->answered = true;
	return err_set(ERR_UNAVAILABLE, "not all is well: %s",
		output_text(a->arena, json_object_get(status, "problems")));
}
