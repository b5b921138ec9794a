-- ACME challenges: the gateway sets one to work, the validator decides it.

-- name: acme_challenge_answer
-- by: gateway
-- in: id text, thumbprint bytea
-- out: changed bool
SELECT challenge_answer(:id, :thumbprint) AS changed;

-- name: acme_challenge_claim
-- by: validator
-- in: most int8, lease_s int8
-- out: id text, type text, token text, identifier text, thumbprint bytea, attempts int4, wanted bool
-- SKIP LOCKED lets several validators share the queue; the lease gives the work of a dead one to another. A page on one host proves no
-- wildcard (acme/challenge_kind.c), whatever a gateway wrote.
UPDATE acme_challenge c SET claimed_until = now() + :lease_s::bigint * interval '1 second', attempts = c.attempts + 1
FROM (
	SELECT id FROM acme_challenge
	WHERE status = 'processing' AND retry_at <= now() AND (claimed_until IS NULL OR claimed_until < now())
	ORDER BY retry_at LIMIT :most FOR UPDATE SKIP LOCKED) due, acme_authorization_state z, acme_account o
WHERE c.id = due.id AND z.id = c."authorization" AND o.id = z.account
RETURNING c.id, c.type, c.token, z.identifier, c.thumbprint, c.attempts,
	o.status = 'valid' AND z.state = 'pending' AND NOT (z.wildcard AND c.type = 'http-01') AS wanted;

-- name: acme_challenge_retry
-- by: validator
-- in: id text, error jsonb, retry_at timestamptz
UPDATE acme_challenge SET error = :error::jsonb, retry_at = :retry_at, claimed_until = NULL WHERE id = :id AND status = 'processing';

-- name: acme_challenge_finish
-- by: validator
-- in: id text, status text, error jsonb
-- out: audit_add void
WITH done AS (
	UPDATE acme_challenge SET status = :status, error = :error::jsonb, claimed_until = NULL,
		validated_at = CASE WHEN :status = 'valid' THEN now() END
	WHERE id = :id AND status = 'processing' RETURNING id, status, "authorization", attempts)
SELECT audit_add(current_user, 'acme.challenge.validate', d.id, CASE d.status WHEN 'valid' THEN 'ok' ELSE 'refused' END, '',
	jsonb_build_object('identifier', z.identifier, 'account', z.account, 'attempts', d.attempts))
FROM done d JOIN acme_authorization_state z ON z.id = d."authorization";
