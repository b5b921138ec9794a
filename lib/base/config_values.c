/*
 * Defaults, ranges, forms and relations of the configuration's values: const tables first, then the
 * few rules that look at two values. Every refusal carries the line of the value it is about.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/base/config_rules.h"
#include "lib/base/yaml.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, YEAR = 365 * DAY };

struct number_rule {
	const char *path;
	size_t at;
	uint32_t fallback, min, max;
};

#define NUMBER(section, member, fallback, min, max)                                                \
	{                                                                                          \
#section "." #member, offsetof(struct config, section.member), (fallback), (min),  \
			(max)                                                                      \
	}

static const struct number_rule numbers[] = {
	NUMBER(database, port, 5432, 1, 65535),
	NUMBER(signer, processes, 1, 1, 64),
	NUMBER(signer, batch, 64, 1, CONFIG_BATCH_MAX),
	NUMBER(enroll, port, 8443, 1, 65535),
	NUMBER(enroll, workers, 64, 1, 1024),
	NUMBER(enroll, queue, 256, 1, 65536),
	NUMBER(enroll, connections, 4096, 1, 65536),
	NUMBER(enroll, connections_per_address, 256, 1, 65536),
	NUMBER(public, port, 8080, 1, 65535),
	NUMBER(public, connections, 4096, 1, 65536),
	NUMBER(public, connections_per_address, 256, 1, 65536),
	NUMBER(validator, http_port, 80, 1, 65535),
	NUMBER(validator, concurrency, 32, 1, 1024),
	NUMBER(validator, attempts, 3, 1, 100),
	NUMBER(metrics, port, 9464, 1, 65535),
};

struct duration_rule {
	const char *path;
	size_t at, text_at;
	int64_t fallback, min, max;
};

#define DURATION(section, member, fallback, min, max)                                              \
	{                                                                                          \
#section "." #member, offsetof(struct config, section.member),                     \
			offsetof(struct config, section.member##_text), (fallback), (min), (max)   \
	}

static const struct duration_rule durations[] = {
	DURATION(enroll, request_deadline, 30, 1, HOUR),
	DURATION(enroll, idle_timeout, 75, 1, HOUR),
	DURATION(acme, order_lifetime, DAY, 1, 90 * DAY),
	DURATION(acme, authorization_lifetime, DAY, 1, 90 * DAY),
	DURATION(acme, finalize_wait, 2, 0, MINUTE),
	DURATION(acme, nonce_lifetime, HOUR, 1, DAY),
	DURATION(est, wait, 10, 0, 5 * MINUTE),
	DURATION(est, retry_after, 5, 1, DAY),
	DURATION(validator, timeout, 10, 1, 5 * MINUTE),
	DURATION(crl, lifetime, DAY, 1, YEAR),
	DURATION(crl, refresh, HOUR, 1, YEAR),
	DURATION(crl, backdate, 5 * MINUTE, 0, DAY),
	DURATION(ocsp, validity, HOUR, 1, 30 * DAY),
	DURATION(ocsp, backdate, MINUTE, 0, DAY),
};

struct text_rule {
	const char *path;
	size_t at;
	const char *fallback; /* NULL: none */
	const struct text_form *form;
};

#define TEXT(path, member, fallback, form)                                                         \
	{                                                                                          \
		path, offsetof(struct config, member), (fallback), (form)                          \
	}

static const struct text_rule texts[] = {
	TEXT("instance", instance, "chancery", &form_word),
	TEXT("run_directory", run_directory, "/run/chancery", &form_path),
	TEXT("state_directory", state_directory, "/var/lib/chancery", &form_path),
	TEXT("profiles", profiles, "/etc/chancery/profiles.yaml", &form_path),
	TEXT("database.host", database.host, "/run/postgresql", &form_database_host),
	TEXT("database.name", database.name, "chancery", &form_word),
	TEXT("database.sslmode", database.sslmode, NULL, &form_sslmode),
	TEXT("database.passfile", database.passfile, NULL, &form_secret_path),
	TEXT("hsm.module", hsm.module, "/usr/lib/softhsm/libsofthsm2.so", &form_path),
	TEXT("hsm.module_config", hsm.module_config, NULL, &form_path),
	TEXT("hsm.pin_file", hsm.pin_file, NULL, &form_secret_path),
	TEXT("enroll.address", enroll.address, "0.0.0.0", &form_address),
	TEXT("enroll.profile", enroll.profile, "gateway-tls", &form_word),
	TEXT("public.address", public.address, "0.0.0.0", &form_address),
	TEXT("public.base_url", public.base_url, NULL, &form_http_url),
	TEXT("acme.default_profile", acme.default_profile, "workload", &form_word),
	TEXT("est.default_profile", est.default_profile, "device", &form_word),
	TEXT("ocsp.profile", ocsp.profile, "ocsp-responder", &form_word),
	TEXT("metrics.address", metrics.address, "127.0.0.1", &form_address),
};

struct list_rule {
	const char *path;
	size_t at, count_at;
	const struct text_form *form;
};

#define LIST(section, member, form)                                                                \
	{                                                                                          \
#section "." #member, offsetof(struct config, section.member),                     \
			offsetof(struct config, section.member##_count), (form)                    \
	}

static const struct list_rule lists[] = {
	LIST(enroll, base_urls, &form_https_url),
	LIST(enroll, names, &form_dns_or_address),
	LIST(validator, allow, &form_network),
	LIST(validator, deny, &form_network),
	LIST(validator, resolver, &form_resolver),
};

static void *
member(struct config *c, size_t at)
{
	return (char *)c + at;
}

static enum err
apply_number(struct config *c, const struct number_rule *r)
{
	uint32_t *value = member(c, r->at);

	if (!yaml_present(c->doc, r->path))
		*value = r->fallback;
	if (*value < r->min || *value > r->max)
		return yaml_refuse(c->doc, r->path,
			"\"%s\" must be %" PRIu32 " to %" PRIu32 ", not %" PRIu32, r->path, r->min,
			r->max, *value);
	return ERR_OK;
}

/* The largest unit that divides it, for reasons. */
static const char *
duration_text(int64_t seconds, char out[24])
{
	static const struct {
		int64_t seconds;
		char letter;
	} units[] = {{DAY, 'd'}, {HOUR, 'h'}, {MINUTE, 'm'}, {1, 's'}};
	size_t i = 0;

	while (seconds < units[i].seconds * (seconds != 0) || seconds % units[i].seconds != 0)
		i++;
	snprintf(out, 24, "%" PRId64 "%c", seconds / units[i].seconds,
		seconds != 0 ? units[i].letter : 's');
	return out;
}

static enum err
apply_duration(struct config *c, const struct duration_rule *r)
{
	int64_t *value = member(c, r->at);
	char **text = member(c, r->text_at), low[24], high[24];

	*value = r->fallback;
	if (*text == NULL)
		return ERR_OK;
	if (config_duration_parse(*text, value) != ERR_OK)
		return yaml_refuse(c->doc, r->path,
			"\"%s\" is \"%s\": must be a number and a unit like 30s, 5m, 8h or 7d",
			r->path, *text);
	if (*value < r->min || *value > r->max)
		return yaml_refuse(c->doc, r->path, "\"%s\" is \"%s\": must be %s to %s", r->path,
			*text, duration_text(r->min, low), duration_text(r->max, high));
	return ERR_OK;
}

static enum err
check_form(const struct config *c, const char *path, const struct text_form *form, const char *text)
{
	if (form->matches(text))
		return ERR_OK;
	if (form == &form_secret_path) /* what stands there may be the secret */
		return yaml_refuse(c->doc, path, "\"%s\" must be %s", path, form->wanted);
	return yaml_refuse(c->doc, path, "\"%s\" is \"%s\": must be %s", path, text, form->wanted);
}

static enum err
apply_text(struct config *c, const struct text_rule *r)
{
	char **text = member(c, r->at);

	if (*text == NULL && r->fallback != NULL)
		*text = mem_strdup(r->fallback);
	return *text != NULL ? check_form(c, r->path, r->form, *text) : ERR_OK;
}

static enum err
check_list(struct config *c, const struct list_rule *r)
{
	char **list = *(char ***)member(c, r->at), path[80];
	uint32_t count = *(uint32_t *)member(c, r->count_at);

	for (uint32_t i = 0; i < count; i++) {
		enum err e;

		snprintf(path, sizeof(path), "%s.%" PRIu32, r->path, i);
		e = check_form(c, path, r->form, list[i]);
		if (e != ERR_OK)
			return e;
		for (uint32_t k = 0; k < i; k++) {
			if (strcmp(list[k], list[i]) == 0)
				return yaml_refuse(c->doc, path,
					"\"%s\" repeats \"%s\"; remove one of them", path, list[i]);
		}
	}
	return ERR_OK;
}

static enum err
check_issuers(struct config *c)
{
	char path[48];

	for (uint32_t i = 0; i < c->issuers_count; i++) {
		snprintf(path, sizeof(path), "issuers.%" PRIu32 ".name", i);
		if (check_form(c, path, &form_word, c->issuers[i].name) != ERR_OK)
			return ERR_INVALID;
		for (uint32_t k = 0; k < i; k++) {
			if (strcmp(c->issuers[k].name, c->issuers[i].name) == 0)
				return yaml_refuse(c->doc, path,
					"issuer \"%s\" is listed twice; names must differ",
					c->issuers[i].name);
			snprintf(path, sizeof(path), "issuers.%" PRIu32 ".key", i);
			if (strcmp(c->issuers[k].key, c->issuers[i].key) == 0)
				return yaml_refuse(c->doc, path,
					"issuers \"%s\" and \"%s\" name the same key \"%s\"; each needs its own",
					c->issuers[k].name, c->issuers[i].name, c->issuers[i].key);
			snprintf(path, sizeof(path), "issuers.%" PRIu32 ".name", i);
		}
	}
	return ERR_OK;
}

/* Segments that mean an operation after /.well-known/est: RFC 7030 section 3.2.2, RFC 8295, RFC
 * 8995. */
static enum err
check_label_free(struct config *c, const char *path, const char *name)
{
	static const char *const taken[] = {"cacerts", "simpleenroll", "simplereenroll", "fullcmc",
		"serverkeygen", "csrattrs", "pal", "eecerts", "crls", "symmetrickeys", "firmware",
		"tamp", "requestvoucher", "voucher_status", "enrollstatus"};

	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (strcmp(name, taken[i]) == 0)
			return yaml_refuse(c->doc, path,
				"label \"%s\" is the name of an EST operation (RFC 7030 section 3.2.2); "
				"choose another",
				name);
	return ERR_OK;
}

static enum err
check_est_labels(struct config *c)
{
	char path[48];

	for (uint32_t i = 0; i < c->est.labels_count; i++) {
		const struct config_est_label *label = &c->est.labels[i];

		snprintf(path, sizeof(path), "est.labels.%" PRIu32 ".profile", i);
		if (check_form(c, path, &form_word, label->profile) != ERR_OK)
			return ERR_INVALID;
		snprintf(path, sizeof(path), "est.labels.%" PRIu32 ".name", i);
		if (check_form(c, path, &form_word, label->name) != ERR_OK ||
			check_label_free(c, path, label->name) != ERR_OK)
			return ERR_INVALID;
		for (uint32_t k = 0; k < i; k++) {
			if (strcmp(c->est.labels[k].name, label->name) == 0)
				return yaml_refuse(c->doc, path,
					"label \"%s\" is listed twice; names must differ",
					label->name);
		}
	}
	return ERR_OK;
}

static enum err
check_pin(struct config *c)
{
	bool has_fd = yaml_present(c->doc, "hsm.pin_fd");

	if (has_fd == (c->hsm.pin_file != NULL))
		return yaml_refuse(c->doc, has_fd ? "hsm.pin_fd" : "hsm",
			"\"hsm\" needs exactly one of \"pin_file\" and \"pin_fd\"");
	if (!has_fd)
		c->hsm.pin_fd = -1;
	else if (c->hsm.pin_fd < 3 || c->hsm.pin_fd > 1023)
		return yaml_refuse(c->doc, "hsm.pin_fd",
			"\"hsm.pin_fd\" must be 3 to 1023, not %" PRId32, c->hsm.pin_fd);
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

/* The first rule of a table that refuses ends the pass. */
#define APPLY_ALL(table, apply)                                                                    \
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {                                            \
		enum err e_##apply = apply(c, &(table)[i]);                                        \
		if (e_##apply != ERR_OK)                                                           \
			return e_##apply;                                                          \
	}

enum err
config_values_apply(struct config *c)
{
	static enum err (*const checks[])(struct config *) = {
		check_issuers, check_est_labels, check_pin};
	enum err e;

	APPLY_ALL(numbers, apply_number)
	APPLY_ALL(durations, apply_duration)
	APPLY_ALL(texts, apply_text)
	APPLY_ALL(lists, check_list)
	if (!yaml_present(c->doc, "launcher.users"))
		c->launcher.users = true;
	if (!yaml_present(c->doc, "log.level"))
		c->log.level = LOG_INFO;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		e = checks[i](c);
		if (e != ERR_OK)
			return e;
	}
	e = check_listeners(c);
	return e == ERR_OK ? check_relations(c) : e;
}
