-- CA certificates: `ca-admin issuer import` adds them, every program reads them.

-- name: issuer_list
-- by: gateway, signer, status, owner
-- out: id int2, parent int2, name text, kind text, state text, key_label text, der bytea, subject bytea, key_id bytea,
-- out: spki_hash bytea, not_after timestamptz
SELECT id, parent, name, kind, state, key_label, der, subject, key_id, spki_hash, not_after FROM issuer ORDER BY id;

-- name: issuer_find
-- by: owner
-- in: name text, spki_hash bytea
-- out: id int2, name text, der bytea
-- Which ones stand in the way of importing another with this name and key: two at most.
SELECT id, name, der FROM issuer WHERE name = :name OR spki_hash = :spki_hash;

-- name: issuer_add
-- by: owner
-- in: name text, kind text, parent int2 null 0, der bytea, subject bytea, key_id bytea, spki_hash bytea, key_label text,
-- in: not_after timestamptz
-- out: id int2
WITH i AS (
	INSERT INTO issuer (name, kind, parent, der, subject, key_id, spki_hash, key_label, not_after)
	VALUES (:name, :kind, :parent, :der, :subject, :key_id, :spki_hash, :key_label, :not_after)
	ON CONFLICT DO NOTHING RETURNING id),
a AS (
	INSERT INTO audit_event (actor, operation, object, outcome, detail)
	SELECT current_user, 'issuer.import', :name, 'ok', jsonb_build_object('kind', :kind::text) FROM i)
SELECT id FROM i;
