/* The members of all answers, in the order ca-admin shows them. A member that is not here is not
 * answered. */
#include "admin/answers.h"

#define MEMBER(n, t, ...)                                                                          \
	{                                                                                          \
		.name = (n), .type = ADMIN_##t, __VA_ARGS__                                        \
	}
#define ABSENT .presence = ADMIN_OR_ABSENT
#define NULLABLE .presence = ADMIN_OR_NULL
#define LINE(text) .shown = ADMIN_LINE, .title = (text)
#define COLUMN(text) .shown = ADMIN_COLUMN, .title = (text)
#define LIST(n, shape, empty) MEMBER(n, OBJECTS, .of = &(shape), LINE(empty))
#define NEXT MEMBER("next", TEXT, ABSENT)
#define BEHIND MEMBER("programs_behind", BEHIND)
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}
/* A shape of these members, called `word` in the document. */
#define SHAPE(variable, word, ...)                                                                 \
	const struct admin_shape variable = {word, (const struct admin_member[]){__VA_ARGS__, END}}

/* Identities and what each may have. */
#define IDENTITY                                                                                   \
	MEMBER("name", NAME, COLUMN("name")), MEMBER("kind", KIND, COLUMN("kind")),                \
		MEMBER("state", TEXT, COLUMN("state")), MEMBER("owner", TEXT, COLUMN("owner")),    \
		MEMBER("created_at", TIME, COLUMN("created")),                                     \
		MEMBER("changed_at", TIME, LINE("changed"))
static SHAPE(identity, "identity", IDENTITY);
static SHAPE(grant, "grant", MEMBER("profile", PROFILE, COLUMN("profile")),
	MEMBER("pattern", PATTERN, COLUMN("pattern")),
	MEMBER("created_by", TEXT, COLUMN("created by")));

/* Certificates. */
#define CERTIFICATE                                                                                \
	MEMBER("serial", SERIAL, COLUMN("serial")), MEMBER("identity", NAME, COLUMN("identity")),  \
		MEMBER("profile", PROFILE, COLUMN("profile")),                                     \
		MEMBER("status", TEXT, COLUMN("status")), MEMBER("issuer", TEXT, LINE("issuer")),  \
		MEMBER("subject", TEXT, ABSENT, LINE("subject")),                                  \
		MEMBER("not_before", TIME, LINE("not before")),                                    \
		MEMBER("not_after", TIME, COLUMN("not after")),                                    \
		MEMBER("names", TEXTS, ABSENT, COLUMN("names")),                                   \
		MEMBER("issued_at", TIME, LINE("issued")),                                         \
		MEMBER("renewed_from", SERIAL, ABSENT, LINE("renewed from")),                      \
		MEMBER("revoked_at", TIME, ABSENT, LINE("revoked")),                               \
		MEMBER("reason", TEXT, ABSENT, LINE("reason"))
static SHAPE(certificate, "certificate", CERTIFICATE);
SHAPE(answer_certificates, "certificates",
	LIST("certificates", certificate,
		"no certificates; --all shows expired and revoked ones too"),
	NEXT);
SHAPE(answer_certificate_shown, "certificate-shown", CERTIFICATE,
	MEMBER("revoked_by", TEXT, ABSENT, LINE("revoked by")),
	MEMBER("protocol", TEXT, LINE("protocol")),
	MEMBER("requested_by", TEXT, ABSENT, LINE("requested by")),
	MEMBER("proof", TEXT, LINE("proven by")),
	MEMBER("shown_certificate", SERIAL, ABSENT, LINE("with certificate")),
	MEMBER("acme_account", TEXT, ABSENT, LINE("ACME account")),
	MEMBER("acme_order", TEXT, ABSENT, LINE("ACME order")),
	MEMBER("approved_by", TEXTS, ABSENT, LINE("approved by")),
	MEMBER("pem", PEM, .shown = ADMIN_LINE));
SHAPE(answer_revoked, "revoked", MEMBER("serial", SERIAL), MEMBER("status", TEXT),
	MEMBER("others", TEXTS, LINE("revoked with it")), MEMBER("crl", TEXT), BEHIND,
	MEMBER("left", TEXT, ABSENT, LINE("not revoked")));
SHAPE(answer_issued, "issued", MEMBER("serial", SERIAL), MEMBER("pem", PEM), MEMBER("chain", PEM),
	MEMBER("not_before", TIME), MEMBER("not_after", TIME));

SHAPE(answer_identities, "identities",
	LIST("identities", identity, "no identities; add one with `ca-admin identity add`"), NEXT);
SHAPE(answer_identity_shown, "identity-shown", IDENTITY, LIST("grants", grant, "no grants"),
	MEMBER("grant_count", NUMBER), LIST("certificates", certificate, "no live certificates"));
SHAPE(answer_identity_added, "identity-added", MEMBER("name", NAME), MEMBER("kind", KIND),
	MEMBER("grants", NUMBER));
SHAPE(answer_identity_changed, "identity-changed", MEMBER("name", NAME), MEMBER("state", TEXT),
	MEMBER("changed", CHANGED));
SHAPE(answer_offboarded, "offboarded", MEMBER("name", NAME), MEMBER("revoked", NUMBER),
	MEMBER("accounts", NUMBER), MEMBER("requests", NUMBER), BEHIND);
SHAPE(answer_grants, "grants",
	LIST("grants", grant, "no grants; add one with `ca-admin grant add`"), NEXT);
SHAPE(answer_grant_changed, "grant-changed", MEMBER("identity", NAME), MEMBER("profile", PROFILE),
	MEMBER("pattern", PATTERN));

/* Requests. */
#define REQUEST                                                                                    \
	MEMBER("id", NUMBER, COLUMN("id")), MEMBER("identity", NAME, COLUMN("identity")),          \
		MEMBER("profile", PROFILE, COLUMN("profile")),                                     \
		MEMBER("names", TEXTS, COLUMN("names")), MEMBER("state", TEXT, LINE("state")),     \
		MEMBER("waits_for", TEXT, ABSENT, COLUMN("waits for")),                            \
		MEMBER("approvals", NUMBER, COLUMN("approved")),                                   \
		MEMBER("needed", NUMBER, COLUMN("needed")),                                        \
		MEMBER("requester", NAME, NULLABLE, COLUMN("asked by")),                           \
		MEMBER("proof", TEXT, LINE("proven by")),                                          \
		MEMBER("protocol", TEXT, LINE("protocol")),                                        \
		MEMBER("key_sha256", TEXT, LINE("key sha256")),                                    \
		MEMBER("created_at", TIME, COLUMN("asked")),                                       \
		MEMBER("until", TIME, NULLABLE, LINE("until")),                                    \
		MEMBER("reason", TEXT, ABSENT, LINE("reason")),                                    \
		MEMBER("serial", SERIAL, ABSENT, LINE("serial"))
static SHAPE(request, "request", REQUEST);
SHAPE(answer_requests, "requests", LIST("requests", request, "no request is held"), NEXT);
SHAPE(answer_request_shown, "request-shown", REQUEST);
SHAPE(answer_request_approved, "request-approved", MEMBER("id", NUMBER),
	MEMBER("approvals", NUMBER), MEMBER("needed", NUMBER), MEMBER("changed", CHANGED));
SHAPE(answer_request_rejected, "request-rejected", MEMBER("id", NUMBER), MEMBER("state", TEXT));

/* Operators. */
SHAPE(answer_role_changed, "role-changed", MEMBER("name", NAME), MEMBER("role", ROLE),
	MEMBER("changed", CHANGED));
static SHAPE(access_of, "access-of", MEMBER("name", NAME, COLUMN("name")),
	MEMBER("kind", KIND, COLUMN("kind")), MEMBER("state", TEXT, COLUMN("state")),
	MEMBER("roles", TEXTS, COLUMN("may do")), MEMBER("grants", TEXTS, COLUMN("may have")),
	MEMBER("proposals", TEXTS, COLUMN("proposed")));
SHAPE(answer_access, "access", LIST("access", access_of, "nobody"), NEXT);

/* What waits for a second operator. */
#define PROPOSAL                                                                                   \
	MEMBER("id", NUMBER, COLUMN("id")), MEMBER("operation", TEXT, COLUMN("operation")),        \
		MEMBER("object", TEXT, COLUMN("object")),                                          \
		MEMBER("proposer", NAME, COLUMN("proposed by")),                                   \
		MEMBER("state", TEXT, LINE("state")),                                              \
		MEMBER("able", TEXTS, COLUMN("could approve")),                                    \
		MEMBER("created_at", TIME, LINE("proposed")),                                      \
		MEMBER("expires_at", TIME, COLUMN("until")),                                       \
		MEMBER("decided_at", TIME, NULLABLE, LINE("decided")),                             \
		MEMBER("decided_by", NAME, ABSENT, LINE("decided by")),                            \
		MEMBER("reason", TEXT, ABSENT, LINE("reason"))
static SHAPE(proposal, "proposal", PROPOSAL);
SHAPE(answer_proposed, "proposed", MEMBER("proposal", NUMBER), MEMBER("able", TEXTS),
	MEMBER("expires_at", TIME));
SHAPE(answer_proposals, "proposals",
	LIST("proposals", proposal, "nothing waits for a second operator"), NEXT);
SHAPE(answer_proposal_shown, "proposal-shown", PROPOSAL,
	MEMBER("arguments", ANYTHING, LINE("arguments")));
SHAPE(answer_proposal_approved, "proposal-approved", MEMBER("id", NUMBER),
	MEMBER("operation", TEXT), MEMBER("object", TEXT), MEMBER("proposer", NAME),
	MEMBER("answer", ANYTHING));
SHAPE(answer_proposal_rejected, "proposal-rejected", MEMBER("id", NUMBER), MEMBER("state", TEXT));

#define EVENT                                                                                      \
	MEMBER("id", NUMBER, COLUMN("id")), MEMBER("at", TIME, COLUMN("at")),                      \
		MEMBER("actor", TEXT, COLUMN("actor")),                                            \
		MEMBER("operation", TEXT, COLUMN("operation")),                                    \
		MEMBER("object", TEXT, COLUMN("object")),                                          \
		MEMBER("outcome", TEXT, COLUMN("outcome")),                                        \
		MEMBER("reason", TEXT, ABSENT, COLUMN("reason")),                                  \
		MEMBER("role", TEXT, LINE("written by")),                                          \
		MEMBER("request_id", TEXT, LINE("request"))
static SHAPE(event, "event", EVENT);
SHAPE(answer_events, "events", LIST("events", event, "no event fits"), NEXT);
SHAPE(answer_event_shown, "event-shown", EVENT, MEMBER("detail", ANYTHING, ABSENT, LINE("detail")));

/* Issuers. */
static SHAPE(issuer, "issuer", MEMBER("name", TEXT, COLUMN("name")),
	MEMBER("kind", TEXT, COLUMN("kind")), MEMBER("state", TEXT, COLUMN("state")),
	MEMBER("not_after", TIME, COLUMN("not after")),
	MEMBER("key_label", TEXT, NULLABLE, COLUMN("key")),
	MEMBER("profiles", TEXTS, ABSENT, COLUMN("only profiles")),
	MEMBER("subject", TEXT, COLUMN("subject")));
SHAPE(answer_issuers, "issuers",
	LIST("issuers", issuer, "no issuers; import them with `ca-admin issuer import`"));
SHAPE(answer_issuer_changed, "issuer-changed", MEMBER("name", TEXT), MEMBER("state", TEXT),
	MEMBER("changed", CHANGED));
SHAPE(answer_published, "published", MEMBER("issuers", TEXTS));

/* Status. */
static SHAPE(program, "program", MEMBER("program", TEXT, COLUMN("program")),
	MEMBER("state", TEXT, COLUMN("state")), MEMBER("age", NUMBER, COLUMN("seen s ago")),
	MEMBER("stale", FLAG, COLUMN("stale")), MEMBER("version", TEXT, COLUMN("version")),
	MEMBER("id", TEXT, COLUMN("node")), MEMBER("started_at", TIME), MEMBER("last_seen", TIME),
	MEMBER("detail", ANYTHING, ABSENT));
static SHAPE(token, "token", MEMBER("model", TEXT, COLUMN("hsm")),
	MEMBER("token", TEXT, COLUMN("token")), MEMBER("serial", TEXT, COLUMN("serial")),
	MEMBER("module", TEXT), MEMBER("node", TEXT, COLUMN("node")));
static SHAPE(responder, "responder", MEMBER("feed_age", NUMBER, COLUMN("ocsp age s")),
	MEMBER("responder_until", TIME, NULLABLE, COLUMN("responder until")),
	MEMBER("certificates", NUMBER, NULLABLE, COLUMN("certificates")),
	MEMBER("node", TEXT, COLUMN("node")));
static SHAPE(database, "database", MEMBER("reachable", FLAG, LINE("database up")),
	MEMBER("schema_version", NUMBER, LINE("schema")));
static SHAPE(issuer_status, "issuer-status", MEMBER("name", TEXT, COLUMN("issuer")),
	MEMBER("kind", TEXT, COLUMN("kind")), MEMBER("state", TEXT, COLUMN("state")),
	MEMBER("days_left", NUMBER, COLUMN("days left")),
	MEMBER("crl_number", NUMBER, ABSENT, COLUMN("crl")),
	MEMBER("crl_age", NUMBER, ABSENT, COLUMN("crl age s")),
	MEMBER("crl_next_update", TIME, ABSENT, COLUMN("crl until")),
	MEMBER("crl_entries", NUMBER, ABSENT, COLUMN("revoked")),
	MEMBER("crl_this_update", TIME, ABSENT), MEMBER("not_after", TIME),
	MEMBER("key_label", TEXT, NULLABLE), MEMBER("profiles", TEXTS, ABSENT),
	MEMBER("subject", TEXT));
SHAPE(answer_status, "status", MEMBER("instance", TEXT), MEMBER("version", TEXT),
	MEMBER("healthy", FLAG), MEMBER("problems", TEXTS),
	MEMBER("proposals_waiting", NUMBER, LINE("proposals")),
	LIST("programs", program, "no program has reported yet"),
	LIST("hsm", token, "no signer tells of its HSM"),
	LIST("ocsp", responder, "no OCSP responder has reported"),
	MEMBER("database", OBJECT, .of = &database, .shown = ADMIN_LINE),
	LIST("issuers", issuer_status, "no issuers"));

/* The OpenAPI document: what is in it is OpenAPI's to say. */
const struct admin_shape answer_document = {"document", (const struct admin_member[]){END}};
