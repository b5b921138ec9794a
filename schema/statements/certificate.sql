-- Issued certificates. By serial one is found through its request, whose serial is unique over all partitions and which
-- knows the partition (cert_not_after): a look-up by serial alone would open every partition there is.

-- row: certificate
-- out: serial bytea, issuer int2, identity int8, request int8, identity_name text, profile text, not_before timestamptz,
-- out: not_after timestamptz, issued_at timestamptz, der bytea, spki_hash bytea, renewed_from bytea, revoked_at timestamptz,
-- out: reason int2, identity_state text, identity_kind text
c.serial, c.issuer, c.identity, c.request, i.name AS identity_name, c.profile, c.not_before, c.not_after, c.issued_at, c.der,
c.spki_hash, c.renewed_from, v.revoked_at, v.reason, i.state AS identity_state, i.kind AS identity_kind

-- fragment: certificate_joins
JOIN identity i ON i.id = c.identity LEFT JOIN revocation v ON v.serial = c.serial

-- fragment: certificate_live
(:live::boolean IS NOT TRUE OR (c.not_after > now() AND v.serial IS NULL))

-- name: certificate_find
-- by: gateway, admin
-- in: serial bytea
-- out: {certificate}
SELECT {certificate} FROM issuance_request r JOIN certificate c ON c.serial = r.serial AND c.not_after = r.cert_not_after {certificate_joins}
WHERE r.serial = :serial;

-- name: certificate_authority
-- by: admin
-- in: serial bytea
-- out: protocol text, requested_by text, proof text, shown text, acme_order text, acme_account text, approved_by text[], revoked_by text
-- What authorised it, and who took it back.
SELECT r.protocol, p.name AS requested_by, r.proof, encode(r.proof_serial, 'hex') AS shown, r.acme_order, o.account AS acme_account,
	request_approvers(r.id) AS approved_by, v.actor AS revoked_by
FROM issuance_request r LEFT JOIN identity p ON p.id = r.requester LEFT JOIN acme_order o ON o.id = r.acme_order
LEFT JOIN revocation v ON v.serial = r.serial WHERE r.serial = :serial;

-- The lists: newest end of life first, after the row (not_after, serial); null stands for "from the newest on".

-- name: certificate_list
-- by: admin
-- in: not_after timestamptz, serial bytea, page int8, live bool
-- out: {certificate}
SELECT {certificate} FROM certificate c {certificate_joins}
WHERE (c.not_after, c.serial) < (coalesce(:not_after::timestamptz, 'infinity'), :serial) AND {certificate_live}
ORDER BY c.not_after DESC, c.serial DESC LIMIT :page;

-- name: certificate_list_identity
-- by: admin
-- in: not_after timestamptz, serial bytea, page int8, live bool, identity text
-- out: {certificate}
SELECT {certificate} FROM certificate c {certificate_joins}
WHERE c.identity = (SELECT id FROM identity WHERE name = :identity)
	AND (c.not_after, c.serial) < (coalesce(:not_after::timestamptz, 'infinity'), :serial) AND {certificate_live}
ORDER BY c.not_after DESC, c.serial DESC LIMIT :page;

-- name: certificate_list_name
-- by: admin
-- in: not_after timestamptz, serial bytea, page int8, live bool, name text
-- out: {certificate}
SELECT {certificate} FROM certificate_name n JOIN certificate c ON c.serial = n.serial AND c.not_after = n.not_after {certificate_joins}
WHERE n.name = :name AND (n.not_after, n.serial) < (coalesce(:not_after::timestamptz, 'infinity'), :serial) AND {certificate_live}
ORDER BY n.not_after DESC, n.serial DESC LIMIT :page;

-- name: certificate_list_both
-- by: admin
-- in: not_after timestamptz, serial bytea, page int8, live bool, name text, identity text
-- out: {certificate}
SELECT {certificate} FROM certificate_name n JOIN certificate c ON c.serial = n.serial AND c.not_after = n.not_after {certificate_joins}
WHERE n.name = :name AND i.name = :identity
	AND (n.not_after, n.serial) < (coalesce(:not_after::timestamptz, 'infinity'), :serial) AND {certificate_live}
ORDER BY n.not_after DESC, n.serial DESC LIMIT :page;

-- name: issued_changes
-- by: status
-- in: cursor xid8, after bytea, page int8
-- out: serial bytea, issuer int2, not_before timestamptz, not_after timestamptz, xid xid8, oldest xid8
-- A feed, see lib/store/internal.h: one row with nulls when nothing was issued. What has ended would open its partitions.
SELECT c.serial, c.issuer, c.not_before, c.not_after, c.xid, s.oldest
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS oldest) AS s
LEFT JOIN LATERAL (SELECT serial, issuer, not_before, not_after, xid FROM certificate
	WHERE (xid, serial) > (:cursor, :after) AND not_after > now() ORDER BY xid, serial LIMIT :page) c ON true;

-- name: partitions_ensure
-- by: signer, owner
-- in: months int4
-- out: made int4
SELECT certificate_partitions(:months) AS made;
