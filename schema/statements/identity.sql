-- Identities. What changes one is a function, and audited in it.

-- row: identity
-- out: id int8, name text, owner text, kind text, state text, created_at timestamptz, changed_at timestamptz
id, name, owner, kind, state, created_at, changed_at

-- name: identity_add
-- by: admin, owner
-- in: name text, kind text, owner text, profiles text[], patterns text[], actor text, request_id text
-- out: id int8
-- Null: the name is taken.
SELECT identity_add(:name, :kind, :owner, :profiles, :patterns, :actor, :request_id) AS id;

-- name: identity_find
-- by: gateway, admin, owner
-- in: name text
-- out: {identity}
SELECT {identity} FROM identity WHERE name = :name;

-- name: identity_list
-- by: admin
-- in: after text, page int8
-- out: {identity}
SELECT {identity} FROM identity WHERE name > :after ORDER BY name LIMIT :page;

-- name: identity_set_state
-- by: admin
-- in: name text, state text, actor text, request_id text
-- out: outcome text
SELECT identity_set_state(:name, :state, :actor, :request_id) AS outcome;

-- name: identity_offboard
-- by: admin
-- in: name text, reason int2 null -1, actor text, request_id text
-- out: outcome text, revoked int8, accounts int8, requests int8
SELECT outcome, revoked, accounts, requests FROM identity_offboard(:name, :reason, :actor, :request_id);

-- name: identity_changes
-- by: gateway, admin
-- in: cursor xid8, after int8, page int8
-- out: id int8, state text, xid xid8, oldest xid8
-- A feed, see lib/store/internal.h: one row with nulls when nothing changed.
SELECT i.id, i.state, i.xid, s.oldest FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS oldest) AS s
LEFT JOIN LATERAL (SELECT * FROM identity WHERE (xid, id) > (:cursor, :after) ORDER BY xid, id LIMIT :page) i ON true;
