/* status and issuer list: what runs, and how old what it publishes is. */
#include "admin/cli/cli.h"

enum err
cmd_issuer_list(struct cli *a)
{
	static const struct output_column columns[] = {
		{"NAME", "name"},
		{"KIND", "kind"},
		{"STATE", "state"},
		{"NOT AFTER", "not_after"},
		{"KEY", "key_label"},
		{"SUBJECT", "subject"},
		{NULL, NULL},
	};
	AUTO(json_t) answer = NULL;
	enum err e = client_get(a, "/admin/v1/issuers", &answer);

	if (e != ERR_OK)
		return e;
	if (a->json)
		output_json(json_object_get(answer, "issuers"));
	else
		output_table(json_object_get(answer, "issuers"), columns,
			"no issuers; import them with `ca-admin issuer import`");
	return ERR_OK;
}

static void
print_status(const json_t *status)
{
	static const struct output_column programs[] = {
		{"PROGRAM", "program"},
		{"STATE", "state"},
		{"SEEN s AGO", "age"},
		{"STALE", "stale"},
		{"VERSION", "version"},
		{"NODE", "id"},
		{NULL, NULL},
	};
	static const struct output_column hsm[] = {
		{"HSM", "model"},
		{"TOKEN", "token"},
		{"SERIAL", "serial"},
		{"NODE", "node"},
		{NULL, NULL},
	};
	static const struct output_column ocsp[] = {
		{"OCSP AGE s", "feed_age"},
		{"RESPONDER UNTIL", "responder_until"},
		{"CERTIFICATES", "certificates"},
		{"NODE", "node"},
		{NULL, NULL},
	};
	static const struct output_column issuers[] = {
		{"ISSUER", "name"},
		{"KIND", "kind"},
		{"STATE", "state"},
		{"DAYS LEFT", "days_left"},
		{"CRL", "crl_number"},
		{"CRL AGE s", "crl_age"},
		{"CRL UNTIL", "crl_next_update"},
		{"REVOKED", "crl_entries"},
		{NULL, NULL},
	};
	static const struct output_column database[] = {
		{"database up", "reachable"},
		{"schema", "schema_version"},
		{NULL, NULL},
	};

	output_table(json_object_get(status, "programs"), programs, "no program has reported yet");
	putchar('\n');
	output_table(json_object_get(status, "hsm"), hsm, "no signer tells of its HSM");
	putchar('\n');
	output_table(json_object_get(status, "ocsp"), ocsp, "no OCSP responder has reported");
	putchar('\n');
	output_object(json_object_get(status, "database"), database);
	putchar('\n');
	output_table(json_object_get(status, "issuers"), issuers, "no issuers");
}

enum err
cmd_status(struct cli *a)
{
	AUTO(json_t) status = NULL;
	enum err e = client_get(a, "/admin/v1/status", &status);

	if (e != ERR_OK)
		return e;
	if (a->json)
		output_json(status);
	else
		print_status(status);
	if (json_is_true(json_object_get(status, "healthy")))
		return ERR_OK;
	a->answered = true;
	return err_set(ERR_UNAVAILABLE, "not all is well: %s",
		output_text(a->arena, json_object_get(status, "problems")));
}
