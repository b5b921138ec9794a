/* Problem documents (RFC 8555 section 6.7, RFC 7807): the only place where error words become ACME
 * error types. */
#ifndef CHANCERY_ACME_PROBLEM_H
#define CHANCERY_ACME_PROBLEM_H

#include "lib/base/json.h"

#define PROBLEM_NAMESPACE "urn:ietf:params:acme:error:"
#define PROBLEM_MEDIA_TYPE "application/problem+json"

struct problem_kind {
	const char *type; /* in PROBLEM_NAMESPACE */
	unsigned status;
};

/* The kind for a failure: by word, else by class. */
const struct problem_kind *problem_for(enum err code, enum err_word word);
/* {"type","detail","status"}; *out owned by the caller. Reasons of internal failures are replaced.
 */
json_t *problem_document(const struct problem_kind *kind, enum err code, const char *detail);
/* The kind for a refusal of lib/http, which has only a status. */
const struct problem_kind *problem_for_status(unsigned status);
/* {"type","detail","identifier":{...}} for a list of subproblems (section 6.7.1). word has a row in
 * the table. */
json_t *problem_sub(enum err_word word, const char *detail, json_t *identifier);

#endif
