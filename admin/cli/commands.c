/* The command table: everything help, parsing and dispatch know. */
#include "admin/cli/cli.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, CLI_OPTIONAL                                                     \
	}

static const struct cli_option init_options[] = {
	{"operator", "NAME", "name of the operator identity; default operator", CLI_OPTIONAL},
	{"directory", "DIR", "where key, certificate and admin.yaml go; default ~/.config/chancery",
		CLI_OPTIONAL},
	{"server", "URL",
		"address of the gateway to write down; default the first of enroll.base_urls",
		CLI_OPTIONAL},
	{"wait", "SECONDS", "how long to wait for the signer; default 60", CLI_OPTIONAL}, END};
static const struct cli_option schema_options[] = {
	{"schema", "DIR", "directory of the migrations; default " CHANCERY_SCHEMA_DIR,
		CLI_OPTIONAL},
	END};
static const struct cli_option import_options[] = {
	{"root", "FILE", "root certificate (not needed for a newer CRL alone)", CLI_OPTIONAL},
	{"root-crl", "FILE", "the root's CRL", CLI_REQUIRED},
	{"issuer", "FILE", "issuing CA certificate", CLI_OPTIONAL},
	{"name", "NAME", "name of the issuing CA, as in the configuration", CLI_OPTIONAL},
	{"root-name", "NAME", "name of the root; default root", CLI_OPTIONAL},
	{"key-label", "LABEL",
		"label of its key in the signer's token; default from the configuration",
		CLI_OPTIONAL},
	END};
static const struct cli_option identity_add_options[] = {
	{"kind", "KIND", "workload, device, user, operator or service", CLI_REQUIRED},
	{"owner", "TEXT", "who answers for it", CLI_OPTIONAL},
	{"grant", "PROFILE=PATTERN", "a name it may have, such as device=dns:a.example.org",
		CLI_REPEATED},
	END};
static const struct cli_option limit_options[] = {
	{"limit", "N", "at most this many; default 1000", CLI_OPTIONAL}, END};
static const struct cli_option cert_list_options[] = {
	{"identity", "NAME", "only certificates of this identity", CLI_OPTIONAL},
	{"name", "TYPE:NAME", "only certificates with this name, such as dns:a.example.org",
		CLI_OPTIONAL},
	{"all", NULL, "expired and revoked ones too", CLI_OPTIONAL},
	{"limit", "N", "at most this many; default 1000", CLI_OPTIONAL}, END};
static const struct cli_option revoke_options[] = {
	{"reason", "REASON",
		"a CRLReason of RFC 5280: keyCompromise, superseded, ...; default unspecified",
		CLI_OPTIONAL},
	END};
static const struct cli_option offboard_options[] = {
	{"reason", "REASON", "a CRLReason of RFC 5280; default privilegeWithdrawn", CLI_OPTIONAL},
	END};
static const struct cli_option issue_options[] = {
	{"profile", "PROFILE", "profile of the certificate", CLI_REQUIRED},
	{"csr", "FILE", "certificate request (PEM or DER), - for standard input", CLI_REQUIRED},
	{"out", "FILE", "where certificate and issuer go (PEM); default standard output",
		CLI_OPTIONAL},
	{"lifetime", "DURATION", "a shorter life than the profile's: 30m, 8h", CLI_OPTIONAL}, END};
static const struct cli_option publish_options[] = {
	{"issuer", "NAME", "only this issuing CA", CLI_OPTIONAL}, END};

const struct cli_command cli_commands[] = {
	{"schema apply", {NULL}, "make or update the database schema",
		"ca-admin schema apply --db-user postgres", CLI_LOCAL, CLI_CHANGES, schema_options,
		cmd_schema_apply},
	{"issuer import", {NULL}, "import root, root CRL and issuing CA certificate",
		"ca-admin issuer import --root root.pem --root-crl root.crl --issuer issuing.pem --name issuing-1",
		CLI_LOCAL, CLI_CHANGES, import_options, cmd_issuer_import},
	{"init", {NULL}, "make (or repair) the first operator and its certificate",
		"ca-admin init --operator alice", CLI_LOCAL, CLI_CHANGES, init_options, cmd_init},
	{"config check", {NULL}, "check configuration and profiles",
		"ca-admin config check --config /etc/chancery/chancery.yaml", CLI_LOCAL, CLI_READS,
		NULL, cmd_config_check},
	{"status", {NULL}, "programs, database, issuers, ages of CRLs", "ca-admin status --json",
		CLI_REMOTE, CLI_READS, NULL, cmd_status},
	{"issuer list", {NULL}, "list issuers", "ca-admin issuer list", CLI_REMOTE, CLI_READS, NULL,
		cmd_issuer_list},
	{"identity add", {"NAME"}, "register an identity",
		"ca-admin identity add printer-7 --kind device --owner print-team --grant device=dns:printer-7.example.org",
		CLI_REMOTE, CLI_CHANGES, identity_add_options, cmd_identity_add},
	{"identity list", {NULL}, "list identities", "ca-admin identity list", CLI_REMOTE,
		CLI_READS, limit_options, cmd_identity_list},
	{"identity show", {"NAME"}, "show an identity, its grants and live certificates",
		"ca-admin identity show printer-7", CLI_REMOTE, CLI_READS, NULL, cmd_identity_show},
	{"identity block", {"NAME"}, "refuse an identity everywhere, revoke nothing",
		"ca-admin identity block printer-7", CLI_REMOTE, CLI_CHANGES, NULL,
		cmd_identity_block},
	{"identity unblock", {"NAME"}, "let a blocked identity back in",
		"ca-admin identity unblock printer-7", CLI_REMOTE, CLI_CHANGES, NULL,
		cmd_identity_unblock},
	{"grant add", {"IDENTITY", "PROFILE", "PATTERN"},
		"let an identity have a name under a profile",
		"ca-admin grant add web-1 workload 'dns:*.web.example.org'", CLI_REMOTE,
		CLI_CHANGES, NULL, cmd_grant_add},
	{"grant list", {"IDENTITY"}, "list what an identity may have", "ca-admin grant list web-1",
		CLI_REMOTE, CLI_READS, NULL, cmd_grant_list},
	{"grant remove", {"IDENTITY", "PROFILE", "PATTERN"}, "take a grant away",
		"ca-admin grant remove web-1 workload 'dns:*.web.example.org'", CLI_REMOTE,
		CLI_CHANGES, NULL, cmd_grant_remove},
	{"cert list", {NULL}, "find certificates", "ca-admin cert list --identity web-1",
		CLI_REMOTE, CLI_READS, cert_list_options, cmd_cert_list},
	{"cert show", {"SERIAL"}, "show a certificate",
		"ca-admin cert show 3f0c0000000000000000000000000001", CLI_REMOTE, CLI_READS, NULL,
		cmd_cert_show},
	{"cert revoke", {"SERIAL"}, "revoke a certificate",
		"ca-admin cert revoke 3f0c0000000000000000000000000001 --reason keyCompromise",
		CLI_REMOTE, CLI_CHANGES, revoke_options, cmd_cert_revoke},
	{"offboard", {"NAME"}, "block an identity and revoke everything it has",
		"ca-admin offboard printer-7", CLI_REMOTE, CLI_CHANGES, offboard_options,
		cmd_offboard},
	{"issue", {"NAME"}, "issue a certificate from a request",
		"ca-admin issue printer-7 --profile device --csr printer.csr --out printer.pem",
		CLI_REMOTE, CLI_CHANGES, issue_options, cmd_issue},
	{"renew", {NULL}, "replace your own operator certificate and key", "ca-admin renew",
		CLI_REMOTE, CLI_CHANGES, NULL, cmd_renew},
	{"crl publish", {NULL}, "publish CRLs now", "ca-admin crl publish", CLI_REMOTE, CLI_CHANGES,
		publish_options, cmd_crl_publish},
	{NULL, {NULL}, NULL, NULL, CLI_LOCAL, CLI_READS, NULL, NULL},
};
