-- CRLs. Revocations leave marks in crl_dirty, each in the transaction of the revocation it tells of. A signer with the issuer's turn
-- notes the marks there are, then reads the revocations, by statements of their own, and removes the marks it noted when it records the
-- CRL. A revocation whose mark was noted had been committed before any page was read, so it is on the CRL; one committed later may be,
-- and its own mark stays for the next.

-- name: crl_states
-- by: admin, signer, status, owner
-- out: issuer int2, number int8, this_update timestamptz, next_update timestamptz, entries int4, octets int8, build_ms int8,
-- out: age_ms int8, waiting_ms int8
-- The newest of every issuer, or nulls, never its octets; how long ago it was recorded; since when the oldest mark waits, or null.
SELECT i.id AS issuer, c.number, c.this_update, c.next_update, c.entries, c.octets, c.build_ms,
	(extract(epoch FROM now() - c.created_at) * 1000)::bigint AS age_ms, (
	SELECT (extract(epoch FROM now() - d.at) * 1000)::bigint FROM crl_dirty d WHERE d.issuer = i.id ORDER BY d.id LIMIT 1) AS waiting_ms
FROM issuer i LEFT JOIN LATERAL (SELECT * FROM crl WHERE issuer = i.id AND crl_shard = 0 ORDER BY number DESC LIMIT 1) c ON true
ORDER BY i.id;

-- name: crl_part
-- by: status
-- in: issuer int2, number int8, part int4
-- out: octets bytea
SELECT octets FROM crl_part WHERE issuer = :issuer AND number = :number AND part = :part;

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

-- name: crl_turn_take
-- by: signer
-- in: issuer int2
-- out: issuer int2
-- One signer at a time makes an issuer's CRL. Free when nobody has it, when its time is over, and when the connection that had it has
-- ended (a program that was killed, HSM or server that went away).
UPDATE crl_turn SET backend = pg_backend_pid(), program = current_setting('application_name'), until = now() + interval '1 minute'
WHERE issuer = :issuer AND (until < now() OR NOT EXISTS (
	SELECT 1 FROM pg_stat_activity a WHERE a.pid = backend AND a.application_name = program OFFSET 0)) RETURNING issuer;

-- name: crl_turn_keep
-- by: signer
-- in: issuer int2
-- out: issuer int2
UPDATE crl_turn SET until = now() + interval '1 minute'
WHERE issuer = :issuer AND backend = pg_backend_pid() AND until > now() RETURNING issuer;

-- name: crl_turn_end
-- by: signer
-- in: issuer int2
UPDATE crl_turn SET until = '-infinity' WHERE issuer = :issuer AND backend = pg_backend_pid();

-- name: crl_last
-- by: signer
-- in: issuer int2
-- out: number int8
SELECT coalesce(max(number), 0) AS number FROM crl WHERE issuer = :issuer AND crl_shard = 0;

-- name: crl_marks
-- by: signer
-- in: issuer int2, max int8
-- out: id int8
-- By their numbers and not up to the last of them: the order of numbers is not that of commits.
SELECT id FROM crl_dirty WHERE issuer = :issuer ORDER BY id LIMIT :max;

-- name: crl_part_add
-- by: signer
-- in: issuer int2, number int8, part int4, octets bytea
INSERT INTO crl_part (issuer, number, part, octets) VALUES (:issuer, :number, :part, :octets);

-- name: crl_digest
-- by: signer, owner
-- in: issuer int2, number int8
-- out: digest bytea
SELECT digest FROM crl WHERE issuer = :issuer AND crl_shard = 0 AND number = :number;

-- name: crl_insert
-- by: signer
-- in: issuer int2, number int8, this_update timestamptz, next_update timestamptz, entries int4, octets int8, digest bytea, build_ms int8
-- out: number int8
-- Nothing while another one is newer.
INSERT INTO crl (issuer, crl_shard, number, this_update, next_update, entries, octets, digest, build_ms)
SELECT :issuer, 0, :number, :this_update, :next_update, :entries, :octets, :digest, :build_ms
WHERE NOT EXISTS (SELECT 1 FROM crl WHERE issuer = :issuer AND crl_shard = 0 AND number >= :number) RETURNING number;

-- name: crl_trim
-- by: signer
-- in: issuer int2, number int8, kept int8, entries int4, marks int8[]
-- out: audit_add void
-- Takes away the marks that were noted, all but the newest CRLs, and all parts but theirs; tells the audit log of this one.
WITH seen AS (DELETE FROM crl_dirty WHERE id = ANY (:marks)),
kept AS (SELECT number FROM crl WHERE issuer = :issuer AND crl_shard = 0 ORDER BY number DESC LIMIT :kept),
old AS (DELETE FROM crl WHERE issuer = :issuer AND crl_shard = 0 AND number < (SELECT min(number) FROM kept)),
parts AS (DELETE FROM crl_part WHERE issuer = :issuer AND number < :number AND number <> ALL (ARRAY (SELECT number FROM kept)))
SELECT audit_add(current_user, 'crl.publish', name, 'ok', '', jsonb_build_object('number', :number::bigint, 'entries', :entries::integer))
FROM issuer WHERE id = :issuer;
