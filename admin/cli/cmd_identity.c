/* identity and grant commands: who there is, and what each may have. */
#include "admin/cli/cli.h"

static const struct output_column identity_columns[] = {
	{"NAME", "name"},
	{"KIND", "kind"},
	{"STATE", "state"},
	{"OWNER", "owner"},
	{"CREATED", "created_at"},
	{NULL, NULL},
};
static const struct output_column grant_columns[] = {
	{"PROFILE", "profile"},
	{"PATTERN", "pattern"},
	{"CREATED BY", "created_by"},
	{NULL, NULL},
};
static const struct output_column certificate_columns[] = {
	{"SERIAL", "serial"},
	{"PROFILE", "profile"},
	{"NOT AFTER", "not_after"},
	{"NAMES", "names"},
	{NULL, NULL},
};

/* --grant PROFILE=PATTERN, as often as needed, into body.grants. */
static enum err
add_grants(struct cli *a, json_t *body)
{
	json_t *grants = json_array();
	const char **text;
	size_t n = options_values(a, "grant", &text);

	json_object_set_new(body, "grants", grants);
	for (size_t i = 0; i < n; i++) {
		const char *equals = strchr(text[i], '=');

		if (equals == NULL || equals == text[i] || equals[1] == '\0')
			return options_usage(a,
				"--grant must be PROFILE=PATTERN, such as device=dns:printer-7.example.org, not \"%s\"",
				text[i]);
		json_array_append_new(grants,
			json_pack("{s:s%, s:s}", "profile", text[i], (size_t)(equals - text[i]),
				"pattern", equals + 1));
	}
	return ERR_OK;
}

enum err
cmd_identity_add(struct cli *a)
{
	const char *name = a->argument[0], *kind = options_value(a, "kind"),
		   *owner = options_value(a, "owner");
	AUTO(json_t) body = json_pack(
		"{s:s, s:s, s:s}", "name", name, "kind", kind, "owner", owner != NULL ? owner : "");
	json_t *answer = NULL;
	enum err e;

	if (body == NULL)
		return options_usage(a, "names must be UTF-8");
	e = add_grants(a, body);
	if (e != ERR_OK ||
		!output_plan(a, "register %s \"%s\" with %zu grants", kind, name,
			json_array_size(json_object_get(body, "grants"))))
		return e;
	e = client_post(a, "/admin/v1/identities", body, &answer);
	if (e == ERR_OK)
		output_done(a, answer,
			"registered \"%s\"; next: `ca-admin issue %s --profile PROFILE --csr FILE` for its first certificate",
			name, name);
	return e;
}

enum err
cmd_identity_list(struct cli *a)
{
	AUTO(json_t) list = NULL;
	unsigned limit;
	enum err e = options_number(a, "limit", 1000000, 1000, &limit);

	if (e == ERR_OK)
		e = client_list(a, "/admin/v1/identities", "identities", limit, &list);
	if (e != ERR_OK)
		return e;
	if (a->json)
		output_json(list);
	else
		output_table(list, identity_columns,
			"no identities; add one with `ca-admin identity add`");
	return ERR_OK;
}

enum err
cmd_identity_show(struct cli *a)
{
	static const struct output_column lines[] = {
		{"name", "name"},
		{"kind", "kind"},
		{"state", "state"},
		{"owner", "owner"},
		{"created", "created_at"},
		{"changed", "changed_at"},
		{NULL, NULL},
	};
	AUTO(json_t) identity = NULL;
	enum err e = client_get(
		a, client_query(a, "/admin/v1/identity", "name", a->argument[0]), &identity);

	if (e != ERR_OK)
		return e;
	if (a->json) {
		output_json(identity);
		return ERR_OK;
	}
	output_object(identity, lines);
	putchar('\n');
	output_table(json_object_get(identity, "grants"), grant_columns, "no grants");
	putchar('\n');
	output_table(json_object_get(identity, "certificates"), certificate_columns,
		"no live certificates");
	return ERR_OK;
}

static enum err
set_state(struct cli *a, const char *verb)
{
	const char *name = a->argument[0];
	AUTO(json_t) body = json_pack("{s:s}", "name", name);
	json_t *answer = NULL;
	enum err e;

	if (body == NULL)
		return options_usage(a, "names must be UTF-8");
	if (!output_plan(a, "%s identity \"%s\"", verb, name))
		return ERR_OK;
	e = client_post(a, arena_printf(a->arena, "/admin/v1/identity/%s", verb), body, &answer);
	if (e != ERR_OK)
		return e;
	if (json_is_true(json_object_get(answer, "changed")))
		output_done(a, answer, "\"%s\" is now %sed", name, verb);
	else
		output_done(a, answer, "\"%s\" was %sed already", name, verb);
	return ERR_OK;
}

enum err
cmd_identity_block(struct cli *a)
{
	return set_state(a, "block");
}

enum err
cmd_identity_unblock(struct cli *a)
{
	return set_state(a, "unblock");
}

enum err
cmd_offboard(struct cli *a)
{
	const char *name = a->argument[0], *reason = options_value(a, "reason");
	AUTO(json_t) body = json_pack("{s:s, s:s}", "name", name, "reason",
		reason != NULL ? reason : "privilegeWithdrawn");
	json_t *answer = NULL;
	enum err e;

	if (body == NULL)
		return options_usage(a, "names must be UTF-8");
	if (!output_plan(a,
		    "block identity \"%s\", revoke all its live certificates, close its ACME accounts and refuse its waiting "
		    "requests (reason %s)",
		    name, reason != NULL ? reason : "privilegeWithdrawn"))
		return ERR_OK;
	e = client_post(a, "/admin/v1/identity/offboard", body, &answer);
	if (e == ERR_OK)
		output_done(a, answer,
			"offboarded \"%s\": %s certificates revoked, %s ACME accounts closed, %s requests refused; %s",
			name, output_text(a->arena, json_object_get(answer, "revoked")),
			output_text(a->arena, json_object_get(answer, "accounts")),
			output_text(a->arena, json_object_get(answer, "requests")),
			output_responders(a, answer));
	return e;
}

static enum err
change_grant(struct cli *a, const char *path, const char *verb, const char *done)
{
	const char *const *w = a->argument;
	AUTO(json_t) body =
		json_pack("{s:s, s:s, s:s}", "identity", w[0], "profile", w[1], "pattern", w[2]);
	json_t *answer = NULL;
	enum err e;

	if (body == NULL)
		return options_usage(a, "names must be UTF-8");
	if (!output_plan(
		    a, "%s identity \"%s\" \"%s\" under profile \"%s\"", verb, w[0], w[2], w[1]))
		return ERR_OK;
	e = client_post(a, path, body, &answer);
	if (e == ERR_OK)
		output_done(a, answer, "%s", done);
	return e;
}

enum err
cmd_grant_add(struct cli *a)
{
	return change_grant(a, "/admin/v1/grants", "grant", "granted");
}

enum err
cmd_grant_remove(struct cli *a)
{
	return change_grant(a, "/admin/v1/grants/remove", "take from",
		"taken away; certificates issued under it stay valid until they end or are revoked");
}

enum err
cmd_grant_list(struct cli *a)
{
	AUTO(json_t) answer = NULL;
	enum err e = client_get(
		a, client_query(a, "/admin/v1/grants", "identity", a->argument[0]), &answer);

	if (e != ERR_OK)
		return e;
	if (a->json)
		output_json(json_object_get(answer, "grants"));
	else
		output_table(json_object_get(answer, "grants"), grant_columns,
			"no grants; add one with `ca-admin grant add`");
	return ERR_OK;
}
