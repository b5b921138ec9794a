/*
 * The operations of the admin API, each described once: its path, who may call it, what it takes
 * and what it answers. From this table come the routes and the reading of requests (admin/api), the
 * OpenAPI document, and the remote commands of ca-admin with their options, help and columns
 * (admin/cli). How an operation does its work stands in admin/api.
 */
#ifndef CHANCERY_ADMIN_OPERATIONS_H
#define CHANCERY_ADMIN_OPERATIONS_H

#include "lib/base/bytes.h"
#include "schema/words.h"

/* Identifier, and the api_ function that does it. */
#define ADMIN_OPERATIONS(X)                                                                        \
	X(STATUS, status)                                                                          \
	X(ISSUER_LIST, issuers)                                                                    \
	X(ISSUER_RETIRE, issuer_retire)                                                            \
	X(ISSUER_ACTIVATE, issuer_activate)                                                        \
	X(IDENTITY_ADD, identity_add)                                                              \
	X(IDENTITY_LIST, identities)                                                               \
	X(IDENTITY_SHOW, identity_show)                                                            \
	X(IDENTITY_BLOCK, identity_block)                                                          \
	X(IDENTITY_UNBLOCK, identity_unblock)                                                      \
	X(GRANT_ADD, grant_add)                                                                    \
	X(GRANT_LIST, grants)                                                                      \
	X(GRANT_REMOVE, grant_remove)                                                              \
	X(CERTIFICATE_LIST, certificates)                                                          \
	X(CERTIFICATE_SHOW, certificate_show)                                                      \
	X(CERTIFICATE_REVOKE, certificate_revoke)                                                  \
	X(OFFBOARD, identity_offboard)                                                             \
	X(ISSUE, issue)                                                                            \
	X(RENEW, renew)                                                                            \
	X(CRL_PUBLISH, crl_publish)                                                                \
	X(REQUEST_LIST, requests)                                                                  \
	X(REQUEST_SHOW, request_show)                                                              \
	X(REQUEST_APPROVE, request_approve)                                                        \
	X(REQUEST_REJECT, request_reject)                                                          \
	X(ROLE_ADD, role_add)                                                                      \
	X(ROLE_REMOVE, role_remove)                                                                \
	X(ACCESS, access)                                                                          \
	X(PROPOSAL_LIST, proposals)                                                                \
	X(PROPOSAL_SHOW, proposal_show)                                                            \
	X(PROPOSAL_APPROVE, proposal_approve)                                                      \
	X(PROPOSAL_REJECT, proposal_reject)                                                        \
	X(AUDIT_LIST, audit)                                                                       \
	X(AUDIT_SHOW, audit_show)                                                                  \
	X(OPENAPI, openapi)

#define ADMIN_IDENTIFIER(id, function) ADMIN_##id,
enum admin_identifier { ADMIN_OPERATIONS(ADMIN_IDENTIFIER) ADMIN_OPERATION_COUNT };

/* What a value is. Those of the second group are only taken, of the third only answered. */
enum admin_type {
	ADMIN_TEXT,
	ADMIN_NAME,    /* of an identity */
	ADMIN_PROFILE, /* its name */
	ADMIN_PATTERN, /* of names: "dns:*.example.org" */
	ADMIN_KIND,    /* of identity */
	ADMIN_ROLE,    /* of an operator */
	ADMIN_REASON,  /* CRLReason of RFC 5280 section 5.3.1 that applies to end entities */
	ADMIN_SERIAL,  /* 32 hexadecimal digits */
	ADMIN_NUMBER,

	ADMIN_SECONDS, /* a duration: "8h" on the command line */
	ADMIN_SAN,     /* a name in a certificate: "dns:a.example.org" */
	ADMIN_YES,     /* "yes" or absent */
	ADMIN_GRANTS,  /* a list of objects, profile and pattern in each */
	ADMIN_CSR,     /* PKCS#10 (RFC 2986), base64 of its DER */
	ADMIN_CURSOR,  /* the "next" of the page before */
	ADMIN_LIMIT,   /* of elements on a page: a number */
	ADMIN_FILE,    /* on the command line only */

	ADMIN_FLAG,
	ADMIN_CHANGED, /* a flag: false when it was so already */
	ADMIN_BEHIND,  /* how many programs that refuse by it have not read it yet */
	ADMIN_TIME,    /* RFC 3339 */
	ADMIN_PEM,
	ADMIN_TEXTS,	/* a list of them */
	ADMIN_ANYTHING, /* an object of any members */
	ADMIN_OBJECT,
	ADMIN_OBJECTS, /* a list of them */
	ADMIN_TYPE_COUNT
};

enum admin_use { ADMIN_OPTIONAL, ADMIN_REQUIRED };
/* A request's are the members of a POST's body, the query parameters of a GET. */
enum admin_place { ADMIN_IN_REQUEST, ADMIN_IN_PATH, ADMIN_IN_COMMAND };

/* One value an operation takes. ca-admin takes it as the argument or the option named here; with
 * neither of them it has no such value. */
struct admin_input {
	const char *name;
	enum admin_type type;
	enum admin_use use;
	enum admin_place place;
	int64_t min, max;     /* of numbers; max also octets of texts, elements of lists; 0: none */
	const char *fallback; /* what its absence means; NULL: nothing */
	const char *argument; /* what the help calls it: "NAME" */
	const char *option, *value; /* --option VALUE */
	const char *help;
};

enum admin_presence { ADMIN_ALWAYS, ADMIN_OR_NULL, ADMIN_OR_ABSENT };
/* Where ca-admin shows a member under its title: nowhere, among an object's lines, or in tables as
 * well. */
enum admin_shown { ADMIN_HIDDEN, ADMIN_LINE, ADMIN_COLUMN };

struct admin_shape;
struct admin_member {
	const char *name;
	enum admin_type type;
	enum admin_presence presence;
	enum admin_shown shown;
	const char *title;	      /* lower case; the empty list's words for ADMIN_OBJECTS */
	const struct admin_shape *of; /* of ADMIN_OBJECT, of each of ADMIN_OBJECTS */
};

/* An object that is answered, in the order ca-admin shows it. */
struct admin_shape {
	const char *name;
	const struct admin_member *member; /* ends with name NULL */
};

enum admin_effect { ADMIN_READS, ADMIN_CHANGES };
/* Whether the configuration may want a second operator for it: then it answers 202 with answer_proposed. */
enum admin_waiting { ADMIN_AT_ONCE, ADMIN_MAY_WAIT };
/* Templates: {name} is the input or the answer's member with this name, {name|words} the words when
 * there is none; grants stand for their number. */
struct admin_command {
	const char *name; /* "identity add"; NULL: ca-admin has no such command */
	const char *example;
	const char *plan; /* of a change: what will be done */
	const char *done;
};

struct admin_operation {
	const char *name;	  /* "admin.identity.add", for log and metrics */
	const char *path;	  /* {} stands for the inputs ADMIN_IN_PATH, in their order */
	enum admin_effect effect; /* a GET that reads or a POST that changes */
	enum admin_waiting waits;
	/* 1U << enum operator_role of each role that may call it, 0: every operator; and who may where it
	 * is about an operator, 0: the same. Where it is about a program, and this is not 0: administrators. */
	unsigned roles, over_operators;
	const char *audited_as; /* NULL: the name without "admin." */
	const char *summary, *help;
	const struct admin_input *input; /* ends with name NULL */
	const struct admin_shape *answer;
	const char *list; /* the answer's member ca-admin prints alone; NULL: the answer */
	struct admin_command command;
};

extern const struct admin_operation admin_operations[ADMIN_OPERATION_COUNT];

/* NULL: there is none of this name. An operation's is without "admin.". */
const struct admin_operation *admin_operation_find(const char *name);
const struct admin_input *admin_input_find(const struct admin_operation *op, const char *name);
const struct admin_member *admin_member_find(const struct admin_shape *shape, const char *name);

#endif
