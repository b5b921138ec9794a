/* The command table: everything help, parsing and dispatch know. */
#include "ca/admin/admin.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, ADMIN_OPTIONAL                                                   \
	}

static const struct admin_option init_options[] = {
	{"operator", "NAME", "name of the operator identity; default operator", ADMIN_OPTIONAL},
	{"directory", "DIR", "where key, certificate and admin.yaml go; default ~/.config/chancery",
		ADMIN_OPTIONAL},
	{"server", "URL",
		"address of the gateway to write down; default the first of enroll.base_urls",
		ADMIN_OPTIONAL},
	{"wait", "SECONDS", "how long to wait for the signer; default 60", ADMIN_OPTIONAL}, END};
static const struct admin_option schema_options[] = {
	{"schema", "DIR", "directory of the migrations; default " CHANCERY_SCHEMA_DIR,
		ADMIN_OPTIONAL},
	END};
static const struct admin_option import_options[] = {
	{"root", "FILE", "root certificate (not needed for a newer CRL alone)", ADMIN_OPTIONAL},
	{"root-crl", "FILE", "the root's CRL", ADMIN_REQUIRED},
	{"issuer", "FILE", "issuing CA certificate", ADMIN_OPTIONAL},
	{"name", "NAME", "name of the issuing CA, as in the configuration", ADMIN_OPTIONAL},
	{"root-name", "NAME", "name of the root; default root", ADMIN_OPTIONAL},
	{"key-label", "LABEL",
		"label of its key in the signer's token; default from the configuration",
		ADMIN_OPTIONAL},
	END};
static const struct admin_option identity_add_options[] = {
	{"kind", "KIND", "workload, device, user, operator or service", ADMIN_REQUIRED},
	{"owner", "TEXT", "who answers for it", ADMIN_OPTIONAL},
	{"grant", "PROFILE=PATTERN", "a name it may have, such as device=dns:a.example.org",
		ADMIN_REPEATED},
	END};
static const struct admin_option limit_options[] = {
	{"limit", "N", "at most this many; default 1000", ADMIN_OPTIONAL}, END};
static const struct admin_option cert_list_options[] = {
	{"identity", "NAME", "only certificates of this identity", ADMIN_OPTIONAL},
	{"name", "TYPE:NAME", "only certificates with this name, such as dns:a.example.org",
		ADMIN_OPTIONAL},
	{"all", NULL, "expired and revoked ones too", ADMIN_OPTIONAL},
	{"limit", "N", "at most this many; default 1000", ADMIN_OPTIONAL}, END};
static const struct admin_option revoke_options[] = {
	{"reason", "REASON",
		"a CRLReason of RFC 5280: keyCompromise, superseded, ...; default unspecified",
		ADMIN_OPTIONAL},
	END};
static const struct admin_option offboard_options[] = {
	{"reason", "REASON", "a CRLReason of RFC 5280; default privilegeWithdrawn", ADMIN_OPTIONAL},
	END};
static const struct admin_option issue_options[] = {
	{"profile", "PROFILE", "profile of the certificate", ADMIN_REQUIRED},
	{"csr", "FILE", "certificate request (PEM or DER), - for standard input", ADMIN_REQUIRED},
	{"out", "FILE", "where certificate and issuer go (PEM); default standard output",
		ADMIN_OPTIONAL},
	{"lifetime", "DURATION", "a shorter life than the profile's: 30m, 8h", ADMIN_OPTIONAL},
	END};
static const struct admin_option publish_options[] = {
	{"issuer", "NAME", "only this issuing CA", ADMIN_OPTIONAL}, END};

const struct admin_command admin_commands[] = {
	{"schema apply", {NULL}, "make or update the database schema",
		"ca-admin schema apply --db-user postgres", ADMIN_LOCAL, ADMIN_CHANGES,
		schema_options, cmd_schema_apply},
	{"issuer import", {NULL}, "import root, root CRL and issuing CA certificate",
		"ca-admin issuer import --root root.pem --root-crl root.crl --issuer issuing.pem --name issuing-1",
		ADMIN_LOCAL, ADMIN_CHANGES, import_options, cmd_issuer_import},
	{"init", {NULL}, "make (or repair) the first operator and its certificate",
		"ca-admin init --operator alice", ADMIN_LOCAL, ADMIN_CHANGES, init_options,
		cmd_init},
	{"config check", {NULL}, "check configuration and profiles",
		"ca-admin config check --config /etc/chancery/chancery.yaml", ADMIN_LOCAL,
		ADMIN_READS, NULL, cmd_config_check},
	{"status", {NULL}, "programs, database, issuers, ages of CRLs", "ca-admin status --json",
		ADMIN_REMOTE, ADMIN_READS, NULL, cmd_status},
	{"issuer list", {NULL}, "list issuers", "ca-admin issuer list", ADMIN_REMOTE, ADMIN_READS,
		NULL, cmd_issuer_list},
	{"identity add", {"NAME"}, "register an identity",
		"ca-admin identity add printer-7 --kind device --owner print-team --grant device=dns:printer-7.example.org",
		ADMIN_REMOTE, ADMIN_CHANGES, identity_add_options, cmd_identity_add},
	{"identity list", {NULL}, "list identities", "ca-admin identity list", ADMIN_REMOTE,
		ADMIN_READS, limit_options, cmd_identity_list},
	{"identity show", {"NAME"}, "show an identity, its grants and live certificates",
		"ca-admin identity show printer-7", ADMIN_REMOTE, ADMIN_READS, NULL,
		cmd_identity_show},
	{"identity block", {"NAME"}, "refuse an identity everywhere, revoke nothing",
		"ca-admin identity block printer-7", ADMIN_REMOTE, ADMIN_CHANGES, NULL,
		cmd_identity_block},
	{"identity unblock", {"NAME"}, "let a blocked identity back in",
		"ca-admin identity unblock printer-7", ADMIN_REMOTE, ADMIN_CHANGES, NULL,
		cmd_identity_unblock},
	{"grant add", {"IDENTITY", "PROFILE", "PATTERN"},
		"let an identity have a name under a profile",
		"ca-admin grant add web-1 workload 'dns:*.web.example.org'", ADMIN_REMOTE,
		ADMIN_CHANGES, NULL, cmd_grant_add},
	{"grant list", {"IDENTITY"}, "list what an identity may have", "ca-admin grant list web-1",
		ADMIN_REMOTE, ADMIN_READS, NULL, cmd_grant_list},
	{"grant remove", {"IDENTITY", "PROFILE", "PATTERN"}, "take a grant away",
		"ca-admin grant remove web-1 workload 'dns:*.web.example.org'", ADMIN_REMOTE,
		ADMIN_CHANGES, NULL, cmd_grant_remove},
	{"cert list", {NULL}, "find certificates", "ca-admin cert list --identity web-1",
		ADMIN_REMOTE, ADMIN_READS, cert_list_options, cmd_cert_list},
	{"cert show", {"SERIAL"}, "show a certificate",
		"ca-admin cert show 3f0c0000000000000000000000000001", ADMIN_REMOTE, ADMIN_READS,
		NULL, cmd_cert_show},
	{"cert revoke", {"SERIAL"}, "revoke a certificate",
		"ca-admin cert revoke 3f0c0000000000000000000000000001 --reason keyCompromise",
		ADMIN_REMOTE, ADMIN_CHANGES, revoke_options, cmd_cert_revoke},
	{"offboard", {"NAME"}, "block an identity and revoke everything it has",
		"ca-admin offboard printer-7", ADMIN_REMOTE, ADMIN_CHANGES, offboard_options,
		cmd_offboard},
	{"issue", {"NAME"}, "issue a certificate from a request",
		"ca-admin issue printer-7 --profile device --csr printer.csr --out printer.pem",
		ADMIN_REMOTE, ADMIN_CHANGES, issue_options, cmd_issue},
	{"renew", {NULL}, "replace your own operator certificate and key", "ca-admin renew",
		ADMIN_REMOTE, ADMIN_CHANGES, NULL, cmd_renew},
	{"crl publish", {NULL}, "publish CRLs now", "ca-admin crl publish", ADMIN_REMOTE,
		ADMIN_CHANGES, publish_options, cmd_crl_publish},
	{NULL, {NULL}, NULL, NULL, ADMIN_LOCAL, ADMIN_READS, NULL, NULL},
};
