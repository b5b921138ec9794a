/*
 * Every setting, one row each: where it goes, what it may be, what it is when left out and what it
 * is for. Loading, refusals, the sample file and the manual page are made from these rows, in this
 * order.
 */
#include "lib/base/config_table.h"

#include "lib/base/duration.h"
#include "lib/base/words.h"

#define SECTION(name, ...)                                                                         \
	{                                                                                          \
		.path = name, .type = YAML_SECTION, __VA_ARGS__                                    \
	}
#define VALUE(member, kind, c_type, ...)                                                           \
	{                                                                                          \
		.path = #member, .type = kind, .at = YAML_AT(c_type, struct config, member),       \
		__VA_ARGS__                                                                        \
	}
#define TEXT(member, ...) VALUE(member, YAML_TEXT, const char *, .min = 1, __VA_ARGS__)
#define FLAG(member, ...) VALUE(member, YAML_FLAG, bool, __VA_ARGS__)
#define WORD(member, c_type, ...) VALUE(member, YAML_WORD, c_type, __VA_ARGS__)
#define NUMBER(member, low, high, ...)                                                             \
	VALUE(member, YAML_NUMBER, uint32_t, .min = (low), .max = (high), __VA_ARGS__)
#define DURATION(member, low, high, ...)                                                           \
	VALUE(member, YAML_DURATION, int64_t, .min = (low), .max = (high), __VA_ARGS__)
#define TEXTS(member, low, high, ...)                                                              \
	VALUE(member, YAML_TEXTS, const char *const *,                                             \
		.count_at = offsetof(struct config, member##_count), .min = (low), .max = (high),  \
		.unique = true, __VA_ARGS__)
#define LIST(member, type_, low, high, ...)                                                        \
	VALUE(member, YAML_LIST, type_ *, .count_at = offsetof(struct config, member##_count),     \
		.size = sizeof(type_), .min = (low), .max = (high), __VA_ARGS__)
#define ELEMENT(list, type_, member, ...)                                                          \
	{                                                                                          \
		.path = list ".*." #member, .type = YAML_TEXT, .min = 1, .need = YAML_REQUIRED,    \
		.at = YAML_AT(const char *, type_, member), __VA_ARGS__                            \
	}
#define REFUSED(name, why)                                                                         \
	{                                                                                          \
		.path = name, .type = YAML_REFUSED, .help = why                                    \
	}

enum { PORT_MAX = 65535 };

/* The settings of a struct config_listener. */
#define LISTENER(section, who, urls, port_, workers_, queue_, connections_, each_)                 \
	TEXT(section.address, .form = &form_address, .fallback = "0.0.0.0",                        \
		.help = "where the " who " listens"),                                              \
		NUMBER(section.port, 1, PORT_MAX, .fallback = (port_),                             \
			.help = "where the " who " listens"),                                      \
		TEXTS(section.base_urls, 1, 16, .need = YAML_REQUIRED, .form = &form_https_url,    \
			.example = "[\"https://ca.example.org:" port_ "\"]", .help = (urls)),      \
		TEXTS(section.names, 1, 32, .need = YAML_REQUIRED, .form = &form_dns_or_address,   \
			.example = "[ca.example.org]",                                             \
			.help = "in the " who "'s own TLS certificate"),                           \
		TEXT(section.profile, .form = &form_word, .fallback = "gateway-tls",               \
			.help = "of that certificate"),                                            \
		NUMBER(section.workers, 1, 1024, .fallback = (workers_),                           \
			.help = "threads that handle requests"),                                   \
		NUMBER(section.queue, 1, 65536, .fallback = (queue_),                              \
			.help = "requests under way beyond the workers; then new ones get 503"),   \
		NUMBER(section.connections, 1, 65536, .fallback = (connections_),                  \
			.help = "at once"),                                                        \
		NUMBER(section.connections_per_address, 1, 65536, .fallback = (each_),             \
			.help = "at once from one address"),                                       \
		DURATION(section.request_deadline, 1, HOUR, .fallback = "30s",                     \
			.help = "for a whole request"),                                            \
		DURATION(section.idle_timeout, 1, HOUR, .fallback = "75s",                         \
			.help = "between requests of one connection")

static const char *
format_name(unsigned format)
{
	return format == LOG_FORMAT_KV ? "kv" : "json";
}

#define GUARDED_TEXT(identifier, text) text,
static const char *
guarded_name(unsigned guarded)
{
	static const char *const names[] = {CONFIG_GUARDED(GUARDED_TEXT)};

	return names[guarded];
}

static const struct words guarded = {guarded_name, GUARDED_COUNT};
static const struct words log_formats = {format_name, LOG_FORMAT_COUNT};
static const struct words log_levels = {log_level_name, LOG_LEVEL_COUNT};

static const struct yaml_row rows[] = {
	TEXT(instance, .form = &form_word, .fallback = "chancery",
		.help = "name of this CA in status and logs"),
	TEXT(run_directory, .form = &form_path, .fallback = "/run/chancery",
		.help = "sockets and pid files"),
	TEXT(state_directory, .form = &form_path, .fallback = "/var/lib/chancery",
		.help = "for files of the programs"),
	TEXT(profiles, .form = &form_path, .fallback = "/etc/chancery/profiles.yaml",
		.help = "the certificate profiles; see chancery-profiles(5)"),

	SECTION("database", .help = "PostgreSQL, the only way between programs"),
	TEXT(database.host, .form = &form_database_host, .fallback = "/run/postgresql",
		.help = "socket directory, DNS name or address"),
	NUMBER(database.port, 1, PORT_MAX, .fallback = "5432", .help = "also names the socket"),
	TEXT(database.name, .form = &form_word, .fallback = "chancery", .help = "of the database"),
	TEXT(database.sslmode, .form = &form_sslmode, .example = "verify-full",
		.help = "TLS to the database; libpq's own default when left out"),
	TEXT(database.passfile, .form = &form_secret_path, .example = "/etc/chancery/pgpass",
		.help = "libpq's password file; passwords never stand in this file"),
	REFUSED("database.password",
		"a password does not belong in the configuration; name a libpq "
		"password file with \"passfile\""),
	REFUSED("database.user",
		"each program logs in with its own role (chancery_gateway, ...); remove it"),
	REFUSED("database.role_prefix",
		"the schema names its roles chancery_owner, chancery_gateway and so on; remove it"),

	SECTION("hsm", .need = YAML_REQUIRED, .help = "the token with the issuing CAs' keys"),
	TEXT(hsm.module, .form = &form_path, .fallback = "/usr/lib/softhsm/libsofthsm2.so",
		.help = "the PKCS#11 module"),
	TEXT(hsm.module_config, .form = &form_path, .example = "/etc/chancery/softhsm2.conf",
		.help = "given to SoftHSM as SOFTHSM2_CONF"),
	TEXT(hsm.token, .need = YAML_REQUIRED, .example = "chancery-issuing",
		.help = "label of the token"),
	TEXT(hsm.pin_file, .need = YAML_CHOICE, .form = &form_secret_path,
		.example = "/etc/chancery/issuing.pin",
		.help = "holds the PIN, which never stands in this file; either this or pin_fd"),
	NUMBER(hsm.pin_fd, 3, 1023, .example = "3",
		.help = "descriptor the signer is started with, to read the PIN from"),
	NUMBER(hsm.sessions, 1, CONFIG_SESSIONS_MAX, .fallback = "4",
		.help = "signatures one signer asks for at once, when they take a millisecond or more"),
	REFUSED("hsm.pin",
		"a PIN does not belong in the configuration; write it to a file only the "
		"signer can read and name that with \"pin_file\""),
	REFUSED("hsm.so_pin", "no program needs the security officer's PIN"),

	SECTION("signer", .help = "what claims requests and signs them"),
	NUMBER(signer.processes, 1, 64, .fallback = "1", .help = "signers the launcher starts"),
	NUMBER(signer.batch, 1, CONFIG_BATCH_MAX, .fallback = "64",
		.help = "requests signed and committed together at most"),

	LIST(issuers, struct config_issuer, 1, 1000, .need = YAML_REQUIRED,
		.help = "the issuing CAs; profiles that name none take the first"),
	ELEMENT("issuers", struct config_issuer, name, .form = &form_word, .unique = true,
		.example = "issuing-1", .help = "as imported"),
	ELEMENT("issuers", struct config_issuer, key, .unique = true, .example = "issuing-1",
		.help = "CKA_LABEL of its key in the token; each has its own"),

	SECTION("enroll", .need = YAML_REQUIRED, .help = "ACME and EST over mutual TLS"),
	LISTENER(enroll, "gateway", "the URLs clients use, sidecars' too; the first is the default",
		"8443", "64", "256", "4096", "256"),

	SECTION("admin", .need = YAML_REQUIRED,
		.help = "administration over mutual TLS, for operators only"),
	LISTENER(admin, "admin program",
		"the URLs operators use; the first is what ca-admin init writes down", "8446", "16",
		"64", "256", "64"),

	{.path = "admin.second_operator",
		.type = YAML_SET,
		.at = YAML_AT(uint32_t, struct config, second.guarded),
		.max = GUARDED_COUNT,
		.words = &guarded,
		.example =
			"[operator.add, operator.role, operator.certificate, grant.wildcard, grant.domain, issuer.change]",
		.help = "what waits until another operator approves it"},
	{.path = "admin.proposal_lifetime",
		.type = YAML_DURATION,
		.at = YAML_AT(int64_t, struct config, second.proposal_lifetime),
		.min = MINUTE,
		.max = 30 * DAY,
		.fallback = "24h",
		.help = "how long it waits"},

	SECTION("public", .need = YAML_REQUIRED,
		.help = "OCSP, CRLs and CA certificates over plain HTTP"),
	TEXT(public.address, .form = &form_address, .fallback = "0.0.0.0",
		.help = "where the status program listens"),
	NUMBER(public.port, 1, PORT_MAX, .fallback = "8080",
		.help = "where the status program listens"),
	TEXT(public.base_url, .need = YAML_REQUIRED, .form = &form_http_url,
		.example = "http://ca.example.org:8080", .help = "goes into every certificate"),
	NUMBER(public.connections, 1, 65536, .fallback = "4096", .help = "at once"),
	NUMBER(public.connections_per_address, 1, 65536, .fallback = "256",
		.help = "at once from one address"),

	SECTION("acme", .help = "ACME (RFC 8555)"),
	TEXT(acme.default_profile, .form = &form_word, .fallback = "workload",
		.help = "of orders that name none"),
	DURATION(acme.order_lifetime, 1, 90 * DAY, .fallback = "24h", .help = "then it expires"),
	DURATION(acme.authorization_lifetime, 1, 90 * DAY, .fallback = "24h",
		.help = "how long a proof counts"),
	DURATION(acme.finalize_wait, 0, MINUTE, .fallback = "2s",
		.help = "how long finalize waits before it answers \"processing\""),
	DURATION(acme.nonce_lifetime, 1, DAY, .fallback = "1h", .help = "how long a nonce counts"),

	SECTION("est", .help = "EST (RFC 7030)"),
	TEXT(est.default_profile, .form = &form_word, .fallback = "device",
		.help = "of enrollments without a label"),
	DURATION(est.wait, 0, 5 * MINUTE, .fallback = "10s",
		.help = "how long an enrollment waits before it answers 202"),
	DURATION(est.retry_after, 1, DAY, .fallback = "5s", .help = "what that answer asks for"),
	LIST(est.labels, struct config_est_label, 0, 64,
		.example = "[{name: printers, profile: device}]",
		.help = "paths with a profile of their own"),
	ELEMENT("est.labels", struct config_est_label, name, .form = &form_label, .unique = true,
		.help = "the path segment"),
	ELEMENT("est.labels", struct config_est_label, profile, .form = &form_word,
		.help = "what it enrolls for"),
	TEXTS(est.wrap_user_agents, 0, 32, .example = "[OldClient/1.0]",
		.help = "parts of the User-Agent of clients that need base64 in lines"),

	SECTION("validator", .help = "what proves names for ACME"),
	TEXTS(validator.allow, 0, 256, .form = &form_network,
		.example = "[10.0.0.0/8, 192.168.0.0/16]",
		.help = "networks it may connect to; none when left out"),
	TEXTS(validator.deny, 0, 256, .form = &form_network, .example = "[10.1.0.0/16]",
		.help = "exceptions from allow"),
	FLAG(validator.allow_special, .fallback = "false",
		.help = "loopback and link-local too, where allow has them"),
	NUMBER(validator.http_port, 1, PORT_MAX, .fallback = "80", .help = "of http-01"),
	TEXTS(validator.resolver, 0, 8, .form = &form_resolver,
		.example = "[192.0.2.53, \"[2001:db8::53]:53\"]",
		.help = "DNS servers; the system's when left out"),
	DURATION(validator.timeout, 1, 5 * MINUTE, .fallback = "10s", .help = "for one attempt"),
	NUMBER(validator.concurrency, 1, 1024, .fallback = "32", .help = "challenges at once"),
	NUMBER(validator.attempts, 1, 100, .fallback = "3", .help = "before a challenge fails"),

	SECTION("crl", .help = "certificate revocation lists"),
	DURATION(crl.lifetime, 1, YEAR, .fallback = "24h", .help = "from one to its next update"),
	DURATION(crl.refresh, 1, YEAR, .fallback = "1h",
		.help = "a new one at least this often; at once after a revocation"),
	DURATION(crl.backdate, 0, DAY, .fallback = "5m", .help = "for clocks that are behind"),

	SECTION("ocsp", .help = "the OCSP responder (RFC 6960)"),
	DURATION(ocsp.validity, 1, 30 * DAY, .fallback = "1h", .help = "of an answer"),
	TEXT(ocsp.profile, .form = &form_word, .fallback = "ocsp-responder",
		.help = "of the responder's certificate"),
	DURATION(ocsp.backdate, 0, DAY, .fallback = "1m", .help = "for clocks that are behind"),

	SECTION("metrics", .help = "Prometheus text and /ready"),
	TEXT(metrics.address, .form = &form_address, .fallback = "127.0.0.1",
		.help = "where they are served"),
	NUMBER(metrics.port, 1, PORT_MAX, .fallback = "9464", .help = "where they are served"),

	SECTION("launcher", .help = "chancery(8)"),
	FLAG(launcher.users, .fallback = "true", .help = "each program as its own system user"),

	SECTION("log", .help = "one line an event, on standard error"),
	WORD(log.format, enum log_format, .words = &log_formats, .fallback = "kv",
		.help = "key=value or JSON"),
	WORD(log.level, enum log_level, .words = &log_levels, .fallback = "info",
		.help = "nothing below it is logged"),
};

const struct yaml_table config_table = {rows, ARRAY_LEN(rows)};
