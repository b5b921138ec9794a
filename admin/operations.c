/* The rows. A member or a parameter that is not here does not exist. */
#include "admin/operations.h"

#define V1 "/admin/v1/"
#define REQUIRED .use = ADMIN_REQUIRED
#define ARGUMENT(text) .argument = (text)
#define OPTION(text, v) .option = (text), .value = (v)
#define SWITCH(text) .option = (text)
#define ABSENT .presence = ADMIN_OR_ABSENT
#define NULLABLE .presence = ADMIN_OR_NULL
#define LINE(text) .shown = ADMIN_LINE, .title = (text)
#define COLUMN(text) .shown = ADMIN_COLUMN, .title = (text)
#define LIST(shape, empty)                                                                         \
	.type = ADMIN_OBJECTS, .of = &(shape), .shown = ADMIN_LINE, .title = (empty)

enum {
	PAGE_MAX = 100,
	GRANTS_MAX = 100,
	OWNER_MAX = 200,
	PATTERN_MAX = 2048,
	LIFETIME_MAX = 10 * 366 * 86400
};

/* Inputs of several operations. */
#define NAME_ARGUMENT                                                                              \
	{                                                                                          \
		.name = "name", .type = ADMIN_NAME, REQUIRED, ARGUMENT("NAME"),                    \
		.help = "the identity"                                                             \
	}
#define GRANT_ARGUMENTS                                                                            \
	{.name = "identity",                                                                       \
		.type = ADMIN_NAME,                                                                \
		REQUIRED,                                                                          \
		ARGUMENT("IDENTITY"),                                                              \
		.help = "who may have it"},                                                        \
		{.name = "profile",                                                                \
			.type = ADMIN_PROFILE,                                                     \
			REQUIRED,                                                                  \
			ARGUMENT("PROFILE"),                                                       \
			.help = "under which profile"},                                            \
	{                                                                                          \
		.name = "pattern", .type = ADMIN_PATTERN, .max = PATTERN_MAX, REQUIRED,            \
		ARGUMENT("PATTERN"), .help = "what it may have, such as dns:*.web.example.org"     \
	}
#define PAGE                                                                                       \
	{.name = "after", .type = ADMIN_CURSOR, .help = "the \"next\" of the page before"},        \
	{                                                                                          \
		.name = "limit", .type = ADMIN_LIMIT, .min = 1, .max = PAGE_MAX,                   \
		.fallback = "100", OPTION("limit", "N"), .help = "at most this many on a page"     \
	}
#define SERIAL_ARGUMENT                                                                            \
	{                                                                                          \
		.name = "serial", .type = ADMIN_SERIAL, .place = ADMIN_IN_PATH, REQUIRED,          \
		ARGUMENT("SERIAL"), .help = "the certificate's serial number"                      \
	}
#define CSR_OPTION                                                                                 \
	{                                                                                          \
		.name = "csr", .type = ADMIN_CSR, REQUIRED, OPTION("csr", "FILE"),                 \
		.help = "certificate request (PEM or DER), - for standard input"                   \
	}
#define NEXT                                                                                       \
	{                                                                                          \
		.name = "next", .type = ADMIN_TEXT, ABSENT                                         \
	}
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

static const struct admin_input no_input[] = {END};
static const struct admin_input page_input[] = {PAGE, END};
static const struct admin_input name_input[] = {NAME_ARGUMENT, END};
static const struct admin_input identity_add_input[] = {NAME_ARGUMENT,
	{.name = "kind",
		.type = ADMIN_KIND,
		REQUIRED,
		OPTION("kind", "KIND"),
		.help = "workload, device, user, operator or service"},
	{.name = "owner",
		.type = ADMIN_TEXT,
		.max = OWNER_MAX,
		OPTION("owner", "TEXT"),
		.help = "who answers for it"},
	{.name = "grants",
		.type = ADMIN_GRANTS,
		.max = GRANTS_MAX,
		OPTION("grant", "PROFILE=PATTERN"),
		.help = "a name it may have, such as device=dns:a.example.org"},
	END};
static const struct admin_input offboard_input[] = {NAME_ARGUMENT,
	{.name = "reason",
		.type = ADMIN_REASON,
		.fallback = "privilegeWithdrawn",
		OPTION("reason", "REASON"),
		.help = "a CRLReason of RFC 5280"},
	END};
static const struct admin_input grant_input[] = {GRANT_ARGUMENTS, END};
static const struct admin_input grant_list_input[] = {
	{.name = "identity", .type = ADMIN_NAME, REQUIRED, ARGUMENT("IDENTITY"), .help = "whose"},
	PAGE, END};
static const struct admin_input certificate_list_input[] = {
	{.name = "identity",
		.type = ADMIN_NAME,
		OPTION("identity", "NAME"),
		.help = "only certificates of this identity"},
	{.name = "name",
		.type = ADMIN_SAN,
		OPTION("name", "TYPE:NAME"),
		.help = "only certificates with this name, such as dns:a.example.org"},
	{.name = "all", .type = ADMIN_YES, SWITCH("all"), .help = "expired and revoked ones too"},
	PAGE, END};
static const struct admin_input serial_input[] = {SERIAL_ARGUMENT, END};
static const struct admin_input revoke_input[] = {SERIAL_ARGUMENT,
	{.name = "reason",
		.type = ADMIN_REASON,
		.fallback = "unspecified",
		OPTION("reason", "REASON"),
		.help = "a CRLReason of RFC 5280: keyCompromise, superseded, ..."},
	END};
static const struct admin_input issue_input[] = {{.name = "identity",
							 .type = ADMIN_NAME,
							 REQUIRED,
							 ARGUMENT("NAME"),
							 .help = "the identity"},
	{.name = "profile",
		.type = ADMIN_PROFILE,
		REQUIRED,
		OPTION("profile", "PROFILE"),
		.help = "profile of the certificate"},
	CSR_OPTION,
	{.name = "out",
		.type = ADMIN_FILE,
		.place = ADMIN_IN_COMMAND,
		OPTION("out", "FILE"),
		.help = "where certificate and issuer go (PEM); default standard output"},
	{.name = "lifetime",
		.type = ADMIN_SECONDS,
		.max = LIFETIME_MAX,
		OPTION("lifetime", "DURATION"),
		.help = "a shorter life than the profile's: 30m, 8h"},
	END};
static const struct admin_input renew_input[] = {
	{.name = "csr", .type = ADMIN_CSR, REQUIRED, .help = "certificate request"}, END};
static const struct admin_input publish_input[] = {{.name = "issuer",
							   .type = ADMIN_TEXT,
							   OPTION("issuer", "NAME"),
							   .help = "only this issuing CA"},
	END};

#define IDENTITY_MEMBERS                                                                           \
	{.name = "name", .type = ADMIN_NAME, COLUMN("name")},                                      \
		{.name = "kind", .type = ADMIN_KIND, COLUMN("kind")},                              \
		{.name = "state", .type = ADMIN_TEXT, COLUMN("state")},                            \
		{.name = "owner", .type = ADMIN_TEXT, COLUMN("owner")},                            \
		{.name = "created_at", .type = ADMIN_TIME, COLUMN("created")},                     \
	{                                                                                          \
		.name = "changed_at", .type = ADMIN_TIME, LINE("changed")                          \
	}
#define CERTIFICATE_MEMBERS                                                                        \
	{.name = "serial", .type = ADMIN_SERIAL, COLUMN("serial")},                                \
		{.name = "identity", .type = ADMIN_NAME, COLUMN("identity")},                      \
		{.name = "profile", .type = ADMIN_PROFILE, COLUMN("profile")},                     \
		{.name = "status", .type = ADMIN_TEXT, COLUMN("status")},                          \
		{.name = "issuer", .type = ADMIN_TEXT, LINE("issuer")},                            \
		{.name = "subject", .type = ADMIN_TEXT, ABSENT, LINE("subject")},                  \
		{.name = "not_before", .type = ADMIN_TIME, LINE("not before")},                    \
		{.name = "not_after", .type = ADMIN_TIME, COLUMN("not after")},                    \
		{.name = "names", .type = ADMIN_TEXTS, ABSENT, COLUMN("names")},                   \
		{.name = "issued_at", .type = ADMIN_TIME, LINE("issued")},                         \
		{.name = "renewed_from", .type = ADMIN_SERIAL, ABSENT, LINE("renewed from")},      \
		{.name = "revoked_at", .type = ADMIN_TIME, ABSENT, LINE("revoked")},               \
	{                                                                                          \
		.name = "reason", .type = ADMIN_TEXT, ABSENT, LINE("reason")                       \
	}
#define BEHIND                                                                                     \
	{                                                                                          \
		.name = "status_programs_behind", .type = ADMIN_BEHIND                             \
	}

static const struct admin_member identity_members[] = {IDENTITY_MEMBERS, END};
static const struct admin_shape identity = {"identity", identity_members};
static const struct admin_member grant_members[] = {
	{.name = "profile", .type = ADMIN_PROFILE, COLUMN("profile")},
	{.name = "pattern", .type = ADMIN_PATTERN, COLUMN("pattern")},
	{.name = "created_by", .type = ADMIN_TEXT, COLUMN("created by")}, END};
static const struct admin_shape grant = {"grant", grant_members};
static const struct admin_member certificate_members[] = {CERTIFICATE_MEMBERS, END};
static const struct admin_shape certificate = {"certificate", certificate_members};
static const struct admin_member issuer_members[] = {
	{.name = "name", .type = ADMIN_TEXT, COLUMN("name")},
	{.name = "kind", .type = ADMIN_TEXT, COLUMN("kind")},
	{.name = "state", .type = ADMIN_TEXT, COLUMN("state")},
	{.name = "not_after", .type = ADMIN_TIME, COLUMN("not after")},
	{.name = "key_label", .type = ADMIN_TEXT, NULLABLE, COLUMN("key")},
	{.name = "subject", .type = ADMIN_TEXT, COLUMN("subject")}, END};
static const struct admin_shape issuer = {"issuer", issuer_members};

static const struct admin_member program_members[] = {
	{.name = "program", .type = ADMIN_TEXT, COLUMN("program")},
	{.name = "state", .type = ADMIN_TEXT, COLUMN("state")},
	{.name = "age", .type = ADMIN_NUMBER, COLUMN("seen s ago")},
	{.name = "stale", .type = ADMIN_FLAG, COLUMN("stale")},
	{.name = "version", .type = ADMIN_TEXT, COLUMN("version")},
	{.name = "id", .type = ADMIN_TEXT, COLUMN("node")},
	{.name = "started_at", .type = ADMIN_TIME}, {.name = "last_seen", .type = ADMIN_TIME},
	{.name = "detail", .type = ADMIN_ANYTHING, ABSENT}, END};
static const struct admin_shape program = {"program", program_members};
static const struct admin_member token_members[] = {
	{.name = "model", .type = ADMIN_TEXT, COLUMN("hsm")},
	{.name = "token", .type = ADMIN_TEXT, COLUMN("token")},
	{.name = "serial", .type = ADMIN_TEXT, COLUMN("serial")},
	{.name = "module", .type = ADMIN_TEXT},
	{.name = "node", .type = ADMIN_TEXT, COLUMN("node")}, END};
static const struct admin_shape token = {"token", token_members};
static const struct admin_member responder_members[] = {
	{.name = "feed_age", .type = ADMIN_NUMBER, COLUMN("ocsp age s")},
	{.name = "responder_until", .type = ADMIN_TIME, NULLABLE, COLUMN("responder until")},
	{.name = "certificates", .type = ADMIN_NUMBER, NULLABLE, COLUMN("certificates")},
	{.name = "node", .type = ADMIN_TEXT, COLUMN("node")}, END};
static const struct admin_shape responder = {"responder", responder_members};
static const struct admin_member database_members[] = {
	{.name = "reachable", .type = ADMIN_FLAG, LINE("database up")},
	{.name = "schema_version", .type = ADMIN_NUMBER, LINE("schema")}, END};
static const struct admin_shape database = {"database", database_members};
static const struct admin_member issuer_status_members[] = {
	{.name = "name", .type = ADMIN_TEXT, COLUMN("issuer")},
	{.name = "kind", .type = ADMIN_TEXT, COLUMN("kind")},
	{.name = "state", .type = ADMIN_TEXT, COLUMN("state")},
	{.name = "days_left", .type = ADMIN_NUMBER, COLUMN("days left")},
	{.name = "crl_number", .type = ADMIN_NUMBER, ABSENT, COLUMN("crl")},
	{.name = "crl_age", .type = ADMIN_NUMBER, ABSENT, COLUMN("crl age s")},
	{.name = "crl_next_update", .type = ADMIN_TIME, ABSENT, COLUMN("crl until")},
	{.name = "crl_entries", .type = ADMIN_NUMBER, ABSENT, COLUMN("revoked")},
	{.name = "crl_this_update", .type = ADMIN_TIME, ABSENT},
	{.name = "not_after", .type = ADMIN_TIME},
	{.name = "key_label", .type = ADMIN_TEXT, NULLABLE},
	{.name = "subject", .type = ADMIN_TEXT}, END};
static const struct admin_shape issuer_status = {"issuer-status", issuer_status_members};
static const struct admin_member status_members[] = {{.name = "instance", .type = ADMIN_TEXT},
	{.name = "version", .type = ADMIN_TEXT}, {.name = "healthy", .type = ADMIN_FLAG},
	{.name = "problems", .type = ADMIN_TEXTS},
	{.name = "programs", LIST(program, "no program has reported yet")},
	{.name = "hsm", LIST(token, "no signer tells of its HSM")},
	{.name = "ocsp", LIST(responder, "no OCSP responder has reported")},
	{.name = "database", .type = ADMIN_OBJECT, .of = &database, .shown = ADMIN_LINE},
	{.name = "issuers", LIST(issuer_status, "no issuers")}, END};
static const struct admin_shape status = {"status", status_members};

static const struct admin_member issuer_page_members[] = {
	{.name = "issuers", LIST(issuer, "no issuers; import them with `ca-admin issuer import`")},
	END};
static const struct admin_shape issuer_page = {"issuers", issuer_page_members};
static const struct admin_member identity_page_members[] = {
	{.name = "identities",
		LIST(identity, "no identities; add one with `ca-admin identity add`")},
	NEXT, END};
static const struct admin_shape identity_page = {"identities", identity_page_members};
static const struct admin_member identity_shown_members[] = {IDENTITY_MEMBERS,
	{.name = "grants", LIST(grant, "no grants")}, {.name = "grant_count", .type = ADMIN_NUMBER},
	{.name = "certificates", LIST(certificate, "no live certificates")}, END};
static const struct admin_shape identity_shown = {"identity-shown", identity_shown_members};
static const struct admin_member identity_added_members[] = {{.name = "name", .type = ADMIN_NAME},
	{.name = "kind", .type = ADMIN_KIND}, {.name = "grants", .type = ADMIN_NUMBER}, END};
static const struct admin_shape identity_added = {"identity-added", identity_added_members};
static const struct admin_member identity_changed_members[] = {{.name = "name", .type = ADMIN_NAME},
	{.name = "state", .type = ADMIN_TEXT}, {.name = "changed", .type = ADMIN_CHANGED}, END};
static const struct admin_shape identity_changed = {"identity-changed", identity_changed_members};
static const struct admin_member offboarded_members[] = {{.name = "name", .type = ADMIN_NAME},
	{.name = "revoked", .type = ADMIN_NUMBER}, {.name = "accounts", .type = ADMIN_NUMBER},
	{.name = "requests", .type = ADMIN_NUMBER}, BEHIND, END};
static const struct admin_shape offboarded = {"offboarded", offboarded_members};
static const struct admin_member grant_page_members[] = {
	{.name = "grants", LIST(grant, "no grants; add one with `ca-admin grant add`")}, NEXT, END};
static const struct admin_shape grant_page = {"grants", grant_page_members};
static const struct admin_member grant_changed_members[] = {
	{.name = "identity", .type = ADMIN_NAME}, {.name = "profile", .type = ADMIN_PROFILE},
	{.name = "pattern", .type = ADMIN_PATTERN}, END};
static const struct admin_shape grant_changed = {"grant-changed", grant_changed_members};
static const struct admin_member certificate_page_members[] = {
	{.name = "certificates",
		LIST(certificate, "no certificates; --all shows expired and revoked ones too")},
	NEXT, END};
static const struct admin_shape certificate_page = {"certificates", certificate_page_members};
static const struct admin_member certificate_shown_members[] = {
	CERTIFICATE_MEMBERS, {.name = "pem", .type = ADMIN_PEM, .shown = ADMIN_LINE}, END};
static const struct admin_shape certificate_shown = {
	"certificate-shown", certificate_shown_members};
static const struct admin_member revoked_members[] = {{.name = "serial", .type = ADMIN_SERIAL},
	{.name = "status", .type = ADMIN_TEXT}, BEHIND, END};
static const struct admin_shape revoked = {"revoked", revoked_members};
static const struct admin_member issued_members[] = {{.name = "serial", .type = ADMIN_SERIAL},
	{.name = "pem", .type = ADMIN_PEM}, {.name = "chain", .type = ADMIN_PEM},
	{.name = "not_before", .type = ADMIN_TIME}, {.name = "not_after", .type = ADMIN_TIME}, END};
static const struct admin_shape issued = {"issued", issued_members};
static const struct admin_member published_members[] = {
	{.name = "issuers", .type = ADMIN_TEXTS}, END};
static const struct admin_shape published = {"published", published_members};
static const struct admin_member document_members[] = {END};
static const struct admin_shape document = {"document", document_members};

const struct admin_operation admin_operations[ADMIN_OPERATION_COUNT] = {
	[ADMIN_STATUS] = {.name = "admin.status",
		.path = V1 "status",
		.summary = "programs, database, issuers, ages of CRLs",
		.help = "Programs and when they were last seen, what the signer says of its HSM, "
			"database, issuers, ages of CRLs; what is not well stands in problems.",
		.input = no_input,
		.answer = &status,
		.command = {"status", "ca-admin status --json", NULL, NULL}},
	[ADMIN_ISSUER_LIST] = {.name = "admin.issuers",
		.path = V1 "issuers",
		.summary = "list issuers",
		.help = "Roots and issuing CAs.",
		.input = no_input,
		.answer = &issuer_page,
		.list = "issuers",
		.command = {"issuer list", "ca-admin issuer list", NULL, NULL}},
	[ADMIN_IDENTITY_ADD] = {.name = "admin.identity.add",
		.path = V1 "identities",
		.effect = ADMIN_CHANGES,
		.summary = "register an identity",
		.help = "A grant that no certificate could use is refused: an unknown profile, one "
			"for other kinds of identity, a pattern that means nothing.",
		.input = identity_add_input,
		.answer = &identity_added,
		.command = {"identity add",
			"ca-admin identity add printer-7 --kind device --owner print-team "
			"--grant device=dns:printer-7.example.org",
			"register {kind} \"{name}\" with {grants} grants",
			"registered \"{name}\"; next: `ca-admin issue {name} --profile PROFILE "
			"--csr FILE` for its first certificate"}},
	[ADMIN_IDENTITY_LIST] = {.name = "admin.identities",
		.path = V1 "identities",
		.summary = "list identities",
		.help = "A page of identities, by name.",
		.input = page_input,
		.answer = &identity_page,
		.list = "identities",
		.command = {"identity list", "ca-admin identity list", NULL, NULL}},
	[ADMIN_IDENTITY_SHOW] = {.name = "admin.identity.show",
		.path = V1 "identity",
		.summary = "show an identity, its grants and live certificates",
		.help = "The first grants and certificates; grant_count tells of all.",
		.input = name_input,
		.answer = &identity_shown,
		.command = {"identity show", "ca-admin identity show printer-7", NULL, NULL}},
	[ADMIN_IDENTITY_BLOCK] = {.name = "admin.identity.block",
		.path = V1 "identity/block",
		.effect = ADMIN_CHANGES,
		.summary = "refuse an identity everywhere, revoke nothing",
		.help = "At once on this gateway, with the bell on others. An operator cannot "
			"block itself.",
		.input = name_input,
		.answer = &identity_changed,
		.command = {"identity block", "ca-admin identity block printer-7",
			"block identity \"{name}\"", "\"{name}\" is {state} {changed}"}},
	[ADMIN_IDENTITY_UNBLOCK] = {.name = "admin.identity.unblock",
		.path = V1 "identity/unblock",
		.effect = ADMIN_CHANGES,
		.summary = "let a blocked identity back in",
		.help = "Undoes a block.",
		.input = name_input,
		.answer = &identity_changed,
		.command = {"identity unblock", "ca-admin identity unblock printer-7",
			"unblock identity \"{name}\"", "\"{name}\" is {state} {changed}"}},
	[ADMIN_GRANT_ADD] = {.name = "admin.grant.add",
		.path = V1 "grants",
		.effect = ADMIN_CHANGES,
		.summary = "let an identity have a name under a profile",
		.help = "Refused as in admin.identity.add when no certificate could use it.",
		.input = grant_input,
		.answer = &grant_changed,
		.command = {"grant add",
			"ca-admin grant add web-1 workload 'dns:*.web.example.org'",
			"grant identity \"{identity}\" \"{pattern}\" under profile \"{profile}\"",
			"granted"}},
	[ADMIN_GRANT_LIST] = {.name = "admin.grants",
		.path = V1 "grants",
		.summary = "list what an identity may have",
		.help = "A page of grants, the oldest first.",
		.input = grant_list_input,
		.answer = &grant_page,
		.list = "grants",
		.command = {"grant list", "ca-admin grant list web-1", NULL, NULL}},
	[ADMIN_GRANT_REMOVE] = {.name = "admin.grant.remove",
		.path = V1 "grants/remove",
		.effect = ADMIN_CHANGES,
		.summary = "take a grant away",
		.help = "Certificates issued under it stay valid until they end or are revoked.",
		.input = grant_input,
		.answer = &grant_changed,
		.command = {"grant remove",
			"ca-admin grant remove web-1 workload 'dns:*.web.example.org'",
			"take from identity \"{identity}\" \"{pattern}\" under profile \"{profile}\"",
			"taken away; certificates issued under it stay valid until they end or are "
			"revoked"}},
	[ADMIN_CERTIFICATE_LIST] = {.name = "admin.certificates",
		.path = V1 "certificates",
		.summary = "find certificates",
		.help = "A page of live certificates, or of all, the newest end of life first.",
		.input = certificate_list_input,
		.answer = &certificate_page,
		.list = "certificates",
		.command = {"cert list", "ca-admin cert list --identity web-1", NULL, NULL}},
	[ADMIN_CERTIFICATE_SHOW] = {.name = "admin.certificate.show",
		.path = V1 "certificates/{}",
		.summary = "show a certificate",
		.help = "One certificate, with its PEM.",
		.input = serial_input,
		.answer = &certificate_shown,
		.command = {"cert show", "ca-admin cert show 3f0c0000000000000000000000000001",
			NULL, NULL}},
	[ADMIN_CERTIFICATE_REVOKE] = {.name = "admin.certificate.revoke",
		.path = V1 "certificates/{}/revoke",
		.effect = ADMIN_CHANGES,
		.summary = "revoke a certificate",
		.help = "In effect on this gateway when it is answered; the answer says how many "
			"status programs had not read it yet.",
		.input = revoke_input,
		.answer = &revoked,
		.command = {"cert revoke",
			"ca-admin cert revoke 3f0c0000000000000000000000000001 --reason keyCompromise",
			"revoke certificate {serial} (reason {reason}); this cannot be undone",
			"revoked; the gateway refuses it from now on, {status_programs_behind}, the "
			"CRL follows"}},
	[ADMIN_OFFBOARD] = {.name = "admin.identity.offboard",
		.path = V1 "identity/offboard",
		.effect = ADMIN_CHANGES,
		.summary = "block an identity and revoke everything it has",
		.help = "Blocks it, revokes its live certificates, closes its ACME accounts, "
			"refuses its waiting requests: one transaction. An operator cannot "
			"offboard itself.",
		.input = offboard_input,
		.answer = &offboarded,
		.command = {"offboard", "ca-admin offboard printer-7",
			"block identity \"{name}\", revoke all its live certificates, close its "
			"ACME accounts and refuse its waiting requests (reason {reason})",
			"offboarded \"{name}\": {revoked} certificates revoked, {accounts} ACME "
			"accounts closed, {requests} requests refused; {status_programs_behind}"}},
	[ADMIN_ISSUE] = {.name = "admin.issue",
		.path = V1 "issue",
		.effect = ADMIN_CHANGES,
		.audited_as = "certificate.request",
		.summary = "issue a certificate from a request",
		.help = "The identity's grants must cover the names; an operator's word does not "
			"replace them. The same request again within 15 minutes gives the same "
			"certificate.",
		.input = issue_input,
		.answer = &issued,
		.command = {"issue",
			"ca-admin issue printer-7 --profile device --csr printer.csr --out printer.pem",
			"issue a certificate to \"{identity}\" under profile \"{profile}\"",
			"issued {serial}, valid until {not_after}, written to {out|-}"}},
	[ADMIN_RENEW] = {.name = "admin.renew",
		.path = V1 "renew",
		.effect = ADMIN_CHANGES,
		.audited_as = "certificate.request",
		.summary = "replace your own operator certificate and key",
		.help = "The certificate of the connection, with a new key and the same names.",
		.input = renew_input,
		.answer = &issued,
		.command = {"renew", "ca-admin renew", NULL, "renewed, valid until {not_after}"}},
	[ADMIN_CRL_PUBLISH] = {.name = "admin.crl.publish",
		.path = V1 "crl/publish",
		.effect = ADMIN_CHANGES,
		.summary = "publish CRLs now",
		.help = "Has a signer publish the CRL of every issuing CA, or of one, now.",
		.input = publish_input,
		.answer = &published,
		.command = {"crl publish", "ca-admin crl publish",
			"have the CRL of {issuer|every issuing CA} published anew",
			"asked for: {issuers}; `ca-admin status` shows the new number within "
			"seconds"}},
	[ADMIN_OPENAPI] = {.name = "admin.openapi",
		.path = V1 "openapi.json",
		.summary = "this document",
		.help = "The operations as OpenAPI 3.1; also at /openapi.json.",
		.input = no_input,
		.answer = &document},
};

const struct admin_input *
admin_input_find(const struct admin_operation *op, const char *name)
{
	for (const struct admin_input *i = op->input; i->name != NULL; i++)
		if (strcmp(i->name, name) == 0)
			return i;
	return NULL;
}

const struct admin_member *
admin_member_find(const struct admin_shape *shape, const char *name)
{
	for (const struct admin_member *m = shape->member; m->name != NULL; m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}
