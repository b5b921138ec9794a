-- Revocations: written by functions only, read by everybody who must refuse.

-- row: revoked
-- out: serial bytea, issuer int2, revoked_at timestamptz, not_after timestamptz, reason int2
v.serial, v.issuer, v.revoked_at, v.not_after, v.reason

-- row: revoke_done
-- out: outcome text, others text[]
d.outcome, ARRAY (SELECT encode(o, 'hex') FROM unnest(d.others) AS o) AS others

-- name: certificate_revoke
-- by: admin
-- in: serial bytea, reason int2 null -1, actor text, request_id text
-- out: {revoke_done}
SELECT {revoke_done} FROM certificate_revoke(:serial, :reason, :actor, :request_id) AS d;

-- name: certificate_revoke_line
-- by: admin
-- in: serial bytea, reason int2 null -1, actor text, request_id text
-- out: {revoke_done}
SELECT {revoke_done} FROM certificate_revoke_line(:serial, :reason, :actor, :request_id) AS d;

-- name: certificate_successors
-- by: admin
-- in: serial bytea
-- out: live int8
-- How many of its line besides it live and are not revoked.
SELECT count(*) AS live FROM issuance_request r
WHERE r.serial = ANY (certificate_line(:serial)) AND r.serial <> :serial AND r.cert_not_after > now()
	AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = r.serial OFFSET 0);

-- name: acme_revoke
-- by: gateway
-- in: serial bytea, reason int2 null -1, account text, actor text, request_id text
-- out: {revoke_done}
SELECT {revoke_done} FROM acme_revoke(:serial, :reason, :account, :actor, :request_id) AS d;

-- name: key_blocked
-- by: gateway
-- in: spki bytea
-- out: blocked bool
SELECT EXISTS (SELECT 1 FROM blocked_key WHERE spki_hash = sha256(:spki)) AS blocked;

-- name: revocation_changes
-- by: gateway, admin, status
-- in: cursor xid8, after bytea, page int8
-- out: {revoked}, xid xid8, oldest xid8
-- A feed, see lib/store/internal.h: one row with nulls when nothing changed. Those whose certificate has ended are there, too, or
-- a page might read any number of them to find its own.
SELECT {revoked}, v.xid, s.oldest FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS oldest) AS s
LEFT JOIN LATERAL (SELECT * FROM revocation WHERE (xid, serial) > (:cursor, :after) ORDER BY xid, serial LIMIT :page) v ON true;

-- name: crl_entries
-- by: signer
-- in: issuer int2, ends int8, after bytea, page int8
-- out: {revoked}, ends int8
-- By pages, after the row (not_after, serial); ends is not_after in microseconds.
SELECT {revoked}, (extract(epoch FROM v.not_after) * 1000000)::bigint AS ends FROM revocation v
WHERE issuer = :issuer AND (not_after, serial) > ('epoch'::timestamptz + (:ends::bigint) * interval '1 microsecond', :after)
ORDER BY not_after, serial LIMIT :page;

-- name: revocation_snapshot
-- by: gateway, admin, status
-- out: snapshot text
SELECT pg_current_snapshot()::text AS snapshot;

-- name: revocation_behind
-- by: gateway, admin
-- in: serial bytea, identity text
-- out: behind int8
-- How many status programs have not heard of the revocation of this serial, or of the newest one among this identity's live
-- certificates, and how many fronts not of that or of the identity's last change; nobody
-- needs to hear of a certificate that has ended. A node that stopped writing, has no
-- connection left, or is too old to tell, is not counted.
WITH x AS MATERIALIZED (
	(SELECT v.xid, true AS public FROM revocation v WHERE v.serial = :serial AND v.not_after > now())
	UNION ALL
	(SELECT i.xid, false FROM identity i WHERE i.name = :identity)
	UNION ALL
	(SELECT v.xid, true FROM identity i JOIN certificate c ON c.identity = i.id AND c.not_after > now()
	JOIN revocation v ON v.serial = c.serial WHERE i.name = :identity ORDER BY v.xid DESC LIMIT 1))
SELECT count(*) AS behind FROM node_life n
WHERE n.program IN ('chancery-status', 'chancery-gateway', 'chancery-admin') AND n.lives AND n.detail ? 'snapshot'
	AND EXISTS (SELECT 1 FROM x WHERE (x.public OR n.program <> 'chancery-status')
		AND NOT pg_visible_in_snapshot(x.xid, (n.detail->>'snapshot')::pg_snapshot));
