-- ACME accounts (RFC 8555 section 7.3): the unique index on the thumbprint is what makes one key one account. Who is said to
-- have changed one is its own identity.

-- row: account
-- out: id text, identity int8, thumbprint bytea, jwk text, contact text[], status text, terms_agreed bool, created_at timestamptz
id, identity, thumbprint, jwk::text, contact, status, terms_agreed, created_at

-- name: acme_account_add
-- by: gateway
-- in: id text, identity int8, thumbprint bytea, jwk jsonb, contact text[], terms_agreed bool
-- out: audit_add void
WITH made AS (
	INSERT INTO acme_account (id, identity, thumbprint, jwk, contact, terms_agreed)
	VALUES (:id, :identity, :thumbprint, :jwk::jsonb, :contact, :terms_agreed)
	ON CONFLICT (thumbprint) DO NOTHING RETURNING id, identity)
SELECT audit_add(i.name, 'acme.account.add', c.id, 'ok', '', NULL) FROM made c JOIN identity i ON i.id = c.identity;

-- name: acme_account_find
-- by: gateway
-- in: id text
-- out: {account}
SELECT {account} FROM acme_account WHERE id = :id;

-- name: acme_account_find_by_key
-- by: gateway
-- in: thumbprint bytea
-- out: {account}
SELECT {account} FROM acme_account WHERE thumbprint = :thumbprint;

-- name: acme_account_set_contact
-- by: gateway
-- in: id text, contact text[]
UPDATE acme_account SET contact = :contact, xid = pg_current_xact_id() WHERE id = :id AND status = 'valid';

-- name: acme_account_move
-- by: gateway
-- in: id text, seen text, status text
-- out: moved bool
SELECT true AS moved WHERE acme_account_move(:id, :seen, :status);

-- name: acme_account_set_key
-- by: gateway
-- in: id text, old_thumbprint bytea, thumbprint bytea, jwk jsonb
-- out: outcome text
SELECT acme_account_set_key(:id, :old_thumbprint, :thumbprint, :jwk::jsonb) AS outcome;

-- name: acme_account_changes
-- by: gateway
-- in: cursor xid8 null 0, after text, page int8
-- out: id text, xid xid8, oldest xid8
-- A feed, see lib/store/internal.h: one row with nulls when nothing changed. Without a cursor only the next one is wanted.
SELECT a.id, a.xid, s.oldest FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS oldest) AS s
LEFT JOIN LATERAL (SELECT id, xid FROM acme_account WHERE (xid, id) > (:cursor, :after) ORDER BY xid, id LIMIT :page) a ON true;
