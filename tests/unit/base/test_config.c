#include "lib/base/config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/yaml_help.h"
#include "tests/unit/unit.h"

static char directory[] = "/tmp/config-test-XXXXXX";
static char file[128];

/* The smallest configuration there is; 14 lines. */
static const char minimal[] = "hsm:\n"
			      "  token: t\n"
			      "  pin_file: /nowhere/pin\n"
			      "issuers:\n"
			      "  - name: issuing-1\n"
			      "    key: k\n"
			      "enroll:\n"
			      "  base_urls: [\"https://ca.example:8443\"]\n"
			      "  names:\n"
			      "    - ca.example\n"
			      "    - 192.0.2.1\n"
			      "public:\n"
			      "  base_url: http://ca.example:8080\n"
			      "admin: { base_urls: [\"https://ca.example:8446\"], names: [a] }\n";

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static enum err
load(const char *text, struct config **out)
{
	write_file(file, text);
	return config_load(file, out);
}

/* The minimal configuration with one line replaced or, with line 0, some text appended. */
static enum err
load_changed(unsigned line, const char *replacement, struct config **out)
{
	AUTO_BUF(text, 65536);
	const char *at = minimal;
	enum err e = ERR_OK;

	for (unsigned i = 1; *at != '\0' && e == ERR_OK; i++) {
		size_t n = strcspn(at, "\n") + 1;

		e = i == line ? buf_printf(&text, "%s\n", replacement) : buf_append(&text, at, n);
		at += n;
	}
	if (e == ERR_OK && line == 0)
		e = buf_printf(&text, "%s", replacement);
	if (e == ERR_OK)
		e = buf_append(&text, "", 1);
	CHECK(e == ERR_OK);
	return load((const char *)text.data, out);
}

static void
test_defaults_complete_the_smallest_configuration(void)
{
	AUTO_STRUCT(config) c = NULL;

	CHECK_OK(load(minimal, &c));
	if (c == NULL)
		return;
	CHECK(strcmp(c->instance, "chancery") == 0 &&
		strcmp(c->run_directory, "/run/chancery") == 0);
	CHECK(c->database.port == 5432);
	CHECK(c->database.sslmode == NULL && c->database.passfile == NULL);
	CHECK(c->hsm.pin_fd == 0 && strcmp(c->hsm.pin_file, "/nowhere/pin") == 0);
	CHECK(c->signer.processes == 1 && c->signer.batch == 64);
	CHECK(c->issuers_count == 1 && strcmp(c->issuers[0].key, "k") == 0);
	CHECK(c->enroll.port == 8443 && c->enroll.names_count == 2 &&
		strcmp(c->enroll.names[1], "192.0.2.1") == 0);
	CHECK(c->enroll.request_deadline == 30 && c->enroll.idle_timeout == 75);
	CHECK(strcmp(c->public.address, "0.0.0.0") == 0 && c->public.port == 8080);
	CHECK(c->acme.order_lifetime == 86400 && c->acme.finalize_wait == 2);
	CHECK(c->est.labels_count == 0 && c->est.wait == 10);
	CHECK(!c->validator.allow_special && c->validator.allow_count == 0 &&
		c->validator.attempts == 3);
	CHECK(c->second.guarded == 0 && c->second.proposal_lifetime == 86400);
	CHECK(c->crl.lifetime == 86400 && c->crl.refresh == 3600 && c->crl.backdate == 300);
	CHECK(strcmp(c->ocsp.profile, "ocsp-responder") == 0 && c->metrics.port == 9464);
	CHECK(c->launcher.users && c->log.level == LOG_INFO && c->log.format == LOG_FORMAT_KV);
}

static void
test_every_section_is_read(void)
{
	AUTO_STRUCT(config) c = NULL;

	CHECK_OK(load_changed(0,
		"instance: demo\n"
		"database: { host: db.example, port: 6432, sslmode: verify-full }\n"
		"signer: { processes: 2, batch: 8 }\n"
		"acme: { order_lifetime: 7d, finalize_wait: 0s }\n"
		"est: { wait: 1s, labels: [ {name: printers, profile: device} ], wrap_user_agents: [\"Old/1.0\"] }\n"
		"validator: { allow: [10.0.0.0/8, \"fd00::/8\"], resolver: [192.0.2.53, \"192.0.2.53:5353\", \"::1\", \"[::1]:53\"],"
		" allow_special: true, timeout: 5m }\n"
		"crl: { lifetime: 2h, refresh: 30m }\n"
		"metrics: { address: \"::1\", port: 1 }\n"
		"launcher: { users: false }\n"
		"log: { format: json, level: debug }\n",
		&c));
	if (c == NULL)
		return;
	CHECK(strcmp(c->instance, "demo") == 0 && strcmp(c->database.sslmode, "verify-full") == 0);
	CHECK(c->acme.order_lifetime == 7 * 86400 && c->acme.finalize_wait == 0);
	CHECK(c->est.labels_count == 1 && strcmp(c->est.labels[0].profile, "device") == 0);
	CHECK(c->est.wrap_user_agents_count == 1 && c->validator.resolver_count == 4 &&
		c->validator.allow_special);
	CHECK(c->validator.timeout == 300 && c->crl.refresh == 1800);
	CHECK(!c->launcher.users && c->log.level == LOG_DEBUG && c->log.format == LOG_FORMAT_JSON);
}

static void
test_what_waits_for_a_second_operator_is_a_set(void)
{
	AUTO_STRUCT(config) c = NULL;

	CHECK_OK(load_changed(14,
		"admin: { base_urls: [\"https://a\"], names: [a], second_operator: [grant.domain, operator.add], proposal_lifetime: 2h }",
		&c));
	CHECK(c != NULL && c->second.proposal_lifetime == 7200 &&
		c->second.guarded == (1U << GUARDED_GRANT_DOMAIN | 1U << GUARDED_OPERATOR_ADD));
}

static void
test_pin_may_come_from_a_descriptor(void)
{
	AUTO_STRUCT(config) c = NULL;

	CHECK_OK(load_changed(3, "  pin_fd: 3", &c));
	CHECK(c != NULL && c->hsm.pin_fd == 3 && c->hsm.pin_file == NULL);
}

/* line: which line of the minimal configuration is replaced (0: appended); the reason begins with
 * FILE:at: */
static void
test_impossible_values_are_refused_with_their_line(void)
{
	static const struct {
		unsigned line;
		const char *text;
		unsigned at;
		const char *words;
	} cases[] = {
		{3, "  pin: 123456", 3,
			"\"hsm.pin\" is not allowed: a PIN does not belong in the configuration"},
		{3, "  pin_file: 123456", 3, "never the secret itself"},
		{3, "  pin_fd: 2", 3, "must be 3 to 1023, not 2"},
		{3, "", 1, "exactly one of \"pin_file\" and \"pin_fd\""},
		{3, "  pin_file: /x\n  pin_fd: 3", 4, "exactly one of"},
		{2, "  token:", 2, "must be given a value"},
		{2, "  key: x", 2,
			"unknown key \"key\" in \"hsm\"; allowed are: module, module_config, token, pin_file, pin_fd"},
		{5, "  - name: Issuing 1", 5,
			"\"issuers.0.name\" is \"Issuing 1\": must be 1 to 64 of"},
		{6, "    key: k\n  - {name: issuing-1, key: j}", 7,
			"\"issuers.1.name\" repeats \"issuing-1\" of line 5"},
		{6, "    key: k\n  - {name: issuing-2, key: k}", 7,
			"\"issuers.1.key\" repeats \"k\" of line 6"},
		{8, "  base_urls: [\"http://ca.example\"]", 8, "must be https://HOST"},
		{8, "  base_urls: [\"https://ca.example/\"]", 8, "without path"},
		{8, "  base_urls: [\"https://ca.example:443\"]", 8, "port 443"},
		{8, "  base_urls: [\"https://CA.example\"]", 8, "must be https://HOST"},
		{8, "  base_urls: [\"https://ca.example:0\"]", 8, "must be https://HOST"},
		{8, "  base_urls: [\"https://[::1\"]", 8, "must be https://HOST"},
		{8, "  base_urls: [\"https://user@ca\"]", 8, "must be https://HOST"},
		{8, "  base_urls: []", 8, "a list of 1 to 16"},
		{8, "  base_urls: [\"https://a\", \"https://a\"]", 8, "repeats \"https://a\""},
		{10, "    - \"*.example\"", 10,
			"\"enroll.names.0\" is \"*.example\": must be a DNS name"},
		{11, "    - 192.0.2.256", 11, "\"enroll.names.1\""},
		{11, "    - -bad.example", 11, "\"enroll.names.1\""},
		{11, "  address: 127.0.0.1\n  port: 8080", 13,
			"\"enroll\" and \"public\" both listen on port 8080"},
		{12, "", 13, "unknown key \"base_url\" in \"enroll\""},
		{13, "  base_url: https://ca.example", 13, "must be http://HOST"},
		{13, "  port: 80", 12, "\"public\" lacks the required key \"base_url\""},
		{13, "  base_url: http://a\n  port: 0", 14,
			"\"public.port\" must be 1 to 65535, not 0"},
		{13, "  base_url: http://a\n  port: 8443", 14,
			"\"enroll\" and \"public\" both listen on port 8443"},
		{13, "  base_url: http://a\n  connections: 5", 12,
			"must not exceed \"public.connections\""},
		{13, "  base_url: http://a\n  address: localhost", 14, "an IPv4 or IPv6 address"},
		{0, "hsm: {}\n", 15, "key \"hsm\" is doubled: it stands already on line 1"},
		{0, "pki: {}\n", 15,
			"unknown key \"pki\" in \"the file\"; allowed are: instance, run_directory"},
		{0, "instance: \"a b\"\n", 15, "1 to 64 of"},
		{0, "profiles: profiles.yaml\n", 15, "an absolute path"},
		{0, "database:\n  password: x\n", 16, "name a libpq password file"},
		{0, "database:\n  user: x\n", 16, "its own role"},
		{0, "database:\n  sslmode: on\n", 16, "one of: disable"},
		{0, "database:\n  role_prefix: pki\n", 16,
			"\"database.role_prefix\" is not allowed: the schema names its roles"},
		{0, "signer:\n  processes: 0\n", 16, "\"signer.processes\" must be 1 to 64, not 0"},
		{0, "signer:\n  batch: 65\n", 16, "\"signer.batch\" must be 1 to 64, not 65"},
		{0, "signer:\n  batch: many\n", 16, "whole number"},
		{0, "signer: 1\n", 15, "must be a mapping"},
		{0, "acme:\n  order_lifetime: 24\n", 16,
			"\"acme.order_lifetime\" is \"24\": must be a number and a unit"},
		{0, "acme:\n  order_lifetime: 0s\n", 16, "must be 1s to 90d"},
		{0, "acme:\n  finalize_wait: 31s\n", 16,
			"shorter than \"enroll.request_deadline\""},
		{0, "est:\n  labels: [{name: a, profile: b}, {name: a, profile: c}]\n", 16,
			"\"est.labels.1.name\" repeats \"a\" of line 16"},
		{0, "est:\n  labels: [{name: cacerts, profile: b}]\n", 16,
			"\"est.labels.0.name\" is \"cacerts\": must be 1 to 64 of"},
		{0, "est:\n  labels: [{name: crls, profile: b}]\n", 16,
			"not the name of an EST operation (RFC 7030 section 3.2.2)"},
		{0, "log:\n  format: xml\n", 16,
			"\"log.format\" is \"xml\": must be one of: kv, json"},
		{0, "validator:\n  allow:\n    - 10.0.0.0/8\n    - 10.1.0.0/8\n", 18,
			"\"validator.allow.1\" is \"10.1.0.0/8\""},
		{0, "validator:\n  allow: [10.0.0.0]\n", 16, "a network like"},
		{0, "validator:\n  allow: [10.0.0.0/33]\n", 16, "a network like"},
		{0, "validator:\n  resolver: [dns.example]\n", 16, "ADDRESS:PORT"},
		{0, "validator:\n  allow_special: yes\n", 16, "true or false"},
		{0, "crl:\n  lifetime: 30m\n", 15,
			"\"crl.refresh\" must be shorter than \"crl.lifetime\""},
		{0, "metrics:\n  port: 8443\n", 16, "\"enroll\" and \"metrics\" both listen"},
		{0, "metrics:\n  port: 8446\n", 16, "\"admin\" and \"metrics\" both listen"},
		{14, "admin: { names: [a] }", 14, "\"admin\" lacks the required key \"base_urls\""},
		{14, "admin: { base_urls: [\"https://a\"], names: [a], connections: 5 }", 14,
			"must not exceed \"admin.connections\""},
		{14, "admin: { base_urls: [\"https://a\"], names: [a], port: 8443 }", 14,
			"\"enroll\" and \"admin\" both listen on port 8443"},
		{14, "admin: { base_urls: [\"https://a\"], names: [a], second_operator: [operator.delete] }",
			14,
			"one of: operator.add, operator.role, operator.certificate, grant.wildcard, grant.domain, issuer.change"},
		{14, "admin: { base_urls: [\"https://a\"], names: [a], proposal_lifetime: 1s }", 14,
			"\"admin.proposal_lifetime\" is \"1s\": must be 1m to 30d"},
		{0, "log:\n  level: verbose\n", 16, "one of: debug, info, warning, error"},
		{0, "launcher:\n  users: maybe\n", 16, "true or false"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_STRUCT(config) c = NULL;
		char place[192];

		snprintf(place, sizeof(place), "%s:%u: ", file, cases[i].at);
		CHECK_CASE(load_changed(cases[i].line, cases[i].text, &c) == ERR_INVALID,
			cases[i].text);
		if (strncmp(err_reason(), place, strlen(place)) != 0 ||
			strstr(err_reason(), cases[i].words) == NULL)
			fprintf(stderr, "case \"%s\": reason is \"%s\"\n", cases[i].text,
				err_reason());
		CHECK_CASE(strncmp(err_reason(), place, strlen(place)) == 0, cases[i].text);
		CHECK_CASE(strstr(err_reason(), cases[i].words) != NULL, cases[i].text);
		CHECK_CASE(c == NULL, cases[i].text);
	}
}

static void
test_inline_secret_is_not_repeated(void)
{
	AUTO_STRUCT(config) c = NULL;

	CHECK_ERR(load_changed(3, "  pin: 123456", &c), ERR_INVALID);
	CHECK(strstr(err_reason(), "123456") == NULL);
	CHECK_ERR(load_changed(3, "  pin_file: 123456", &c), ERR_INVALID);
	CHECK(strstr(err_reason(), "123456") == NULL);
}

static void
test_missing_configuration_is_told(void)
{
	AUTO_STRUCT(config) c = NULL;

	CHECK_REASON(config_load("/nonexistent/chancery.yaml", &c), ERR_NOTFOUND,
		"configuration: /nonexistent/chancery.yaml");
}

static void
test_check_refuses_missing_and_open_files(void)
{
	AUTO_STRUCT(config) c = NULL;
	char text[1024], pin[160], place[192];

	snprintf(pin, sizeof(pin), "%s/pin", directory);
	snprintf(text, sizeof(text),
		"run_directory: %s\nstate_directory: %s\nprofiles: %s\ndatabase: { host: db.example }\n"
		"hsm:\n  module: %s\n  token: t\n  pin_file: %s\nissuers: [ {name: i, key: k} ]\n"
		"enroll: { base_urls: [\"https://a\"], names: [a] }\npublic: { base_url: \"http://a\" }\n"
		"admin: { base_urls: [\"https://a:8446\"], names: [a] }\n",
		directory, directory, file, file, pin);
	CHECK_OK(load(text, &c));
	if (c == NULL)
		return;
	snprintf(place, sizeof(place), "%s:8: \"hsm.pin_file\" names", file);
	CHECK_REASON(config_check(c), ERR_INVALID, place);
	CHECK(strstr(err_reason(), "write the PIN there, mode 0400") != NULL);
	write_file(pin, "1234\n");
	chmod(pin, 0444);
	CHECK_REASON(config_check(c), ERR_INVALID, "too many can open");
	chmod(pin, 0440);
	CHECK_OK(config_check(c));
	c->profiles = directory;
	CHECK_REASON(config_check(c), ERR_INVALID, "not a regular file");
	unlink(pin);
}

static void
test_sample_is_a_valid_configuration(void)
{
	AUTO_STRUCT(config) c = NULL;

	CHECK_OK(config_load(SAMPLE_FILE, &c));
}

static size_t
read_sample_file(char *text, size_t size)
{
	FILE *f = fopen(SAMPLE_FILE, "r");
	size_t n = f != NULL ? fread(text, 1, size - 1, f) : 0;

	CHECK(f != NULL && fclose(f) == 0);
	text[n] = '\0';
	return n;
}

static void
test_sample_is_what_the_table_says(void)
{
	AUTO_BUF(table, 65536);
	char text[65536];
	const char *body;

	CHECK(read_sample_file(text, sizeof(text)) > 0);
	body = strstr(text, "\n\n"); /* below its head */
	CHECK_OK(yaml_sample(&config_table, &table));
	CHECK_OK(buf_append(&table, "", 1));
	CHECK(body != NULL && strcmp(body + 2, (const char *)table.data) == 0);
	if (body == NULL || strcmp(body + 2, (const char *)table.data) != 0)
		fprintf(stderr,
			"below its head %s must be what `BUILD/man/reference sample` prints\n",
			SAMPLE_FILE);
}

static void
test_manual_lists_every_setting_but_no_refused_key(void)
{
	AUTO_BUF(text, 65536);

	CHECK_OK(yaml_manual(&config_table, &text));
	CHECK_OK(buf_append(&text, "", 1));
	for (size_t i = 0; i < config_table.count; i++) {
		const struct yaml_row *row = &config_table.row[i];

		char paragraph[96], subsection[96];

		snprintf(paragraph, sizeof(paragraph), "\\fB%s\\fP (", row->path);
		snprintf(subsection, sizeof(subsection), ".SS %s (", row->path);
		CHECK_CASE(row->help != NULL && row->help[0] != '\0', row->path);
		CHECK_CASE((strstr((const char *)text.data, paragraph) != NULL ||
				   strstr((const char *)text.data, subsection) != NULL) ==
				(row->type != YAML_REFUSED),
			row->path);
	}
	CHECK(strstr((const char *)text.data,
		      "\\fBenroll.port\\fP (1 to 65535; default 8443)\n\\&where") != NULL);
	CHECK(strstr((const char *)text.data, "\\fBlog.level\\fP (one of: debug, info") != NULL);
	CHECK(strstr((const char *)text.data, ".SS issuers (list of 1 to 1000") != NULL);
}

static void
test_a_sample_that_does_not_fit_is_refused(void)
{
	AUTO_BUF(text, 100);

	CHECK_ERR(yaml_sample(&config_table, &text), ERR_LIMIT);
	CHECK_ERR(yaml_manual(&config_table, &text), ERR_LIMIT);
}

/* The sample promises that a key behind "#" shows its default; with all of them taken in, nothing
 * may change. */
static void
test_sample_shows_every_key_with_its_default(void)
{
	AUTO_STRUCT(config) plain = NULL;
	AUTO_STRUCT(config) full = NULL;
	AUTO_BUF(text, 65536);
	FILE *f = fopen(SAMPLE_FILE, "r");
	char line[512];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		char *hash = strchr(line, '#');

		/* "#key:" at the head of a line, as against "# prose" */
		if (hash != NULL && strspn(line, " ") == (size_t)(hash - line) &&
			(hash[1] != ' ' || hash[2] == ' ') && strstr(line, "no default") == NULL)
			memmove(hash, hash + 1, strlen(hash));
		CHECK_OK(buf_printf(&text, "%s", line));
	}
	CHECK(f != NULL && fclose(f) == 0);
	CHECK_OK(config_load(SAMPLE_FILE, &plain));
	CHECK_OK(load((const char *)text.data, &full));
	if (plain == NULL || full == NULL)
		return;
	CHECK(strcmp(plain->database.host, full->database.host) == 0 &&
		plain->database.port == full->database.port);
	CHECK(memcmp(&plain->signer, &full->signer, sizeof(plain->signer)) == 0);
	CHECK(plain->enroll.queue == full->enroll.queue &&
		plain->enroll.idle_timeout == full->enroll.idle_timeout);
	CHECK(plain->admin.port == 8446 && plain->admin.port == full->admin.port);
	CHECK(plain->acme.nonce_lifetime == full->acme.nonce_lifetime &&
		plain->est.retry_after == full->est.retry_after);
	CHECK(plain->validator.timeout == full->validator.timeout &&
		plain->crl.backdate == full->crl.backdate);
	CHECK(plain->ocsp.validity == full->ocsp.validity &&
		plain->metrics.port == full->metrics.port);
	CHECK(plain->launcher.users == full->launcher.users && plain->log.level == full->log.level);
	CHECK(yaml_present(full->doc, "ocsp.backdate") &&
		!yaml_present(plain->doc, "ocsp.backdate")); /* the lines were taken in */
}

static void
test_directory_is_made(void)
{
	CHECK(mkdtemp(directory) != NULL);
	snprintf(file, sizeof(file), "%s/chancery.yaml", directory);
}

static void
test_directory_is_removed(void)
{
	CHECK(unlink(file) == 0 && rmdir(directory) == 0);
}

UNIT_MAIN("config", {"test_directory_is_made", test_directory_is_made},
	{"test_defaults_complete_the_smallest_configuration",
		test_defaults_complete_the_smallest_configuration},
	{"test_every_section_is_read", test_every_section_is_read},
	{"test_what_waits_for_a_second_operator_is_a_set",
		test_what_waits_for_a_second_operator_is_a_set},
	{"test_pin_may_come_from_a_descriptor", test_pin_may_come_from_a_descriptor},
	{"test_impossible_values_are_refused_with_their_line",
		test_impossible_values_are_refused_with_their_line},
	{"test_inline_secret_is_not_repeated", test_inline_secret_is_not_repeated},
	{"test_missing_configuration_is_told", test_missing_configuration_is_told},
	{"test_check_refuses_missing_and_open_files", test_check_refuses_missing_and_open_files},
	{"test_sample_is_a_valid_configuration", test_sample_is_a_valid_configuration},
	{"test_sample_is_what_the_table_says", test_sample_is_what_the_table_says},
	{"test_manual_lists_every_setting_but_no_refused_key",
		test_manual_lists_every_setting_but_no_refused_key},
	{"test_a_sample_that_does_not_fit_is_refused", test_a_sample_that_does_not_fit_is_refused},
	{"test_sample_shows_every_key_with_its_default",
		test_sample_shows_every_key_with_its_default},
	{"test_directory_is_removed", test_directory_is_removed})
