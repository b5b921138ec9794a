/*
 * The one configuration of all programs (deploy/chancery.yaml.sample says what each key is for).
 *
 * A loaded configuration is complete (defaults filled in), possible (ranges, addresses, names and
 * relations checked) and never changes; a reload makes a new one. Secrets are never in it: only
 * names of files. Durations are seconds; each is written "30s", "5m", "8h" or "7d" in the file.
 */
#ifndef CHANCERY_BASE_CONFIG_H
#define CHANCERY_BASE_CONFIG_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/base/log.h"

struct yaml_doc;

#define CONFIG_PATH_DEFAULT "/etc/chancery/chancery.yaml"

/* The _text members belong to the loader. */
#define CONFIG_DURATION(name)                                                                      \
	int64_t name;                                                                              \
	char *name##_text
#define CONFIG_STRINGS(name)                                                                       \
	char **name;                                                                               \
	uint32_t name##_count

struct config_database {
	char *host; /* a directory of sockets, or a name */
	uint32_t port;
	char *name;
	char *sslmode, *passfile; /* NULL: libpq's own default */
};

struct config_hsm {
	char *module, *module_config; /* module_config may be NULL */
	char *token;		      /* label */
	char *pin_file;		      /* NULL when pin_fd is given */
	int32_t pin_fd;		      /* -1 when pin_file is given */
};

/* The most requests that one transaction of the queue holds. */
enum { CONFIG_BATCH_MAX = 64 };

struct config_signer {
	uint32_t processes, batch;
};

struct config_issuer {
	char *name, *key; /* key is the CKA_LABEL in the token */
};

struct config_enroll {
	char *address;
	uint32_t port;
	CONFIG_STRINGS(base_urls); /* at least one, no slash at the end */
	CONFIG_STRINGS(
		names); /* DNS names and addresses of the gateway's own certificate, at least one */
	char *profile;
	uint32_t workers, queue, connections, connections_per_address;
	CONFIG_DURATION(request_deadline);
	CONFIG_DURATION(idle_timeout);
};

struct config_public {
	char *address;
	uint32_t port;
	char *base_url; /* http, no slash at the end */
	uint32_t connections, connections_per_address;
};

struct config_acme {
	char *default_profile;
	CONFIG_DURATION(order_lifetime);
	CONFIG_DURATION(authorization_lifetime);
	CONFIG_DURATION(finalize_wait);
	CONFIG_DURATION(nonce_lifetime);
};

struct config_est_label {
	char *name, *profile;
};

struct config_est {
	char *default_profile;
	CONFIG_DURATION(wait);
	CONFIG_DURATION(retry_after);
	struct config_est_label *labels;
	uint32_t labels_count;
	CONFIG_STRINGS(wrap_user_agents);
};

struct config_validator {
	CONFIG_STRINGS(allow); /* networks: 10.0.0.0/8, fd00::/8 */
	CONFIG_STRINGS(deny);
	bool allow_special; /* loopback and link-local too, where allow has them */
	uint32_t http_port;
	CONFIG_STRINGS(
		resolver); /* 192.0.2.1, 192.0.2.1:5353, [2001:db8::1]:53; none: the system's */
	CONFIG_DURATION(timeout);
	uint32_t concurrency, attempts;
};

struct config_crl {
	CONFIG_DURATION(lifetime);
	CONFIG_DURATION(refresh);
	CONFIG_DURATION(backdate);
};

struct config_ocsp {
	CONFIG_DURATION(validity);
	char *profile;
	CONFIG_DURATION(backdate);
};

struct config_metrics {
	char *address;
	uint32_t port;
};

struct config_launcher {
	bool users; /* each program as its own system user chancery-gateway, -signer, -validator,
		       -status */
};

struct config_log {
	enum log_format format;
	enum log_level level;
};

struct config {
	char *instance, *run_directory, *state_directory, *profiles;
	struct config_database database;
	struct config_hsm hsm;
	struct config_signer signer;
	struct config_issuer *issuers;
	uint32_t issuers_count;
	struct config_enroll enroll;
	struct config_public public;
	struct config_acme acme;
	struct config_est est;
	struct config_validator validator;
	struct config_crl crl;
	struct config_ocsp ocsp;
	struct config_metrics metrics;
	struct config_launcher launcher;
	struct config_log log;
	struct yaml_doc *doc; /* where each value stands; see yaml_refuse() */
};

/* *out is freed with config_free(). ERR_NOTFOUND or ERR_INVALID; the reason begins with FILE:LINE.
 */
enum err config_load(const char *path, struct config **out) MUST_CHECK;
void config_free(struct config *c);
/* Also that every file and directory named exists, can be read, and that secrets are not open to
 * all. */
enum err config_check(const struct config *c) MUST_CHECK;

/* "30s", "5m", "8h", "7d": a plain decimal number and a unit, at most ten years. */
enum err config_duration_parse(const char *text, int64_t *seconds) MUST_CHECK;

AUTO_STRUCT_DEFINE(config, config_free)

#endif
