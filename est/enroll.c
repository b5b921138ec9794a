/*
 * POST /simpleenroll and /simplereenroll (RFC 7030 section 4.2): who asks comes from the client
 * certificate's row, what may be had from the profile and the grants. A CSR beyond that is an
 * error, never cut down silently.
 *
 * An enrollment with the key of the presented certificate is a renewal by another name and follows
 * its rules. The old certificate stays valid: a device that loses the answer can still come back
 * with it.
 *
 * The operations end with ca_issue_later(): the answer is made when the signer's comes.
 */
#include "est/internal.h"

enum { REPEAT_WINDOW_S = 15 * 60 };

static bool
same_key(const struct pki_csr *csr, const struct pki_cert *current)
{
	return bytes_equal(csr->spki.der, current->spki.der);
}

/* What both operations do first: read the CSR and refuse what no profile could allow. */
static enum err
read_csr(struct http_request *req, struct http_response *resp, struct pki_csr *csr)
{
	TRY(est_csr_decode(req->arena, req->body, csr));
	TRY(est_check_binding(req, resp, csr));
	if (csr->asks_ca)
		return err_set_word(ERR_INVALID, WORD_BAD_CSR,
			"the request asks for a CA certificate; only end entities are certified here");
	if (csr->sans.count == 0 && pki_name_empty(csr->subject))
		return err_set_word(ERR_INVALID, WORD_BAD_CSR,
			"neither subject nor subjectAltName (RFC 5280 section 4.1.2.6)");
	return ERR_OK;
}

/* The granted names, and the one that the CSR's commonName asks for beside them. */
static enum err
complete_names(struct http_request *req, const struct pki_csr *csr,
	const struct ca_profile *profile, struct pki_sans *out)
{
	const struct ca_requester *who = ca_requester(req);
	const char *const *grants;
	struct pki_sans granted, asked;
	size_t count;

	TRY(ca_authenticator_grants(est_front(req)->clients, req->arena, who->identity,
		profile->name, &grants, &count));
	TRY(est_granted_names(req->arena, grants, count, &granted));
	TRY(ca_policy_csr_names(csr, who->identity_name, &granted, req->arena, &asked));
	if (asked.count > 0 && !pki_sans_contain(&granted, &asked.item[0]))
		granted.item[granted.count++] = asked.item[0];
	*out = granted;
	return ERR_OK;
}

/* The names of the CSR, or, when it has no subjectAltName, exactly the granted ones. */
static enum err
choose_names(struct http_request *req, const struct pki_csr *csr, const struct ca_profile *profile,
	struct pki_sans *out)
{
	if (csr->sans.count == 0)
		return complete_names(req, csr, profile, out);
	return ca_policy_csr_names(csr, ca_requester(req)->identity_name, NULL, req->arena, out);
}

static void
answer_enrollment(struct http_request *req, struct http_response *resp, enum err e,
	const struct store_result *result)
{
	if (e != ERR_OK) {
		est_fail(req, resp, e);
		return;
	}
	if (result->state == STORE_RESULT_DONE) {
		est_answer_certs(req, resp, &result->der, 1);
		resp->outcome = "ok";
		return;
	}
	est_refuse(req, resp, 202, "pending",
		"the request is recorded; repeat it after the time in Retry-After");
	resp->outcome = "pending";
	http_response_header(resp, "Retry-After", est_service(req)->retry_after);
}

static enum err
issue_certificate(struct http_request *req, struct http_response *resp,
	const struct ca_profile *profile, const struct pki_csr *csr, const struct pki_sans *names,
	const uint8_t *renewed_from)
{
	const struct ca_requester *who = ca_requester(req);
	struct ca_issue i = {
		.profile = profile,
		.protocol = CA_PROTOCOL_EST,
		.requester = who,
		.identity = who->identity,
		.identity_name = who->identity_name,
		.kind = who->kind,
		.spki = &csr->spki,
		.names = names,
		.renewed_from = renewed_from,
		.repeat_window = REPEAT_WINDOW_S,
		.wait_ms = est_service(req)->wait_ms,
	};

	return ca_issue_later(est_front(req), req, resp, &i, answer_enrollment);
}

/* In place of the certificate that was presented. */
static enum err
renew_certificate(struct http_request *req, struct http_response *resp,
	const struct ca_profile *profile, const struct pki_csr *csr)
{
	const struct ca_requester *who = ca_requester(req);
	const struct ca_presented *old = who->certificate;

	if (same_key(csr, &old->cert) && !profile->same_key_renewal)
		return err_set_word(ERR_DENIED, WORD_SAME_KEY,
			"profile \"%s\" wants a new key for every certificate", profile->name);
	TRY(est_check_same_names(csr, &old->cert, profile, who->identity_name, req->arena));
	return issue_certificate(req, resp, profile, csr, &old->cert.sans, old->serial);
}

static enum err
enroll_device(struct http_request *req, struct http_response *resp)
{
	const struct ca_requester *who = ca_requester(req);
	const struct ca_profile *profile;
	struct pki_csr csr;
	struct pki_sans names;

	TRY(est_label_profile(req, est_service(req)->config->default_profile, &profile));
	TRY(read_csr(req, resp, &csr));
	if (who->certificate != NULL && same_key(&csr, &who->certificate->cert))
		return renew_certificate(req, resp, profile, &csr);
	TRY(choose_names(req, &csr, profile, &names));
	TRY(ca_policy_csr_subject(profile, who->identity_name, &names, csr.subject));
	return issue_certificate(req, resp, profile, &csr, &names, NULL);
}

/* Without a label the new certificate has the profile of the old one. */
static enum err
reenroll_device(struct http_request *req, struct http_response *resp)
{
	const struct ca_presented *old = ca_requester(req)->certificate;
	const struct ca_profile *profile;
	struct pki_csr csr;

	if (old == NULL)
		return err_set(ERR_DENIED,
			"re-enrolling needs the certificate to be replaced as TLS client certificate (RFC 7030 section 4.2.2)");
	TRY(est_label_profile(req, old->profile, &profile));
	TRY(read_csr(req, resp, &csr));
	return renew_certificate(req, resp, profile, &csr);
}

const struct est_operation est_simpleenroll = {enroll_device},
			   est_simplereenroll = {reenroll_device};

void
est_handle_csr(struct http_request *req, struct http_response *resp)
{
	const struct est_operation *op = req->route->arg;
	enum err e;

	resp->identity = ca_requester(req)->identity_name;
	e = op->run(req, resp);
	if (e != ERR_OK)
		est_fail(req, resp, e);
}
