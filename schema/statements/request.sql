-- The front ends' side of the issuance queue. Adding checks in the same statement that the identity is active and the
-- certificate being renewed is not revoked; the signer checks both again under a lock before it records anything.

-- What was asked for, row by row, and what decides about it. Names come as one array for all rows, with the places of each
-- row's first and last, because arrays of arrays must not be ragged.

-- fragment: request_wanted
FROM unnest(:protocols::text[], :request_ids::text[], :identities::bigint[], :profiles::text[], :first_names::bigint[],
	:last_names::bigint[], :spkis::bytea[], :not_before::timestamptz[], :not_after::timestamptz[], :acme_orders::text[],
	:renewed_from::bytea[], :repeat_windows::bigint[], :requesters::bigint[], :proofs::text[], :proof_serials::bytea[])
	WITH ORDINALITY
	AS q (protocol, request_id, identity, profile, first_name, last_name, spki, not_before, not_after, acme_order, renewed_from,
		repeat_window, requester, proof, proof_serial, place)
LEFT JOIN identity i ON i.id = q.identity

-- fragment: request_facts
-- OFFSET 0: one row is looked up. Else a plan made while the table was small would hash all of it, for each request.
q.*, (:names::text[])[q.first_name : q.last_name] AS names, i.state,
EXISTS (SELECT 1 FROM revocation v WHERE v.serial = q.renewed_from OFFSET 0) AS revoked,
EXISTS (SELECT 1 FROM blocked_key k WHERE k.spki_hash = sha256(q.spki) OFFSET 0) AS blocked

-- fragment: request_insert
INSERT INTO issuance_request (protocol, request_id, identity, profile, names, spki, not_before, not_after, acme_order, renewed_from,
	requester, proof, proof_serial)
SELECT protocol, request_id, identity, profile, names, spki, not_before, not_after, acme_order, renewed_from,
	nullif(requester, 0), proof, proof_serial FROM r

-- row: added
-- out: id int8, state text, revoked bool, blocked bool, old bool
coalesce(r.same, n.id) AS id, r.state, r.revoked, r.blocked, r.same IS NOT NULL AS old

-- name: request_add
-- by: gateway, admin, owner
-- in: names text[], protocols text[], request_ids text[], identities int8[], profiles text[], first_names int8[],
-- in: last_names int8[], spkis bytea[], not_before timestamptz[], not_after timestamptz[], acme_orders text[],
-- in: renewed_from bytea[], repeat_windows int8[], requesters int8[], proofs text[], proof_serials bytea[]
-- out: {added}
-- The same wish within repeat_window seconds that waits or has a live certificate (but not the very one to be replaced) is the
-- same request (est/CHECKS.md 66). Its times are part of it: "for an hour" counts from each asking, to a few seconds. One that is or was held is so for as long as it waits, and what operators said of it for a
-- week: whoever asks again after days must not begin anew. One row for each wish, always: the id or null, then why not.
WITH r AS MATERIALIZED (
	SELECT {request_facts}, (
		SELECT o.id FROM issuance_request o
		WHERE q.repeat_window > 0 AND o.spki = q.spki AND o.identity = q.identity AND o.profile = q.profile
			AND o.names = (:names::text[])[q.first_name : q.last_name]
			AND o.not_before IS NOT DISTINCT FROM q.not_before AND (o.not_after IS NULL) = (q.not_after IS NULL)
			AND coalesce(abs(extract(epoch FROM (o.not_after - o.created_at) - (q.not_after - now()))), 0) < 5
			AND (o.state = 'held' OR (o.state = 'pending' AND o.hold IS NOT NULL)
				OR coalesce(o.done_at, o.created_at) > now() - q.repeat_window * interval '1 second'
				OR (o.approvals_needed > 0 AND o.done_at > now() - interval '7 days'))
			AND (q.renewed_from IS NULL OR o.serial IS DISTINCT FROM q.renewed_from)
			AND (o.state IN ('pending', 'held') OR (o.state = 'refused' AND o.approvals_needed > 0) OR (o.state = 'done' AND o.cert_not_after > now()
				AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = o.serial OFFSET 0)))
		ORDER BY o.id DESC LIMIT 1) AS same
	{request_wanted}),
n AS ({request_insert} WHERE state = 'active' AND NOT revoked AND NOT blocked AND same IS NULL ORDER BY place RETURNING id, spki)
SELECT {added} FROM r LEFT JOIN n ON n.spki = r.spki ORDER BY r.place;

-- name: request_add_for_order
-- by: gateway
-- in: names text[], protocols text[], request_ids text[], identities int8[], profiles text[], first_names int8[],
-- in: last_names int8[], spkis bytea[], not_before timestamptz[], not_after timestamptz[], acme_orders text[],
-- in: renewed_from bytea[], repeat_windows int8[], requesters int8[], proofs text[], proof_serials bytea[]
-- out: {added}
-- The order is locked while its state is looked at, so that of two gateways finalizing it one finds its request set.
WITH r AS MATERIALIZED (SELECT {request_facts}, NULL::bigint AS same {request_wanted}),
o AS MATERIALIZED (
	SELECT id AS usable FROM acme_order WHERE id = ANY (:acme_orders::text[]) AND request IS NULL AND expires > now()
	ORDER BY id FOR UPDATE),
n AS (
	{request_insert} JOIN o ON o.usable = r.acme_order WHERE state = 'active' AND NOT revoked AND NOT blocked ORDER BY place
	RETURNING id, acme_order),
u AS (UPDATE acme_order SET request = n.id FROM n WHERE acme_order.id = n.acme_order)
SELECT {added} FROM r LEFT JOIN n ON n.acme_order = r.acme_order ORDER BY r.place;

-- name: own_request
-- by: gateway, admin, status
-- in: profile text, names text[], issuer text, spki bytea, request_id text
-- out: outcome text, request int8
SELECT outcome, request FROM own_request(:profile, :names, :issuer, :spki, :request_id);

-- What became of a request.

-- row: result
-- out: request int8, state text, serial bytea, refusal_class text, refusal_word text, refusal text, issuer int2, der bytea
r.id AS request, r.state, r.serial, r.refusal_class, r.refusal_word, r.refusal, c.issuer, c.der

-- fragment: result_certificate
LEFT JOIN certificate c ON c.serial = r.serial AND c.not_after = r.cert_not_after

-- name: wait_fetch
-- by: gateway, admin, status, owner
-- in: ids int8[]
-- out: {result}
-- For those that have one.
SELECT {result} FROM issuance_request r {result_certificate}
WHERE r.id = ANY (:ids) AND r.done_at IS NOT NULL;
