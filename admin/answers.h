/* What operations answer: the shapes that the rows of operations.c name. */
#ifndef CHANCERY_ADMIN_ANSWERS_H
#define CHANCERY_ADMIN_ANSWERS_H

#include "admin/operations.h"

extern const struct admin_shape answer_status, answer_issuers;
extern const struct admin_shape answer_identities, answer_identity_shown, answer_identity_added,
	answer_identity_changed, answer_offboarded;
extern const struct admin_shape answer_grants, answer_grant_changed;
extern const struct admin_shape answer_certificates, answer_certificate_shown, answer_issued,
	answer_revoked;
extern const struct admin_shape answer_requests, answer_request_shown, answer_request_approved,
	answer_request_rejected;
extern const struct admin_shape answer_role_changed, answer_access, answer_events,
	answer_event_shown;
extern const struct admin_shape answer_proposed, answer_proposals, answer_proposal_shown,
	answer_proposal_approved, answer_proposal_rejected;
extern const struct admin_shape answer_issuer_changed, answer_published, answer_document;

#endif
