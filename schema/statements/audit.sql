-- Audit events outside of the statements and functions that leave theirs.

-- name: audit_add
-- by: admin, signer, validator, owner
-- in: actor text, operation text, object text, outcome text, request_id text, detail jsonb
INSERT INTO audit_event (actor, operation, object, outcome, request_id, detail)
VALUES (:actor, :operation, :object, :outcome, :request_id, :detail::jsonb);
