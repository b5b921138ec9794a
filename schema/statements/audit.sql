-- Audit events outside of the statements and functions that leave theirs.

-- name: audit_add
-- by: admin
-- in: actor text, operation text, object text, outcome text, request_id text, detail jsonb
-- out: audit_add void
SELECT audit_add(:actor, :operation, :object, :outcome, :request_id, :detail::jsonb);
