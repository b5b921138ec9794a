-- ACME orders (RFC 8555 section 7.4). A row is written once at newOrder; finalize adds the reference to the issuance request,
-- and everything else about an order is read from there and from its authorizations.

-- name: acme_order_add_granted
-- by: gateway
-- in: id text, account text, profile text, identifiers text[], not_before timestamptz, not_after timestamptz, expires timestamptz
-- The hot one: an order born ready is a single row.
INSERT INTO acme_order (id, account, profile, identifiers, granted, authorizations, not_before, not_after, expires)
VALUES (:id, :account, :profile, :identifiers, true, '{}', :not_before, :not_after, :expires);

-- name: acme_order_add
-- by: gateway
-- in: id text, account text, profile text, identifiers text[], authorizations text[], not_before timestamptz,
-- in: not_after timestamptz, expires timestamptz, z_identifiers text[], z_wildcards int2[], z_expires timestamptz[],
-- in: c_ids text[], c_authorizations text[], c_types text[], c_tokens text[]
-- References among the three tables are checked when the whole statement is done.
WITH o AS (
	INSERT INTO acme_order (id, account, profile, identifiers, granted, authorizations, not_before, not_after, expires)
	VALUES (:id, :account, :profile, :identifiers, false, :authorizations, :not_before, :not_after, :expires)),
z AS (
	INSERT INTO acme_authorization (id, account, identifier, wildcard, expires)
	SELECT t.id, :account, t.identifier, t.wildcard <> 0, t.expires
	FROM unnest(:authorizations::text[], :z_identifiers::text[], :z_wildcards::smallint[], :z_expires::timestamptz[])
		AS t (id, identifier, wildcard, expires))
INSERT INTO acme_challenge (id, "authorization", type, token)
SELECT * FROM unnest(:c_ids::text[], :c_authorizations::text[], :c_types::text[], :c_tokens::text[]);

-- name: acme_order_find
-- by: gateway
-- in: id text
-- out: {result}, id text, account text, profile text, identifiers text[], granted bool, authorizations text[], proofs text[],
-- out: not_before timestamptz, not_after timestamptz, expires timestamptz, created_at timestamptz, status text, error text
-- proofs: the names of the authorizations, in their order. error: the problem of a failed challenge.
SELECT {result}, o.id, o.account, o.profile, o.identifiers, o.granted, o.authorizations, ARRAY(
		SELECT coalesce(z.name, '') FROM unnest(o.authorizations) WITH ORDINALITY AS u (id, place)
		LEFT JOIN acme_authorization_state z ON z.id = u.id ORDER BY u.place) AS proofs,
	o.not_before, o.not_after, o.expires, o.created_at, o.state AS status, (
		SELECT c.error::text FROM acme_challenge c
		WHERE c."authorization" = ANY (o.authorizations) AND c.status = 'invalid' AND o.request IS NULL
		ORDER BY c."authorization" LIMIT 1) AS error
FROM acme_order_state o LEFT JOIN issuance_request r ON r.id = o.request {result_certificate} WHERE o.id = :id;

-- name: acme_order_list
-- by: gateway
-- in: account text, after text, page int8
-- out: id text
-- Section 7.1.2.1 wants invalid orders left out.
SELECT o.id FROM acme_order_state o
WHERE o.account = :account AND o.state <> 'invalid'
	AND (:after::text IS NULL OR (o.created_at, o.id) > (
		SELECT p.created_at, p.id FROM acme_order p WHERE p.id = :after AND p.account = :account))
ORDER BY o.created_at, o.id LIMIT :page;
