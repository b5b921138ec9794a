/* The operations, one row each. A parameter or member that is not here does not exist. */
#include "admin/operations.h"

#include "admin/answers.h"

#define INPUT(n, t, words, ...)                                                                    \
	{                                                                                          \
		.name = (n), .type = ADMIN_##t, .help = (words), __VA_ARGS__                       \
	}
#define REQUIRED .use = ADMIN_REQUIRED
#define ARGUMENT(text) REQUIRED, .argument = (text)
#define OPTION(text, v) .option = (text), .value = (v)
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}
#define INPUTS(variable, ...) static const struct admin_input variable[] = {__VA_ARGS__, END}

enum {
	PAGE_MAX = 100,
	GRANTS_MAX = 100,
	OWNER_MAX = 200,
	PATTERN_MAX = 2048,
	REASON_TEXT_MAX = 500,
	NAME_MAX_OCTETS = 300,
	LIFETIME_MAX = 10 * 366 * 86400
};

/* Inputs of several operations. */
#define NAME INPUT("name", NAME, "the identity", ARGUMENT("NAME"))
#define SERIAL                                                                                     \
	INPUT("serial", SERIAL, "the certificate's serial number", .place = ADMIN_IN_PATH,         \
		ARGUMENT("SERIAL"))
#define REASON(absent)                                                                             \
	INPUT("reason", REASON, "a CRLReason of RFC 5280: keyCompromise, superseded, ...",         \
		.fallback = (absent), OPTION("reason", "REASON"))
#define PAGE                                                                                       \
	INPUT("after", CURSOR, "the \"next\" of the page before"),                                 \
		INPUT("limit", LIMIT, "at most this many on a page", .min = 1, .max = PAGE_MAX,    \
			.fallback = "100", OPTION("limit", "N"))

/* Who may. Whatever gives something to an operator or a program is an administrator's, so that nobody
 * comes to more than he was given. */
#define ROLE(word) (1U << OPERATOR_ROLE_##word)
#define WATCH (LOOK | ROLE(MONITOR))
#define LOOK (ROLE(ADMINISTRATOR) | ROLE(OFFICER) | ROLE(HELPDESK) | ROLE(AUDITOR))
#define GIVE .roles = ROLE(OFFICER), .over_operators = ROLE(ADMINISTRATOR)
#define TAKE                                                                                       \
	.roles = ROLE(OFFICER) | ROLE(HELPDESK),                                                   \
	.over_operators = ROLE(ADMINISTRATOR) | ROLE(OFFICER) | ROLE(HELPDESK)

static const struct admin_input no_input[] = {END};
INPUTS(page_input, PAGE);
INPUTS(name_input, NAME);
INPUTS(serial_input, SERIAL);
INPUTS(identity_add_input, NAME,
	INPUT("kind", KIND, "workload, device, user, operator or service", REQUIRED,
		OPTION("kind", "KIND")),
	INPUT("owner", TEXT, "who answers for it", .max = OWNER_MAX, OPTION("owner", "TEXT")),
	INPUT("grants", GRANTS, "a name it may have, such as device=dns:a.example.org",
		.max = GRANTS_MAX, OPTION("grant", "PROFILE=PATTERN")));
INPUTS(role_input, NAME,
	INPUT("role", ROLE, "administrator, officer, helpdesk, auditor or monitor",
		ARGUMENT("ROLE")));
INPUTS(offboard_input, NAME, REASON("privilegeWithdrawn"));
INPUTS(grant_input, INPUT("identity", NAME, "who may have it", ARGUMENT("IDENTITY")),
	INPUT("profile", PROFILE, "under which profile", ARGUMENT("PROFILE")),
	INPUT("pattern", PATTERN, "what it may have, such as dns:*.web.example.org",
		.max = PATTERN_MAX, ARGUMENT("PATTERN")));
INPUTS(grant_list_input, INPUT("identity", NAME, "whose", ARGUMENT("IDENTITY")), PAGE);
INPUTS(certificate_list_input,
	INPUT("identity", NAME, "only certificates of this identity", OPTION("identity", "NAME")),
	INPUT("name", SAN, "only certificates with this name, such as dns:a.example.org",
		OPTION("name", "TYPE:NAME")),
	INPUT("all", YES, "expired and revoked ones too", .option = "all"), PAGE);
INPUTS(revoke_input, SERIAL, REASON("unspecified"),
	INPUT("with_successors", YES, "also what was asked for with it or renews it, and so on",
		.option = "with-successors"));
INPUTS(issue_input, INPUT("identity", NAME, "the identity", ARGUMENT("NAME")),
	INPUT("profile", PROFILE, "profile of the certificate", REQUIRED,
		OPTION("profile", "PROFILE")),
	INPUT("csr", CSR, "certificate request (PEM or DER), - for standard input", REQUIRED,
		OPTION("csr", "FILE")),
	INPUT("out", FILE, "where certificate and issuer go (PEM); default standard output",
		.place = ADMIN_IN_COMMAND, OPTION("out", "FILE")),
	INPUT("lifetime", SECONDS, "a shorter life than the profile's: 30m, 8h",
		.max = LIFETIME_MAX, OPTION("lifetime", "DURATION")));
INPUTS(renew_input, INPUT("csr", CSR, "certificate request", REQUIRED));
#define ID(words)                                                                                  \
	INPUT("id", NUMBER, words, .place = ADMIN_IN_PATH, .min = 1, .max = INT64_MAX,             \
		ARGUMENT("ID"))
#define REASON_OF_NO                                                                               \
	INPUT("reason", TEXT, "why, for whoever asked", REQUIRED, .max = REASON_TEXT_MAX,          \
		OPTION("reason", "TEXT"))
INPUTS(request_input, ID("the request's number"));
INPUTS(reject_input, ID("the request's number"), REASON_OF_NO);
INPUTS(proposal_input, ID("the proposal's number"));
INPUTS(proposal_reject_input, ID("the proposal's number"), REASON_OF_NO);
#define EXACTLY(n, words, v) INPUT(n, TEXT, words, .max = NAME_MAX_OCTETS, OPTION(n, v))
INPUTS(audit_input, EXACTLY("actor", "only what this one did", "NAME"),
	EXACTLY("object", "only what was done to this: an identity's name, a serial", "TEXT"),
	EXACTLY("operation", "only this operation, such as certificate.revoke", "OPERATION"),
	EXACTLY("outcome", "ok or refused", "OUTCOME"),
	INPUT("since", SECONDS, "not older than this: 1h, 7d", .min = 1, .max = LIFETIME_MAX,
		OPTION("since", "DURATION")),
	INPUT("until", SECONDS, "older than this: 1h, 7d", .min = 1, .max = LIFETIME_MAX,
		OPTION("until", "DURATION")),
	PAGE);
INPUTS(event_input, ID("the event's number"));
INPUTS(issuer_input, INPUT("name", TEXT, "the issuing CA", ARGUMENT("NAME")));
INPUTS(publish_input, INPUT("issuer", TEXT, "only this issuing CA", OPTION("issuer", "NAME")));

const struct admin_operation admin_operations[ADMIN_OPERATION_COUNT] = {
	[ADMIN_STATUS] = {.name = "admin.status",
		.path = "/admin/v1/status",
		.roles = WATCH,
		.summary = "programs, database, issuers, ages of CRLs",
		.help = "Programs and when they were last seen, what the signer says of its HSM, "
			"database, issuers, ages of CRLs; what is not well stands in problems.",
		.input = no_input,
		.answer = &answer_status,
		.command = {"status", "ca-admin status --json", NULL, NULL}},
	[ADMIN_ISSUER_LIST] = {.name = "admin.issuers",
		.path = "/admin/v1/issuers",
		.roles = LOOK,
		.summary = "list issuers",
		.help = "Roots and issuing CAs.",
		.input = no_input,
		.answer = &answer_issuers,
		.list = "issuers",
		.command = {"issuer list", "ca-admin issuer list", NULL, NULL}},
	[ADMIN_ISSUER_RETIRE] = {.name = "admin.issuer.retire",
		.path = "/admin/v1/issuer/retire",
		.roles = ROLE(ADMINISTRATOR),
		.effect = ADMIN_CHANGES,
		.waits = ADMIN_MAY_WAIT,
		.summary = "an issuing CA certifies nobody any more",
		.help = "Its CRL and its OCSP answers go on as long as a signer has its key.",
		.input = issuer_input,
		.answer = &answer_issuer_changed,
		.command = {"issuer retire", "ca-admin issuer retire issuing-1",
			"retire issuer \"{name}\": it certifies nobody any more; its CRL and its OCSP "
			"answers go on while a signer has its key",
			"issuer \"{name}\" is {state} {changed}"}},
	[ADMIN_ISSUER_ACTIVATE] = {.name = "admin.issuer.activate",
		.path = "/admin/v1/issuer/activate",
		.roles = ROLE(ADMINISTRATOR),
		.effect = ADMIN_CHANGES,
		.waits = ADMIN_MAY_WAIT,
		.summary = "a retired issuing CA certifies again",
		.help = "Where the configuration names it.",
		.input = issuer_input,
		.answer = &answer_issuer_changed,
		.command = {"issuer activate", "ca-admin issuer activate issuing-1",
			"activate issuer \"{name}\": it certifies again where the configuration names "
			"it",
			"issuer \"{name}\" is {state} {changed}"}},
	[ADMIN_IDENTITY_ADD] = {.name = "admin.identity.add",
		.path = "/admin/v1/identities",
		GIVE,
		.effect = ADMIN_CHANGES,
		.waits = ADMIN_MAY_WAIT,
		.summary = "register an identity",
		.help = "A grant that no certificate could use is refused: an unknown profile, one "
			"for other kinds of identity, a pattern that means nothing. An operator may do "
			"nothing before it has a role: `operator role add`.",
		.input = identity_add_input,
		.answer = &answer_identity_added,
		.command = {"identity add",
			"ca-admin identity add printer-7 --kind device --owner print-team "
			"--grant device=dns:printer-7.example.org",
			"register {kind} \"{name}\" with {grants} grants",
			"registered \"{name}\"; next: `ca-admin issue {name} --profile PROFILE "
			"--csr FILE` for its first certificate"}},
	[ADMIN_IDENTITY_LIST] = {.name = "admin.identities",
		.path = "/admin/v1/identities",
		.roles = LOOK,
		.summary = "list identities",
		.help = "A page of identities, by name.",
		.input = page_input,
		.answer = &answer_identities,
		.list = "identities",
		.command = {"identity list", "ca-admin identity list", NULL, NULL}},
	[ADMIN_IDENTITY_SHOW] = {.name = "admin.identity.show",
		.path = "/admin/v1/identity",
		.roles = LOOK,
		.summary = "show an identity, its grants and live certificates",
		.help = "The first grants and certificates; grant_count tells of all.",
		.input = name_input,
		.answer = &answer_identity_shown,
		.command = {"identity show", "ca-admin identity show printer-7", NULL, NULL}},
	[ADMIN_IDENTITY_BLOCK] = {.name = "admin.identity.block",
		.path = "/admin/v1/identity/block",
		TAKE,
		.effect = ADMIN_CHANGES,
		.summary = "refuse an identity everywhere, revoke nothing",
		.help = "At once, on every listener of this CA. An operator cannot block "
			"itself.",
		.input = name_input,
		.answer = &answer_identity_changed,
		.command = {"identity block", "ca-admin identity block printer-7",
			"block identity \"{name}\"", "\"{name}\" is {state} {changed}"}},
	[ADMIN_IDENTITY_UNBLOCK] = {.name = "admin.identity.unblock",
		.path = "/admin/v1/identity/unblock",
		GIVE,
		.effect = ADMIN_CHANGES,
		.waits = ADMIN_MAY_WAIT,
		.summary = "let a blocked identity back in",
		.help = "Undoes a block.",
		.input = name_input,
		.answer = &answer_identity_changed,
		.command = {"identity unblock", "ca-admin identity unblock printer-7",
			"unblock identity \"{name}\"", "\"{name}\" is {state} {changed}"}},
	[ADMIN_GRANT_ADD] = {.name = "admin.grant.add",
		.path = "/admin/v1/grants",
		GIVE,
		.effect = ADMIN_CHANGES,
		.waits = ADMIN_MAY_WAIT,
		.summary = "let an identity have a name under a profile",
		.help = "Refused as in admin.identity.add when no certificate could use it.",
		.input = grant_input,
		.answer = &answer_grant_changed,
		.command = {"grant add",
			"ca-admin grant add web-1 workload 'dns:*.web.example.org'",
			"grant identity \"{identity}\" \"{pattern}\" under profile \"{profile}\"",
			"granted"}},
	[ADMIN_GRANT_LIST] = {.name = "admin.grants",
		.path = "/admin/v1/grants",
		.roles = LOOK,
		.summary = "list what an identity may have",
		.help = "A page of grants, the oldest first.",
		.input = grant_list_input,
		.answer = &answer_grants,
		.list = "grants",
		.command = {"grant list", "ca-admin grant list web-1", NULL, NULL}},
	[ADMIN_GRANT_REMOVE] = {.name = "admin.grant.remove",
		.path = "/admin/v1/grants/remove",
		GIVE,
		.effect = ADMIN_CHANGES,
		.summary = "take a grant away",
		.help = "Certificates issued under it stay valid until they end or are revoked.",
		.input = grant_input,
		.answer = &answer_grant_changed,
		.command = {"grant remove",
			"ca-admin grant remove web-1 workload 'dns:*.web.example.org'",
			"take from identity \"{identity}\" \"{pattern}\" under profile \"{profile}\"",
			"taken away; certificates issued under it stay valid until they end or are "
			"revoked"}},
	[ADMIN_CERTIFICATE_LIST] = {.name = "admin.certificates",
		.path = "/admin/v1/certificates",
		.roles = LOOK,
		.summary = "find certificates",
		.help = "A page of live certificates, or of all, the newest end of life first.",
		.input = certificate_list_input,
		.answer = &answer_certificates,
		.list = "certificates",
		.command = {"cert list", "ca-admin cert list --identity web-1", NULL, NULL}},
	[ADMIN_CERTIFICATE_SHOW] = {.name = "admin.certificate.show",
		.path = "/admin/v1/certificates/{}",
		.roles = LOOK,
		.summary = "show a certificate",
		.help = "One certificate, with its PEM, what authorised it, and who revoked it.",
		.input = serial_input,
		.answer = &answer_certificate_shown,
		.command = {"cert show", "ca-admin cert show 3f0c0000000000000000000000000001",
			NULL, NULL}},
	[ADMIN_CERTIFICATE_REVOKE] = {.name = "admin.certificate.revoke",
		.path = "/admin/v1/certificates/{}/revoke",
		TAKE,
		.effect = ADMIN_CHANGES,
		.summary = "revoke a certificate",
		.help = "In effect when it is answered; the answer says how many programs that "
			"refuse or tell of it had not read it yet, whether the CRL can follow, and what was revoked besides: "
			"with keyCompromise every live certificate of the key, which nobody gets a "
			"certificate for again. A reason may rise to keyCompromise.",
		.input = revoke_input,
		.answer = &answer_revoked,
		.command = {"cert revoke",
			"ca-admin cert revoke 3f0c0000000000000000000000000001 --reason keyCompromise",
			"revoke certificate {serial} (reason {reason}); this cannot be undone",
			"revoked; {programs_behind}, {crl}"}},
	[ADMIN_OFFBOARD] = {.name = "admin.identity.offboard",
		.path = "/admin/v1/identity/offboard",
		TAKE,
		.effect = ADMIN_CHANGES,
		.summary = "block an identity and revoke everything it has",
		.help = "Blocks it, revokes its live certificates, closes its ACME accounts, "
			"refuses its waiting requests: one transaction. An operator cannot "
			"offboard itself.",
		.input = offboard_input,
		.answer = &answer_offboarded,
		.command = {"offboard", "ca-admin offboard printer-7",
			"block identity \"{name}\", revoke all its live certificates, close its "
			"ACME accounts and refuse its waiting requests (reason {reason})",
			"offboarded \"{name}\": {revoked} certificates revoked, {accounts} ACME "
			"accounts closed, {requests} requests refused; {programs_behind}"}},
	[ADMIN_ISSUE] = {.name = "admin.issue",
		.path = "/admin/v1/issue",
		GIVE,
		.effect = ADMIN_CHANGES,
		.waits = ADMIN_MAY_WAIT,
		.audited_as = "certificate.request",
		.summary = "issue a certificate from a request",
		.help = "The identity's grants must cover the names; an operator's word does not "
			"replace them. The same request again within 15 minutes gives the same "
			"certificate.",
		.input = issue_input,
		.answer = &answer_issued,
		.command = {"issue",
			"ca-admin issue printer-7 --profile device --csr printer.csr --out printer.pem",
			"issue a certificate to \"{identity}\" under profile \"{profile}\"",
			"issued {serial}, valid until {not_after}, written to {out|-}"}},
	[ADMIN_RENEW] = {.name = "admin.renew",
		.path = "/admin/v1/renew",
		.effect = ADMIN_CHANGES,
		.audited_as = "certificate.request",
		.summary = "replace your own operator certificate and key",
		.help = "The certificate of the connection, with a new key and the same names.",
		.input = renew_input,
		.answer = &answer_issued,
		.command = {"renew", "ca-admin renew", NULL, "renewed, valid until {not_after}"}},
	[ADMIN_CRL_PUBLISH] = {.name = "admin.crl.publish",
		.path = "/admin/v1/crl/publish",
		.roles = ROLE(ADMINISTRATOR) | ROLE(OFFICER),
		.effect = ADMIN_CHANGES,
		.summary = "publish CRLs now",
		.help = "Has a signer publish the CRL of every issuing CA, or of one, now.",
		.input = publish_input,
		.answer = &answer_published,
		.command = {"crl publish", "ca-admin crl publish",
			"have the CRL of {issuer|every issuing CA} published anew",
			"asked for: {issuers}; `ca-admin status` shows the new number within "
			"seconds"}},
	[ADMIN_REQUEST_LIST] = {.name = "admin.requests",
		.path = "/admin/v1/requests",
		.roles = LOOK,
		.summary = "list requests that are held",
		.help = "Those that wait for operators' approval, or for an issuing CA that cannot "
			"sign at the moment; the oldest first.",
		.input = page_input,
		.answer = &answer_requests,
		.list = "requests",
		.command = {"request list", "ca-admin request list", NULL, NULL}},
	[ADMIN_REQUEST_SHOW] = {.name = "admin.request.show",
		.path = "/admin/v1/requests/{}",
		.roles = LOOK,
		.summary = "show a request",
		.help = "Who asks for what with which key, how that was proven, and what became of "
			"it.",
		.input = request_input,
		.answer = &answer_request_shown,
		.command = {"request show", "ca-admin request show 4711", NULL, NULL}},
	[ADMIN_REQUEST_APPROVE] = {.name = "admin.request.approve",
		.path = "/admin/v1/requests/{}/approve",
		.roles = ROLE(OFFICER),
		.effect = ADMIN_CHANGES,
		.summary = "approve a request that waits for operators",
		.help = "With enough approvals the signer has it again and checks everything else "
			"anew. Whoever asked cannot approve; approving twice counts once.",
		.input = request_input,
		.answer = &answer_request_approved,
		.command = {"request approve", "ca-admin request approve 4711",
			"approve request {id}", "approved: {approvals} of {needed}"}},
	[ADMIN_REQUEST_REJECT] = {.name = "admin.request.reject",
		.path = "/admin/v1/requests/{}/reject",
		.roles = ROLE(OFFICER),
		.effect = ADMIN_CHANGES,
		.summary = "reject a request that is held",
		.help = "Final. Whoever asked is told the reason.",
		.input = reject_input,
		.answer = &answer_request_rejected,
		.command = {"request reject", "ca-admin request reject 4711 --reason 'not ours'",
			"reject request {id}; this cannot be undone", "rejected"}},
	[ADMIN_ROLE_ADD] = {.name = "admin.operator.role.add",
		.path = "/admin/v1/operator/role",
		.roles = ROLE(ADMINISTRATOR),
		.effect = ADMIN_CHANGES,
		.waits = ADMIN_MAY_WAIT,
		.summary = "give an operator a role",
		.help = "Nobody gives or takes his own.",
		.input = role_input,
		.answer = &answer_role_changed,
		.command = {"operator role add", "ca-admin operator role add bob helpdesk",
			"give operator \"{name}\" role {role}", "{name} is {role} {changed}"}},
	[ADMIN_ROLE_REMOVE] = {.name = "admin.operator.role.remove",
		.path = "/admin/v1/operator/role/remove",
		.roles = ROLE(ADMINISTRATOR),
		.effect = ADMIN_CHANGES,
		.summary = "take a role from an operator",
		.help = "Nobody gives or takes his own.",
		.input = role_input,
		.answer = &answer_role_changed,
		.command = {"operator role remove", "ca-admin operator role remove bob helpdesk",
			"take role {role} from operator \"{name}\"",
			"{name} is not {role} any more"}},
	[ADMIN_ACCESS] = {.name = "admin.access",
		.path = "/admin/v1/access",
		.roles = ROLE(ADMINISTRATOR) | ROLE(OFFICER) | ROLE(AUDITOR),
		.summary = "who may do and have what",
		.help = "A page of identities, by name: operators with their roles, and what each may have, the "
			"first hundred grants.",
		.input = page_input,
		.answer = &answer_access,
		.list = "access",
		.command = {"access", "ca-admin access", NULL, NULL}},
	[ADMIN_PROPOSAL_LIST] = {.name = "admin.proposals",
		.path = "/admin/v1/proposals",
		.roles = LOOK,
		.summary = "list what waits for a second operator",
		.help = "The oldest first, with those who could approve.",
		.input = page_input,
		.answer = &answer_proposals,
		.list = "proposals",
		.command = {"proposal list", "ca-admin proposal list", NULL, NULL}},
	[ADMIN_PROPOSAL_SHOW] = {.name = "admin.proposal.show",
		.path = "/admin/v1/proposals/{}",
		.roles = LOOK,
		.summary = "show a proposal",
		.help = "Who proposed what, with all that the operation takes, and what became of it.",
		.input = proposal_input,
		.answer = &answer_proposal_shown,
		.command = {"proposal show", "ca-admin proposal show 7", NULL, NULL}},
	[ADMIN_PROPOSAL_APPROVE] = {.name = "admin.proposal.approve",
		.path = "/admin/v1/proposals/{}/approve",
		.roles = ROLE(ADMINISTRATOR) | ROLE(OFFICER),
		.effect = ADMIN_CHANGES,
		.summary = "approve a proposal, which is done with it",
		.help = "By another operator who could have done it alone; everything is checked anew. "
			"Nobody approves what he has proposed or what gives him something.",
		.input = proposal_input,
		.answer = &answer_proposal_approved,
		.command = {"proposal approve", "ca-admin proposal approve 7",
			"approve proposal {id}, and do it",
			"approved and done: {operation} of \"{object}\", proposed by {proposer}"}},
	[ADMIN_PROPOSAL_REJECT] = {.name = "admin.proposal.reject",
		.path = "/admin/v1/proposals/{}/reject",
		.roles = ROLE(ADMINISTRATOR) | ROLE(OFFICER),
		.effect = ADMIN_CHANGES,
		.summary = "reject a proposal, or withdraw one's own",
		.help = "Final; it can be proposed again.",
		.input = proposal_reject_input,
		.answer = &answer_proposal_rejected,
		.command = {"proposal reject", "ca-admin proposal reject 7 --reason 'not agreed'",
			"reject proposal {id}", "rejected"}},
	[ADMIN_AUDIT_LIST] = {.name = "admin.audit",
		.path = "/admin/v1/audit",
		.roles = ROLE(ADMINISTRATOR) | ROLE(AUDITOR),
		.summary = "who did what, and what was refused",
		.help = "A page of audit events, the newest first; a page may be empty and have a next.",
		.input = audit_input,
		.answer = &answer_events,
		.list = "events",
		.command = {"audit list", "ca-admin audit list --actor alice --since 7d", NULL,
			NULL}},
	[ADMIN_AUDIT_SHOW] = {.name = "admin.audit.show",
		.path = "/admin/v1/audit/{}",
		.roles = ROLE(ADMINISTRATOR) | ROLE(AUDITOR),
		.summary = "show an audit event",
		.help = "One event with its detail.",
		.input = event_input,
		.answer = &answer_event_shown,
		.command = {"audit show", "ca-admin audit show 4711", NULL, NULL}},
	[ADMIN_OPENAPI] = {.name = "admin.openapi",
		.path = "/admin/v1/openapi.json",
		.summary = "this document",
		.help = "The operations as OpenAPI 3.1; also at /openapi.json.",
		.input = no_input,
		.answer = &answer_document},
};

const struct admin_operation *
admin_operation_find(const char *name)
{
	for (size_t i = 0; i < ADMIN_OPERATION_COUNT; i++)
		if (strcmp(admin_operations[i].name + strlen("admin."), name) == 0)
			return &admin_operations[i];
	return NULL;
}

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
