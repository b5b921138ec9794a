-- ACME authorizations (RFC 8555 section 7.5). They are read one at a time, with a row for each challenge.

-- row: authorization
-- out: id text, account text, identifier text, wildcard bool, expires timestamptz, state text, challenge text, type text,
-- out: token text, status text, validated_at timestamptz, error text
z.id, z.account, z.identifier, z.wildcard, z.expires, z.state, c.id AS challenge, c.type, c.token, c.status, c.validated_at,
c.error::text

-- name: acme_authorization_find
-- by: gateway
-- in: id text
-- out: {authorization}
SELECT {authorization} FROM acme_authorization_state z LEFT JOIN acme_challenge c ON c."authorization" = z.id
WHERE z.id = :id ORDER BY c.type;

-- name: acme_authorization_find_by_challenge
-- by: gateway
-- in: challenge text
-- out: {authorization}
SELECT {authorization} FROM acme_authorization_state z LEFT JOIN acme_challenge c ON c."authorization" = z.id
WHERE z.id = (SELECT "authorization" FROM acme_challenge WHERE id = :challenge) ORDER BY c.type;

-- name: acme_authorization_deactivate
-- by: gateway
-- in: id text
-- out: done bool
SELECT true AS done WHERE acme_authorization_deactivate(:id);

-- name: acme_authorization_covers
-- by: gateway
-- in: account text, names text[]
-- out: covers bool
SELECT NOT EXISTS (SELECT 1 FROM unnest(:names::text[]) AS n (name) WHERE NOT EXISTS (
	SELECT 1 FROM acme_authorization_state z WHERE z.account = :account AND z.name = n.name AND z.state = 'valid')) AS covers;
