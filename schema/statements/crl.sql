-- CRLs. Revocations leave marks in crl_dirty; the publishing transaction takes the marks first and reads the revocations
-- after, so that a revocation committed in between is at worst published twice, never missed.

-- name: crl_states
-- by: admin, status, owner
-- out: issuer int2, number int8, this_update timestamptz, next_update timestamptz, entries int4, octets int8, waiting int8
-- The newest of every issuer, or nulls, never its octets; and how many seconds the oldest mark has waited for the next.
SELECT i.id AS issuer, c.number, c.this_update, c.next_update, c.entries, octet_length(c.der)::bigint AS octets, (
	SELECT extract(epoch FROM now() - d.at)::bigint FROM crl_dirty d WHERE d.issuer = i.id ORDER BY d.id LIMIT 1) AS waiting
FROM issuer i LEFT JOIN LATERAL (SELECT * FROM crl WHERE issuer = i.id AND crl_shard = 0 ORDER BY number DESC LIMIT 1) c ON true
ORDER BY i.id;

-- name: crl_part
-- by: status
-- in: issuer int2, number int8, at int4, octets int4
-- out: part bytea
-- From octet at on, the first is 1. Stored as it is, so that a part is read without the rest.
SELECT substring(der FROM :at FOR :octets) AS part FROM crl WHERE issuer = :issuer AND crl_shard = 0 AND number = :number;

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

-- name: crl_digest
-- by: signer, owner
-- in: issuer int2, number int8
-- out: digest bytea
SELECT sha256(der) AS digest FROM crl WHERE issuer = :issuer AND crl_shard = 0 AND number = :number;

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
