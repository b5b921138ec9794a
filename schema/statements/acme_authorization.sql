-- ACME authorizations (RFC 8555 section 7.5) with their challenges: a row for each challenge, sorted by authorization.

-- row: authorization
-- out: id text, account text, identifier text, wildcard bool, expires timestamptz, deactivated_at timestamptz,
-- out: challenge text, type text, token text, status text, validated_at timestamptz, error text
z.id, z.account, z.identifier, z.wildcard, z.expires, z.deactivated_at, c.id AS challenge, c.type, c.token, c.status,
c.validated_at, c.error::text

-- name: acme_authorization_by_ids
-- by: gateway
-- in: ids text[]
-- out: {authorization}
SELECT {authorization} FROM acme_authorization z LEFT JOIN acme_challenge c ON c."authorization" = z.id
WHERE z.id = ANY (:ids::text[]) ORDER BY z.id, c.type;

-- name: acme_authorization_by_challenge
-- by: gateway
-- in: challenge text
-- out: {authorization}
SELECT {authorization} FROM acme_authorization z LEFT JOIN acme_challenge c ON c."authorization" = z.id
WHERE z.id = (SELECT "authorization" FROM acme_challenge WHERE id = :challenge) ORDER BY z.id, c.type;

-- name: acme_authorization_deactivate
-- by: gateway
-- in: id text
UPDATE acme_authorization z SET deactivated_at = now() WHERE id = :id AND deactivated_at IS NULL AND expires > now()
	AND NOT EXISTS (SELECT 1 FROM acme_challenge c WHERE c."authorization" = z.id AND c.status = 'invalid');

-- name: acme_authorization_covers
-- by: gateway
-- in: account text, names text[]
-- out: covers bool
SELECT NOT EXISTS (SELECT 1 FROM unnest(:names::text[]) AS n (name) WHERE NOT EXISTS (
	SELECT 1 FROM acme_authorization z JOIN acme_challenge c ON c."authorization" = z.id AND c.status = 'valid'
	WHERE z.account = :account AND z.deactivated_at IS NULL AND z.expires > now()
		AND CASE WHEN z.wildcard THEN 'dns:*.' || substr(z.identifier, 5) ELSE z.identifier END = n.name)) AS covers;
