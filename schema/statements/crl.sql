-- CRLs. Revocations leave marks in crl_dirty; the publishing transaction takes the marks first and reads the revocations
-- after, so that a revocation committed in between is at worst published twice, never missed.

-- name: crl_latest
-- by: admin, signer, status, owner
-- in: known int8[]
-- out: issuer int2, number int8, this_update timestamptz, next_update timestamptz, entries int4, der bytea
-- Those with a number above what the caller has; arrays begin at 1, issuers at 0.
SELECT c.issuer, c.number, c.this_update, c.next_update, c.entries, c.der
FROM issuer i CROSS JOIN LATERAL (SELECT * FROM crl WHERE issuer = i.id AND crl_shard = 0 ORDER BY number DESC LIMIT 1) c
WHERE c.number > coalesce((:known::bigint[])[i.id + 1], 0) ORDER BY c.issuer;

-- name: crl_import
-- by: owner
-- in: issuer int2, number int8, this_update timestamptz, next_update timestamptz, entries int4, der bytea, actor text
-- out: outcome text
SELECT crl_import(:issuer, :number, :this_update, :next_update, :entries, :der, :actor) AS outcome;

-- name: crl_mark
-- by: admin
-- in: issuer int2
-- out: marked bool
SELECT crl_mark(:issuer) AS marked;

-- name: crl_waiting
-- by: admin
-- out: issuer int2, since timestamptz
-- Since when revocations wait for their CRL.
SELECT issuer, min(at) AS since FROM crl_dirty GROUP BY issuer;

-- name: crl_lock
-- by: signer
-- in: issuer int2
-- out: issuer int2
-- One signer at a time publishes an issuer's CRL. A row that nobody else looks at: nothing of the issuer's may wait for the HSM.
SELECT issuer FROM crl_turn WHERE issuer = :issuer FOR UPDATE SKIP LOCKED;

-- name: crl_take
-- by: signer
-- in: issuer int2
-- out: marks int8, number int8, this_update timestamptz, next_update timestamptz
-- How many marks there were, and the last CRL or nulls.
WITH marks AS (DELETE FROM crl_dirty WHERE issuer = :issuer RETURNING 1),
last AS (
	SELECT number, this_update, next_update FROM crl WHERE issuer = :issuer AND crl_shard = 0 ORDER BY number DESC LIMIT 1)
SELECT (SELECT count(*) FROM marks) AS marks, last.number, last.this_update, last.next_update
FROM (SELECT 1) one LEFT JOIN last ON true;

-- name: crl_find
-- by: signer
-- in: issuer int2, number int8
-- out: der bytea
SELECT der FROM crl WHERE issuer = :issuer AND crl_shard = 0 AND number = :number;

-- name: crl_insert
-- by: signer
-- in: issuer int2, number int8, this_update timestamptz, next_update timestamptz, entries int4, der bytea
INSERT INTO crl (issuer, crl_shard, number, this_update, next_update, entries, der)
VALUES (:issuer, 0, :number, :this_update, :next_update, :entries, :der);

-- name: crl_trim
-- by: signer
-- in: issuer int2, number int8, kept int8, entries int4
-- out: audit_add void
-- Forgets all but the newest ones, and tells the audit log of this one.
WITH old AS (
	DELETE FROM crl WHERE issuer = :issuer AND crl_shard = 0 AND number <= (
		SELECT number FROM crl WHERE issuer = :issuer AND crl_shard = 0 ORDER BY number DESC OFFSET :kept LIMIT 1))
SELECT audit_add(current_user, 'crl.publish', name, 'ok', '', jsonb_build_object('number', :number::bigint, 'entries', :entries::integer))
FROM issuer WHERE id = :issuer;
