/*
 * The one configuration of all programs; config_table.c says what each setting is for.
 *
 * A loaded configuration is complete (defaults filled in), possible (ranges, addresses, names and
 * relations checked) and never changes; a reload makes a new one. Secrets are never in it: only
 * names of files. Durations are seconds.
 */
#ifndef CHANCERY_BASE_CONFIG_H
#define CHANCERY_BASE_CONFIG_H

#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/base/log.h"

struct arena;
struct yaml_doc;
struct yaml_table;

#define CONFIG_PATH_DEFAULT "/etc/chancery/chancery.yaml"

#define CONFIG_STRINGS(name)                                                                       \
	const char *const *name;                                                                   \
	uint32_t name##_count

struct config_database {
	const char *host; /* a directory of sockets, or a name */
	uint32_t port;
	const char *name;
	const char *sslmode, *passfile; /* NULL: libpq's own default */
};

struct config_hsm {
	const char *module, *module_config; /* module_config may be NULL */
	const char *token;		    /* label */
	const char *pin_file;		    /* NULL when pin_fd is given */
	uint32_t pin_fd;		    /* 0 when pin_file is given */
	uint32_t sessions;		    /* signatures at once, of one signer */
};

/* libp11 opens no more sessions for a token. */
enum { CONFIG_SESSIONS_MAX = 16 };

/* The most requests that one transaction of the queue holds. */
enum { CONFIG_BATCH_MAX = 64 };

struct config_signer {
	uint32_t processes, batch;
};

struct config_issuer {
	const char *name, *key; /* key is the CKA_LABEL in the token */
};

/* A mutual-TLS listener and the certificate of its own. */
struct config_listener {
	const char *address;
	uint32_t port;
	CONFIG_STRINGS(base_urls); /* at least one, no slash at the end */
	CONFIG_STRINGS(names);	   /* at least one, DNS names and addresses */
	const char *profile;
	uint32_t workers, queue, connections, connections_per_address;
	int64_t request_deadline, idle_timeout;
};

/* What may wait for a second operator. */
#define CONFIG_GUARDED(X)                                                                          \
	X(OPERATOR_ADD, "operator.add")                                                            \
	X(OPERATOR_ROLE, "operator.role")                                                          \
	X(OPERATOR_CERTIFICATE, "operator.certificate")                                            \
	X(GRANT_WILDCARD, "grant.wildcard")                                                        \
	X(GRANT_DOMAIN, "grant.domain")                                                            \
	X(ISSUER_CHANGE, "issuer.change")
#define CONFIG_GUARDED_IDENTIFIER(identifier, text) GUARDED_##identifier,
enum config_guarded { CONFIG_GUARDED(CONFIG_GUARDED_IDENTIFIER) GUARDED_COUNT };

struct config_second {
	uint32_t guarded; /* 1U << enum config_guarded of what waits for a second operator */
	int64_t proposal_lifetime;
};

struct config_public {
	const char *address;
	uint32_t port;
	const char *base_url; /* http, no slash at the end */
	uint32_t connections, connections_per_address;
};

struct config_acme {
	const char *default_profile;
	int64_t order_lifetime, authorization_lifetime, finalize_wait, nonce_lifetime;
};

struct config_est_label {
	const char *name, *profile;
};

struct config_est {
	const char *default_profile;
	int64_t wait, retry_after;
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
	int64_t timeout;
	uint32_t concurrency, attempts;
};

struct config_crl {
	int64_t lifetime, refresh, backdate;
};

struct config_ocsp {
	int64_t validity;
	const char *profile;
	int64_t backdate;
};

struct config_metrics {
	const char *address;
	uint32_t port;
};

struct config_launcher {
	bool users; /* each program as its own system user chancery-gateway, -admin, -signer,
		       -validator, -status */
};

struct config_log {
	enum log_format format;
	enum log_level level;
};

struct config {
	const char *instance, *run_directory, *state_directory, *profiles;
	struct config_database database;
	struct config_hsm hsm;
	struct config_signer signer;
	struct config_issuer *issuers;
	uint32_t issuers_count;
	struct config_listener enroll, admin;
	struct config_second second; /* of section admin */
	struct config_public public;
	struct config_acme acme;
	struct config_est est;
	struct config_validator validator;
	struct config_crl crl;
	struct config_ocsp ocsp;
	struct config_metrics metrics;
	struct config_launcher launcher;
	struct config_log log;
	const struct yaml_doc *doc; /* where each value stands; see yaml_refuse() */
	struct arena *arena;	    /* owns everything, this structure too */
};

/* *out is freed with config_free(). ERR_NOTFOUND or ERR_INVALID; the reason begins with FILE:LINE.
 */
enum err config_load(const char *path, struct config **out) MUST_CHECK;
void config_free(struct config *c);
/* Also that every file and directory named exists, can be read, and that secrets are not open to
 * all. */
enum err config_check(const struct config *c) MUST_CHECK;

/* Every setting: what the sample and the manual are made from. */
extern const struct yaml_table config_table;

AUTO_STRUCT_DEFINE(config, config_free)

#endif
