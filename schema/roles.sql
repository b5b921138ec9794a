-- Least grants, applied after every migration run. Roles exist already (ca-admin schema apply makes them when it
-- connects as a superuser; else they are made by the administrator of the cluster).
-- What an earlier version granted goes first; all of this is one transaction.
-- No role has UPDATE, DELETE or TRUNCATE on a whole table, but for the signer's three: nobody else can lock one (LOCK TABLE).
REVOKE ALL ON ALL TABLES IN SCHEMA chancery
	FROM PUBLIC, chancery_gateway, chancery_admin, chancery_signer, chancery_validator, chancery_status;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA chancery
	FROM PUBLIC, chancery_gateway, chancery_admin, chancery_signer, chancery_validator, chancery_status;
GRANT USAGE ON SCHEMA chancery TO chancery_gateway, chancery_admin, chancery_signer, chancery_validator, chancery_status;
GRANT SELECT ON schema_version TO chancery_gateway, chancery_admin, chancery_signer, chancery_validator, chancery_status;
-- Events: nobody writes the table.
GRANT EXECUTE ON FUNCTION audit_add TO chancery_gateway, chancery_admin, chancery_signer, chancery_validator;
GRANT EXECUTE ON FUNCTION node_seen TO chancery_gateway, chancery_admin, chancery_signer, chancery_validator, chancery_status;

-- Both fronts: who asks and what it may have, requests and their results, who has heard of a change, the writer's mark.
GRANT SELECT ON issuer, identity, name_grant, certificate, revocation, blocked_key, issuance_request, node, node_life
	TO chancery_gateway, chancery_admin;
-- By column: a request is born pending and under the role's own name. Which protocols, a trigger says.
GRANT INSERT (protocol, request_id, identity, profile, names, spki, not_before, not_after, acme_order, renewed_from, requester,
	proof, proof_serial)
	ON issuance_request TO chancery_gateway, chancery_admin;
GRANT SELECT, INSERT (writer, batch), UPDATE (batch, at) ON writer_mark TO chancery_gateway, chancery_admin;
GRANT EXECUTE ON FUNCTION own_request TO chancery_gateway, chancery_admin, chancery_status;

-- gateway: ACME's objects.
GRANT SELECT ON acme_account, acme_order, acme_authorization, acme_challenge, acme_authorization_state, acme_order_state,
	acme_nonce_key, acme_nonce_used TO chancery_gateway;
GRANT INSERT ON acme_account, acme_order, acme_authorization, acme_nonce_used TO chancery_gateway;
-- By column: a challenge is born unanswered, and numbers are the database's.
GRANT INSERT (id, "authorization", type, token) ON acme_challenge TO chancery_gateway;
GRANT INSERT (key) ON acme_nonce_key TO chancery_gateway;
GRANT UPDATE (contact, terms_agreed, xid) ON acme_account TO chancery_gateway;
GRANT UPDATE (request) ON acme_order TO chancery_gateway;
GRANT EXECUTE ON FUNCTION challenge_answer, acme_account_move, acme_account_set_key, acme_authorization_deactivate, acme_nonce_sweep, acme_revoke
	TO chancery_gateway;

-- admin: registers identities, says what they may have, revokes, reviews requests; reads what operators look at.
GRANT SELECT ON certificate_name, crl, crl_dirty, audit_event, acme_order, operator_role, proposal TO chancery_admin;
GRANT EXECUTE ON FUNCTION operator_role_set, identity_add, identity_set_state, identity_offboard, grant_add, grant_remove, certificate_revoke,
	certificate_revoke_line, certificate_line, crl_mark, request_approvals, request_approvers, request_approve, request_reject, issuer_move, operators_able,
	proposal_add, proposal_approve, proposal_reject TO chancery_admin;

-- signer: the only one that records certificates, by a function that asks for their authority, and that inserts CRLs.
GRANT SELECT ON issuer, identity, certificate, revocation, crl, crl_part, crl_dirty, crl_turn, issuance_request, request_authority
	TO chancery_signer;
GRANT UPDATE (state, done_at, refusal_class, refusal_word, refusal, hold, hold_until, hold_reason,
	approvals_needed) ON issuance_request TO chancery_signer;
GRANT UPDATE (backend, program, until) ON crl_turn TO chancery_signer;
GRANT INSERT ON crl, crl_part TO chancery_signer;
GRANT DELETE ON crl_dirty, crl, crl_part TO chancery_signer;
GRANT EXECUTE ON FUNCTION certificate_partitions, certificates_record, certificate_lives, approvers_epoch, request_approvals, operator_may_ask, order_authorized, order_usable
	TO chancery_signer;

-- validator: the only one that can make a challenge valid.
GRANT SELECT ON acme_challenge, acme_authorization_state, acme_account TO chancery_validator;
GRANT UPDATE (status, attempts, retry_at, claimed_until, validated_at, error) ON acme_challenge TO chancery_validator;

-- status: reads, and asks for its responder's certificate.
GRANT SELECT ON issuer, certificate, revocation, crl, crl_part, crl_dirty, issuance_request, node TO chancery_status;
