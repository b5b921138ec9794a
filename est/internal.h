/* What the operations of this folder share. */
#ifndef CHANCERY_EST_INTERNAL_H
#define CHANCERY_EST_INTERNAL_H

#include <pthread.h>

#include "ca/policy.h"
#include "est/est.h"

struct est_service {
	const struct config_est *config;
	int64_t wait_ms;
	char retry_after[24];
	pthread_mutex_t cacerts_lock;
	uint64_t cacerts_of; /* generation of the issuers the two answers below were made from */
	struct http_prepared *cacerts[2]; /* by enum est_lines */
};

static inline struct ca_front *
est_front(const struct http_request *req)
{
	return req->app;
}

static inline struct est_service *
est_service(const struct http_request *req)
{
	return est_front(req)->est;
}

/* The profile of the path's label; absent is the name of the one that a path without label means.
 * ERR_NOTFOUND for an unknown label. */
enum err est_label_profile(const struct http_request *req, const char *absent,
	const struct ca_profile **out) MUST_CHECK;

/* Base64 lines of answers: strongSwan before 5.9.11 reads only one line, libest only short ones. */
enum est_lines { EST_ONE_LINE, EST_WRAPPED };
enum est_lines est_lines_for(const struct http_request *req);
/* base64 of der, in the arena. */
struct bytes est_encode(struct arena *a, struct bytes der, enum est_lines lines);
/* Body -> DER -> CSR: RFC 8951 section 3 and RFC 2986, nothing left over. Pure; also what the fuzz
 * target drives. */
enum err est_csr_decode(struct arena *a, struct bytes body, struct pki_csr *out) MUST_CHECK;

/* 200 with these certificates. */
void est_answer_certs(struct http_request *req, struct http_response *resp,
	const struct bytes *certs, size_t count);
/* The refusal for this thread's last error. */
void est_fail(struct http_request *req, struct http_response *resp, enum err e);

/* RFC 7030 section 3.5 with RFC 9266: a challengePassword in the CSR must be this connection's
 * tls-exporter. Sets resp->close when there is one. */
enum err est_check_binding(const struct http_request *req, struct http_response *resp,
	const struct pki_csr *csr) MUST_CHECK;

/* RFC 7030 section 4.2.2: subject and names of the CSR are those of the certificate to be replaced, or what
 * made them: a subject that the profile lets pass, no subjectAltName at all. ERR_INVALID (words
 * "subject-changed", "names-changed"). */
enum err est_check_same_names(const struct pki_csr *csr, const struct pki_cert *current,
	const struct ca_profile *profile, const char *identity_name, struct arena *a) MUST_CHECK;
/* What a CSR without subjectAltName gets beside its commonName: the exact ones among the grants, never one
 * made up from a pattern. out has room for one more. */
enum err est_granted_names(
	struct arena *a, const char *const *grants, size_t count, struct pki_sans *out) MUST_CHECK;

http_handler est_cacerts;
/* What is done with a CSR: the argument of the routes that est_handle_csr() serves. */
struct est_operation {
	enum err (*run)(struct http_request *req, struct http_response *resp);
};
extern const struct est_operation est_simpleenroll, est_simplereenroll;
http_handler est_handle_csr;

#endif
