-- ACME's states as functions of facts and the clock (RFC 8555 section 7.1.6), here and nowhere else: nothing has to be swept,
-- and reading never writes. A view is put into the statement that reads it, so that look-ups by key stay look-ups by key.

-- name: what it proves, as certificates carry it; the row has the domain without "*.".
CREATE VIEW acme_authorization_state AS
SELECT z.id, z.account, z.identifier, z.wildcard, z.expires, z.deactivated_at,
	CASE WHEN z.wildcard THEN 'dns:*.' || substr(z.identifier, 5) ELSE z.identifier END AS name,
	CASE
		WHEN z.deactivated_at IS NOT NULL THEN 'deactivated'
		WHEN EXISTS (SELECT 1 FROM acme_challenge c WHERE c."authorization" = z.id AND c.status = 'valid') THEN
			CASE WHEN z.expires > now() THEN 'valid' ELSE 'expired' END
		-- One failed challenge fails the authorization, and so does a pending one that ran out of time.
		WHEN z.expires <= now() THEN 'invalid'
		WHEN EXISTS (SELECT 1 FROM acme_challenge c WHERE c."authorization" = z.id AND c.status = 'invalid') THEN 'invalid'
		ELSE 'pending'
	END AS state
FROM acme_authorization z;

-- A granted order has no authorizations here. One that cannot be found is not a valid one.
CREATE VIEW acme_order_state AS
SELECT o.id, o.account, o.profile, o.identifiers, o.granted, o.authorizations, o.not_before, o.not_after, o.expires, o.created_at,
	o.request,
	CASE
		WHEN o.request IS NOT NULL THEN
			(SELECT CASE r.state WHEN 'done' THEN 'valid' WHEN 'refused' THEN 'invalid' ELSE 'processing' END
			FROM issuance_request r WHERE r.id = o.request)
		WHEN o.expires <= now() THEN 'invalid'
		WHEN o.granted THEN 'ready'
		ELSE
			(SELECT CASE
				WHEN bool_or(z.state NOT IN ('valid', 'pending')) THEN 'invalid'
				WHEN count(*) > 0 AND count(*) FILTER (WHERE z.state = 'valid') = cardinality(o.authorizations) THEN 'ready'
				ELSE 'pending' END
			FROM acme_authorization_state z WHERE z.id = ANY (o.authorizations) AND z.account = o.account)
	END AS state
FROM acme_order o;
