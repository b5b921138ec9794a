-- CA certificates: `ca-admin issuer import` adds them, every program reads them.

-- name: issuer_list
-- by: gateway, admin, signer, status, owner
-- out: id int2, parent int2, name text, kind text, state text, key_label text, der bytea, subject bytea, key_id bytea,
-- out: spki_hash bytea, not_after timestamptz, profiles text[]
SELECT id, parent, name, kind, state, key_label, der, subject, key_id, spki_hash, not_after, profiles FROM issuer ORDER BY id;

-- name: issuer_changes
-- by: gateway, admin, signer, status
-- in: cursor xid8
-- out: next xid8, changed bool
-- Whether anything may have changed since the cursor, which is the oldest transaction that may still have run at the last look.
SELECT pg_snapshot_xmin(pg_current_snapshot()) AS next, EXISTS (SELECT 1 FROM issuer WHERE xid >= :cursor) AS changed;

-- name: issuer_find
-- by: owner
-- in: name text, spki_hash bytea
-- out: id int2, name text, der bytea
-- Which ones stand in the way of importing another with this name and key: two at most.
SELECT id, name, der FROM issuer WHERE name = :name OR spki_hash = :spki_hash;

-- name: issuer_add
-- by: owner
-- in: name text, kind text, parent int2 null 0, der bytea, subject bytea, key_id bytea, spki_hash bytea, key_label text,
-- in: not_after timestamptz, profiles text[]
-- out: id int2
WITH i AS (
	INSERT INTO issuer (name, kind, parent, der, subject, key_id, spki_hash, key_label, not_after, profiles)
	VALUES (:name, :kind, :parent, :der, :subject, :key_id, :spki_hash, :key_label, :not_after,
		nullif(:profiles::text[], '{}'))
	ON CONFLICT DO NOTHING RETURNING id),
a AS (
	INSERT INTO audit_event (actor, operation, object, outcome, detail)
	SELECT current_user, 'issuer.import', :name, 'ok', jsonb_build_object('kind', :kind::text) FROM i)
SELECT id FROM i;
