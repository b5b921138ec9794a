-- CA certificates: `ca-admin issuer import` adds them, `issuer remove` takes unused ones back, every program reads them.

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

-- name: issuer_refuse_requests
-- by: owner
-- in: name text
-- Programs that have asked it for a certificate by name. Before its row is locked: a signer holds the request first, too.
UPDATE issuance_request SET state = 'refused', done_at = now(), refusal_class = 'not-found', refusal_word = 'not-found',
	refusal = format('issuing CA "%s" was removed', :name::text)
WHERE issuer = :name AND state IN ('pending', 'held');

-- name: issuer_lock
-- by: owner
-- in: name text
-- out: id int2
-- Waits for the certificates that are just being recorded (authority_lock()), so that the next statement sees them.
SELECT id FROM issuer WHERE name = :name FOR UPDATE;

-- name: issuer_remove
-- by: owner
-- in: id int2, actor text
-- out: used_by text
-- Null: it is gone. Looks through all certificates: rare, and nobody else waits for this issuer. Its parent is touched because the
-- feed of issuers has no place for what is gone.
WITH used AS (
	SELECT CASE
		WHEN EXISTS (SELECT 1 FROM certificate WHERE issuer = :id) THEN 'a certificate'
		WHEN EXISTS (SELECT 1 FROM crl WHERE issuer = :id) THEN 'a CRL'
		WHEN EXISTS (SELECT 1 FROM issuer WHERE parent = :id) THEN 'an issuing CA'
		END AS used_by),
gone AS (
	DELETE FROM issuer WHERE id = :id AND (SELECT used_by FROM used) IS NULL RETURNING id, parent, name, kind, spki_hash),
turn AS (DELETE FROM crl_turn WHERE issuer IN (SELECT id FROM gone)),
mark AS (DELETE FROM crl_dirty WHERE issuer IN (SELECT id FROM gone)),
told AS (UPDATE issuer SET not_after = not_after WHERE id IN (SELECT parent FROM gone)),
a AS (
	INSERT INTO audit_event (actor, operation, object, outcome, detail)
	SELECT :actor, 'issuer.remove', name, 'ok', jsonb_build_object('kind', kind, 'spki_sha256', encode(spki_hash, 'hex')) FROM gone)
SELECT used_by FROM used;

-- name: issuer_move
-- by: admin, owner
-- in: name text, state text, actor text, request_id text
-- out: outcome text
SELECT issuer_move(:name, :state, :actor, :request_id) AS outcome;
